-- Passive nodes that jewels reach. A jewel is a function of a node and of the list of what the node brings; it may also note
-- something, for the end or for nodes to come. Where it does not, the node brings the list that the jewels leave, whatever
-- else is allocated.

local nodes = require("fast.nodes")
local watch = require("fast.watch")

local M = {}

---The only thing that PoB puts into a jewel's notes beforehand.
local NOTED_AHEAD = "modSource"

---Which nodes some jewel's function is called for.
---@param env table
---@return table<integer, boolean>
function M.reached(env)
	local found, extra = {}, env.modDB.mods.ExtraJewelFunc
	for _, jewel in ipairs(env.radiusJewelList) do
		-- One that brings no function gets one from PoB that counts attributes, for tooltips.
		local functions = extra or not jewel.item.jewelData or jewel.item.jewelData.funcList
		for id in pairs(functions and jewel.nodes or {}) do
			found[id] = true
		end
	end
	return found
end

---Puts notes in place of those of all jewels that say whether they are looked at.
---@param env table
---@return table notes their `touched` says so
---@return table[] data what was there
local function watch_notes(env)
	local notes, data = { touched = false }, {}
	local function touch(key)
		notes.touched = notes.touched or key ~= NOTED_AHEAD
	end
	for i, jewel in ipairs(env.radiusJewelList) do
		data[i] = jewel.data
		jewel.data = watch.table(jewel.data, touch, function()
			notes.touched = true
		end)
	end
	return notes, data
end

---What PoB makes of a node.
---@param calcs table
---@param env table
---@param node table
---@param allocated boolean
---@return table[]? list nil: PoB fails
local function list_of(calcs, env, node, allocated)
	local was_in, was_allocated, granted = env.allocNodes[node.id], node.alloc, node.grantedSkills
	env.allocNodes[node.id], node.alloc = allocated and node or nil, allocated
	local ok, list = pcall(calcs.buildModListForNode, env, node)
	env.allocNodes[node.id], node.alloc, node.grantedSkills = was_in, was_allocated, granted
	return ok and list or nil
end

---@param calcs table
---@param env table
---@param node table
---@return table[]? list nil: there is more to it
local function brought(calcs, env, node)
	local notes, data = watch_notes(env)
	local exploding = #env.explodeSources
	local list = list_of(calcs, env, node, true)
	-- A node that is not allocated brings nothing, but jewels may count it.
	local beside = list_of(calcs, env, node, false)
	for i, jewel in ipairs(env.radiusJewelList) do
		jewel.data = data[i]
	end
	for i = #env.explodeSources, exploding + 1, -1 do
		env.explodeSources[i] = nil
	end
	if not list or not beside or notes.touched or nodes.changes_itself(list) then
		return nil
	end
	return list
end

---What nodes bring that jewels reach, by the node's id, as far as that is all there is to them.
---@param calcs table the build's calculator
---@param env table the environment of the base, after its calculation
---@param reached table<integer, boolean>
---@return table<integer, table[]>
function M.lists(calcs, env, reached)
	local found = {}
	for id in pairs(reached) do
		local node = build.spec.nodes[id]
		if node and (node.type == "Normal" or node.type == "Notable") and node.modList then
			found[id] = not nodes.changes_itself(node.modList) and brought(calcs, env, node) or nil
		end
	end
	return found
end

return M
