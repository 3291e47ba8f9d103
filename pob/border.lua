-- The border between Rust and an engine: every call crosses here, guarded, with plain data in both directions.
-- Each function returns a table that has either what was asked for, or `failure`.

local brief = require("host.brief")
local guard = require("host.guard")
local json = require("host.json")
local lock = require("host.lock")
local outcome = require("outcome")

-- Before any engine takes `pcall` for itself.
guard.install()

local M = {}

---@type Engine
local engine

---Engines by name, as modules.
local ENGINES = { pob = "adapter", sample = "sample" }

---Calls an engine function and sorts what comes back: a result, an expected failure, a crash.
---@param fn function
---@return any? result
---@return { failure: EngineError, traceback: string? }? failed
local function call(fn, ...)
	local ok, result, err = guard.call(fn, ...)
	if guard.memory_exhausted() then
		-- Whatever was computed, PoB's own pcall may have eaten the refusal: nothing of it can be trusted.
		local failure = { kind = "memory_limit", message = "the Lua heap reached its limit" }
		return nil, { failure = failure, traceback = not ok and result.traceback or nil }
	elseif not ok then
		return nil, { failure = { kind = "engine_error", message = brief.text(result.message) }, traceback = result.traceback }
	elseif err then
		return nil, { failure = brief.failure(err) }
	end
	return result
end

---@param name string
function M.open(name)
	local module, failed = call(require, ENGINES[name] or name)
	engine = module
	return failed or {}
end

---@param native NativeHost
---@param options { directory: string?, tree_versions: string[] }
function M.boot(native, options)
	local _, failed = call(engine.boot, options, native)
	-- What comes from now on may be foreign, and an engine that does not boot gets nothing to read.
	lock.run(_G)
	return failed or {}
end

function M.describe()
	local info, failed = call(engine.describe)
	return failed or { info = info }
end

---@param xml string
function M.load_base(xml)
	local info, failed = call(engine.load_base, xml)
	if failed then
		return failed
	end
	local stats
	stats, failed = call(function()
		return outcome.list(engine.base_output())
	end)
	return failed or { warnings = brief.warnings(info.warnings), stats = stats, hints = info.hints }
end

---@param topic string
---@param argument table
function M.inquire(topic, argument)
	local text, failed = call(function()
		local answer, err = engine.inquire(topic, argument)
		if err then
			return nil, err
		end
		return json.encode(answer)
	end)
	return failed or { json = text }
end

function M.compile()
	local _, failed = call(engine.compile)
	return failed or {}
end

function M.warm_up()
	local _, failed = call(engine.warm_up)
	return failed or {}
end

---@param names string[]
function M.select(names)
	outcome.select(names)
end

---@param evaluate function
---@param everything boolean
local function answer(evaluate, everything, ...)
	local result, failed = call(evaluate, ...)
	if failed then
		return failed
	end
	local kinds, values, extras = outcome.pack(result.output, everything)
	return { kinds = kinds, values = values, extras = extras, warnings = brief.warnings(result.warnings), path = result.path }
end

---@param variation Variation
---@param everything boolean
---@param computing fun() called before anything is done that may take long
function M.evaluate(variation, everything, computing)
	return answer(engine.evaluate, everything, variation, computing)
end

---@param xml string
---@param hints string `BaseInfo.hints` of the same base; empty: none
---@param variation Variation
---@param everything boolean
function M.evaluate_plain(xml, hints, variation, everything)
	return answer(engine.evaluate_plain, everything, xml, variation, hints)
end

---@param xml string
---@param variation Variation
function M.export(xml, variation)
	local text, failed = call(engine.export, xml, variation)
	return failed or { xml = text }
end

---@return boolean
function M.memory_exhausted()
	return guard.memory_exhausted()
end

return M
