-- The plain way: the variation is written into the build's XML, and that is loaded from scratch. Also the export.

local base = require("adapter.base")
local calculate = require("adapter.calculate")
local edit = require("adapter.edit")
local lookup = require("adapter.edit.lookup")

local M = {}

---Node ids from here on belong to cluster jewels: only a loaded build knows the ways through them.
local CLUSTER_NODES_FROM = 0x10000

---What the loaded build can tell `run` in another VM, so that it need not load the build first: nodes and groups.
---@return string
function M.hints()
	return #build.skillsTab.socketGroupList .. ":" .. table.concat(base.allocated(), ",")
end

---@param hints string
---@return KnownBase?
local function read_hints(hints)
	local group_count, ids = hints:match("^(%d+):([%d,]*)$")
	if group_count then
		local allocated = {}
		for id in ids:gmatch("%d+") do
			allocated[#allocated + 1] = tonumber(id)
		end
		return { allocated = allocated, group_count = tonumber(group_count) }
	end
end

---Whether the ways that the variation asks for may lead through cluster jewels.
---@param variation Variation
---@param known KnownBase
---@return boolean
local function paths_through_clusters(variation, known)
	for _, id in ipairs(variation.allocate_path and known.allocated or {}) do
		if id >= CLUSTER_NODES_FROM then
			return true
		end
	end
	return false
end

---What PoB makes of the build that the changes apply to: from the hints, or by loading it.
---@param xml string
---@param variation Variation
---@param hints string
---@param available table<string, boolean>
---@return KnownBase?
---@return EngineError?
---@return table? spec the loaded spec, if the build was loaded
local function learn(xml, variation, hints, available)
	local known = not variation.build and read_hints(hints) or nil
	if known and not paths_through_clusters(variation, known) then
		return known
	end
	local loaded, err = base.load(variation.build or xml, available)
	if not loaded then
		err.field = variation.build and "build" or nil
		return nil, err
	end
	return { allocated = base.allocated(), group_count = #build.skillsTab.socketGroupList }, nil, build.spec
end

---@param xml string
---@param variation Variation
---@param hints string
---@param available table<string, boolean>
---@return string? varied
---@return EngineError?
---@return KnownBase? known
function M.export(xml, variation, hints, available)
	local known, spec
	if edit.needs_allocated(variation) or variation.main_socket_group or variation.build then
		local err
		known, err, spec = learn(xml, variation, hints, available)
		if not known then
			return nil, err
		end
	end
	local varied, err = edit.apply(xml, variation, lookup.new(spec), known)
	return varied, err, known
end

---What was asked of the tree and did not come about.
---@param variation Variation
---@param known KnownBase?
---@return EngineWarning[]
local function tree_warnings(variation, known)
	local before, warnings = {}, {}
	for _, id in ipairs(known and known.allocated or {}) do
		before[id] = true
	end
	local now = build.spec.allocNodes
	local function warn(kind, field, message)
		warnings[#warnings + 1] = { kind = kind, field = field, message = message }
	end
	for _, list in ipairs({ "allocate", "allocate_path" }) do
		for index, id in ipairs(variation[list] or {}) do
			local field = list .. "[" .. index - 1 .. "]"
			if not now[id] then
				warn("node_not_connected", field, "node " .. id .. " has no effect: nothing connects it")
			elseif before[id] then
				warn("node_unchanged", field, "node " .. id .. " is allocated already")
			end
		end
	end
	for index, choice in ipairs(variation.masteries or {}) do
		if not now[choice.node] then
			local field = "masteries[" .. index - 1 .. "].node"
			warn("node_not_connected", field, "mastery " .. choice.node .. " has no effect: nothing connects it")
		end
	end
	local given_up = {}
	for index, id in ipairs(variation.deallocate or {}) do
		given_up[id] = true
		if not before[id] then
			warn("node_unchanged", "deallocate[" .. index - 1 .. "]", "node " .. id .. " is not allocated")
		end
	end
	for _, id in ipairs(known and known.allocated or {}) do
		if not now[id] and not given_up[id] then
			warn("node_dropped", nil, "node " .. id .. " is given up: nothing connects it any more")
		end
	end
	return warnings
end

---@param xml string
---@param variation Variation
---@param hints string
---@param available table<string, boolean>
---@return EvaluateResult?, EngineError?
function M.run(xml, variation, hints, available)
	local varied, err, known = M.export(xml, variation, hints, available)
	if not varied then
		return nil, err
	end
	local loaded
	loaded, err = base.load(varied, available)
	if not loaded then
		return nil, err
	end
	local output = calculate.flatten(build.calcsTab.mainOutput)
	return { output = output, warnings = tree_warnings(variation, known), path = "plain" }
end

return M
