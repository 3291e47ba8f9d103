-- Loading PoB's code: `LoadModule`, `PLoadModule`, `require` and the loaders of plain Lua, all from text.

-- Taken here because the lock-down removes them from the global table.
local load, require, loaded, preload = load, require, package.loaded, package.preload

local M = {}

---Libraries that PoB asks for and that are not there: the network.
local ABSENT = { ["lcurl.safe"] = true, ["lcurl"] = true }

---Compiles text, never bytecode. PoB's programs may begin with a `#` line.
---@param text string
---@param name string
---@return function?, string?
local function compile(text, name)
	return load(text:gsub("^\239\187\191", ""):gsub("^#[^\n]*", ""), "@" .. name, "t")
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
		local file_name = name:match("%.lua$") and name or name .. ".lua"
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
			local text = native.read_library(name)
			if not text then
				error("module '" .. name .. "' not found", 2)
			end
			local value = assert(compile(text, name:gsub("%.", "/") .. ".lua"))(name)
			loaded[name] = value == nil and true or value
		end
		return require(name)
	end
end

return M
