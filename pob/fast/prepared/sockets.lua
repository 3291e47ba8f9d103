-- How many gems are in the sockets of each slot: all that the part of `calcs.initEnv` about items asks of skills.

local M = {}

---@param groups table[] socket groups
---@return table<string, integer> by slot
function M.count(groups)
	local counts = {}
	for _, group in ipairs(groups) do
		if not group.source and group.enabled and group.slot then
			for _, gem in ipairs(group.gemList) do
				if gem.gemData and gem.enabled then
					counts[group.slot] = (counts[group.slot] or 0) + 1
				end
			end
		end
	end
	return counts
end

return M
