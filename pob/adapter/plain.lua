-- The plain way: the variation is written into the build's XML, and that is loaded from scratch. Also the export.

local base = require("adapter.base")
local calculate = require("adapter.calculate")
local edit = require("adapter.edit")
local lookup = require("adapter.edit.lookup")

local M = {}

---What loading the build that the changes apply to can tell: the nodes and groups that PoB makes of it.
---@param xml string
---@param variation Variation
---@param available table<string, boolean>
---@return KnownBase?, EngineError?
local function learn(xml, variation, available)
	local loaded, err = base.load(variation.build or xml, available)
	if not loaded then
		err.field = variation.build and "build" or nil
		return nil, err
	end
	local allocated = {}
	for id in pairs(build.spec.allocNodes) do
		allocated[#allocated + 1] = id
	end
	return { allocated = allocated, group_count = #build.skillsTab.socketGroupList }
end

---@param xml string
---@param variation Variation
---@param available table<string, boolean>
---@return string? varied
---@return EngineError?
---@return KnownBase? known
function M.export(xml, variation, available)
	local known
	if edit.needs_allocated(variation) or variation.main_socket_group or variation.build then
		local err
		known, err = learn(xml, variation, available)
		if not known then
			return nil, err
		end
	end
	local varied, err = edit.apply(xml, variation, lookup.new(known and build.spec), known)
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
---@param available table<string, boolean>
---@return EvaluateResult?, EngineError?
function M.run(xml, variation, available)
	local varied, err, known = M.export(xml, variation, available)
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
