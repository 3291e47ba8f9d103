-- Every kind of variation: what it does, what it warns about, and how it fails, with the field that is to blame.

local spec = require('spec.spec')
local engine = require('sample')
local support = require('spec.sample_support')

local describe, it = spec.describe, spec.it

assert(engine.load_base(support.WITCH))
local base = engine.base_output()

---@param variation Variation
---@return Output
---@return EngineWarning[] warnings
local function evaluate(variation)
	assert(engine.load_base(support.WITCH))
	local result, err = engine.evaluate(variation)
	assert(result, err and err.message)
	return result.output, result.warnings
end

---@param variation Variation
---@param kind FailureKind
---@param field string
local function fails(variation, kind, field)
	assert(engine.load_base(support.WITCH))
	local result, err = engine.evaluate(variation)
	assert(result == nil, 'no failure for ' .. field)
	assert(
		err.kind == kind and err.field == field,
		('%s %s: %s'):format(err.kind, tostring(err.field), err.message)
	)
	assert(err.message ~= '' and not err.message:find('\n'), err.message)
end

---@param variation Variation
---@param kind WarningKind
---@param field string?
local function warns(variation, kind, field)
	local _, warnings = evaluate(variation)
	assert(support.has_warning(warnings, kind, field), support.warnings_text(warnings))
end

