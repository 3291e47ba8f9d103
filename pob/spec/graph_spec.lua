-- Connectivity and shortest ways on a small hand-made tree.

local graph = require('adapter.edit.graph')
local spec = require('spec.spec')

-- 1 start - 2 - 3 - 4 - 5, a second way 2 - 9 - 4; 3 - 7 mastery - 8; ascendancy: 20 start - 21 - 22, 22 leads out to 30.
local NODES = {
	[1] = { kind = 'ClassStart', links = { 2 } },
	[2] = { kind = 'Normal', links = { 1, 9, 3 } },
	[3] = { kind = 'Normal', links = { 2, 4, 7 } },
	[4] = { kind = 'Normal', links = { 9, 3, 5 } },
	[5] = { kind = 'Notable', links = { 4, 40 } },
	[7] = { kind = 'Mastery', links = { 3, 8 } },
	[8] = { kind = 'Normal', links = { 7 } },
	[9] = { kind = 'Normal', links = { 2, 4 } },
	[20] = { kind = 'AscendClassStart', ascendancy = 'A', links = { 21 } },
	[21] = { kind = 'Normal', ascendancy = 'A', links = { 20, 22 } },
	[22] = { kind = 'Notable', ascendancy = 'A', links = { 21, 30 } },
	[30] = { kind = 'Normal', links = { 22, 31 } },
	[31] = { kind = 'Normal', links = { 30 } },
	[40] = { kind = 'ClassStart', links = { 5, 41 } },
	[41] = { kind = 'Normal', links = { 40 } },
}
for id, node in pairs(NODES) do
	node.id = id
end

local function node_at(id)
	return NODES[id]
end

return function()
	spec.describe('graph', function()
		spec.it('keeps what a start reaches and drops the rest', function()
			local allocated = { [1] = true, [2] = true, [4] = true, [5] = true, [41] = true }
			spec.expect(graph.connected(node_at, { 1 }, allocated), { 1, 2 })
			allocated[9] = true
			spec.expect(graph.connected(node_at, { 1 }, allocated), { 1, 2, 4, 5, 9 })
		end)
		spec.it('takes the way of smaller ids among equals', function()
			spec.expect(graph.path(node_at, { 1, 2 }, 5), { 5, 4, 3 })
		end)
		spec.it('has nothing to add for a connected node', function()
			spec.expect(graph.path(node_at, { 1, 2 }, 2), {})
		end)
		spec.it('enters a mastery but never leaves it', function()
			spec.expect(graph.path(node_at, { 1, 2, 3 }, 7), { 7 })
			spec.expect(graph.path(node_at, { 1, 2, 3 }, 8), nil)
			spec.expect(graph.connected(node_at, { 1 }, { [2] = true, [3] = true, [7] = true, [8] = true }), { 1, 2, 3, 7 })
		end)
		spec.it('never passes through another start', function()
			spec.expect(graph.path(node_at, { 1 }, 41), nil)
		end)
		spec.it('leaves an ascendancy only from an allocated node', function()
			spec.expect(graph.path(node_at, { 20, 21, 22 }, 31), { 31, 30 })
			spec.expect(graph.path(node_at, { 20, 21 }, 31), nil)
			spec.expect(graph.path(node_at, { 30 }, 21), nil)
		end)
	end)
end
