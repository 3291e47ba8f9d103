-- Passive nodes: the set of allocated nodes is replaced by another one, without what nothing connects, as long as no
-- node changes the tree itself. Anything else (masteries, sockets that hold jewels) goes the plain way.

-- Taken here because the lock-down removes it.
local new_table = require("table.new")

local graph = require("adapter.edit.graph")
local trial = require("adapter.trial")

local M = {}

---@class (exact) NodeChange
---@field node table
---@field add boolean allocated, or given up
---@field field string where the variation asks for it

---Node ids from here on belong to cluster jewels.
local CLUSTER_NODES_FROM = 0x10000
local IS_START = { ClassStart = true, AscendClassStart = true }
local IS_SIMPLE = { Normal = true, Notable = true, Keystone = true, Socket = true }

---Whether a way leads from an allocated node to its neighbour.
---@param from table
---@param to table
---@return boolean
local function leads(from, to)
	return from.type ~= "Mastery" and (from.ascendancyName or not to.ascendancyName or IS_START[from.type]) and true
		or false
end

---The nodes that are connected to a start through allocated nodes, by the rules of `PassiveSpec:FindStartFromNode`:
---ways do not pass a mastery, and do not lead from the tree into an ascendancy.
---@param allocated table<integer, table>
---@return table<table, boolean>
function M.connected(allocated)
	local reached, queue, length = {}, {}, 0
	for _, node in pairs(allocated) do
		if IS_START[node.type] then
			length = length + 1
			queue[length] = node
			reached[node] = true
		end
	end
	local position = 1
	while position <= length do
		local node = queue[position]
		position = position + 1
		if node.type ~= "Mastery" then
			local linked = node.linked
			for i = 1, #linked do
				local other = linked[i]
				if
					not reached[other]
					and allocated[other.id]
					and leads(node, other)
				then
					reached[other] = true
					length = length + 1
					queue[length] = other
				end
			end
		end
	end
	return reached
end

---Whether nodes were only added, and each hangs on one that was connected or was added before it: then nothing can have
---lost its connection, and the whole tree need not be walked.
---@param changes { node: table, add: boolean, field: string }[]
---@param base LoadedBase
---@return boolean
local function all_attached(changes, base)
	local allocated, attached = build.spec.allocNodes, {}
	for i = 1, #changes do
		local change = changes[i]
		local node, found = change.node, false
		if not change.add then
			return false
		end
		for j = 1, #node.linked do
			local other = node.linked[j]
			local connected = attached[other] or (allocated[other.id] == other and not base.unconnected[other])
			if connected and leads(other, node) then
				found = true
				break
			end
		end
		if not found then
			return false
		end
		attached[node] = true
	end
	return true
end

---Whether allocating or giving up the node changes nothing but its own modifiers.
---@param node table
---@return boolean
local function is_simple(node)
	if not IS_SIMPLE[node.type] then
		return false
	end
	local jewel = build.spec.jewels[node.id]
	return not (jewel and jewel > 0)
end

