-- How many points of a grid over the Mandelbrot set stay bounded: arithmetic alone, for comparing virtual machines.
-- The chunk gives a function of the number of points on a side and of the number of turns; equal arguments, equal result.

---@param size integer
---@param turns integer
---@return integer
return function(size, turns)
	local bounded = 0
	for row = 0, size - 1 do
		local ci = 2 * row / size - 1
		for column = 0, size - 1 do
			local cr = 2 * column / size - 1.5
			local zr, zi, left = 0, 0, turns
			while left > 0 and zr * zr + zi * zi <= 4 do
				zr, zi = zr * zr - zi * zi + cr, 2 * zr * zi + ci
				left = left - 1
			end
			if left == 0 then
				bounded = bounded + 1
			end
		end
	end
	return bounded
end
