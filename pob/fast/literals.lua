-- Finds out of many patterns those that may match a text, without trying each: a pattern can match only where the characters
-- that it spells out are found. Pure; knows Lua's patterns, nothing of PoB.

local M = {}

---Patterns are filed under so many characters that they spell out; those that spell out fewer are always tried.
local GRAM = 3

local OPTIONAL = { ["*"] = true, ["?"] = true, ["-"] = true }

---Where a set ends that begins here: at its closing bracket.
---@param pattern string
---@param from integer
---@return integer
local function end_of_set(pattern, from)
	local at = from + 1
	if pattern:sub(at, at) == "^" then
		at = at + 1
	end
	if pattern:sub(at, at) == "]" then
		at = at + 1
	end
	while at < #pattern and pattern:sub(at, at) ~= "]" do
		at = at + (pattern:sub(at, at) == "%" and 2 or 1)
	end
	return at
end

---One item of a pattern.
---@param pattern string
---@param at integer
---@return integer length
---@return string? literal the character that it stands for; nil: it may be several, or none
local function item(pattern, at)
	local char = pattern:sub(at, at)
	if char == "%" then
		local next_char = pattern:sub(at + 1, at + 1)
		if next_char == "b" then
			return 4, nil
		elseif next_char == "f" then
			return end_of_set(pattern, at + 2) - at + 1, nil
		end
		return 2, next_char:match("%p")
	elseif char == "[" then
		return end_of_set(pattern, at) - at + 1, nil
	elseif char == "." then
		return 1, nil
	end
	return 1, char
end

---The texts that whatever a pattern matches contains.
---@param pattern string
---@return string[]
function M.of(pattern)
	local found, run = {}, ""
	local function flush()
		if run ~= "" then
			found[#found + 1] = run
		end
		run = ""
	end
	local at = pattern:sub(1, 1) == "^" and 2 or 1
	while at <= #pattern do
		local char = pattern:sub(at, at)
		if char == "(" or char == ")" then
			-- A capture takes no room.
			at = at + 1
		elseif char == "$" and at == #pattern then
			break
		else
			local length, literal = item(pattern, at)
			local repeats = pattern:sub(at + length, at + length)
			if literal and not OPTIONAL[repeats] then
				run = run .. literal
			else
				flush()
			end
			if repeats == "+" then
				flush()
			end
			at = at + length + ((repeats == "+" or OPTIONAL[repeats]) and 1 or 0)
		end
	end
	flush()
	return found
end

---A pattern in an index.
---@class (exact) FiledPattern
---@field pattern string
---@field value any
---@field rank integer its place among all

---@class (exact) PatternIndex
---@field filed table<string, FiledPattern[]> by characters that whatever they match contains
---@field others FiledPattern[] those that spell out too little

---@param pattern string
---@param plain boolean
---@return string[]
local function grams_of(pattern, plain)
	local grams = {}
	for _, run in ipairs(plain and { pattern } or M.of(pattern)) do
		for at = 1, #run - GRAM + 1 do
			grams[#grams + 1] = run:sub(at, at + GRAM - 1)
		end
	end
	return grams
end

---Files patterns, each under the rarest characters that it spells out.
---@param patterns table<string, any>
---@param plain boolean whether they are texts to be found as they are
---@return PatternIndex
function M.index(patterns, plain)
	local index = { filed = {}, others = {} }
	local list, grams, counts = {}, {}, {}
	for pattern, value in pairs(patterns) do
		local rank = #list + 1
		list[rank] = { pattern = pattern, value = value, rank = rank }
		grams[rank] = grams_of(pattern, plain)
		for _, gram in ipairs(grams[rank]) do
			counts[gram] = (counts[gram] or 0) + 1
		end
	end
	for rank, filed in ipairs(list) do
		local rarest
		for _, gram in ipairs(grams[rank]) do
			if not rarest or counts[gram] < counts[rarest] then
				rarest = gram
			end
		end
		local under = index.others
		if rarest then
			under = index.filed[rarest] or {}
			index.filed[rarest] = under
		end
		under[#under + 1] = filed
	end
	return index
end

---Calls `try` with every pattern that may match a text, and some that do not, in no order.
---@param index PatternIndex
---@param text string
---@param try fun(filed: FiledPattern)
function M.each(index, text, try)
	local filed, others = index.filed, index.others
	for i = 1, #others do
		try(others[i])
	end
	for at = 1, #text - GRAM + 1 do
		local under = filed[text:sub(at, at + GRAM - 1)]
		if under then
			for i = 1, #under do
				try(under[i])
			end
		end
	end
end

return M
