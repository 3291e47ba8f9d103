-- The passive tree: nodes, links, and the two questions that are asked of them: what is connected, and by which
-- shortest path something can be reached. Pure: allocations come in and go out as lists and sets of ids.

local classes = require('sample.data.classes')
local masteries = require('sample.data.masteries')
local mods = require('sample.mods')
local rows = require('sample.data.tree')
local tattoos = require('sample.data.tattoos')

---@class (exact) TreeNode
---@field id integer
---@field kind 'start'|'ascendancy_start'|'attribute'|'small'|'notable'|'keystone'|'mastery'|'socket'
---@field name string
---@field lines string[]
---@field mods Modifier[]
---@field links integer[] ascending
---@field ascendancy string? the ascendancy that it belongs to
---@field effects table<integer, Modifier[]>? of a mastery

local M = {}

M.VERSION = 'sample_1'

---@type table<integer, TreeNode>
M.nodes = {}
---@type integer[] every id, ascending
M.ids = {}
---@type integer[] ids of jewel sockets, ascending
M.sockets = {}
---@type table<string, { name: string, fits: string, mods: Modifier[] }>
M.tattoos = {}

for _, row in ipairs(rows) do
	assert(not M.nodes[row[1]], row[1])
	M.nodes[row[1]] = {
		id = row[1],
		kind = row[2],
		name = row[3],
		lines = row[4],
		mods = mods.parse_own(row[4]),
		links = {},
	}
	M.ids[#M.ids + 1] = row[1]
	if row[2] == 'socket' then
		M.sockets[#M.sockets + 1] = row[1]
	end
end
table.sort(M.ids)
table.sort(M.sockets)
for _, row in ipairs(rows) do
	for _, other in ipairs(row[5]) do
		local from, to = M.nodes[row[1]].links, assert(M.nodes[other], other).links
		from[#from + 1], to[#to + 1] = other, row[1]
	end
end
for _, id in ipairs(M.ids) do
	table.sort(M.nodes[id].links)
end
for _, mastery in ipairs(masteries) do
	local effects = {}
	for _, effect in ipairs(mastery[2]) do
		effects[effect[1]] = mods.parse_own(effect[2])
	end
	M.nodes[mastery[1]].effects = effects
end
for _, tattoo in ipairs(tattoos) do
	M.tattoos[tattoo.name] = { name = tattoo.name, fits = tattoo.fits, mods = mods.parse_own(tattoo.lines) }
end
for _, class in ipairs(classes) do
	for _, ascendancy in ipairs(class.ascendancies) do
		-- An ascendancy is a little tree of its own: whatever hangs together with its start.
		local open = { ascendancy.start }
		for _, id in ipairs(open) do
			M.nodes[id].ascendancy = ascendancy.name
			for _, other in ipairs(M.nodes[id].links) do
				if not M.nodes[other].ascendancy then
					open[#open + 1] = other
				end
			end
		end
	end
end

---The start nodes of a class and its ascendancy.
---@param class integer index
---@param ascendancy integer index, 0: none
---@return integer class_start
---@return integer? ascendancy_start
local function starts(class, ascendancy)
	local data = classes[class]
	return data.start, ascendancy > 0 and data.ascendancies[ascendancy].start or nil
end

---Whether the node can be allocated at all: a start never is, it comes with its class.
---@param id integer
---@return boolean
function M.is_allocatable(id)
	local node = M.nodes[id]
	return node ~= nil and node.kind ~= 'start' and node.kind ~= 'ascendancy_start'
end

---Which of the wanted nodes are connected with the start.
---@param class integer
---@param ascendancy integer
---@param wanted table<integer, boolean>
---@return integer[] connected ascending, without starts
---@return table<integer, boolean> reached the same as a set, starts included
function M.connected(class, ascendancy, wanted)
	local nodes, reached, open = M.nodes, {}, {}
	local class_start, ascendancy_start = starts(class, ascendancy)
	open[1], open[2] = class_start, ascendancy_start
	reached[class_start] = true
	if ascendancy_start then
		reached[ascendancy_start] = true
	end
	local at, count = 1, #open
	while at <= count do
		local links = nodes[open[at]].links
		for i = 1, #links do
			local id = links[i]
			if wanted[id] and not reached[id] then
				count = count + 1
				reached[id], open[count] = true, id
			end
		end
		at = at + 1
	end
	local connected, ids = {}, M.ids
	for i = 1, #ids do
		local id = ids[i]
		if reached[id] and wanted[id] then
			connected[#connected + 1] = id
		end
	end
	return connected, reached
end

---The node from which the shortest path enters each node; 0 for those that paths begin at. Of two paths of one length
---the one that a breadth-first search in ascending order of ids finds first.
---@param reached table<integer, boolean> starts included
---@param barred table<integer, boolean> ids that no path may use
---@param target integer? where to stop
---@return table<integer, integer>
function M.ways(reached, barred, target)
	local came_from, open, ids = {}, {}, M.ids
	for i = 1, #ids do
		local id = ids[i]
		-- A mastery is the end of a path, never a way through.
		if reached[id] and M.nodes[id].kind ~= 'mastery' then
			open[#open + 1], came_from[id] = id, 0
		end
	end
	local at = 1
	while open[at] do
		local id = open[at]
		local links = M.nodes[id].links
		for i = 1, #links do
			local other = links[i]
			if not came_from[other] and not barred[other] and M.is_allocatable(other) then
				came_from[other] = id
				if other == target then
					return came_from
				end
				if M.nodes[other].kind ~= 'mastery' then
					open[#open + 1] = other
				end
			end
		end
		at = at + 1
	end
	return came_from
end

---The shortest path from what is reached to the node: its last element is the node itself.
---@param target integer
---@param reached table<integer, boolean> starts included
---@param barred table<integer, boolean> ids that the path may not use
---@return integer[]? path nil when there is none
function M.path(target, reached, barred)
	local came_from = M.ways(reached, barred, target)
	if not came_from[target] or came_from[target] == 0 then
		return nil
	end
	local path, id = {}, target
	while came_from[id] ~= 0 do
		table.insert(path, 1, id)
		id = came_from[id]
	end
	return path
end

return M