---@param warnings EngineWarning[]
---@param kind WarningKind
---@param field string?
---@param message string
local function warn(warnings, kind, field, message)
	warnings[#warnings + 1] = { kind = kind, field = field, message = message }
end

---The node of that id; nothing if it has no effect (a cluster jewel's node that is not there).
---@param id integer
---@param field string
---@param context EvaluationContext
---@return table? node
---@return EngineError?
local function find(id, field, context)
	local node = build.spec.nodes[id]
	if not node then
		if id < CLUSTER_NODES_FROM and not context.tree().node(id) then
			return nil, { kind = "unknown_node", field = field, message = "no passive node " .. id .. " in this tree" }
		end
		warn(context.warnings, "node_not_connected", field, "node " .. id .. " has no effect: nothing connects it")
	end
	return node
end

---@param changes NodeChange[]
---@param id integer
---@param field string
---@param add boolean
---@param set table<integer, table>
---@param context EvaluationContext
---@return EngineError?
local function collect(changes, id, field, add, set, context)
	local node, err = find(id, field, context)
	if err or not node then
		return err
	elseif (set[id] ~= nil) == add then
		warn(context.warnings, "node_unchanged", field, "node " .. id .. (add and " is allocated already" or " is not allocated"))
	elseif not is_simple(node) then
		return context.needs_plain("a node that changes the tree")
	else
		set[id] = add and node or nil
		changes[#changes + 1] = { node = node, add = add, field = field }
	end
end

---@param changes NodeChange[]
---@param ids integer[]
---@param name string
---@param add boolean
---@param set table<integer, table>
---@param context EvaluationContext
---@return EngineError?
local function collect_all(changes, ids, name, add, set, context)
	for index, id in ipairs(ids) do
		local err = collect(changes, id, name .. "[" .. index - 1 .. "]", add, set, context)
		if err then
			return err
		end
	end
end

---@param changes NodeChange[]
---@param ids integer[]
---@param set table<integer, table>
---@param base LoadedBase
---@param context EvaluationContext
---@return EngineError?
local function collect_paths(changes, ids, set, base, context)
	local tree = context.tree()
	for index, id in ipairs(ids) do
		local field = "allocate_path[" .. index - 1 .. "]"
		local node, err = find(id, field, context)
		if err then
			return err
		elseif node then
			local allocated = {}
			for allocated_id in pairs(set) do
				allocated[allocated_id] = true
			end
			local path = graph.path(tree.node, graph.connected(tree.node, base.starts, allocated), id)
			if not path then
				warn(context.warnings, "node_not_connected", field, "no way leads to node " .. id)
			elseif not path[1] then
				warn(context.warnings, "node_unchanged", field, "node " .. id .. " is allocated already")
			else
				-- The steps are not named in the variation: what is said of them is said of the goal.
				for _, step in ipairs(path) do
					err = collect(changes, step, field, true, set, context)
					if err then
						return err
					end
				end
			end
		end
	end
end

---Whether what PoB does with a node that no way leads to depends on more than ways: beside a mastery, and for a node of
---an ascendancy beside a node of the tree, which PoB keeps unless something else hangs on it.
---@param node table
---@param set table<integer, table>
---@return boolean
local function is_doubtful(node, set)
	for _, other in ipairs(node.linked) do
		if set[other.id] and (other.type == "Mastery" or (node.ascendancyName and not other.ascendancyName)) then
			return true
		end
	end
	return false
end

---Gives up what nothing connects, as PoB does when it loads a build (`PassiveSpec:BuildAllDependsAndPaths`).
---@param set table<integer, table>
---@param changes NodeChange[]
---@param base LoadedBase
---@param context EvaluationContext
---@return table[]? dropped
---@return EngineError?
local function prune(set, changes, base, context)
	if all_attached(changes, base) then
		return {}
	end
	local reached = M.connected(set)
	local dropped = {}
	for _, node in pairs(set) do
		if not reached[node] and not base.unconnected[node] then
			if base.jewels_hold_nodes or not is_simple(node) or is_doubtful(node, set) then
				return nil, context.needs_plain("a node that nothing connects")
			end
			dropped[#dropped + 1] = node
		end
	end
	table.sort(dropped, function(a, b)
		return a.id < b.id
	end)
	local field_of = {}
	for _, change in ipairs(changes) do
		field_of[change.node] = change.field
	end
	for _, node in ipairs(dropped) do
		set[node.id] = nil
		if field_of[node] then
			warn(context.warnings, "node_not_connected", field_of[node], "node " .. node.id .. " has no effect: nothing connects it")
		else
			warn(context.warnings, "node_dropped", nil, "node " .. node.id .. " is given up: nothing connects it any more")
		end
	end
	return dropped
end

---How many notable nodes there are once these were allocated or given up.
---@param changes NodeChange[]
---@return integer
local function count_notables(changes)
	local count = build.spec.allocatedNotableCount
	for _, change in ipairs(changes) do
		if change.node.type == "Notable" then
			count = count + (change.add and 1 or -1)
		end
	end
	return count
end

---How many tattoos of each type there are once these nodes were allocated or given up. PoB counts anew: a type of which none
---is left has no entry.
---@param counts table<string, integer>
---@param changes NodeChange[]
---@return table<string, integer>
function M.count_tattoos(counts, changes)
	local found = {}
	for type, count in pairs(counts) do
		found[type] = count
	end
	for _, change in ipairs(changes) do
		local type = change.node.isTattoo and change.node.overrideType
		if type then
			local count = (found[type] or 0) + (change.add and 1 or -1)
			found[type] = count ~= 0 and count or nil
		end
	end
	return found
end

---A table of allocated nodes, filled in the order in which PoB fills it when it loads such a build: starts, then ids.
---Those of the base are in order already; only what the variation adds must be sorted.
---@param set table<integer, table>
---@param changes NodeChange[]
---@param base LoadedBase
---@return table<integer, table>
local function in_order_of_loading(set, changes, base)
	local ordered = {}
	for _, id in ipairs(base.starts) do
		ordered[id] = set[id]
	end
	local added, count = {}, 0
	for _, change in ipairs(changes) do
		if change.add then
			count = count + 1
			added[count] = change.node.id
		end
	end
	table.sort(added)
	local next_added = 1
	local ids = base.ordered_ids
	for i = 1, #ids do
		local id = ids[i]
		while next_added <= count and added[next_added] < id do
			ordered[added[next_added]] = set[added[next_added]]
			next_added = next_added + 1
		end
		ordered[id] = set[id]
	end
	for i = next_added, count do
		ordered[added[i]] = set[added[i]]
	end
	return ordered
end

---@param variation Variation
---@param base LoadedBase
---@param context EvaluationContext
---@return EngineError?
function M.apply(variation, base, context)
	if not (variation.allocate or variation.allocate_path or variation.deallocate) then
		return
	end
	local spec = build.spec
	local set = new_table(0, #base.starts + #base.ordered_ids)
	for id, node in pairs(spec.allocNodes) do
		set[id] = node
	end
	local changes = {}
	local err = collect_all(changes, variation.deallocate or {}, "deallocate", false, set, context)
		or collect_all(changes, variation.allocate or {}, "allocate", true, set, context)
		or collect_paths(changes, variation.allocate_path or {}, set, base, context)
	if err or not changes[1] then
		return err
	end
	if base.measures_distances then
		return context.needs_plain("a jewel counts the distance to the class's start")
	end
	local dropped
	dropped, err = prune(set, changes, base, context)
	if not dropped then
		return err
	end
	for _, node in ipairs(dropped) do
		changes[#changes + 1] = { node = node, add = false, field = "" }
	end
	context.node_changes = changes
	trial.set(spec, "allocatedNotableCount", count_notables(changes))
	-- Versions before 2.60 do not count them.
	if spec.allocatedTattooTypes then
		trial.set(spec, "allocatedTattooTypes", M.count_tattoos(spec.allocatedTattooTypes, changes))
	end
	trial.set(spec, "allocNodes", in_order_of_loading(set, changes, base))
end

return M
