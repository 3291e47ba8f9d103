-- The engine `pob`: the engine contract on top of Path of Building.

local base = require("adapter.base")
local boot = require("adapter.boot")
local calculate = require("adapter.calculate")
local describe = require("adapter.describe")

---@type Engine
local M = {}

local native
local tree_versions = {}
local available = {}

function M.boot(options, native_host)
	native = native_host
	local ok, err = boot.run(native, options.tree_versions)
	if not ok then
		return nil, err
	end
	tree_versions = describe.tree_versions(native)
	for _, version in ipairs(tree_versions) do
		available[version] = true
	end
	return true
end

function M.load_base(xml)
	return base.load(xml, available)
end

function M.base_output()
	return calculate.flatten(build.calcsTab.mainOutput)
end

return M
