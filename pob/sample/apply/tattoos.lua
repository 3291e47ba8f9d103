-- Applies tattoos: what stands in place of a node's own content.

local context = require('sample.apply.context')
local tree = require('sample.tree')

local M = {}

---@param applying Applying
---@param change { node: integer, name: string? }
---@param index integer
---@return EngineError?
local function check(applying, change, index)
	local node, tattoo = tree.nodes[change.node], change.name and tree.tattoos[change.name]
	if not node then
		return context.fail(
			'unknown_node',
			context.path('tattoos', index, 'node'),
			('there is no node %d'):format(change.node)
		)
	elseif change.name and not tattoo then
		return context.fail(
			'unknown_tattoo',
			context.path('tattoos', index, 'name'),
			('there is no tattoo %s'):format(change.name)
		)
	elseif tattoo and tattoo.fits ~= node.kind then
		return context.fail(
			'invalid_variation',
			context.path('tattoos', index, 'name'),
			('%s goes on nodes of kind %s, node %d is of kind %s'):format(
				change.name,
				tattoo.fits,
				change.node,
				node.kind
			)
		)
	end
	for i = 1, tattoo and #applying.build.nodes or 0 do
		if applying.build.nodes[i] == change.node then
			return nil
		end
	end
	if tattoo then
		context.warn(
			applying,
			'node_not_connected',
			context.path('tattoos', index, 'node'),
			('node %d is not allocated: its tattoo has no effect'):format(change.node)
		)
	end
end

---@param applying Applying
---@param changes { node: integer, name: string? }[]
---@return EngineError?
function M.apply(applying, changes)
	local changed, new = {}, {}
	for i = 1, #changes do
		local node = changes[i].node
		if changed[node] then
			return context.fail(
				'invalid_variation',
				context.path('tattoos', i, 'node'),
				('node %d is there twice'):format(node)
			)
		end
		changed[node] = i
		local err = check(applying, changes[i], i)
		if err then
			return err
		end
	end
	local old, had = applying.base.tattoos, {}
	for i = 1, #old do
		had[old[i].node] = true
		if not changed[old[i].node] then
			new[#new + 1] = old[i]
		end
	end
	for i = 1, #changes do
		if changes[i].name then
			new[#new + 1] = { node = changes[i].node, name = changes[i].name }
		elseif not had[changes[i].node] then
			context.warn(
				applying,
				'node_unchanged',
				context.path('tattoos', i),
				('node %d has no tattoo'):format(changes[i].node)
			)
		end
	end
	table.sort(new, function(a, b)
		return a.node < b.node
	end)
	applying.build.tattoos = new
end

return M
