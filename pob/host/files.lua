-- Files as PoB sees them: those below the installation can be read, nothing can be written.

-- Taken here: what decides must not be found through a table that others can write to.
local find = string.find

local M = {}

---The Lua file that was last opened, as text.
local last_program

---@class ReadFile a file that was read whole
---@field package text string
---@field package position integer
local ReadFile = {}
ReadFile.__index = ReadFile

---@param format string|number
---@return string|number|nil
local function read_one(file, format)
	local text, position = file.text, file.position
	if type(format) == "number" then
		if position > #text then
			return nil
		end
		file.position = position + format
		return text:sub(position, position + format - 1)
	end
	local kind = format:match("^%*?(%a)")
	if kind == "a" then
		file.position = #text + 1
		return text:sub(position)
	elseif kind == "l" then
		if position > #text then
			return nil
		end
		local line, after = text:match("^([^\n]*)\n?()", position)
		file.position = after
		return line
	elseif kind == "n" then
		local number, after = text:match("^%s*(%S+)()", position)
		file.position = after or position
		return tonumber(number)
	end
	error("bad format '" .. tostring(format) .. "' for read", 3)
end

function ReadFile:read(...)
	if select("#", ...) == 0 then
		return read_one(self, "*l")
	end
	local results, count = {}, select("#", ...)
	for i = 1, count do
		results[i] = read_one(self, (select(i, ...)))
	end
	return unpack(results, 1, count)
end

function ReadFile:lines()
	return function()
		return read_one(self, "*l")
	end
end

function ReadFile:seek(whence, offset)
	local from = whence == "set" and 0 or whence == "end" and #self.text or self.position - 1
	self.position = from + (offset or 0) + 1
	return self.position - 1
end

function ReadFile:write()
	return nil, "Bad file descriptor"
end

function ReadFile:flush()
	return true
end

function ReadFile:close()
	return true
end

---The `io` that PoB gets.
---@param native NativeHost
---@return table io
function M.io(native)
	local io = {}

	function io.open(name, mode)
		if mode and mode:find("[wa+]") then
			return nil, name .. ": Read-only file system", 30
		end
		local text = native.read_file(name)
		if not text then
			-- PoB looks for this English text.
			return nil, name .. ": No such file or directory", 2
		end
		if find(name, "%.lua$") then
			last_program = text
		end
		return setmetatable({ text = text, position = 1 }, ReadFile)
	end

	function io.lines(name)
		local file, message = io.open(name, "r")
		if not file then
			error(message, 2)
		end
		return file:lines()
	end

	function io.read()
		return nil
	end

	function io.write()
		return nil
	end

	return io
end

---Whether a text is that of the Lua file of the installation which was last opened; true once for each opening.
---@param text any
---@return boolean
function M.is_program(text)
	local is = text ~= nil and text == last_program
	last_program = nil
	return is
end

---@class Search handle of a file search
---@field package found { name: string, bytes: integer, modified_seconds: integer }[]
---@field package index integer
local Search = {}
Search.__index = Search

function Search:NextFile()
	self.index = self.index + 1
	return self.found[self.index] ~= nil or nil
end

function Search:GetFileName()
	return self.found[self.index].name
end

function Search:GetFileSize()
	return self.found[self.index].bytes
end

function Search:GetFileModifiedTime()
	return self.found[self.index].modified_seconds
end

---`NewFileSearch`: nil when nothing matches.
---@param native NativeHost
---@return fun(pattern: string, directories: boolean?): Search?
function M.search(native)
	return function(pattern, directories)
		local found = native.search_files(pattern, directories == true)
		if found[1] then
			return setmetatable({ found = found, index = 1 }, Search)
		end
	end
end

return M
