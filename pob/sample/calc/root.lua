-- Powers that the formulas need, by multiplication and division alone: the power function of the C library, and what
-- a compiler makes of it, need not agree in the last bit, and outcomes must.

local M = {}

-- Enough for every double from the starting value below; more steps change nothing.
local STEPS = 12

---The tenth root of x to the ninth: x^0.9, for x >= 0. Newton's method on y^10 = x.
---@param x number
---@return number
function M.power_nine_tenths(x)
	if x <= 0 then
		return 0
	end
	local y = math.sqrt(math.sqrt(math.sqrt(x)))
	for _ = 1, STEPS do
		local y2 = y * y
		local y4 = y2 * y2
		local y9 = y4 * y4 * y
		y = y - (y9 * y - x) / (10 * y9)
	end
	return x / y
end

return M
