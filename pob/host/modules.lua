-- Loading PoB's code: `LoadModule`, `PLoadModule`, `require` and the loaders of plain Lua, all from text, and all text
-- from files of the installation.

-- Taken here because the lock-down removes them from the global table.
local load, require, loaded, preload = load, require, package.loaded, package.preload
-- And these because what decides must not be found through a table that others can write to.
local find, gsub = string.find, string.gsub

local M = {}

---Libraries that PoB asks for and that are not there: the network.
local ABSENT = { ["lcurl.safe"] = true, ["lcurl"] = true }

---Libraries of the installation that PoB has required, by name.
---@type table<string, any>
local libraries = {}

---What PoB may require after it booted that is not its own: what is in the global table anyway, and our `utf8`.
local TAME = { "bit", "coroutine", "lua-utf8", "math", "string", "table" }

---Compiles text, never bytecode. PoB's programs may begin with a `#` line.
---@param text string
---@param name string
---@return function?, string?
local function compile(text, name)
	text = gsub(text, "^\239\187\191", "")
	text = gsub(text, "^#[^\n]*", "")
	return load(text, "@" .. name, "t")
end

---Requires a library of the installation.
---@param native NativeHost
---@param name string
---@return any
local function require_library(native, name)
	if libraries[name] == nil then
		local text = native.read_library(name)
		if not text then
			error("module '" .. name .. "' not found", 3)
		end
		local value = assert(compile(text, gsub(name, "%.", "/") .. ".lua"))(name)
		libraries[name] = value == nil and true or value
	end
	return libraries[name]
end

---@param native NativeHost
---@param globals table
---@param on_load fun(name: string)? called before a module is loaded
function M.install(native, globals, on_load)
	local function loadfile(name)
		local text = native.read_file(name)
		if not text then
			return nil, "cannot open " .. name
		end
		return compile(text, name)
	end

	local function load_module(name)
		if on_load then
			on_load(name)
		end
		local file_name = find(name, "%.lua$") and name or name .. ".lua"
		local chunk, message = loadfile(file_name)
		if not chunk then
			error("LoadModule() error loading '" .. file_name .. "': " .. message, 3)
		end
		return chunk
	end

	function globals.LoadModule(name, ...)
		return load_module(name)(...)
	end

	function globals.PCall(fn, ...)
		local function answer(ok, ...)
			if ok then
				return nil, ...
			end
			return (...)
		end
		return answer(pcall(fn, ...))
	end

	function globals.PLoadModule(name, ...)
		return globals.PCall(load_module(name), ...)
	end

	globals.loadfile = loadfile

	function globals.dofile(name)
		return assert(loadfile(name))()
	end

	function globals.loadstring(text, name)
		return load(text, name, "t")
	end

	function globals.require(name)
		if ABSENT[name] then
			return nil
		end
		if loaded[name] == nil and not preload[name] then
			return require_library(native, name)
		end
		return require(name)
	end
end

---Leaves of the loaders what PoB needs after it booted: passive trees are Lua files that it reads as text, classes
---are loaded when they are first needed. No loader takes text from elsewhere from now on, and `require` knows neither
---LuaJIT's own libraries nor our modules any more.
---@param native NativeHost
---@param globals table
---@param is_program fun(text: string): boolean whether a text is a Lua file of the installation
function M.lock_down(native, globals, is_program)
	globals.dofile, globals.loadfile = nil, nil
	for _, name in ipairs(TAME) do
		libraries[name] = loaded[name]
	end

	function globals.loadstring(text, name)
		if not is_program(text) then
			return nil, "only Lua files of the installation are compiled"
		end
		return load(text, name, "t")
	end

	function globals.require(name)
		if ABSENT[name] then
			return nil
		end
		return require_library(native, name)
	end
end

return M
