-- Deterministic iteration: of all tables while PoB boots, afterwards for who asks for it.
-- LuaJIT seeds its string ids at random, so `pairs` goes through string keys in another order in each process, and
-- PoB lets the last of two entries of one name win. While sorting is on, `pairs` goes through numbers, then strings,
-- in ascending order; afterwards it is the plain one.

local next, type, sort = next, type, table.sort
local plain = pairs

local M = {}

local sorting = false

---The keys of a table: numbers ascending, then strings ascending, then whatever else in no order of ours.
---@param t table
---@return any[] keys
---@return integer count
local function ordered_keys(t)
	local numbers, strings, others = {}, {}, {}
	local number_count, string_count, other_count = 0, 0, 0
	for key in next, t do
		local kind = type(key)
		if kind == "string" then
			string_count = string_count + 1
			strings[string_count] = key
		elseif kind == "number" then
			number_count = number_count + 1
			numbers[number_count] = key
		else
			other_count = other_count + 1
			others[other_count] = key
		end
	end
	sort(numbers)
	sort(strings)
	for i = 1, string_count do
		numbers[number_count + i] = strings[i]
	end
	for i = 1, other_count do
		numbers[number_count + string_count + i] = others[i]
	end
	return numbers, number_count + string_count + other_count
end

---`pairs` in ascending order.
---@param t table
function M.sorted_pairs(t)
	local keys, count = ordered_keys(t)
	local index = 0
	return function()
		-- As with `next`, entries that the loop removed meanwhile are not visited.
		while index < count do
			index = index + 1
			local key = keys[index]
			local value = t[key]
			if value ~= nil then
				return key, value
			end
		end
	end, t, nil
end

---What PoB gets as `pairs`, and keeps. It makes no closure itself: LuaJIT compiles no function that must close one, and
---with it none that calls it.
---@param t table
function M.pairs(t)
	if sorting then
		return M.sorted_pairs(t)
	end
	return next, t, nil
end

---@param on boolean
function M.set_sorting(on)
	sorting = on
	-- What is loaded later takes the plain one.
	_G.pairs = on and M.pairs or plain
end

return M
