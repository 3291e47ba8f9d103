-- The one place where Lua errors are caught: calls across the border to Rust go through `call`, and so does whatever
-- must tidy up before it lets an error go on.
-- It also notices when the allocator refused, even if PoB's own `pcall` swallowed that error.

local pcall, xpcall, tostring, type = pcall, xpcall, tostring, type
local traceback = debug.traceback

local M = {}

---LuaJIT's text for a refused allocation.
local OUT_OF_MEMORY = "not enough memory"

---Longest line of an error message that is looked at; a build's texts may be in it.
local LINE_BYTES_MAX = 1000

local memory_exhausted = false

---@param message any
local function note_memory(message)
	if message == OUT_OF_MEMORY then
		memory_exhausted = true
	end
end

---First line of an error message, without directories.
---@param message any
---@return string
local function first_line(message)
	-- Cut first: the pattern below takes time in the square of what looks like a directory.
	local line = tostring(message):sub(1, LINE_BYTES_MAX):match("^[^\r\n]*")
	return (line:gsub("[%w_%.%-/\\]*[/\\]([%w_%.%-]+%.lua)", "%1"))
end

---@class (exact) Crash
---@field message string one line
---@field traceback string

---@param message any
---@return Crash
local function crash(message)
	if type(message) == "table" and message.traceback then
		-- Caught and raised again on its way.
		return message
	end
	note_memory(message)
	return { message = first_line(message), traceback = traceback(tostring(message), 2) }
end

---Calls a function; after an error the second result is a `Crash`.
---@param fn function
---@return boolean ok
---@return any result or Crash
---@return any second
function M.call(fn, ...)
	local ok, first, second = xpcall(fn, crash, ...)
	if not ok and type(first) ~= "table" then
		-- The handler itself failed, as it does when memory or stack is used up.
		note_memory(first)
		first = { message = first_line(first), traceback = "" }
	end
	return ok, first, second
end

---Whether the allocator refused since the VM began.
---@return boolean
function M.memory_exhausted()
	return memory_exhausted
end

local function noting(ok, ...)
	if not ok then
		note_memory((...))
	end
	return ok, ...
end

---Puts watchful functions in place of `pcall`, `xpcall` and `coroutine.resume`.
function M.install()
	local resume = coroutine.resume
	_G.pcall = function(fn, ...)
		return noting(pcall(fn, ...))
	end
	_G.xpcall = function(fn, handler, ...)
		return noting(xpcall(fn, function(message)
			note_memory(message)
			return handler(message)
		end, ...))
	end
	coroutine.resume = function(...)
		return noting(resume(...))
	end
end

return M
