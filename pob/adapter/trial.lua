-- What a variation changed for the time of its evaluation, so that it can be put back.
-- Every change to PoB's tables goes through here; putting back never fails and goes from the last change to the first.

local M = {}

local count = 0
local tables, keys, values = {}, {}, {}

---Sets a field and remembers what was there.
---@param t table
---@param key any
---@param value any
function M.set(t, key, value)
	count = count + 1
	tables[count], keys[count], values[count] = t, key, t[key]
	t[key] = value
end

---Remembers a field that others are about to change.
---@param t table
---@param key any
function M.keep(t, key)
	M.set(t, key, t[key])
end

---Remembers something else to do when the trial ends.
---@param action fun()
function M.finally(action)
	count = count + 1
	tables[count], keys[count], values[count] = false, action, nil
end

---Puts everything back.
function M.undo()
	while count > 0 do
		local t, key, value = tables[count], keys[count], values[count]
		tables[count], keys[count], values[count] = nil, nil, nil
		count = count - 1
		if t then
			t[key] = value
		else
			key()
		end
	end
end

return M
