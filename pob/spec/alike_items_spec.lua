-- Variations of worn items that come to the same, as far as it takes no PoB.

local spec = require('spec.spec')
local asked = require('fast.alike.asked')
local items = require('fast.alike.items')
local mod = require('spec.alike_support').mod
local order = require('fast.alike.order')
local worn = require('fast.alike.worn')

local describe, it, expect = spec.describe, spec.it, spec.expect

---@param id integer
---@param mods table[]
---@param fields table?
---@return table
local function item(id, mods, fields)
	local made = {
		id = id,
		name = 'Grip',
		raw = 'text ' .. id,
		armourData = { Armour = 100 },
		modList = mods,
		baseModList = {
			Flag = function(_, _, name)
				for _, one in ipairs(mods) do
					if one.name == name then
						return true
					end
				end
				return false
			end,
		},
	}
	for key, field in pairs(fields or {}) do
		made[key] = field
	end
	return made
end

return function()
	describe('items that come to the same', function()
		local function life(fields)
			return mod('Life', 'BASE', 10, fields)
		end
		local function mana()
			return mod('Mana', 'BASE', 10)
		end
		local function speed()
			return mod('MovementSpeed', 'INC', 5)
		end

		local base, slots, env

		---With the slots and items as PoB has them.
		---@generic T
		---@param action fun(...: any): T
		---@param ... any
		---@return T
		local function with_build(action, ...)
			local before = rawget(_G, 'build')
			rawset(_G, 'build', { itemsTab = { orderedSlots = slots, items = base } })
			local result = action(...)
			rawset(_G, 'build', before)
			return result
		end

		---Begins with a base that wears two items; asks the player for life and mana.
		---@param fields { gloves: table?, env: table? }?
		local function begin(fields)
			base = {
				[1] = item(1, { speed(), mana() }, fields and fields.gloves),
				[2] = item(2, { speed() }),
			}
			slots = { { slotName = 'Gloves', slotNum = 1, selItemId = 1 }, { slotName = 'Ring', slotNum = 1, selItemId = 2 } }
			local mods = {}
			for _, one in ipairs(base) do
				for _, own in ipairs(one.modList) do
					mods[own.name] = mods[own.name] or {}
					table.insert(mods[own.name], own)
				end
			end
			env = {
				player = { activeSkillList = {}, itemList = { Gloves = base[1], Ring = base[2] } },
				modDB = { mods = mods, conditions = {} },
			}
			for key, field in pairs(fields and fields.env or {}) do
				env[key] = field
			end
			asked.reset({ Life = { life() }, Mana = { mana() }, MovementSpeed = { speed() } }, {})
			asked.player:take('BASE', 'Life', 0, 0, false)
			asked.player:take('BASE', 'Mana', 0, 0, false)
			items.forget()
			with_build(worn.begin, env)
		end

		---In what it differs to wear an item in place of the base's.
		---@param slot integer
		---@param mods table[]
		---@param fields table?
		---@return ItemDifference?
		local function wearing(slot, mods, fields)
			base[9] = item(9, mods, fields)
			slots[slot].selItemId = 9
			local difference = with_build(worn.difference)
			slots[slot].selItemId, base[9] = slot, nil
			return difference
		end

		---@param difference ItemDifference?
		---@param in_place boolean?
		---@return table output
		local function computed(difference, in_place)
			local output = {}
			items.keep(assert(difference), in_place or false, output)
			return output
		end

		---@param difference ItemDifference?
		---@return table? output
		local function found(difference)
			local entry = items.find(assert(difference))
			return entry and entry.output
		end

		it('bring the same, on whatever slot, whoever says it and where it is worn', function()
			begin()
			local output = computed(wearing(1, { speed(), life({ source = 'Item:9:Grip', sourceSlot = 'Gloves' }), mana() }))
			expect(found(wearing(2, { life({ source = 'Item:8:Band', sourceSlot = 'Ring' }), speed() })), output)
			expect(found(wearing(2, { life(), life(), speed() })), nil)
			expect(found(wearing(1, { speed(), life() })), nil)
		end)

		it('differ in what no question finds', function()
			begin()
			local output = computed(wearing(1, { speed(), mana() }))
			expect(found(wearing(1, { mana() })), output)
			expect(found(wearing(2, { speed(), speed() })), output)
			expect(found(wearing(1, { speed() })), nil)
			asked.player:take('INC', 'MovementSpeed', 0, 0, false)
			expect(found(wearing(1, { mana() })), nil)
			expect(found(wearing(1, { speed(), mana() })), output)
		end)

		it('have it in the same place, where answers depend on order', function()
			begin()
			local output = computed(wearing(1, { speed(), life(), mana() }), true)
			expect(found(wearing(2, { life(), speed() })), nil)
			expect(found(wearing(1, { speed(), mana(), life() })), nil)
			expect(found(wearing(1, { speed(), life(), mana() })), output)
		end)

		it('are not compared where they differ in more than modifiers', function()
			begin()
			expect(wearing(1, { speed(), mana() }, { armourData = { Armour = 101 } }), nil)
			expect(wearing(1, { speed(), mana() }, { armourData = { Armour = 100, Ward = 1 } }), nil)
			expect(wearing(1, { speed(), mana() }, { armourData = { } }), nil)
			expect(wearing(1, { speed(), mana() }, { corrupted = true }), nil)
			expect(wearing(1, { speed(), mana() }, { grantedSkills = { {} } }), nil)
			expect(wearing(1, { speed(), mana(), mod('CanExplode', 'FLAG', true) }), nil)
			expect(wearing(1, { speed(), mana(), mod('Keystone', 'LIST', 'Pain') }), nil)
			expect(wearing(1, { speed(), mana(), mod('Life', 'BASE', 1, { { type = 'DisablesItem', slotName = 'Ring' } }) }), nil)
			expect(wearing(1, { speed(), mana(), mod('AllAddedDamageAsCold', 'FLAG', true) }), nil)
			expect(wearing(1, { speed(), mana() }, { uniqueID = 'x', rangeLineList = {} }) ~= nil, true)
			slots[1].selItemId = 0
			expect(with_build(worn.difference), nil)
		end)

		it('are not compared where an item reaches calculations by other ways', function()
			local uses_gloves = { minion = { uses = { Gloves = true } }, skillData = {} }
			for _, fields in ipairs({
				{ env = { theIronMass = {} } },
				{ env = { modDB = { mods = {}, conditions = {} } } },
				{ env = { player = { activeSkillList = { uses_gloves }, itemList = {} } } },
				{ gloves = { name = "Kalandra's Touch, Ring" } },
				{ gloves = { grantedSkills = { {} } } },
			}) do
				begin(fields)
				expect(wearing(1, { speed(), life(), mana() }), nil)
			end
			begin({ env = { player = { activeSkillList = { { minion = {}, skillData = {} } }, itemList = {} } } })
			expect(wearing(1, { speed(), life(), mana() }), nil)
		end)

		it('are told to others, whose numbers of classes differ', function()
			begin()
			local new = mod('Evasion', 'BASE', 3)
			local told = items.keep(assert(wearing(1, { speed(), new, mana() })), false, {})
			items.forget()
			local record = { changed = {}, gone = {} }
			items.learn(told, record)
			local entry = assert(items.find(assert(wearing(2, { speed(), mod('Evasion', 'BASE', 3) }))))
			expect(entry.record, record)
			expect(entry.output, nil)
			expect(items.find(assert(wearing(2, { speed() }))), nil)
		end)
	end)

	describe('the order of modifiers of some names', function()
		local actor = { itemList = {} }
		local store = { actor = actor }
		actor.modDB = store

		---@param name string
		---@param kind string?
		---@return boolean
		local function depends(name, kind)
			order.begin_with_names({ Life = { BASE = true } })
			if order.wanted[name] then
				order.note(store, name, 0.1, {}, function() end, { operation = 'sum', limited = false, kind = kind })
			end
			order.stop()
			return order.depends_on_names()
		end

		it('matters to questions for their types', function()
			expect(depends('Life', 'BASE'), true)
			expect(depends('Life', nil), true)
			expect(depends('Life', 'MORE'), false)
			expect(depends('Mana', 'BASE'), false)
		end)

		it('can be seen where there are several, of whatever origin', function()
			local one = mod('Life', 'BASE', 1, { source = 'Item:1:Grip' })
			order.begin_with_names({ Life = { BASE = true } })
			expect(order.several({ one, one }, 'BASE'), true)
			expect(order.several({ one, one }, 'MORE'), false)
			expect(order.several({ one }, 'BASE'), false)
			order.stop()
			expect(order.several({ one, one }, 'BASE'), false)
		end)
	end)
end
