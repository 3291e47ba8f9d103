-- The list of nodes: what it calls reachable, one point does allocate, and nothing else.

local engine = require('sample')
local spec = require('spec.spec')
local support = require('spec.sample_support')

local describe, it = spec.describe, spec.it

return function()
	describe('passives', function()
		it('calls exactly those nodes reachable that can be allocated alone', function()
			assert(engine.load_base(support.WITCH))
			local reachable, count = 0, 0
			for _, passive in ipairs(engine.inquire('passives', {}).passives) do
				count = count + 1
				if not passive.allocated and passive.kind ~= 'mastery' then
					local result = assert(engine.evaluate({ allocate = { passive.id } }))
					local connected = true
					for _, warning in ipairs(result.warnings or {}) do
						connected = connected and warning.kind ~= 'node_not_connected'
					end
					assert(connected == passive.reachable, passive.id)
					reachable = reachable + (passive.reachable and 1 or 0)
				end
			end
			assert(reachable > 0 and reachable < count)
		end)

		it('knows what the base has, and offers no start', function()
			assert(engine.load_base(support.WITCH))
			local last, kinds = 0, {}
			for _, passive in ipairs(engine.inquire('passives', {}).passives) do
				assert(passive.id > last)
				last = passive.id
				assert(not (passive.allocated and passive.reachable))
				kinds[passive.id] = passive.kind
				if passive.id == 301 or passive.id == 541 then
					assert(passive.allocated, passive.id)
				end
			end
			assert(kinds[300] == nil and kinds[540] == nil)
			assert(kinds[307] == 'mastery' and kinds[315] == 'socket')
		end)

		it('says of each node what the shortest way takes, and that way is the one that is taken', function()
			assert(engine.load_base(support.WITCH))
			local by_id, far = {}, 0
			for _, passive in ipairs(engine.inquire('passives', {}).passives) do
				by_id[passive.id] = passive
			end
			for id, passive in pairs(by_id) do
				assert((passive.distance == 1) == passive.reachable, id)
				if passive.distance then
					local steps, at = 0, id
					while not by_id[at].allocated do
						steps, at = steps + 1, by_id[at].toward
						if not by_id[at] then
							break
						end
					end
					assert(steps == passive.distance, id)
					far = math.max(far, steps)
				end
			end
			assert(far > 3)
		end)

		it('calls exactly those nodes removable that can be given up without any other', function()
			assert(engine.load_base(support.WITCH))
			local tree = engine.inquire('passives', {})
			local removable, allocated = 0, 0
			for _, passive in ipairs(tree.passives) do
				if passive.allocated then
					allocated = allocated + 1
					local result = assert(engine.evaluate({ deallocate = { passive.id } }))
					assert(passive.removable == (#(result.warnings or {}) == 0), passive.id)
					removable = removable + (passive.removable and 1 or 0)
				end
			end
			assert(removable > 0 and removable < allocated)
			assert(tree.points.used + tree.points.ascendancy_used == allocated)
			assert(engine.inquire('no such topic', {}) == nil)
		end)
	end)
end
