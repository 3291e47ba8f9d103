-- The modifiers of passive nodes: kept for plain ones, joined where no jewel reaches any.

local spec = require('spec.spec')
local nodes = require('fast.nodes')

local describe, it, expect = spec.describe, spec.it, spec.expect

---A list of modifiers as PoB's class makes it, as far as the code under test asks.
---@return table
local function mod_list()
	return setmetatable({}, { __index = {
		AddList = function(self, more)
			for _, mod in ipairs(more) do
				self[#self + 1] = mod
			end
		end,
	} })
end

---A calculator that makes lists as PoB's does, and notes of which nodes.
---@param gives_back boolean? it gives back what explodes, as newer versions do
local function calculator(gives_back)
	local calcs = { made = {}, lists = 0 }
	function calcs.buildModListForNode(_, node)
		calcs.made[#calcs.made + 1] = node.id
		return { 'made for ' .. node.id }, gives_back and node.explodes or nil
	end
	function calcs.buildModListForNodeList()
		calcs.lists = calcs.lists + 1
		if gives_back then
			return { 'by PoB' }, {}
		end
		return { 'by PoB' }
	end
	nodes.install(calcs)
	calcs.lists = 0
	return calcs
end

---@param jewels table[]?
---@param extra table<integer, table>?
---@param mode string?
local function environment(jewels, extra, mode)
	return { mode = mode or 'CALCULATOR', radiusJewelList = jewels or {}, extraRadiusNodeList = extra or {} }
end

local life, damage, keystone = { name = 'Life' }, { name = 'Damage' }, { name = 'Keystone', value = 'Acrobatics' }
local small = { id = 1, type = 'Normal', modList = { life, damage } }
local key = { id = 2, type = 'Keystone', keystoneMod = keystone, modList = { damage } }
local explosive = { id = 3, type = 'Notable', modList = { { name = 'CanExplode' } } }
explosive.explodes = explosive

return function()
	describe('the modifiers of nodes', function()
		local before = rawget(_G, 'new')
		---As `it`, with PoB's `new`.
		---@param title string
		---@param body fun()
		local function it_is(title, body)
			it(title, function()
				rawset(_G, 'new', mod_list)
				local ok, problem = pcall(body)
				rawset(_G, 'new', before)
				if not ok then
					error(problem, 0)
				end
			end)
		end

		it_is('are joined in the order of the nodes, and of a keystone its name', function()
			local calcs = calculator()
			local list = calcs.buildModListForNodeList(environment(), { small, key, small }, true)
			expect({ unpack(list) }, { life, damage, keystone, life, damage })
			expect({ calcs.made, calcs.lists }, { {}, 0 })
		end)

		it_is('are made by PoB where they change the node', function()
			local calcs = calculator()
			local list = calcs.buildModListForNodeList(environment(), { small, explosive, small }, true)
			expect({ unpack(list) }, { life, damage, 'made for 3', life, damage })
			expect(calcs.made, { 3 })
		end)

		it_is('come with what explodes, from versions that say so', function()
			local all = { small, explosive }
			expect(select(2, calculator().buildModListForNodeList(environment(), all, true)), nil)
			local _, sources = calculator(true).buildModListForNodeList(environment(), all, true)
			assert(#sources == 1 and sources[1] == explosive)
		end)

		it_is('are up to PoB where a jewel reaches a node, or is to be told of one, or in another mode', function()
			local calcs = calculator()
			for _, env in ipairs({
				environment({ { nodes = {} } }), environment({}, { [9] = small }), environment({}, {}, 'MAIN'),
			}) do
				expect(calcs.buildModListForNodeList(env, { small }, true), { 'by PoB' })
			end
			expect(calcs.lists, 3)
		end)

		it_is('leave no skills that the node granted before', function()
			local node = { id = 4, type = 'Notable', modList = { life }, grantedSkills = { 'of a former calculation' } }
			calculator().buildModListForNodeList(environment(), { node }, true)
			expect(node.grantedSkills, {})
		end)
	end)
end
