-- The modifiers of all allocated nodes together (`calcs.buildModListForNodeList`). PoB makes the list twice for each
-- calculation, before it knows the items and with their jewels, and as often again for a skill that triggers. Unless a
-- variation is about nodes or jewels it is the base's each time: the same nodes in the same order, reached by the same
-- jewels. So the base's are kept, and copied for whoever asks for the same.
--
-- Jewels are functions of a node, of its list and of what they noted so far, which begins with nothing. The same ones in
-- the same order come to the same.

local pairs, next = pairs, next

local M = {}

---The base's own: without items, with their jewels, with what jewels do to other jewels.
local KEPT_MAX = 3

---What a list was made of, and all that making it did.
---@class (exact) NodeList
---@field nodes table[] in order: what is asked for, then what only jewels look at
---@field own table[] their modifiers
---@field granted table[] what they grant
---@field jewels table[] entries of `env.radiusJewelList`
---@field explodes table[] what it added to `env.explodeSources`
---@field list table[]
---@field sources table[]? what it gave back beside the list: newer versions of PoB say there which nodes explode

---A jewel without functions of its own gets one from PoB, another one each time, that does nothing to a list.
---@param jewels table[]
---@param at integer
---@return boolean
local function does_nothing(jewels, at)
	local item = jewels[at].item
	return not (item.jewelData and item.jewelData.funcList) and (at == 1 or jewels[at - 1].item ~= item)
end

---@param a table<integer, table>
---@param b table<integer, table>
---@return boolean
local function same_nodes(a, b)
	-- Where a jewel reaches nothing PoB makes a new table that says so.
	return a == b or (next(a) == nil and next(b) == nil)
end

---@param known table[]
---@param jewels table[]
---@return boolean
local function same_jewels(known, jewels)
	if #known ~= #jewels then
		return false
	end
	for i = 1, #known do
		local one, other = known[i], jewels[i]
		if
			one.item ~= other.item
			or one.type ~= other.type
			or one.nodeId ~= other.nodeId
			or not same_nodes(one.nodes, other.nodes)
			or (one.func ~= other.func and not does_nothing(jewels, i))
		then
			return false
		end
	end
	return true
end

---@param known NodeList
---@param nodes table<integer, table>
---@param from integer how many come before them
---@return integer? to
local function follow(known, nodes, from)
	for _, node in pairs(nodes) do
		from = from + 1
		if known.nodes[from] ~= node or known.own[from] ~= node.modList then
			return nil
		end
	end
	return from
end

---@param known NodeList
---@param env table
---@return boolean
local function is_same(known, env)
	if not same_jewels(known.jewels, env.radiusJewelList) then
		return false
	end
	local count = follow(known, env.allocNodes, 0)
	count = count and follow(known, env.extraRadiusNodeList, count)
	return count == #known.nodes
end

---Puts a list behind what another one has.
---@generic T
---@param target T[]
---@param list T[]
---@param first integer? of the list; nil: 1
---@return T[] target
local function append(target, list, first)
	first = first or 1
	local before = #target - first + 1
	for i = first, #list do
		target[before + i] = list[i]
	end
	return target
end

---@param known NodeList
---@param env table
---@return table list
---@return table[]? sources
local function repeated(known, env)
	local nodes, granted = known.nodes, known.granted
	for i = 1, #nodes do
		nodes[i].grantedSkills = granted[i]
	end
	append(env.explodeSources, known.explodes)
	return append(new("ModList"), known.list), known.sources and append({}, known.sources)
end

---@param known NodeList
---@param nodes table<integer, table>
local function add(known, nodes)
	for _, node in pairs(nodes) do
		local at = #known.nodes + 1
		known.nodes[at], known.own[at], known.granted[at] = node, node.modList, node.grantedSkills
	end
end

---@param env table
---@param exploding integer how many exploded before
---@param list table[]
---@param sources table[]?
---@return NodeList
local function describe(env, exploding, list, sources)
	local known = { nodes = {}, own = {}, granted = {} }
	known.jewels, known.list = append({}, env.radiusJewelList), append({}, list)
	known.explodes, known.sources = append({}, env.explodeSources, exploding + 1), sources and append({}, sources)
	add(known, env.allocNodes)
	add(known, env.extraRadiusNodeList)
	return known
end

---Replaces the function in a build's calculator.
---@param calcs table
function M.install(calcs)
	local stock = calcs.buildModListForNodeList
	---@type NodeList[]
	local kept = {}
	function calcs.buildModListForNodeList(env, nodes, finish_jewels)
		if nodes ~= env.allocNodes or not finish_jewels or env.mode ~= "CALCULATOR" then
			return stock(env, nodes, finish_jewels)
		end
		for i = 1, #kept do
			if is_same(kept[i], env) then
				return repeated(kept[i], env)
			end
		end
		local exploding = #env.explodeSources
		local list, sources = stock(env, nodes, finish_jewels)
		if #kept < KEPT_MAX then
			kept[#kept + 1] = describe(env, exploding, list, sources)
		end
		return list, sources
	end
end

return M
