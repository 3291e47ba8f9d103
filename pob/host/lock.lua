-- What is left of Lua once an engine is booted. Build data is never run as code; should a defect in an engine let a
-- build choose what is called, this decides what there is to be called.
--
-- | within reach | what it can do |
-- |---|---|
-- | KEPT below | compute |
-- | `bit`, `coroutine`, `math`, `string`, `table` | compute; `string` without `dump` |
-- | `io` (PoB only) | reads the installation's files (`host.files`): nothing is written, started or found elsewhere |
-- | `os` (PoB only) | tells the time; what removes, renames or reads the environment refuses (`host`) |
-- | `LoadModule`, `PLoadModule` (PoB only) | run a Lua file of the installation, by name (`host.modules`) |
-- | `loadstring` (PoB only) | compiles what was read whole from a Lua file of the installation (`host.modules`) |
-- | `require` (PoB only) | libraries of the installation, and what PoB required while it booted (`host.modules`) |
-- | `Inflate`, `Deflate`, `NewFileSearch`, `ConPrintf`, ... (PoB only) | the window program (`host`, `host.window`) |
-- | the engine's own globals | whatever the engine does |
--
-- Out of reach, though our own modules hold some of it in locals: `ffi`, `debug`, `jit`, `package`, `load`, bytecode,
-- `getfenv` and `setfenv` (a function's environment leads to other functions), `newproxy`, `collectgarbage`,
-- `string.buffer` (its decoder makes ffi objects), and every `require` of them.

local M = {}

---The part of the base library that only computes.
local KEPT = {
	_G = true, _VERSION = true,
	assert = true, error = true, getmetatable = true, ipairs = true, next = true, pairs = true, pcall = true,
	rawequal = true, rawget = true, rawlen = true, rawset = true, select = true, setmetatable = true, tonumber = true,
	tostring = true, type = true, unpack = true, xpcall = true,
	bit = true, coroutine = true, math = true, string = true, table = true,
}

---All globals as they were before any engine: a name that is not known here cannot be forgotten.
local original = {}
for name, value in pairs(_G) do
	original[name] = value
end

---Takes away what a VM begins with, unless it only computes or the host has put something tame in its place.
---@param globals table
function M.run(globals)
	for name, value in pairs(original) do
		if not KEPT[name] and rawequal(rawget(globals, name), value) then
			globals[name] = nil
		end
	end
	string.dump = nil
	-- Methods of strings are found through this; what is put into it would be called by everybody.
	getmetatable("").__metatable = false
end

return M
