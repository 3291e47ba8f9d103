-- The nodes of the loaded build's tree, for those who look for variations: what is allocated, what each step costs,
-- and what can be given up.

local graph = require("adapter.edit.graph")
local nodes = require("adapter.apply.nodes")

---@type table<string, PassiveKind>
local KINDS = {
	Normal = "normal",
	Notable = "notable",
	Keystone = "keystone",
	Mastery = "mastery",
	Socket = "socket",
}
local IS_START = { ClassStart = true, AscendClassStart = true }
---What quests give, and what the ascendancy's trials do: PoB's own numbers (`buildMode:EstimatePlayerProgress`).
local QUEST_POINTS = 23
local ASCENDANCY_POINTS = 8

local M = {}

---By the rules of `PassiveSpec:FindStartFromNode`, as `nodes.connected`.
---@param node table
---@param reached table<table, boolean>
---@return boolean
local function is_next_to(node, reached)
	for _, other in ipairs(node.linked) do
		if
			reached[other]
			and other.type ~= "Mastery"
			and (other.ascendancyName or not node.ascendancyName or IS_START[other.type])
		then
			return true
		end
	end
	return false
end

---Starts come with their class, and no point leads into the ascendancy of another.
---@param node table
---@return boolean
local function is_offered(node)
	local spec = build.spec
	return KINDS[node.type] ~= nil
		and (
			not node.ascendancyName
			or node.ascendancyName == spec.curAscendClassBaseName
			or node.ascendancyName == spec.curAscendClassName
			or node.ascendancyName == spec.curSecondaryAscendClassName
		)
end

---From where the shortest way enters each node, and how many points it takes.
---@param reached table<table, boolean>
---@return fun(id: integer): integer?, integer?
local function ways(reached)
	local spec = build.spec
	local seen, sources = {}, {}
	local function node_at(id)
		local node = spec.nodes[id]
		if node and not seen[id] then
			local links = {}
			for i, other in ipairs(node.linked) do
				links[i] = other.id
			end
			seen[id] = { id = id, kind = node.type, ascendancy = node.ascendancyName, links = links }
		end
		return seen[id]
	end
	for node in pairs(reached) do
		sources[#sources + 1] = node.id
	end
	local reached_from = graph.ways(node_at, sources)
	return function(id)
		local toward, distance, at = reached_from[id], 0, id
		while reached_from[at] do
			at, distance = reached_from[at], distance + 1
		end
		return toward or nil, reached_from[id] ~= nil and distance or nil
	end
end

---The allocated nodes that can be given up alone: everything else stays connected.
---@param reached table<table, boolean>
---@return table<table, boolean>
local function removable(reached)
	local spec = build.spec
	local found = {}
	for id, node in pairs(spec.allocNodes) do
		if reached[node] and not IS_START[node.type] then
			local without = {}
			for other_id, other in pairs(spec.allocNodes) do
				without[other_id] = other_id ~= id and other or nil
			end
			local left = nodes.connected(without)
			local alone = true
			for other in pairs(reached) do
				alone = alone and (other == node or left[other] == true)
			end
			found[node] = alone
		end
	end
	return found
end

---@param node table
---@return MasteryEffect[]?
local function effects(node)
	if node.type ~= "Mastery" then
		return nil
	end
	local list = {}
	for i, effect in ipairs(node.masteryEffects or {}) do
		local tree_effect = build.spec.tree.masteryEffects[effect.effect] or effect
		list[i] = {
			id = effect.effect,
			stats = tree_effect.sd or tree_effect.stats or effect.stats or {},
			chosen = build.spec.masterySelections[node.id] == effect.effect,
		}
	end
	return list
end

---@param node table
---@return integer[]
local function links(node)
	local ids = {}
	for _, other in ipairs(node.linked) do
		if is_offered(other) then
			ids[#ids + 1] = other.id
		end
	end
	table.sort(ids)
	return ids
end

---@param node table
---@return boolean
local function is_root(node)
	for _, other in ipairs(node.linked) do
		if IS_START[other.type] and build.spec.allocNodes[other.id] then
			return true
		end
	end
	return false
end

---@return PassiveTree
function M.list()
	local spec = build.spec
	local reached = nodes.connected(spec.allocNodes)
	local way = ways(reached)
	local can_go = removable(reached)
	local passives = {}
	for id, node in pairs(spec.nodes) do
		if is_offered(node) then
			local allocated = spec.allocNodes[id] ~= nil
			local toward, distance = way(id)
			passives[#passives + 1] = {
				id = id,
				name = node.dn or "",
				kind = KINDS[node.type],
				ascendancy = node.ascendancyName,
				allocated = allocated,
				reachable = not allocated and is_next_to(node, reached),
				removable = can_go[node] or false,
				distance = not allocated and distance or nil,
				toward = not allocated and toward or nil,
				stats = { unpack(node.sd or {}) },
				links = links(node),
				x = node.x,
				y = node.y,
				effects = effects(node),
				root = is_root(node),
			}
		end
	end
	table.sort(passives, function(a, b)
		return a.id < b.id
	end)
	local used, ascendancy_used = spec:CountAllocNodes()
	local extra = build.calcsTab.mainOutput.ExtraPoints or 0
	return {
		tree_version = spec.treeVersion,
		passives = passives,
		points = {
			used = used,
			available = build.characterLevel - 1 + QUEST_POINTS + extra,
			ascendancy_used = ascendancy_used,
			ascendancy_available = ASCENDANCY_POINTS,
		},
	}
end

return M
