-- Which passive nodes hang together, and the shortest way to a new one. Pure: it walks whatever nodes it is given.
--
-- The rules are those of PoB's `PassiveSpec:BuildPathFromNode`: ways never enter class or ascendancy starts, never
-- leave a mastery, never change between ascendancies or enter one; an allocated ascendancy node may lead out into
-- the tree. Among ways of equal length PoB leaves the choice to chance; here the smallest ids win, from the start on.

local M = {}

---@class (exact) PassiveNode
---@field id integer
---@field kind string PoB's `type`: Normal, Notable, Keystone, Socket, Mastery, ClassStart, AscendClassStart
---@field ascendancy string?
---@field links integer[]
---@field effects table<integer, boolean>? the effects of a mastery

local IS_START = { ClassStart = true, AscendClassStart = true }

---@param from PassiveNode
---@param to PassiveNode
---@param from_allocated boolean
local function may_step(from, to, from_allocated)
	return from.kind ~= 'Mastery'
		and not IS_START[to.kind]
		and (from.ascendancy == to.ascendancy or (from_allocated and not to.ascendancy))
end

---@param ids integer[]
---@return integer[]
local function sorted(ids)
	local copy = { unpack(ids) }
	table.sort(copy)
	return copy
end

---Breadth first from all of `sources` at once. Returns the node from which each node was reached.
---@param node_at fun(id: integer): PassiveNode?
---@param sources integer[]
---@param enter fun(id: integer): boolean whether a node may be stepped on
---@param source_allocated fun(id: integer): boolean
---@return table<integer, integer|boolean>
local function spread(node_at, sources, enter, source_allocated)
	local reached_from, queue = {}, sorted(sources)
	for _, id in ipairs(queue) do
		reached_from[id] = false
	end
	local position = 1
	while queue[position] do
		local from = node_at(queue[position])
		position = position + 1
		for _, id in ipairs(from and sorted(from.links) or {}) do
			local to = node_at(id)
			if to and reached_from[id] == nil and enter(id) and may_step(from, to, source_allocated(from.id)) then
				reached_from[id] = from.id
				queue[#queue + 1] = id
			end
		end
	end
	return reached_from
end

---The allocated nodes that a start reaches, the starts among them, in order of their ids.
---@param node_at fun(id: integer): PassiveNode?
---@param starts integer[]
---@param allocated table<integer, boolean>
---@return integer[]
function M.connected(node_at, starts, allocated)
	local reached = spread(node_at, starts, function(id)
		return allocated[id] == true
	end, function()
		return true
	end)
	local ids = {}
	for id in pairs(reached) do
		ids[#ids + 1] = id
	end
	return sorted(ids)
end

---The node from which the shortest way enters each node; false for those that are connected already.
---@param node_at fun(id: integer): PassiveNode?
---@param connected integer[]
---@return table<integer, integer|boolean>
function M.ways(node_at, connected)
	local is_source = {}
	for _, id in ipairs(connected) do
		is_source[id] = true
	end
	return spread(node_at, connected, function()
		return true
	end, function(id)
		return is_source[id] == true
	end)
end

---The nodes to add, the target among them; nil where no way leads. Nothing to add if it is connected already.
---@param node_at fun(id: integer): PassiveNode?
---@param connected integer[]
---@param target integer
---@return integer[]?
function M.path(node_at, connected, target)
	local reached_from = M.ways(node_at, connected)
	if reached_from[target] == nil then
		return nil
	end
	local path, id = {}, target
	while reached_from[id] do
		path[#path + 1] = id
		id = reached_from[id]
	end
	return path
end

return M
