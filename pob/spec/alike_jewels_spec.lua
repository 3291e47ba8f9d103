-- What nodes bring that jewels reach, with a calculator of its own in place of PoB's.

local spec = require('spec.spec')
local jewels = require('fast.alike.jewels')
local mod = require('spec.alike_support').mod

local describe, it, expect = spec.describe, spec.it, spec.expect

return function()
	describe('nodes that jewels reach', function()
		local strength, life = mod('Str', 'BASE', 10), mod('Life', 'INC', 5)

		---What PoB's calculator does with a node, as far as jewels go.
		local calcs = {
			buildModListForNode = function(env, reached)
				local list = { unpack(reached.modList) }
				for _, jewel in ipairs(env.radiusJewelList) do
					jewel.func(reached, list, jewel.data)
				end
				reached.grantedSkills = {}
				return list
			end,
		}

		---@param func fun(node: table, list: table[], data: table)
		---@return table[]? list of a node with strength
		local function brought(func)
			local one = { id = 7, type = 'Normal', modList = { strength }, alloc = false }
			local data, before = { modSource = 'Tree:1' }, build
			local jewel = { func = func, nodes = { [7] = one }, data = data, item = {} }
			local env = { radiusJewelList = { jewel }, allocNodes = {}, explodeSources = {}, modDB = { mods = {} } }
			build = { spec = { nodes = { [7] = one } } }
			local lists = jewels.lists(calcs, env, jewels.reached(env))
			build = before
			expect(jewel.data, data)
			expect(next(env.allocNodes), nil)
			expect(one.alloc, false)
			expect(one.grantedSkills, nil)
			return lists[7]
		end

		it('bring what the jewels leave of their list', function()
			local list = brought(function(_, list, data)
				list[1] = data.modSource == 'Tree:1' and life or nil
			end)
			expect(assert(list)[1], life)
		end)

		it('are like no others where a jewel takes notes, or looks at them', function()
			expect(brought(function(_, _, data)
				data.Str = 10
			end), nil)
			expect(brought(function(_, list, data)
				list[1] = data.seen and life or strength
			end), nil)
			expect(brought(function(one, _, data)
				if not one.alloc then
					data.unallocated = true
				end
			end), nil)
		end)

		it('are like no others where PoB fails, or does more with them', function()
			expect(brought(function()
				error('a jewel that fails')
			end), nil)
			expect(brought(function(_, list)
				list[1] = mod('ExtraSkill', 'LIST', {})
			end), nil)
		end)
	end)
end
