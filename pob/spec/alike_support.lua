-- Modifiers for the specs of `alike`, and the function of PoB's that looks at them.

-- PoB's own, as far as it is needed here: all keywords that a modifier names must be asked for.
MatchKeywordFlags = MatchKeywordFlags
	or function(keywords, wanted)
		return wanted == 0 or require('bit').band(keywords, wanted) ~= 0
	end

local M = {}

---@param name string
---@param kind string
---@param value any
---@param fields table?
---@return table
function M.mod(name, kind, value, fields)
	local made = { name = name, type = kind, value = value, flags = 0, keywordFlags = 0, source = 'Tree:1' }
	for key, field in pairs(fields or {}) do
		made[key] = field
	end
	return made
end

return M
