-- The nodes of a build's tree, for those who look for variations: what is allocated, what each step costs, and what can
-- be given up.

local classes = require('sample.data.classes')
local masteries = require('sample.data.masteries')
local tree = require('sample.tree')

---@type table<string, PassiveKind>
local KINDS = {
	attribute = 'normal',
	small = 'normal',
	notable = 'notable',
	keystone = 'keystone',
	mastery = 'mastery',
	socket = 'socket',
}
---A rule of our own: what a character gets beside one point a level.
local QUEST_POINTS = 4
local ASCENDANCY_POINTS = 4
---The tree is small: a ring for each hundred, and a node's place on it by its number. For plots only.
local RING = 300

local M = {}

---@param node TreeNode
---@param reached table<integer, boolean> allocated and connected, starts included
---@return boolean
local function is_next_to(node, reached)
	for _, other in ipairs(node.links) do
		if reached[other] and tree.nodes[other].kind ~= 'mastery' then
			return true
		end
	end
	return false
end

---@param build Build
---@param allocated table<integer, boolean>
---@param id integer
---@return boolean
local function is_removable(build, allocated, id)
	local without, count = {}, 0
	for other in pairs(allocated) do
		if other ~= id then
			without[other] = true
			count = count + 1
		end
	end
	return #tree.connected(build.class, build.ascendancy, without) == count
end

---@param build Build
---@param id integer
---@return MasteryEffect[]?
local function effects(build, id)
	local chosen
	for _, choice in ipairs(build.masteries) do
		chosen = choice.node == id and choice.effect or chosen
	end
	for _, mastery in ipairs(masteries) do
		if mastery[1] == id then
			local list = {}
			for i, effect in ipairs(mastery[2]) do
				list[i] = { id = effect[1], stats = effect[2], chosen = chosen == effect[1] }
			end
			return list
		end
	end
end

---@param build Build
---@return PassiveTree
function M.list(build)
	local allocated = {}
	for _, id in ipairs(build.nodes) do
		allocated[id] = true
	end
	local _, reached = tree.connected(build.class, build.ascendancy, allocated)
	local came_from = tree.ways(reached, {})
	local own = classes[build.class].ascendancies[build.ascendancy]
	-- A start is no one's to buy, and no point leads into the ascendancy of another.
	local function is_offered(id)
		local node = tree.nodes[id]
		return tree.is_allocatable(id) and (not node.ascendancy or (own and own.name == node.ascendancy))
	end
	local passives, used, ascendancy_used = {}, 0, 0
	for _, id in ipairs(tree.ids) do
		local node = tree.nodes[id]
		if is_offered(id) then
			local links, distance, at, root = {}, 0, id, false
			for _, other in ipairs(node.links) do
				root = root or (reached[other] and not tree.is_allocatable(other)) or false
				links[#links + 1] = is_offered(other) and other or nil
			end
			while (came_from[at] or 0) ~= 0 do
				at, distance = came_from[at], distance + 1
			end
			local way = not allocated[id] and came_from[id] and distance > 0
			if allocated[id] and node.ascendancy then
				ascendancy_used = ascendancy_used + 1
			elseif allocated[id] then
				used = used + 1
			end
			passives[#passives + 1] = {
				id = id,
				name = node.name,
				kind = KINDS[node.kind],
				ascendancy = node.ascendancy,
				allocated = allocated[id] or false,
				reachable = not allocated[id] and is_next_to(node, reached),
				removable = allocated[id] and is_removable(build, allocated, id) or false,
				distance = way and distance or nil,
				toward = way and came_from[id] or nil,
				stats = node.lines,
				links = links,
				x = RING * math.floor(id / 100) + 10 * (id % 10),
				y = 10 * math.floor(id % 100 / 10),
				effects = effects(build, id),
				root = root,
			}
		end
	end
	return {
		tree_version = tree.VERSION,
		passives = passives,
		points = {
			used = used,
			available = build.level - 1 + QUEST_POINTS,
			ascendancy_used = ascendancy_used,
			ascendancy_available = ASCENDANCY_POINTS,
		},
	}
end

return M
