-- The parser of modifier lines (`Modules/ModParser.lua`). It tries each of some thousand patterns on a line, one after the
-- other, a dozen times: 6 to 12 ms for each line that it never saw, and an item of its own has half a dozen of those.
-- Here it tries those alone that can match (`literals.lua`). Which match wins is decided as it always was.

local literals = require("fast.literals")

-- Taken here because the lock-down removes them from the global table.
local getupvalue, setupvalue = debug.getupvalue, debug.setupvalue

local find = string.find

local M = {}

---Upvalues of a function are looked for up to LuaJIT's limit.
local UPVALUES_MAX = 60

---The lists of patterns that the parser scans for, and whether they are plain texts.
local LISTS = {
	specialModList = false,
	preFlagList = false,
	preSkillNameList = false,
	formList = false,
	modTagList = false,
	skillNameList = false,
	modNameList = true,
	modFlagList = true,
}

---Indexes of lists, by whether they are plain.
---@type table<boolean, table<table, PatternIndex>>
local indexes = { [true] = setmetatable({}, { __mode = "k" }), [false] = setmetatable({}, { __mode = "k" }) }

---@param list table<string, any>
---@param plain boolean
---@return PatternIndex
local function index_of(list, plain)
	local index = indexes[plain][list]
	if not index then
		index = literals.index(list, plain)
		indexes[plain][list] = index
	end
	return index
end

---@param fn function
---@param name string
---@return integer? number
---@return any value
local function upvalue(fn, name)
	for number = 1, UPVALUES_MAX do
		local found, value = getupvalue(fn, number)
		if found == name then
			return number, value
		elseif not found then
			return nil, nil
		end
	end
end

---The function behind PoB's cache of lines, and the one that looks for the best match in a list.
---@return function? parse
---@return function? scan
local function parser()
	local _, parse = upvalue(modLib.parseMod, "parseMod")
	local _, scan = nil, nil
	if type(parse) == "function" then
		_, scan = upvalue(parse, "scan")
	end
	return parse, scan
end

---What the accelerator relies on.
---@return table<string, function>
function M.functions()
	local parse, scan = parser()
	return { ["modLib.parseMod"] = modLib.parseMod, ["ModParser.parseMod"] = parse, ["ModParser.scan"] = scan }
end

---The earliest match in a line, of those the longest, of those by the longest pattern; then the first of the list.
---@param line string
---@param list table<string, any>
---@param plain boolean?
---@return any value
---@return string rest
---@return table? captures
local function scan(line, list, plain)
	plain = plain or false
	local text = line:lower()
	local best, best_start, best_end, captures
	literals.each(index_of(list, plain), text, function(filed)
		local from, to, c1, c2, c3, c4, c5 = find(text, filed.pattern, 1, plain)
		if not from then
			return
		end
		local better = not best or from < best_start
		if not better and from == best_start then
			local length, best_length = #filed.pattern, #best.pattern
			better = to > best_end
				or (to == best_end and (length > best_length or (length == best_length and filed.rank < best.rank)))
		end
		if better then
			best, best_start, best_end, captures = filed, from, to, { c1, c2, c3, c4, c5 }
		end
	end)
	if best and best.value then
		return best.value, line:sub(1, best_start - 1) .. line:sub(best_end + 1, -1), captures
	end
	return nil, line
end

---Those of the functions of jewels that the parser would find: the first whose pattern captures something. It looks others
---up by the line as it is, so they stay within reach.
---@param list table<string, any>
---@param line string
---@return table<string, any>
local function jewel_functions(list, line)
	local text, first = line:lower(), nil
	literals.each(index_of(list, false), text, function(filed)
		local _, _, capture = find(text, filed.pattern, 1)
		if capture and (not first or filed.rank < first.rank) then
			first = filed
		end
	end)
	return setmetatable(first and { [first.pattern] = first.value } or {}, { __index = list })
end

function M.install()
	local parse = parser()
	local number = upvalue(modLib.parseMod, "parseMod")
	setupvalue(parse, upvalue(parse, "scan"), scan)
	local jewels, list = upvalue(parse, "jewelFuncList")
	for name, plain in pairs(LISTS) do
		local _, patterns = upvalue(parse, name)
		if patterns then
			index_of(patterns, plain)
		end
	end
	index_of(list, false)
	setupvalue(modLib.parseMod, number, function(line, order)
		setupvalue(parse, jewels, jewel_functions(list, line))
		return parse(line, order)
	end)
end

return M
