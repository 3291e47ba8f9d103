-- The program that Path of Building runs in: everything that it expects of its window program, without a window.
-- PoB's files are read through the native host and never written; there is no network and no process.

local files = require("host.files")
local modules = require("host.modules")
local order = require("host.order")
local utf8 = require("host.utf8")
local window = require("host.window")

local M = {}

---PoB compares script and runtime path to find out whether it may write beside its program: they must differ.
local SCRIPT_PATH, RUNTIME_PATH = ".", "./runtime"
---A place that does not exist: no settings are read, none can be written.
local USER_PATH = "/nowhere"

local callbacks = {}
local main_object

---Calls one of PoB's callbacks (`OnInit`, `OnFrame`).
---@param name string
function M.run_callback(name, ...)
	if callbacks[name] then
		return callbacks[name](...)
	elseif main_object and main_object[name] then
		return main_object[name](main_object, ...)
	end
end

---@param native NativeHost
---@param globals table
local function install_system(native, globals)
	globals.io = files.io(native)
	globals.NewFileSearch = files.search(native)
	globals.os = {
		clock = os.clock,
		date = os.date,
		difftime = os.difftime,
		getenv = function() end,
		remove = function()
			return nil, "Read-only file system"
		end,
		rename = function()
			return nil, "Read-only file system"
		end,
		time = os.time,
	}
	function globals.MakeDir()
		return true
	end

	globals.Inflate = native.inflate
	globals.Deflate = native.deflate

	function globals.GetTime()
		return math.floor(native.now_ms())
	end

	function globals.GetScriptPath()
		return SCRIPT_PATH
	end

	function globals.GetRuntimePath()
		return RUNTIME_PATH
	end

	function globals.GetUserPath()
		return USER_PATH
	end

	function globals.GetWorkDir()
		return SCRIPT_PATH
	end

	function globals.ConPrintf(format, ...)
		local ok, text = pcall(string.format, format, ...)
		native.log("debug", ok and text or tostring(format))
	end

	function globals.print(...)
		local words = {}
		for i = 1, select("#", ...) do
			words[i] = tostring((select(i, ...)))
		end
		native.log("debug", table.concat(words, "\t"))
	end
end

---Makes the global table what PoB expects.
---@param native NativeHost
---@param on_load fun(name: string)? called before a module of PoB's is loaded
function M.install(native, on_load)
	local globals = _G
	install_system(native, globals)
	window.install(globals)
	modules.install(native, globals, on_load)
	package.loaded["lua-utf8"] = utf8
	globals.pairs = order.pairs
	-- PoB takes `arg[1]` for a link to import.
	globals.arg = {}

	function globals.SetCallback(name, fn)
		callbacks[name] = fn
	end

	function globals.GetCallback(name)
		return callbacks[name]
	end

	function globals.SetMainObject(object)
		main_object = object
	end
end

---Tames what PoB needs while it boots and less of afterwards; `host.lock` says what becomes of the rest.
---@param native NativeHost
function M.lock_down(native)
	modules.lock_down(native, _G, files.is_program)
end

return M