return function()
	describe('an empty variation', function()
		it('is the base, without warnings', function()
			local output, warnings = evaluate({})
			support.assert_outputs(engine.describe().stats, base, output, 'empty')
			assert(#warnings == 0, support.warnings_text(warnings))
		end)
	end)

	describe('nodes', function()
		it('are allocated, by the shortest path if asked, and given up', function()
			assert(evaluate({ allocate = { 316 } }).PassivePoints == base.PassivePoints + 1)
			-- From 405 over 404 or 406 to the notable in the middle.
			assert(evaluate({ allocate_path = { 400 } }).PassivePoints == base.PassivePoints + 2)
			assert(evaluate({ allocate_path = { 400, 407 } }).PassivePoints == base.PassivePoints + 3)
			assert(evaluate({ deallocate = { 310 } }).Mana < base.Mana)
		end)

		it('that nothing connects have no effect and are reported', function()
			local output, warnings = evaluate({ allocate = { 317 } })
			assert(
				output.PassivePoints == base.PassivePoints
					and support.has_warning(warnings, 'node_not_connected', 'allocate[0]')
			)
			warns({ allocate = { 501 } }, 'node_not_connected', 'allocate[0]')
			warns({ allocate_path = { 501 } }, 'node_not_connected', 'allocate_path[0]')
		end)

		it('that hang on what is given up go with it', function()
			local output, warnings = evaluate({ deallocate = { 319 } })
			assert(output.PassivePoints == base.PassivePoints - 3)
			assert(
				support
					.warnings_text(warnings)
					:find('node_dropped deallocate node 320 (Intelligence)', 1, true)
			)
		end)

		it('that were given up are no way for a path', function()
			-- 305 leads to 306 over 308 too, once its direct neighbour 304 stays.
			local output = evaluate({ deallocate = { 306, 307 }, allocate_path = { 308 } })
			assert(output.PassivePoints == base.PassivePoints - 1)
			warns({ deallocate = { 405 }, allocate_path = { 400 } }, 'node_not_connected', 'allocate_path[0]')
		end)

		it('are unchanged where there is nothing to change', function()
			warns({ allocate = { 301 } }, 'node_unchanged', 'allocate[0]')
			warns({ allocate = { 316, 316 } }, 'node_unchanged', 'allocate[1]')
			warns({ allocate_path = { 301 } }, 'node_unchanged', 'allocate_path[0]')
			warns({ deallocate = { 316 } }, 'node_unchanged', 'deallocate[0]')
			warns({ allocate = { 300 } }, 'node_unchanged', 'allocate[0]')
		end)

		it('fail where they do not exist or contradict each other', function()
			fails({ allocate = { 316, 99999 } }, 'unknown_node', 'allocate[1]')
			fails({ allocate_path = { 7 } }, 'unknown_node', 'allocate_path[0]')
			fails({ deallocate = { 7 } }, 'unknown_node', 'deallocate[0]')
			fails({ allocate = { 316 }, deallocate = { 316 } }, 'invalid_variation', 'allocate[0]')
			fails({ allocate_path = { 316 }, deallocate = { 316 } }, 'invalid_variation', 'allocate_path[0]')
		end)
	end)

	describe('masteries', function()
		it('are chosen, and allocated if they were not', function()
			assert(
				evaluate({ masteries = { { node = 307, effect = 3071 } } }).SkillLevel == base.SkillLevel + 1
			)
			local output = evaluate({ masteries = { { node = 311, effect = 3111 } } })
			assert(output.PassivePoints == base.PassivePoints + 1 and output.EnergyShield > base.EnergyShield)
		end)

		it('fail or are reported', function()
			warns(
				{ masteries = { { node = 318, effect = 3181 } } },
				'node_not_connected',
				'masteries[0].node'
			)
			fails({ masteries = { { node = 7, effect = 1 } } }, 'unknown_node', 'masteries[0].node')
			fails({ masteries = { { node = 301, effect = 1 } } }, 'unknown_mastery', 'masteries[0].node')
			fails({ masteries = { { node = 307, effect = 1 } } }, 'unknown_mastery', 'masteries[0].effect')
			fails(
				{ masteries = { { node = 307, effect = 3071 }, { node = 307, effect = 3072 } } },
				'invalid_variation',
				'masteries[1].node'
			)
			fails(
				{ masteries = { { node = 307, effect = 3071 } }, deallocate = { 307 } },
				'invalid_variation',
				'masteries[0].node'
			)
		end)
	end)

	describe('tattoos', function()
		it("take the place of a node's content, and give it back", function()
			local output = evaluate({ tattoos = { { node = 301, name = 'Tattoo of the Seal' } } })
			assert(output.Int == base.Int - 15 and output.ColdResist == base.ColdResist + 8)
			assert(evaluate({ tattoos = { { node = 319 } } }).Int == base.Int + 15)
		end)

		it('fail or are reported', function()
			warns(
				{ tattoos = { { node = 101, name = 'Tattoo of the Seal' } } },
				'node_not_connected',
				'tattoos[0].node'
			)
			warns({ tattoos = { { node = 301 } } }, 'node_unchanged', 'tattoos[0]')
			fails({ tattoos = { { node = 7 } } }, 'unknown_node', 'tattoos[0].node')
			fails({ tattoos = { { node = 301, name = 'Anchor' } } }, 'unknown_tattoo', 'tattoos[0].name')
			fails(
				{ tattoos = { { node = 304, name = 'Tattoo of the Seal' } } },
				'invalid_variation',
				'tattoos[0].name'
			)
			fails({ tattoos = { { node = 301 }, { node = 301 } } }, 'invalid_variation', 'tattoos[1].node')
		end)
	end)

	local RING = 'Rarity: RARE\nFirst Light\nTin Ring\n+30 to maximum Life'

	describe('items', function()
		it('come into slots by text and by id, and leave them', function()
			local without = evaluate({ items = { { slot = 'Ring 1', empty = true } } })
			assert(without.ColdResistTotal == base.ColdResistTotal - 25)
			assert(
				evaluate({ items = { { slot = 'Ring 2', item = 2 } } }).ColdResistTotal
					== base.ColdResistTotal + 25
			)
			assert(evaluate({ items = { { slot = 'Ring 2', text = RING } } }).Life == base.Life + 30)
		end)

		it('of glass work in an allocated socket only', function()
			assert(evaluate({ items = { { slot = 'Jewel 315', empty = true } } }).JewelsInUse == 0)
			local jewel = 'Rarity: RARE\nThird Eye\nGlass Jewel\n+30 to maximum Life'
			local output, warnings = evaluate({ items = { { slot = 'Jewel 115', text = jewel } } })
			assert(
				output.Life == base.Life
					and support.has_warning(warnings, 'node_not_connected', 'items[0].slot')
			)
			assert(evaluate({ items = { { slot = 'Jewel 315', text = jewel } } }).Life == base.Life + 30)
		end)

		it('that do not fit have no effect and are reported', function()
			local output, warnings = evaluate({ items = { { slot = 'Helmet', text = RING } } })
			assert(
				output.Life == base.Life and support.has_warning(warnings, 'item_misplaced', 'items[0].slot')
			)
			local shield = 'Rarity: NORMAL\nPine Shield'
			output, warnings = evaluate({
				items = {
					{ slot = 'Weapon 1', text = 'Rarity: NORMAL\nHazel Bow' },
					{ slot = 'Weapon 2', text = shield },
				},
			})
			assert(
				output.BlockChance == 0 and support.has_warning(warnings, 'item_misplaced', 'items[1].slot')
			)
			assert(evaluate({ items = { { slot = 'Weapon 2', text = shield } } }).BlockChance == 22)
		end)

		it('warn about requirements and lines', function()
			local _, warnings =
				evaluate({ build = support.BARE, items = { { slot = 'Ring 1', text = RING } } })
			assert(#warnings == 0, support.warnings_text(warnings))
			warns(
				{ items = { { slot = 'Body Armour', text = 'Rarity: NORMAL\nCastle Plate' } } },
				'requirement_not_met',
				'items[0]'
			)
			warns(
				{ items = { { slot = 'Ring 2', text = RING .. '\nSings' } } },
				'mod_not_understood',
				'items[0].text'
			)
			warns({ level = 3 }, 'requirement_not_met', nil)
		end)

		it('fail', function()
			fails({ items = { { slot = 'Tail', text = RING } } }, 'unknown_slot', 'items[0].slot')
			fails({ items = { { slot = 'Jewel 301', text = RING } } }, 'unknown_slot', 'items[0].slot')
			fails({ items = { { slot = 'Ring 1', text = 'nonsense' } } }, 'item_not_parsed', 'items[0].text')
			fails({ items = { { slot = 'Ring 1', item = 9 } } }, 'unknown_item', 'items[0].item')
			fails({ items = { { slot = 'Ring 1' } } }, 'invalid_variation', 'items[0]')
			fails(
				{ items = { { slot = 'Ring 1', item = 2, empty = true } } },
				'invalid_variation',
				'items[0]'
			)
			fails(
				{ items = { { slot = 'Ring 1', item = 2 }, { slot = 'Ring 1', empty = true } } },
				'invalid_variation',
				'items[1].slot'
			)
		end)
	end)

	describe('flasks', function()
		it('are switched on and off', function()
			assert(
				evaluate({ flasks = { { slot = 'Flask 1', active = true } } }).Armour == base.Armour + 1200
			)
		end)

		it('fail', function()
			fails({ flasks = { { slot = 'Flask 6', active = true } } }, 'unknown_slot', 'flasks[0].slot')
			fails({ flasks = { { slot = 'Ring 1', active = true } } }, 'unknown_slot', 'flasks[0].slot')
			fails(
				{ flasks = { { slot = 'Flask 1', active = true }, { slot = 'Flask 1', active = false } } },
				'invalid_variation',
				'flasks[1].slot'
			)
		end)
	end)

	describe('gems', function()
		it('change, are replaced, added and removed', function()
			assert(evaluate({ gems = { { group = 1, gem = 1, level = 21 } } }).SkillLevel == 21)
			assert(
				evaluate({ gems = { { group = 1, gem = 1, replace = 'Storm Arc' } } }).MainSkill
					== 'Storm Arc'
			)
			assert(evaluate({ gems = { { group = 1, gem = 2, enabled = false } } }).TotalDPS < base.TotalDPS)
			assert(
				evaluate({ gems = { { group = 1, gem = 4, enabled = true } } }).ProjectileCount
					== base.ProjectileCount + 2
			)
			assert(evaluate({ gems = { { group = 1, add = 'Quick Hands Support' } } }).Speed > base.Speed)
			assert(evaluate({ gems = { { group = 1, add = 'Quick Hands' } } }).Speed > base.Speed)
			assert(evaluate({ gems = { { group = 1, gem = 2, remove = true } } }).TotalDPS < base.TotalDPS)
			assert(evaluate({ gems = { { group = 2, gem = 1, count = 3 } } }).FullDPS > base.FullDPS)
		end)

		it('are meant by their index in the base, whatever else is removed', function()
			local output = evaluate({
				gems = { { group = 1, gem = 1, remove = true }, { group = 1, gem = 3, level = 7 } },
			})
			assert(output.MainSkill == 'Flame Orb' and output.SkillLevel == 7)
			output = evaluate({
				groups = { { group = 1, main_active_skill = 2 } },
				gems = { { group = 1, gem = 1, remove = true } },
			})
			assert(output.MainSkill == 'Flame Orb')
		end)

		it('leave the selected skill the selected one when one before it is removed', function()
			local output = evaluate({
				groups = { { group = 1, main_active_skill = 2 } },
				gems = { { group = 1, gem = 1, remove = true }, { group = 1, add = 'Storm Arc' } },
			})
			assert(output.MainSkill == 'Flame Orb')
		end)

		it('fail', function()
			fails({ gems = { { group = 9, gem = 1 } } }, 'unknown_group', 'gems[0].group')
			fails({ gems = { { group = 1, gem = 9, level = 3 } } }, 'unknown_gem', 'gems[0].gem')
			fails(
				{ gems = { { group = 1, gem = 1, replace = 'Fireball' } } },
				'unknown_gem',
				'gems[0].replace'
			)
			fails({ gems = { { group = 1, add = 'Fireball' } } }, 'unknown_gem', 'gems[0].add')
			fails({ gems = { { group = 1, gem = 1, level = 0 } } }, 'invalid_variation', 'gems[0].level')
			fails({ gems = { { group = 1, gem = 1, level = 41 } } }, 'invalid_variation', 'gems[0].level')
			fails({ gems = { { group = 1, gem = 1, quality = 31 } } }, 'invalid_variation', 'gems[0].quality')
			fails({ gems = { { group = 1, gem = 1, count = 1001 } } }, 'invalid_variation', 'gems[0].count')
			fails(
				{ gems = { { group = 1, gem = 1, variant = 'Alternate1' } } },
				'unsupported',
				'gems[0].variant'
			)
			fails({ gems = { { group = 1 } } }, 'invalid_variation', 'gems[0].gem')
			fails({ gems = { { group = 1, gem = 1, add = 'Quick Hands' } } }, 'invalid_variation', 'gems[0]')
			fails(
				{ gems = { { group = 1, gem = 1, remove = true, level = 3 } } },
				'invalid_variation',
				'gems[0].level'
			)
			fails(
				{ gems = { { group = 1, gem = 1, level = 3 }, { group = 1, gem = 1, remove = true } } },
				'invalid_variation',
				'gems[1].gem'
			)
		end)
	end)

	describe('socket groups', function()
		it('are switched on and off, and have a selected skill', function()
			assert(evaluate({ groups = { { group = 1, enabled = false } } }).HasMainSkill == false)
			assert(evaluate({ groups = { { group = 3, enabled = false } } }).ManaReserved == 0)
			assert(evaluate({ groups = { { group = 1, main_active_skill = 2 } } }).MainSkill == 'Flame Orb')
			assert(
				evaluate({ groups = { { group = 2, include_in_full_dps = false } } }).FullDPS
					== base.CombinedDPS
			)
			assert(evaluate({ main_socket_group = 2 }).MainSkill == 'Blight Ring')
		end)

		it('fail', function()
			fails({ groups = { { group = 5 } } }, 'unknown_group', 'groups[0].group')
			fails({ groups = { { group = 1 }, { group = 1 } } }, 'invalid_variation', 'groups[1].group')
			fails(
				{ groups = { { group = 1, main_active_skill = 3 } } },
				'invalid_variation',
				'groups[0].main_active_skill'
			)
			fails({ main_socket_group = 5 }, 'unknown_group', 'main_socket_group')
		end)
	end)

	describe('config and custom modifiers', function()
		it('count', function()
			assert(
				evaluate({ config = { resistancePenalty = 0 } }).FireResistTotal == base.FireResistTotal + 60
			)
			-- The base's own lines gave 10 life; these take their place.
			assert(evaluate({ custom_mods = '+50 to maximum Life' }).Life == base.Life + 40)
			assert(evaluate({ config = { customMods = '+50 to maximum Life' } }).Life == base.Life + 40)
		end)

		it('fail or are reported', function()
			warns({ config = { enemyShock = 90 } }, 'value_clamped', 'config.enemyShock')
			warns({ custom_mods = 'Sings' }, 'mod_not_understood', 'custom_mods')
			fails({ config = { bandit = 'Oak' } }, 'unknown_config', 'config.bandit')
			fails({ config = { enemyIsBoss = 'Dragon' } }, 'unknown_config', 'config.enemyIsBoss')
			fails({ config = { enemyShock = true } }, 'unknown_config', 'config.enemyShock')
			fails(
				{ config = { customMods = '' }, custom_mods = '' },
				'invalid_variation',
				'config.customMods'
			)
			fails({ custom_mods = 'a\1' }, 'invalid_variation', 'custom_mods')
			fails({ custom_mods = ('x\n'):rep(501) }, 'invalid_variation', 'custom_mods')
		end)
	end)

	describe('the character', function()
		it('changes level, class and ascendancy', function()
			assert(evaluate({ level = 81 }).Life > base.Life)
			local output, warnings = evaluate({ class = 'Ranger' })
			assert(output.PassivePoints == 0 and support.has_warning(warnings, 'node_dropped', 'class'))
			output = evaluate({ ascendancy = 'Hexbinder', allocate = { 551, 552 } })
			assert(output.AscendancyPoints == 2)
			assert(evaluate({ ascendancy = 'None' }).AscendancyPoints == 0)
		end)

		it('fails', function()
			fails({ level = 0 }, 'invalid_variation', 'level')
			fails({ level = 101 }, 'invalid_variation', 'level')
			fails({ class = 'Baker' }, 'unknown_class', 'class')
			fails({ ascendancy = 'Bloodsworn' }, 'unknown_class', 'ascendancy')
		end)
	end)

	describe('a replacement build', function()
		it("takes the base's place, and other changes apply on top of it", function()
			local output = evaluate({ build = support.BARE, level = 10 })
			assert(output.Str == 32 and output.Life == 174)
			support.assert_outputs(engine.describe().stats, base, engine.evaluate({}).output, 'afterwards')
		end)

		it('fails as a base would, with the field that holds it', function()
			fails({ build = 'nonsense' }, 'bad_build', 'build')
			fails({ build = (support.BARE:gsub('sample_1', '3_26')) }, 'unknown_tree', 'build')
		end)
	end)

	describe('a change of an unknown kind', function()
		it('is not supported', function()
			fails({ weather = 'rain' }, 'unsupported', 'weather')
		end)
	end)
end
