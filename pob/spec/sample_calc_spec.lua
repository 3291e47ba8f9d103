-- Formulas, each against a number worked out by hand.

local spec = require('spec.spec')
local engine = require('sample')
local root = require('sample.calc.root')
local support = require('spec.sample_support')

local describe, it = spec.describe, spec.it

---The output of the bare marauder with some changes.
---@param variation Variation
---@return Output
local function bare(variation)
	assert(engine.load_base(support.BARE))
	local result, err = engine.evaluate(variation)
	return assert(result, err and err.message).output
end

---@param got number
---@param expected number
local function near(got, expected)
	assert(
		math.abs(got - expected) <= 1e-9 * math.max(1, math.abs(expected)),
		('%.17g, expected %.17g'):format(got, expected)
	)
end

local NO_PENALTY = { resistancePenalty = 0, enemyDamage = 100, enemyArmour = 0 }

return function()
	describe('the character', function()
		it('has life and mana by level and attributes', function()
			local output = bare({ level = 10 })
			assert(output.Str == 32 and output.Life == 38 + 120 + 16 and output.Mana == 34 + 60 + 7)
			assert(bare({
				level = 10,
				custom_mods = '+26 to maximum Life\n50% increased maximum Life\n10% more maximum Life',
			}).Life == 330)
		end)

		it('caps resistances, and counts what is over', function()
			local output = bare({
				config = NO_PENALTY,
				custom_mods = '+90% to Fire Resistance\n+5% to maximum Cold Resistance\n+100% to Cold Resistance',
			})
			assert(
				output.FireResist == 75
					and output.FireResistOverCap == 15
					and output.ColdResist == 80
					and output.ColdResistTotal == 100
			)
			assert(bare({}).LightningResist == -60)
		end)

		it('reduces physical hits by armour: A / (A + 5 D)', function()
			local output = bare({ config = NO_PENALTY, custom_mods = '+1500 to Armour' })
			near(output.PhysicalDamageReduction, 75)
			-- A hit of D does D (1 - 1500 / (1500 + 5 D)): life must be what the largest one leaves.
			local largest = output.PhysicalMaximumHitTaken
			near(largest * (1 - 1500 / (1500 + 5 * largest)), output.Life)
		end)

		it('evades by the formula of accuracy against evasion', function()
			local output = bare({ level = 100, custom_mods = '+2685 to Evasion Rating' })
			assert(output.Evasion == math.floor(3000 * 1.02 + 0.5), output.Evasion)
			near(output.EvadeChance, 100 - 125 * 850 / (850 + (output.Evasion / 5) ^ 0.9))
			assert(
				bare({ custom_mods = '+99999 to Evasion Rating\nCannot Evade enemy Attacks' }).EvadeChance
					== 0
			)
			assert(bare({ custom_mods = '+99999999 to Evasion Rating' }).EvadeChance == 95)
		end)

		it('recovers by the second', function()
			local output = bare({
				custom_mods = 'Regenerate 4 Life per second\nRegenerate 2% of Life per second\n+90 to maximum Energy Shield',
			})
			near(output.LifeRegen, 4 + output.Life / 50)
			near(output.ManaRegen, output.Mana * 0.0175)
			near(output.EnergyShieldRecharge, output.EnergyShield / 3)
		end)

		it('survives as many hits as its pool holds', function()
			local output = bare({ config = NO_PENALTY })
			near(output.EnemyHitTaken, 500)
			near(output.HitsSurvived, output.Life / 500)
			near(output.TotalEHP, output.Life)
			near(
				bare({ config = NO_PENALTY, custom_mods = '100% Chance to Block Attack Damage' }).HitsSurvived,
				output.Life / 500 / 0.625
			)
		end)

		it('takes no chaos damage when immune: the largest hit is infinite', function()
			local output = bare({ custom_mods = 'Immune to Chaos Damage' })
			assert(
				output.ChaosMaximumHitTaken == math.huge
					and output.ChaosTakenHitMult == 0
					and output.ChaosImmune == true
			)
		end)

		it('lets mana stand in for life, as long as there is any', function()
			local output = bare({ custom_mods = '30% of Damage is taken from Mana before Life' })
			near(output.LifePool, output.Life / 0.7)
			output = bare({
				custom_mods = '30% of Damage is taken from Mana before Life\n90% reduced maximum Mana',
			})
			near(output.LifePool, output.Life + output.Mana)
		end)

		it('counts charges only when they are used', function()
			assert(bare({}).PowerCharges == 0)
			local charged = bare({ config = { useEnduranceCharges = true } })
			assert(charged.FireResist == -60 + 12)
			near(charged.PhysicalTakenHitMult, 0.88)
			local output = bare({
				config = { usePowerCharges = true },
				custom_mods = '+1 to Maximum Power Charges\n10% increased maximum Life per Power Charge',
			})
			assert(output.PowerCharges == 4 and output.LifeInc == 40)
			output = bare({ config = { usePowerCharges = true, overridePowerCharges = 1 } })
			assert(output.PowerCharges == 1 and output.PowerChargesMax == 3)
		end)

		it('counts a modifier per so much of an attribute, rounded down', function()
			assert(bare({ custom_mods = '2% increased maximum Life per 10 Strength' }).LifeInc == 6)
		end)
	end)

	-- A skill of its own: the bare marauder has none.
	local SPELL = support.BARE:gsub(
		'<Tree',
		'<Skills><Skill><Gem nameSpec="Storm Arc" level="1"/></Skill>'
			.. '<Skill><Gem nameSpec="Twin Cut" level="1"/></Skill><Skill><Gem nameSpec="Piercing Shot" level="1"/></Skill></Skills><Tree',
		1
	)

	---@param variation Variation
	---@return Output
	local function skilled(variation)
		assert(engine.load_base(SPELL))
		local result, err = engine.evaluate(variation)
		return assert(result, err and err.message).output
	end

	describe('a skill', function()
		it('deals its damage, scaled by increases and mores', function()
			local output = skilled({
				custom_mods = '30% increased Spell Damage\n20% increased Lightning Damage\n10% more Elemental Damage',
			})
			assert(
				output.MainSkill == 'Storm Arc'
					and output.LightningHitMin == 7
					and output.LightningHitMax == 59
			)
			near(output.LightningHitAverage, 20 * 1.5 * 1.1)
			near(output.AverageHit, 33 * (1 + 0.05 * 0.5))
			near(output.TotalDPS, output.AverageHit / 0.8)
		end)

		it('meets the resistance of the enemy, less penetration, never below nothing', function()
			near(skilled({ config = { enemyLightningResist = 40 } }).LightningHitAverage, 12)
			near(
				skilled({
					config = { enemyLightningResist = 40 },
					custom_mods = 'Damage Penetrates 15% Lightning Resistance',
				}).LightningHitAverage,
				15
			)
			near(
				skilled({ custom_mods = 'Damage Penetrates 15% Lightning Resistance' }).LightningHitAverage,
				20
			)
			near(skilled({ config = { enemyIsBoss = 'Uber', enemyShock = 20 } }).LightningHitAverage, 12)
		end)

		it('of attack hits with the weapon, by accuracy, and bleeds', function()
			local club = { { slot = 'Weapon 1', text = 'Rarity: NORMAL\nOak Cudgel' } }
			local output =
				skilled({ main_socket_group = 2, items = club, config = { enemyArmour = 0, enemyLevel = 1 } })
			near(output.Accuracy, 28)
			near(output.HitChance, math.min(100, 125 * 28 / (28 + (112 / 5) ^ 0.9)))
			-- 32 strength: 6 % melee damage.
			near(output.PhysicalHitAverage, 10 * 1.1 * 1.06)
			near(output.Speed, 1.4)
			near(output.BleedDPS, 11 * 0.7 * math.min(1, 0.15 * 1.4 * 5 * output.HitChance / 100))
			near(output.CombinedDPS, output.TotalDPS + output.BleedDPS)
		end)

		it('gains from charges and Onslaught', function()
			local output = skilled({
				config = { usePowerCharges = true, useFrenzyCharges = true, buffOnslaught = true },
			})
			near(output.CritChance, 5 * 2.5)
			near(output.Speed, 1.25 * 1.32)
			near(output.LightningHitAverage, 20 * 1.12)
		end)

		it('poisons: 30 % of physical and chaos damage a second, for two seconds, in stacks', function()
			local lines =
				'50% chance to Poison on Hit\nYour hits cannot be Evaded\n40% increased Damage with Poison'
			local output =
				skilled({ main_socket_group = 2, custom_mods = lines, config = { enemyChaosResist = 20 } })
			near(output.PoisonStacks, 0.5 * 1.2 * 2)
			near(output.PoisonDPS, 4 * 1.1 * 0.3 * 1.4 * 1.2 * 0.8)
			assert(
				skilled({ main_socket_group = 2, custom_mods = lines, config = { poisonStacksMax = 1 } }).PoisonStacks
					== 1
			)
		end)

		it('ignites, once at a time: 90 % of fire damage a second, for four seconds', function()
			local output = skilled({
				gems = { { group = 1, gem = 1, replace = 'Flame Orb', level = 1 } },
				custom_mods = '30% increased Damage with Ignite',
			})
			near(output.IgniteDPS, 20 * 0.9 * 1.3 * (0.2 * 4 / 0.9))
		end)

		it('leeches a part of its damage, up to a fifth of life', function()
			local output = skilled({ custom_mods = '10% of Damage Leeched as Life' })
			near(output.LifeLeechRate, output.TotalDPS / 10)
			output = skilled({ custom_mods = '10% of Damage Leeched as Life\n900% more Damage' })
			near(output.LifeLeechRate, output.Life / 5)
		end)

		it('costs mana, more with supports', function()
			assert(skilled({}).ManaCost == 8)
			local output = skilled({
				gems = { { group = 1, add = 'Quick Hands', level = 1 } },
				custom_mods = '50% more Mana Cost of Skills',
			})
			assert(output.ManaCost == 14)
			near(output.ManaCostPerSecond, 14 * 1.25 * 1.15)
		end)

		it('meets the armour of the enemy', function()
			local hit = 4 * 1.1 * 1.06
			local output = skilled({ main_socket_group = 2, config = { enemyArmour = 10 } })
			near(output.PhysicalHitAverage, hit * (1 - 10 / (10 + 5 * hit)))
		end)

		it('converts physical damage, and scales it by both types', function()
			local output = skilled({
				main_socket_group = 2,
				config = { enemyArmour = 0 },
				custom_mods = '50% of Physical Damage Converted to Fire Damage\n94% increased Fire Damage',
			})
			near(output.PhysicalHitAverage, 4 * 1.1 * 0.5 * 1.06)
			near(output.FireHitAverage, 4 * 1.1 * 0.5 * 2)
		end)

		it('without its bow cannot be used', function()
			local output = skilled({ main_socket_group = 3 })
			assert(output.SkillUsable == false and output.CombinedDPS == 0)
			output = skilled({
				main_socket_group = 3,
				items = { { slot = 'Weapon 1', text = 'Rarity: NORMAL\nHazel Bow' } },
			})
			assert(output.SkillUsable == true and output.CombinedDPS > 0)
		end)

		it('that is not there leaves no stats', function()
			local output = bare({})
			assert(
				output.HasMainSkill == false
					and output.MainSkill == nil
					and output.TotalDPS == nil
					and output.FullDPS == 0
			)
		end)

		it('of an attack has an accuracy, of a spell none, whichever came before', function()
			assert(skilled({ main_socket_group = 2 }).HitChance ~= nil)
			assert(skilled({}).HitChance == nil and skilled({}).Accuracy == nil)
		end)
	end)

	describe('the list of stats', function()
		it('names everything that is ever put out, once', function()
			local known = {}
			for _, info in ipairs(engine.describe().stats) do
				assert(not known[info.name] and info.label ~= '', info.name)
				known[info.name] = true
			end
			for _, output in ipairs({ skilled({}), skilled({ main_socket_group = 2 }), bare({}) }) do
				for name in pairs(output) do
					assert(known[name], name)
				end
			end
		end)
	end)

	describe('the power of nine tenths', function()
		it('agrees with the library to the last digits, at any size', function()
			for _, x in ipairs({ 0.001, 0.5, 1, 2, 17, 1000, 123456.789, 1e9, 1e15 }) do
				near(root.power_nine_tenths(x) / x ^ 0.9, 1)
			end
			assert(root.power_nine_tenths(0) == 0)
		end)
	end)
end
