-- The part of the `lua-utf8` library that PoB uses: string functions that count code points.
-- Patterns work on bytes, which is the same for the ASCII patterns that PoB has.

local M = {}

---Bytes of one code point.
local CODE_POINT = "[%z\1-\127\194-\244][\128-\191]*"

---@param text string
---@return string[] characters
local function characters(text)
	local list = {}
	for character in text:gmatch(CODE_POINT) do
		list[#list + 1] = character
	end
	return list
end

---@param index integer as in `string.sub`
---@param length integer
---@return integer
local function absolute(index, length)
	return index < 0 and math.max(length + index + 1, 1) or math.max(index, 1)
end

M.find = string.find
M.gmatch = string.gmatch
M.gsub = string.gsub
M.lower = string.lower
M.match = string.match
M.upper = string.upper

---@param text string
---@return integer
function M.len(text)
	return #characters(text)
end

---@param text string
---@return string
function M.reverse(text)
	local list, reversed = characters(text), {}
	for i = #list, 1, -1 do
		reversed[#reversed + 1] = list[i]
	end
	return table.concat(reversed)
end

---@param text string
---@param first integer
---@param last integer?
---@return string
function M.sub(text, first, last)
	local list = characters(text)
	local length = #list
	last = last or -1
	local stop = last < 0 and length + last + 1 or math.min(last, length)
	return table.concat(list, "", absolute(first, length), math.max(stop, absolute(first, length) - 1))
end

---Byte position of the n-th code point; nil behind the end.
---@param text string
---@param n integer
---@return integer?
function M.offset(text, n)
	local list, position = characters(text), 1
	if n > #list + 1 then
		return nil
	end
	for i = 1, n - 1 do
		position = position + #list[i]
	end
	return position
end

---Byte position of the code point that lies `step` code points away from the one at a byte position.
---@param text string
---@param position integer
---@param step integer?
---@return integer?
function M.next(text, position, step)
	step = step or 1
	local direction = step < 0 and -1 or 1
	for _ = 1, math.abs(step) do
		repeat
			position = position + direction
			local byte = text:byte(position)
		until not byte or byte < 128 or byte > 191
		if position < 1 or position > #text + 1 then
			return nil
		end
	end
	return position
end

return M
