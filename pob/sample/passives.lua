-- The nodes of a build's tree, for those who look for variations: what is allocated, and what one point allocates.

local classes = require('sample.data.classes')
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
---@return Passive[] ascending by id
function M.list(build)
	local allocated = {}
	for _, id in ipairs(build.nodes) do
		allocated[id] = true
	end
	local _, reached = tree.connected(build.class, build.ascendancy, allocated)
	local own = classes[build.class].ascendancies[build.ascendancy]
	local passives = {}
	for _, id in ipairs(tree.ids) do
		local node = tree.nodes[id]
		-- A start is no one's to buy, and no point leads into the ascendancy of another.
		if tree.is_allocatable(id) and (not node.ascendancy or (own and own.name == node.ascendancy)) then
			passives[#passives + 1] = {
				id = id,
				name = node.name,
				kind = KINDS[node.kind],
				ascendancy = node.ascendancy,
				allocated = allocated[id] or false,
				reachable = not allocated[id] and is_next_to(node, reached),
			}
		end
	end
	return passives
end

return M
