-- What `adapter/check.lua` refuses, with the field it blames.

local check = require('adapter.check')
local spec = require('spec.spec')

local REFUSED = {
	{ 'a level of 0', { level = 0 }, 'level' },
	{ 'a level of 101', { level = 101 }, 'level' },
	{ 'a node both allocated and given up', { allocate = { 5, 6 }, deallocate = { 6 } }, 'allocate[1]' },
	{ 'a way to a node that is given up', { allocate_path = { 6 }, deallocate = { 6 } }, 'allocate_path[0]' },
	{ 'a mastery that is given up', { masteries = { { node = 6, effect = 1 } }, deallocate = { 6 } }, 'masteries[0].node' },
	{ 'a mastery chosen twice', { masteries = { { node = 6, effect = 1 }, { node = 6, effect = 2 } } }, 'masteries[1].node' },
	{ 'a node tattooed twice', { tattoos = { { node = 6 }, { node = 6, name = 'x' } } }, 'tattoos[1].node' },
	{ 'a slot filled and emptied', { items = { { slot = 'Belt', text = 'x', empty = true } } }, 'items[0]' },
	{ 'a slot with no word on its item', { items = { { slot = 'Belt' } } }, 'items[0]' },
	{ 'the same slot twice', { items = { { slot = 'Belt', item = 1 }, { slot = 'Belt', empty = true } } }, 'items[1].slot' },
	{ 'the same flask twice', { flasks = { { slot = 'Flask 1', active = true }, { slot = 'Flask 1', active = false } } }, 'flasks[1].slot' },
	{ 'group 0', { gems = { { group = 0, gem = 1 } } }, 'gems[0].group' },
	{ 'a gem change without a gem', { gems = { { group = 1, level = 3 } } }, 'gems[0].gem' },
	{ 'an addition with an index', { gems = { { group = 1, gem = 1, add = 'x' } } }, 'gems[0]' },
	{ 'a gem edited and removed in one change', { gems = { { group = 1, gem = 1, remove = true, level = 3 } } }, 'gems[0].level' },
	{ 'a gem edited and removed in two changes', { gems = { { group = 1, gem = 1, level = 3 }, { group = 1, gem = 1, remove = true } } }, 'gems[1].gem' },
	{ 'a gem level of 0', { gems = { { group = 1, gem = 1, level = 0 } } }, 'gems[0].level' },
	{ 'a gem quality of 100', { gems = { { group = 1, gem = 1, quality = 100 } } }, 'gems[0].quality' },
	{ 'an unheard-of quality variant', { gems = { { group = 1, gem = 1, variant = 'Alternate9' } } }, 'gems[0].variant' },
	{ 'a group changed twice', { groups = { { group = 2 }, { group = 2 } } }, 'groups[1].group' },
	{ 'main group 0', { main_socket_group = 0 }, 'main_socket_group' },
	{ 'an endless number', { config = { enemyLevel = math.huge } }, 'config.enemyLevel' },
	{ 'custom modifiers given twice', { config = { customMods = 'a' }, custom_mods = 'b' }, 'config.customMods' },
}

return function()
	spec.describe('check', function()
		for _, case in ipairs(REFUSED) do
			spec.it('refuses ' .. case[1], function()
				local err = check.structure(case[2]) or {}
				spec.expect({ err.kind, err.field }, { 'invalid_variation', case[3] })
			end)
		end
		spec.it('knows five flask slots', function()
			spec.expect(check.structure({ flasks = { { slot = 'Flask 5', active = true } } }), nil)
			local err = check.structure({ flasks = { { slot = 'Flask 6', active = true } } }) or {}
			spec.expect({ err.kind, err.field }, { 'unknown_slot', 'flasks[0].slot' })
		end)
		spec.it('lets pass what contradicts nothing', function()
			spec.expect(check.structure({}), nil)
			spec.expect(check.structure({
				level = 100, allocate = { 1 }, deallocate = { 2 },
				items = { { slot = 'Ring 1', item = 1 }, { slot = 'Ring 2', item = 1 } },
				gems = { { group = 1, gem = 1, remove = true }, { group = 1, add = 'x' }, { group = 1, add = 'x' } },
			}), nil)
		end)
		spec.it('holds a config value against its option', function()
			local list = { type = 'list', values = { None = true, Boss = true } }
			spec.expect(check.config_value('boss', list, 'Boss'), nil)
			spec.expect(check.config_value('boss', list, 'boss').field, 'config.boss')
			spec.expect(check.config_value('life', { type = 'check' }, true), nil)
			spec.expect(check.config_value('life', { type = 'check' }, 1).kind, 'unknown_config')
			spec.expect(check.config_value('level', { type = 'count' }, 3), nil)
			spec.expect(check.config_value('level', { type = 'count' }, '3').kind, 'unknown_config')
			spec.expect(check.config_value('none', nil, true).kind, 'unknown_config')
		end)
	end)
end
