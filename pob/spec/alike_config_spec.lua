-- Variations of config that come to the same, as far as it takes no PoB.

local spec = require('spec.spec')
local asked = require('fast.alike.asked')
local config = require('fast.alike.config')
local mod = require('spec.alike_support').mod

local describe, it, expect = spec.describe, spec.it, spec.expect

return function()
	describe('config that comes to the same', function()
		local low_life, leeching = mod('Condition:LowLife', 'FLAG', true), mod('Condition:Leeching', 'FLAG', true)
		local life, mana = mod('Life', 'BASE', 1), mod('Mana', 'BASE', 1)

		---Begins, and asks the player for some modifiers and the enemy for others.
		---@param of_player table[]
		---@param of_enemy table[]?
		local function begin(of_player, of_enemy)
			config.begin()
			local all = {}
			for _, one in ipairs({ low_life, leeching, life, mana }) do
				all[one.name] = { one }
			end
			asked.reset(all, all)
			for _, one in ipairs(of_player) do
				asked.player:take(one.type, one.name, 0, 0, false)
			end
			for _, one in ipairs(of_enemy or {}) do
				asked.others:take(one.type, one.name, 0, 0, false)
			end
		end

		---@param mods table[]
		---@param fields table?
		---@return table
		local function tab(mods, fields)
			local made = { modList = mods, enemyModList = {}, input = {}, placeholder = {}, enemyLevel = 84 }
			for key, field in pairs(fields or {}) do
				made[key] = field
			end
			return made
		end

		---@param of table
		---@return table? output
		local function found(of)
			return config.find(config.state(of))
		end

		---@param of table
		---@return table output
		local function computed(of)
			local output = {}
			config.keep(config.state(of), output)
			return output
		end

		it('is told apart by modifiers that a question finds, and by their order', function()
			begin({ life, mana, low_life }, { mana })
			local output = computed(tab({ life, mana }))
			expect(found(tab({ life, leeching, mana })), output)
			expect(found(tab({ mana, life })), nil)
			expect(found(tab({ life, mana, low_life })), nil)
			expect(found(tab({ life, mana }, { enemyLevel = 83 })), nil)
			expect(found(tab({ life, mana }, { enemyModList = { mana } })), nil)
			expect(found(tab({ life, mana }, { enemyModList = { life } })), output)
			expect(found(tab({ life, mod('Mana', 'BASE', 1, { source = 'Custom' }) })), nil)
		end)

		it('is told apart by inputs that were read, and by no others', function()
			begin({})
			local of = tab({}, { input = { boss = 'None', bandit = 'Oak' } })
			local output = computed(of)
			local other = tab({}, { input = { boss = 'Pinnacle', bandit = 'Oak' } })
			expect(found(other), output)
			expect(config.watched('input', of.input).boss, 'None')
			expect(found(other), nil)
			expect(found(tab({}, { input = { boss = 'None', bandit = 'Alira' } })), output)
			expect(found(tab({}, { input = { boss = false } })), nil)
			expect(config.watched('placeholder', of.placeholder).boss, nil)
			expect(found(tab({}, { input = { boss = 'None' }, placeholder = { boss = 1 } })), nil)
		end)

		it('is told apart anew when a question is new', function()
			begin({})
			local output = computed(tab({ life }))
			expect(found(tab({ mana })), output)
			asked.player:take('BASE', 'Life', 0, 0, false)
			expect(found(tab({ mana })), nil)
			expect(found(tab({ life, leeching })), output)
		end)

		it('is forgotten when told', function()
			begin({})
			computed(tab({ life }))
			config.forget()
			expect(found(tab({ life })), nil)
		end)
	end)
end
