-- Outputs without the tables in them, which nobody asks for and which hold on to much else. Pure.

-- Taken here because the lock-down removes it.
local new_table = require("table.new")

local M = {}

---Stats of an output: room for these is made at once.
local SCALARS = 1024

---@param output Output
---@return Output
function M.scalars_of(output)
	local copy = new_table(0, SCALARS)
	for name, value in pairs(output) do
		if type(value) ~= "table" then
			copy[name] = value
		end
	end
	return copy
end

---Leaves nothing but the scalars of an output. What was computed is nobody else's, so it takes no copy.
---@param output Output
---@return Output
function M.strip(output)
	for name, value in pairs(output) do
		if type(value) == "table" then
			output[name] = nil
		end
	end
	return output
end

return M
