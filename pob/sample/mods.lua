-- Parses modifier lines into modifiers. It knows the vocabulary of `data/mod_lines.lua` and no more: a line that is
-- not in it is handed back, for the caller to warn about. Parsing is pure, so results are remembered, up to a bound.

local mod_lines = require('sample.data.mod_lines')

---@class (exact) Modifier
---@field stat string
---@field kind 'base'|'inc'|'more'|'flag'
---@field value number per cent for inc and more
---@field cond string? counts only while this condition holds
---@field per string? counts once for each of these ...
---@field per_count number? ... or for so many of these

local M = {}

M.MAX_LINE_BYTES = 512

-- Numbers beyond this mean nothing in a modifier, and would turn sums into infinities.
local MAX_NUMBER = 1e9

-- Entries that the memory of parsed lines may hold before it is emptied: novel texts must not grow a VM for ever.
local MAX_REMEMBERED = 4096

-- Attributes and charge limits are settled before "per" is, so they cannot themselves depend on it.
local NEVER_PER = {
	Str = true,
	Dex = true,
	Int = true,
	PowerChargesMax = true,
	FrenzyChargesMax = true,
	EnduranceChargesMax = true,
}

---@type table<string, Modifier[]|false>
local remembered = {}
local remembered_count = 0

---@param key string
---@return table? effects
---@return table? suffix
local function look_up(key)
	local effects = mod_lines.lines[key]
	if effects then
		return effects
	end
	for _, suffix in ipairs(mod_lines.suffixes) do
		local length = #suffix[1]
		if key:sub(-length) == suffix[1] then
			return mod_lines.lines[key:sub(1, -length - 1)], suffix
		end
	end
end

---@param line string
---@return Modifier[]|false
local function parse(line)
	local numbers = {}
	local lower = line:lower():gsub('%s+', ' '):match('^ ?(.-) ?$')
	local effects, suffix = look_up(lower)
	if not effects then
		local key = lower:gsub('[+-]?%d+%.?%d*', function(number)
			numbers[#numbers + 1] = tonumber(number)
			return '#'
		end)
		effects, suffix = look_up(key)
	end
	if not effects then
		return false
	end
	local per_count = suffix and suffix.divided and numbers[#numbers] or 1
	local mods = {}
	for i, effect in ipairs(effects) do
		local number = effect[4] == 0 and 1 or numbers[effect[4]]
		if math.abs(number) > MAX_NUMBER then
			return false
		elseif suffix and suffix.per and (NEVER_PER[effect[1]] or per_count <= 0) then
			return false
		end
		mods[i] = {
			stat = effect[1],
			kind = effect[2],
			value = effect[3] * number,
			cond = suffix and suffix.cond,
			per = suffix and suffix.per,
			per_count = suffix and suffix.per and per_count,
		}
	end
	return mods
end

---The modifiers of one line, or nil when it is not understood. The list is shared: never write into it.
---@param line string
---@return Modifier[]?
function M.parse(line)
	if #line > M.MAX_LINE_BYTES then
		return nil
	end
	local mods = remembered[line]
	if mods == nil then
		mods = parse(line)
		if remembered_count >= MAX_REMEMBERED then
			M.forget()
		end
		remembered[line], remembered_count = mods, remembered_count + 1
	end
	return mods or nil
end

---The modifiers of several lines, and the lines that are not understood.
---@param lines string[]
---@return Modifier[] mods
---@return string[] unknown
function M.parse_all(lines)
	local all, unknown = {}, {}
	for _, line in ipairs(lines) do
		local mods = M.parse(line)
		if mods then
			for _, mod in ipairs(mods) do
				all[#all + 1] = mod
			end
		else
			unknown[#unknown + 1] = line
		end
	end
	return all, unknown
end

---The modifiers of lines that our own data holds: there, an unknown one is a bug.
---@param lines string[]
---@return Modifier[]
function M.parse_own(lines)
	local mods, unknown = M.parse_all(lines)
	assert(#unknown == 0, unknown[1])
	return mods
end

---Drops what is remembered.
function M.forget()
	remembered, remembered_count = {}, 0
end

return M
