-- The order in which PoB applies buffs. It keeps them by name and goes through the names with `pairs`, that is in another
-- order in each process: of two guard skills that are both active the first one counts and the other does not
-- (`calcs.perform`, "Process guard buffs"), and where buffs bring fractions their sum depends on the order to the last bit.
-- Here names are in ascending order, in every process. It is one of the orders that PoB may take, never another answer.

-- Taken here because the lock-down removes it from the global table.
local getupvalue, setupvalue = debug.getupvalue, debug.setupvalue

local getmetatable, next, type = getmetatable, next, type

local M = {}

---The class of lists of modifiers: one that only tables of buffs have as values.
---@type table?
local mod_list

---@param names string[]
---@param count integer
---@param name string
local function insert(names, count, name)
	-- A dozen names at most: LuaJIT compiles this, and does not compile `table.sort`.
	local at = count
	while at > 0 and names[at] > name do
		names[at + 1] = names[at]
		at = at - 1
	end
	names[at + 1] = name
end

---@param t table<string, table>
local function by_name(t)
	local names, count = {}, 0
	for name in next, t do
		if type(name) ~= "string" then
			return next, t, nil
		end
		insert(names, count, name)
		count = count + 1
	end
	local index = 0
	return function()
		index = index + 1
		local name = names[index]
		return name, t[name]
	end, t, nil
end

---`pairs`, but for tables of lists of modifiers. It makes no closure itself: LuaJIT compiles no function that does.
---@param t table
function M.pairs(t)
	local first, list = next(t)
	if type(list) == "table" and getmetatable(list) == mod_list and next(t, first) ~= nil then
		return by_name(t)
	end
	return next, t, nil
end

---@param calcs table a build's calculator
local function put_into(calcs)
	local index = 1
	while true do
		local name = getupvalue(calcs.perform, index)
		if not name then
			return
		elseif name == "pairs" then
			setupvalue(calcs.perform, index, M.pairs)
			return
		end
		index = index + 1
	end
end

---Has every build that is loaded from now on apply buffs in that order.
function M.install()
	mod_list = common.classes.ModList
	local class = common.classes.CalcsTab
	local stock = class._constructor
	class._constructor = function(self, ...)
		stock(self, ...)
		put_into(self.calcs)
	end
end

return M
