-- The modifiers of all allocated nodes: made once for the same nodes and jewels.

local spec = require('spec.spec')
local node_lists = require('fast.node_lists')

local describe, it, expect = spec.describe, spec.it, spec.expect

---A calculator that makes a list, grants and explodes as PoB's does, and counts how often.
---@param gives_back boolean? it gives back what explodes, as newer versions do
local function calculator(gives_back)
	local calcs = { made = 0 }
	function calcs.buildModListForNodeList(env, nodes)
		calcs.made = calcs.made + 1
		local list = {}
		local sources = gives_back and {} or env.explodeSources
		for _, node in pairs(nodes) do
			list[#list + 1] = node.modList[1]
			node.grantedSkills = { 'of ' .. node.id }
			if node.explodes then
				sources[#sources + 1] = node
			end
		end
		return list, gives_back and sources or nil
	end
	node_lists.install(calcs)
	return calcs
end

---@param nodes table[]
---@param jewels table[]?
---@param extra table[]?
local function environment(nodes, jewels, extra)
	return {
		mode = 'CALCULATOR',
		allocNodes = nodes,
		extraRadiusNodeList = extra or {},
		radiusJewelList = jewels or {},
		explodeSources = { 'an item' },
	}
end

return function()
	describe('the list of all nodes', function()
		local before = rawget(_G, 'new')
		---As `it`, with PoB's `new`.
		---@param title string
		---@param body fun()
		local function it_is(title, body)
			it(title, function()
				rawset(_G, 'new', function()
					return {}
				end)
				local ok, problem = pcall(body)
				rawset(_G, 'new', before)
				if not ok then
					error(problem, 0)
				end
			end)
		end
		local one = { id = 1, modList = { 'life' } }
		local two = { id = 2, modList = { 'mana' }, explodes = true }
		local reached = {}

		---@param calcs table
		local function ask(calcs, env)
			return calcs.buildModListForNodeList(env, env.allocNodes, true)
		end

		it_is('is made once for the same nodes, and is nobody else\'s', function()
			local calcs = calculator()
			ask(calcs, environment({ one, two }))[1] = 'something else'
			local again = ask(calcs, environment({ one, two }))
			again[2] = 'something else'
			expect(table.concat(ask(calcs, environment({ one, two })), ' '), 'life mana')
			expect(calcs.made, 1)
		end)

		it_is('comes with what making it did', function()
			local calcs = calculator()
			ask(calcs, environment({ one, two }))
			one.grantedSkills = {}
			local env = environment({ one, two })
			ask(calcs, env)
			expect(one.grantedSkills[1], 'of 1')
			expect(#env.explodeSources, 2)
			expect(env.explodeSources[2] == two, true)
		end)

		it_is('comes with what explodes, where that is given back', function()
			local calcs = calculator(true)
			for _ = 1, 3 do
				local env = environment({ one, two })
				local list, sources = ask(calcs, env)
				expect(#list, 2)
				expect(#env.explodeSources, 1)
				expect(#sources, 1)
				expect(sources[1] == two, true)
				-- Whoever asked may write into it.
				sources[1] = nil
			end
			expect(calcs.made, 1)
		end)

		it_is('is made anew for other nodes, another order and other modifiers', function()
			local calcs = calculator()
			ask(calcs, environment({ one, two }))
			ask(calcs, environment({ one }))
			ask(calcs, environment({ two, one }))
			ask(calcs, environment({ one, two }, {}, { two }))
			expect(calcs.made, 4)
			local own = one.modList
			one.modList = { 'other' }
			expect(ask(calcs, environment({ one, two }))[1], 'other')
			one.modList = own
			expect(calcs.made, 5)
		end)

		it_is('is made anew for other jewels', function()
			local calcs = calculator()
			local item = { jewelData = { funcList = {} } }
			local function jewel(changes)
				local made = { item = item, type = 'Other', nodeId = 5, nodes = reached, func = print }
				for key, value in pairs(changes or {}) do
					made[key] = value
				end
				return made
			end
			ask(calcs, environment({ one }, { jewel() }))
			ask(calcs, environment({ one }, { jewel() }))
			expect(calcs.made, 1)
			for key, value in pairs({ item = {}, type = 'Self', nodeId = 6, nodes = { [1] = one }, func = error }) do
				local so_far = calcs.made
				ask(calcs, environment({ one }, { jewel({ [key] = value }) }))
				expect(calcs.made, so_far + 1)
			end
			local so_far = calcs.made
			ask(calcs, environment({ one }, { jewel(), jewel() }))
			expect(calcs.made, so_far + 1)
		end)

		it_is('is the same for jewels whose function does nothing, another one each time', function()
			local calcs = calculator()
			local item = {}
			local function idle()
				return { item = item, type = 'Self', nodeId = 5, nodes = {}, func = function() end }
			end
			ask(calcs, environment({ one }, { idle() }))
			ask(calcs, environment({ one }, { idle() }))
			expect(calcs.made, 1)
			-- Behind it there may be one of another jewel, which does something.
			ask(calcs, environment({ one }, { idle(), idle() }))
			ask(calcs, environment({ one }, { idle(), idle() }))
			expect(calcs.made, 3)
		end)

		it_is('is PoB\'s own where it is about something else', function()
			local calcs = calculator()
			local env = environment({ one })
			env.mode = 'MAIN'
			ask(calcs, env)
			ask(calcs, env)
			local other = environment({ one })
			calcs.buildModListForNodeList(other, { two }, true)
			calcs.buildModListForNodeList(other, other.allocNodes, false)
			expect(calcs.made, 4)
		end)
	end)
end
