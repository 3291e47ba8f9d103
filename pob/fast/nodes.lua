-- The modifiers of passive nodes. For each calculation PoB makes a list for every allocated node, twice, and asks it
-- half a dozen questions. Most nodes are plain: no jewel reaches them and none of their modifiers changes the node itself;
-- for those the answer never changes, and is kept. Where no jewel reaches any node the lists are joined here, too.

local pairs, ipairs, next = pairs, ipairs, next

local M = {}

---Modifiers that make PoB do more with a node than copy its list.
local CHANGES_NODE = {
	PassiveSkillHasNoEffect = true,
	AllocatedPassiveSkillHasNoEffect = true,
	PassiveSkillEffect = true,
	PassiveSkillHasOtherEffect = true,
	NodeModifier = true,
	ExtraSkill = true,
	CanExplode = true,
}

---A node's own modifiers -> the list that stands for them, or false if the node is not plain.
---@type table<table, table|false>
local kept = setmetatable({}, { __mode = "k" })

---Whether PoB does more with a node of these modifiers than copy them.
---@param own table[]
---@return boolean
function M.changes_itself(own)
	for _, mod in ipairs(own) do
		if CHANGES_NODE[mod.name] then
			return true
		end
	end
	return false
end

---@param own table[]
---@return table|false
local function make(own)
	if M.changes_itself(own) then
		return false
	end
	local list = new("ModList")
	list:AddList(own)
	return list
end

---The list that stands for a node that no jewel reaches; nil or false: PoB has to make it.
---@param node table
---@return table|false|nil
local function list_of(node)
	local is_keystone = node.type == "Keystone"
	local own = is_keystone and node.keystoneMod or node.modList
	if not own then
		return nil
	end
	local list = kept[own]
	if list == nil then
		list = make(is_keystone and { own } or own)
		kept[own] = list
	end
	if list then
		local granted = node.grantedSkills
		if not granted or granted[1] then
			node.grantedSkills = {}
		end
	end
	return list
end

---@param env table
---@param id integer
---@return boolean
local function is_reached(env, id)
	for _, jewel in pairs(env.radiusJewelList) do
		if jewel.nodes[id] then
			return true
		end
	end
	return false
end

---Makes the list of several nodes where no jewel reaches any.
---@param calcs table
---@param env table
---@param nodes table<integer, table>
---@return table list
---@return table[] sources nodes that explode, as newer versions of PoB say of each
local function list_of_all(calcs, env, nodes)
	local list, sources, count = new("ModList"), {}, 0
	for _, node in pairs(nodes) do
		local more, explodes = list_of(node), nil
		if not more then
			more, explodes = calcs.buildModListForNode(env, node)
			table.insert(sources, explodes)
		end
		for i = 1, #more do
			list[count + i] = more[i]
		end
		count = count + #more
	end
	return list, sources
end

---Replaces the functions in a build's calculator.
---@param calcs table
function M.install(calcs)
	local stock, stock_list = calcs.buildModListForNode, calcs.buildModListForNodeList
	function calcs.buildModListForNode(env, node)
		local list = not is_reached(env, node.id) and list_of(node)
		if list then
			return list
		end
		return stock(env, node)
	end
	local nothing = { radiusJewelList = {}, extraRadiusNodeList = {} }
	local gives_sources = select("#", stock_list(nothing, {}, true)) > 1
	function calcs.buildModListForNodeList(env, nodes, finish_jewels)
		if next(env.radiusJewelList) or next(env.extraRadiusNodeList) or env.mode == "MAIN" then
			return stock_list(env, nodes, finish_jewels)
		end
		local list, sources = list_of_all(calcs, env, nodes)
		return list, gives_sources and sources or nil
	end
end

return M
