-- What a part of PoB writes into tables that do not belong to what it makes: found by looking at them before and after.

local next, rawequal, rawget = next, rawequal, rawget

local M = {}

---@class (exact) Write
---@field into table
---@field key any
---@field value any

---@class (exact) Look
---@field tables table[]
---@field copies table[]

---What PoB writes for its tooltips alone, and makes anew each time.
local LEFT_OUT = { displayGemList = true }

---@param tables table[]
---@return Look
function M.look(tables)
	local copies = {}
	for i, t in ipairs(tables) do
		local copy = {}
		for key, value in next, t do
			copy[key] = value
		end
		copies[i] = copy
	end
	return { tables = tables, copies = copies }
end

---What differs by now. A table that was put there is refused: it would have to be made anew.
---@param before Look
---@return Write[]
function M.since(before)
	local writes = {}
	for i, t in ipairs(before.tables) do
		local copy = before.copies[i]
		for key, value in next, t do
			if not rawequal(value, copy[key]) and not LEFT_OUT[key] then
				if type(value) == "table" then
					error({ refused = "a table that is put where all see it, at '" .. tostring(key) .. "'" }, 0)
				end
				writes[#writes + 1] = { into = t, key = key, value = value }
			end
		end
		for key in next, copy do
			if rawget(t, key) == nil and not LEFT_OUT[key] then
				writes[#writes + 1] = { into = t, key = key }
			end
		end
	end
	return writes
end

---@param writes Write[]
function M.again(writes)
	for i = 1, #writes do
		local write = writes[i]
		write.into[write.key] = write.value
	end
end

return M
