-- Applies everything that says which nodes are allocated: allocate, allocate_path, masteries, deallocate, and a
-- changed class or ascendancy. Together, since only the whole says what is connected.
--
-- The order: what is allocated and chosen comes to the base's nodes, what is deallocated goes; paths then start from
-- what is connected and keep off what was deallocated; at last, what nothing connects has no effect.

local context = require('sample.apply.context')
local tree = require('sample.tree')

local M = {}

---@class (exact) NodeChange
---@field wanted table<integer, boolean>
---@field barred table<integer, boolean> deallocated
---@field added { id: integer, field: string }[] what must be connected in the end, or be warned about

---@param id integer
---@return string
local function named(id)
	return ('node %d (%s)'):format(id, tree.nodes[id].name)
end

---Checks an id of a list, and warns about starts.
---@param applying Applying
---@param id integer
---@param field string
---@return boolean usable
---@return EngineError?
local function check(applying, id, field)
	if not tree.nodes[id] then
		return false, context.fail('unknown_node', field, ('there is no node %d'):format(id))
	elseif not tree.is_allocatable(id) then
		context.warn(applying, 'node_unchanged', field, named(id) .. ' is a start: it comes with the class')
		return false
	end
	return true
end

---@param applying Applying
---@param change NodeChange
---@param list integer[]
---@return EngineError?
local function deallocate(applying, change, list)
	for i = 1, #list do
		local id, field = list[i], context.path('deallocate', i)
		local usable, err = check(applying, id, field)
		if err then
			return err
		elseif usable and not change.wanted[id] then
			context.warn(applying, 'node_unchanged', field, named(id) .. ' is not allocated')
		elseif usable then
			change.wanted[id] = nil
		end
		if usable then
			change.barred[id] = true
		end
	end
end

---@param applying Applying
---@param change NodeChange
---@param id integer
---@param field string
---@return EngineError?
local function add(applying, change, id, field)
	if change.barred[id] then
		return context.fail('invalid_variation', field, named(id) .. ' is both allocated and deallocated')
	elseif change.wanted[id] then
		context.warn(applying, 'node_unchanged', field, named(id) .. ' is allocated already')
	else
		change.wanted[id] = true
		change.added[#change.added + 1] = { id = id, field = field }
	end
end

---@param applying Applying
---@param change NodeChange
---@param list integer[]
---@return EngineError?
local function allocate(applying, change, list)
	for i = 1, #list do
		local field = context.path('allocate', i)
		local usable, err = check(applying, list[i], field)
		err = err or usable and add(applying, change, list[i], field) or nil
		if err then
			return err
		end
	end
end

---@param applying Applying
---@param change NodeChange
---@param list { node: integer, effect: integer }[]
---@return EngineError?
local function choose(applying, change, list)
	local chosen = {}
	for i = 1, #list do
		local id, effect, field = list[i].node, list[i].effect, context.path('masteries', i, 'node')
		local node = tree.nodes[id]
		if not node then
			return context.fail('unknown_node', field, ('there is no node %d'):format(id))
		elseif not node.effects then
			return context.fail('unknown_mastery', field, named(id) .. ' is no mastery')
		elseif not node.effects[effect] then
			return context.fail(
				'unknown_mastery',
				context.path('masteries', i, 'effect'),
				('%s has no effect %d'):format(named(id), effect)
			)
		elseif chosen[id] then
			return context.fail('invalid_variation', field, named(id) .. ' is chosen twice')
		end
		chosen[id] = effect
		-- A mastery that is allocated already merely changes its effect.
		if not change.wanted[id] or change.barred[id] then
			local err = add(applying, change, id, field)
			if err then
				return err
			end
		end
	end
	local old, new = applying.base.masteries, {}
	for i = 1, #old do
		if not chosen[old[i].node] then
			new[#new + 1] = old[i]
		end
	end
	for i = 1, #list do
		new[#new + 1] = { node = list[i].node, effect = list[i].effect }
	end
	table.sort(new, function(a, b)
		return a.node < b.node
	end)
	applying.build.masteries = new
end

---@param applying Applying
---@param change NodeChange
---@param list integer[]
---@return EngineError?
local function allocate_path(applying, change, list)
	local build = applying.build
	for i = 1, #list do
		local id, field = list[i], context.path('allocate_path', i)
		local usable, err = check(applying, id, field)
		if err then
			return err
		elseif usable and change.barred[id] then
			return context.fail('invalid_variation', field, named(id) .. ' is both allocated and deallocated')
		elseif usable then
			local _, reached = tree.connected(build.class, build.ascendancy, change.wanted)
			local path = not reached[id] and tree.path(id, reached, change.barred)
			if reached[id] then
				context.warn(applying, 'node_unchanged', field, named(id) .. ' is allocated already')
			elseif not path then
				context.warn(applying, 'node_not_connected', field, 'no path leads to ' .. named(id))
			else
				for j = 1, #path do
					change.wanted[path[j]] = true
				end
			end
		end
	end
end

---@param applying Applying
---@param change NodeChange
---@param variation Variation
local function settle(applying, change, variation)
	local build, base = applying.build, applying.base
	local connected, reached = tree.connected(build.class, build.ascendancy, change.wanted)
	for i = 1, #change.added do
		local id = change.added[i].id
		if not reached[id] then
			context.warn(
				applying,
				'node_not_connected',
				change.added[i].field,
				'nothing connects ' .. named(id)
			)
		end
	end
	local cause = variation.deallocate and #variation.deallocate > 0 and 'deallocate'
		or variation.class and 'class'
		or 'ascendancy'
	for i = 1, #base.nodes do
		local id = base.nodes[i]
		if not reached[id] and not change.barred[id] then
			context.warn(
				applying,
				'node_dropped',
				cause,
				named(id) .. ' is given up: nothing connects it any more'
			)
		end
	end
	build.nodes = connected
end

local EMPTY = {}

---@param applying Applying
---@param variation Variation
---@return EngineError?
function M.apply(applying, variation)
	local nodes = applying.base.nodes
	---@type NodeChange
	local change = { wanted = {}, barred = {}, added = {} }
	for i = 1, #nodes do
		change.wanted[nodes[i]] = true
	end
	local err = deallocate(applying, change, variation.deallocate or EMPTY)
		or allocate(applying, change, variation.allocate or EMPTY)
		or choose(applying, change, variation.masteries or EMPTY)
		or allocate_path(applying, change, variation.allocate_path or EMPTY)
	if err then
		return err
	end
	settle(applying, change, variation)
end

return M
