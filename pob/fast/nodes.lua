-- The modifiers of passive nodes. For each calculation PoB makes a list for every allocated node, twice, and asks it
-- half a dozen questions. Most nodes are plain: no jewel reaches them and none of their modifiers changes the node itself;
-- for those the answer never changes, and is kept.

local pairs, ipairs = pairs, ipairs

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

---Replaces the function in a build's calculator.
---@param calcs table
function M.install(calcs)
	local stock = calcs.buildModListForNode
	function calcs.buildModListForNode(env, node)
		local own = node.modList
		if node.type == "Keystone" or not own or is_reached(env, node.id) then
			return stock(env, node)
		end
		local list = kept[own]
		if list == nil then
			list = make(own)
			kept[own] = list
		end
		if not list then
			return stock(env, node)
		end
		local granted = node.grantedSkills
		if not granted or granted[1] then
			node.grantedSkills = {}
		end
		return list
	end
end

return M
