-- What a part of PoB asks modifier stores and tables for.

local watch = require("fast.watch")

local rawget, rawset = rawget, rawset

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
