-- Recognises PoB's functions by their source: a hash over the lines that define them. An accelerator that replaces
-- anything else than the function that it was written for would be wrong without anybody noticing.

-- Taken here because the lock-down removes it from the global table.
local getinfo = debug.getinfo

local known = require("fast.known")

local M = {}

---@type table<string, string[]|false>
local lines_of = {}

---@param native NativeHost
---@param path string
---@return string[]|false
local function lines(native, path)
	if lines_of[path] == nil then
		local text = native.read_file(path)
		local list = text and {} or false
		if text then
			for line in (text:gsub("\r", "") .. "\n"):gmatch("([^\n]*)\n") do
				list[#list + 1] = line
			end
		end
		lines_of[path] = list
	end
	return lines_of[path]
end

---Hash over the lines that define a function; nil if they cannot be had.
---@param native NativeHost
---@param fn function
---@return string?
function M.digest(native, fn)
	local info = getinfo(fn, "S")
	local path = info.source:match("^@(.+)$")
	local list = path and lines(native, path)
	if not list or info.linedefined < 1 or info.lastlinedefined > #list then
		return nil
	end
	return native.sha256(table.concat(list, "\n", info.linedefined, info.lastlinedefined))
end

---The version in which we read a function; nil if we do not know it.
---@param native NativeHost
---@param name string
---@param fn function
---@return string?
function M.version(native, name, fn)
	local digest = M.digest(native, fn)
	return digest and known[name] and known[name][digest] or nil
end

---Whether a function is not the same in each version that was read.
---@param name string
---@return boolean
local function changes(name)
	return next(known[name], (next(known[name]))) ~= nil
end

---Whether every function is one that we know.
---@param native NativeHost
---@param functions table<string, function?>
---@param together boolean? whether all that are not the same in each version must be of one
---@return boolean
---@return string? unknown name of the first that is not
function M.all_known(native, functions, together)
	local names = {}
	for name in pairs(functions) do
		names[#names + 1] = name
	end
	table.sort(names)
	local of_all
	for _, name in ipairs(names) do
		local version = M.version(native, name, functions[name])
		if not version or (together and changes(name) and version ~= (of_all or version)) then
			return false, name
		end
		of_all = changes(name) and version or of_all
	end
	return true
end

---Lets go of the texts that were read.
function M.forget()
	lines_of = {}
end

return M
