-- What a part of PoB asks modifier stores and tables for, and whether it would be told the same again.

local watch = require("fast.watch")

local rawequal, rawget, rawset = rawequal, rawget, rawset

local M = {}

---Methods of a store that look modifiers up by name, and the place of the first name among their arguments.
local QUERIES = {
	SumInternal = 8,
	MoreInternal = 7,
	FlagInternal = 7,
	OverrideInternal = 7,
	ListInternal = 8,
	TabulateInternal = 9,
	HasModInternal = 6,
}
---A modifier is a table of a table or two. What goes deeper counts as changed.
local DEPTH_MAX = 6

---Takes note of the names that a store is asked for.
---@param store table
---@param names table<string, boolean>
---@return fun() stop
function M.listen(store, names)
	local own = {}
	for query, first in pairs(QUERIES) do
		local ask = store[query]
		own[query] = rawget(store, query)
		rawset(store, query, function(...)
			for i = first, select("#", ...) do
				local name = select(i, ...)
				if name ~= nil then
					names[name] = true
				end
			end
			return ask(...)
		end)
	end
	return function()
		for query in pairs(QUERIES) do
			rawset(store, query, own[query])
		end
	end
end

---A table that answers as another one and counts how often it is asked for a key. It cannot be walked.
---@param t table
---@param counts table<any, integer>
---@return table
function M.counting(t, counts)
	return watch.table(t, function(key)
		counts[key] = (counts[key] or 0) + 1
	end)
end

---Whether two values are the same, or tables of the same.
---@param a any
---@param b any
---@param depth integer?
---@return boolean
local function same(a, b, depth)
	depth = depth or DEPTH_MAX
	if rawequal(a, b) then
		return true
	elseif type(a) ~= "table" or type(b) ~= "table" or depth == 0 then
		return false
	end
	for key, value in pairs(a) do
		if not same(value, b[key], depth - 1) then
			return false
		end
	end
	for key in pairs(b) do
		if a[key] == nil then
			return false
		end
	end
	return true
end
M.same = same

---Modifiers of a list that have one of these names.
---@param list table[]
---@param names table<string, boolean>
---@return table[]
function M.named(list, names)
	local found = {}
	for i = 1, #list do
		local mod = list[i]
		if names[mod.name] then
			found[#found + 1] = mod
		end
	end
	return found
end

return M
