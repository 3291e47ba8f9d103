-- Packs an engine's output for the way to Rust.
-- Numbers must arrive bit for bit, and mlua's values do not promise that (it takes 3.0 for an integer, and loses the
-- sign of zero): so they cross as bytes. Runs once per variation over some 700 names; the buffers are reused.

local ffi = require("ffi")

local type, pairs = type, pairs
local ffi_string = ffi.string

local M = {}

local NUMBER, BOOLEAN, ABSENT, TEXT = ("nb-x"):byte(1, 4)

local names, known, count = {}, {}, 0
local kinds = ffi.new("uint8_t[1]")
local values = ffi.new("double[1]")
local one_value = ffi.new("double[1]")

---Says which names the next packs are about, in which order.
---@param selected string[]
function M.select(selected)
	names, known, count = selected, {}, #selected
	for i = 1, count do
		known[names[i]] = true
	end
	kinds = ffi.new("uint8_t[?]", count + 1)
	values = ffi.new("double[?]", count + 1)
end

---A scalar as a tagged string: `n` and eight bytes, `b` and `0` or `1`, `t` and the text.
---@param value number|boolean|string
---@return string
local function tagged(value)
	if type(value) == "number" then
		one_value[0] = value
		return "n" .. ffi_string(one_value, 8)
	elseif type(value) == "boolean" then
		return value and "b1" or "b0"
	end
	return "t" .. value
end

---@param value any
---@return boolean
local function is_scalar(value)
	local kind = type(value)
	return kind == "number" or kind == "boolean" or kind == "string"
end

---Every scalar of an output as a flat list: name, tagged value, name, ...
---@param output Output
---@return string[]
function M.list(output)
	local list, length = {}, 0
	for name, value in pairs(output) do
		if type(name) == "string" and is_scalar(value) then
			list[length + 1], list[length + 2] = name, tagged(value)
			length = length + 2
		end
	end
	return list
end

---Packs the selected names; values that are no scalars count as absent.
---@param output Output
---@param everything boolean whether names that were not selected go into the extras too
---@return string kinds
---@return string values
---@return string[]? extras flat list as of `list`
function M.pack(output, everything)
	local extras, length
	for i = 1, count do
		local value = output[names[i]]
		local kind = type(value)
		if kind == "number" then
			kinds[i - 1], values[i - 1] = NUMBER, value
		elseif kind == "boolean" then
			kinds[i - 1], values[i - 1] = BOOLEAN, value and 1 or 0
		elseif kind == "string" then
			kinds[i - 1], values[i - 1] = TEXT, 0
			extras, length = extras or {}, length or 0
			extras[length + 1], extras[length + 2] = names[i], tagged(value)
			length = length + 2
		else
			kinds[i - 1], values[i - 1] = ABSENT, 0
		end
	end
	if everything then
		for name, value in pairs(output) do
			if not known[name] and type(name) == "string" and is_scalar(value) then
				extras, length = extras or {}, length or 0
				extras[length + 1], extras[length + 2] = name, tagged(value)
				length = length + 2
			end
		end
	end
	return ffi_string(kinds, count), ffi_string(values, count * 8), extras
end

return M
