-- Whether two values say the same. Pure.

local same_value = require("fast.same_value")

---Deeper tables than PoB's modifiers and items have; such are taken to differ.
local DEPTH_MAX = 6
local NOTHING = {}

---@param a any
---@param b any
---@param depth integer
---@param but table<any, boolean> keys of these tables, not of inner ones, that are left out
---@return boolean
local function same(a, b, depth, but)
	if same_value(a, b) then
		return true
	elseif type(a) ~= "table" or type(b) ~= "table" or depth == 0 then
		return false
	end
	for key, value in next, a do
		if not but[key] and not same(value, rawget(b, key), depth - 1, NOTHING) then
			return false
		end
	end
	for key in next, b do
		if not but[key] and rawget(a, key) == nil then
			return false
		end
	end
	return true
end

---Whether two values are the same, or tables of the same.
---@param a any
---@param b any
---@param but table<any, boolean>? keys of two tables that are left out
---@return boolean
return function(a, b, but)
	return same(a, b, DEPTH_MAX, but or NOTHING)
end
