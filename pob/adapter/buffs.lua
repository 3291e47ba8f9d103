-- The order in which PoB applies buffs. It keeps them by name and goes through the names with `pairs`, that is in another
-- order in each process: of two guard skills that are both active the first one counts and the other does not
-- (`calcs.perform`, "Process guard buffs"), and where buffs bring fractions their sum depends on the order to the last bit.
-- Here names are in ascending order, in every process. It is one of the orders that PoB may take, never another answer.

local order = require("host.order")

-- Taken here because the lock-down removes it from the global table.
local getupvalue, setupvalue = debug.getupvalue, debug.setupvalue

local getmetatable, next, type = getmetatable, next, type

local M = {}

---The class of lists of modifiers: one that only tables of buffs have as values.
---@type table?
local mod_list

---`pairs`, but for tables of lists of modifiers. It makes no closure itself: LuaJIT compiles no function that does.
---@param t table
function M.pairs(t)
	local first, list = next(t)
	if type(list) == "table" and getmetatable(list) == mod_list and next(t, first) ~= nil then
		return order.sorted_pairs(t)
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
