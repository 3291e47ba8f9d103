-- Writes plain data as JSON: how answers to questions leave a VM. Tables with a first element, and empty ones, are
-- lists; all others are objects, whose keys are written in order. What JSON cannot hold (NaN, infinities, functions)
-- becomes null. It never reads JSON, and never writes stats: those travel as bytes.

local M = {}

---Deeper than anything we say; a table that holds itself is a defect and must not hang.
local DEPTH_MAX = 16

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

---@param char string
local function escape(char)
	return ESCAPES[char] or string.format("\\u%04x", char:byte())
end

---@param text string
local function write_text(text)
	return '"' .. text:gsub('[%c"\\\127]', escape) .. '"'
end

---@param number number
local function write_number(number)
	if number ~= number or number == math.huge or number == -math.huge then
		return "null"
	elseif number % 1 == 0 and math.abs(number) < 2 ^ 53 then
		return string.format("%d", number)
	end
	return string.format("%.17g", number)
end

---@param value any
---@param out string[]
---@param depth integer
local function write(value, out, depth)
	local kind = type(value)
	if kind == "string" then
		out[#out + 1] = write_text(value)
	elseif kind == "number" then
		out[#out + 1] = write_number(value)
	elseif kind == "boolean" then
		out[#out + 1] = tostring(value)
	elseif kind ~= "table" then
		out[#out + 1] = "null"
	elseif depth > DEPTH_MAX then
		error("an answer that is nested too deeply")
	elseif value[1] ~= nil or next(value) == nil then
		for i = 1, #value do
			out[#out + 1] = i == 1 and "[" or ","
			write(value[i], out, depth + 1)
		end
		out[#out + 1] = value[1] == nil and "[]" or "]"
	else
		local keys = {}
		for key in pairs(value) do
			keys[#keys + 1] = tostring(key)
		end
		table.sort(keys)
		for i, key in ipairs(keys) do
			out[#out + 1] = (i == 1 and "{" or ",") .. write_text(key) .. ":"
			write(value[key], out, depth + 1)
		end
		out[#out + 1] = "}"
	end
end

---@param value any keys of objects are texts
---@return string
function M.encode(value)
	local out = {}
	write(value, out, 0)
	return table.concat(out)
end

return M
