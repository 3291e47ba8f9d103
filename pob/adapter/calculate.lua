-- Computes the output of the build as it stands.

local M = {}

---Puts the minion's scalars beside the player's, under the prefix `Minion.`.
---@param output table
---@return Output
function M.flatten(output)
	local minion = output.Minion
	if minion then
		for name, value in pairs(minion) do
			if type(name) == "string" and type(value) ~= "table" then
				output["Minion." .. name] = value
			end
		end
	end
	return output
end

return M
