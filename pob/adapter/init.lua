-- The engine `pob`: the engine contract on top of Path of Building.

local base = require("adapter.base")
local boot = require("adapter.boot")
local calculate = require("adapter.calculate")
local describe = require("adapter.describe")
local evaluate = require("adapter.evaluate")
local inquire = require("adapter.inquire")
local plain = require("adapter.plain")
local warm_up = require("adapter.warm_up")

-- Taken here because the lock-down removes it from the global table.
local jit = jit

---@type Engine
local M = {}

---@type NativeHost
local native
---@type string[]
local tree_versions = {}
---@type table<string, boolean>
local available = {}
---@type LoadedBase?
local loaded

---@return LoadedBase
local function need_base()
	return loaded or error("no base is loaded")
end

---@param options { directory: string?, tree_versions: string[], accelerators: string }
---@param native_host NativeHost
function M.boot(options, native_host)
	native = native_host
	local ok, err = boot.run(native, options.tree_versions, options.accelerators)
	if not ok then
		return nil, err
	end
	tree_versions = describe.tree_versions(native)
	for _, version in ipairs(tree_versions) do
		available[version] = true
	end
	return true
end

function M.describe()
	return describe.info(native, tree_versions)
end

function M.load_base(xml)
	-- Compiling what runs once costs more than it saves: with the JIT on a load takes three times as long.
	jit.off()
	local err, warnings
	loaded, err, warnings = base.load(xml, available)
	if not loaded then
		return nil, err
	end
	base.prepare(loaded)
	return { warnings = warnings, hints = plain.hints() }
end

function M.base_output()
	need_base()
	return calculate.flatten(build.calcsTab.mainOutput)
end

function M.inquire(topic, argument)
	return inquire.ask(topic, argument)
end

M.compile = warm_up.compile

function M.warm_up()
	warm_up.run(need_base(), M.evaluate)
end

function M.evaluate(variation, computing)
	return evaluate.run(variation, need_base(), computing)
end

function M.evaluate_plain(xml, variation, hints)
	loaded = nil
	return plain.run(xml, variation, hints or "", available)
end

function M.export(xml, variation)
	loaded = nil
	local varied, err = plain.export(xml, variation, "", available)
	return varied, err
end

return M
