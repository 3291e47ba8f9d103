-- Tables that tell what they are asked for. Pure.

local M = {}

---A table that answers as another one and tells of each key that it is asked for. It cannot be walked.
---@param t table
---@param asked fun(key: any)
---@param set fun(key: any)? called in place of setting a key; nil: the key is set, and `t` stays as it is
---@return table
function M.table(t, asked, set)
	return setmetatable({}, {
		__index = function(_, key)
			asked(key)
			return t[key]
		end,
		__newindex = set and function(_, key)
			set(key)
		end,
	})
end

return M
