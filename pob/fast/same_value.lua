-- Whether two values are the same to the bit. Pure.

local rawequal = rawequal

---Two zeros of different sign are equal, and are not the same. Of tables it must be one.
---@param a any
---@param b any
---@return boolean
return function(a, b)
	return rawequal(a, b) and (a ~= 0 or 1 / a == 1 / b)
end
