-- What some modifier stores were asked for, and which modifiers that tells apart. One that no question so far would have found
-- has made no difference to any calculation so far. Two that differ only in flags and keywords, and are found by the same
-- questions, have made the same difference. Only names of modifiers that are to be told apart are noted.

local classes = require("fast.alike.classes")

local band = bit.band

---@class (exact) Question
---@field kind string type of the modifiers, or `ANY`
---@field name string
---@field flags integer
---@field keywords integer
---@field shown boolean whoever asked gets the modifiers themselves, with their flags

---@class Questions
---@field version integer counts up with every question that is new
---@field unsettled table<string, table<string, table<integer, table<integer, string>>>> name -> type -> flags -> keywords -> its number, as text; names without an entry are settled: all modifiers of one are found by questions that were noted, or it is taken so
---@field mods_of table<string, table[]> modifiers that are to be told apart, by name
---@field twins table<string, boolean> names of which two modifiers differ only in flags and keywords, as far as it was looked up
---@field shown table<string, boolean> names of modifiers that were shown
---@field stands_for table<integer, integer|false> by class, at that version
---@field stands_at integer the version
---@field first_of table<string, integer> the first class that is found by the same questions as others
local Q = {}
Q.__index = Q

---Stands for every type of modifier.
local ANY = "*"
---Keeps classes and how many more there are of them apart: of one there are never so many.
local KEY_STEP = 2 ^ 16

local M = { ANY = ANY }

---@return Questions
function M.new()
	return setmetatable({
		version = 0,
		unsettled = {},
		mods_of = {},
		twins = {},
		shown = {},
		stands_for = {},
		stands_at = 0,
		first_of = {},
	}, Q)
end

---Forgets all questions.
---@param mods table<string, table[]> by name, what is to be told apart
function Q:reset(mods)
	self.mods_of, self.twins, self.shown, self.unsettled = mods, {}, {}, {}
	for name in pairs(mods) do
		self.unsettled[name] = {}
	end
	self.version = self.version + 1
end

---Takes a name as asked for, whatever is asked: somebody asks for it without being listened to.
---@param name string
function Q:settle(name)
	if self.unsettled[name] then
		self.unsettled[name] = nil
		self.version = self.version + 1
	end
end

---@param by_flags table<integer, table<integer, string>>?
---@param mod table
---@param found string[] numbers of questions
local function add_finding(by_flags, mod, found)
	for flags, by_keywords in pairs(by_flags or {}) do
		if band(flags, mod.flags) == mod.flags then
			for keywords, number in pairs(by_keywords) do
				if MatchKeywordFlags(keywords, mod.keywordFlags) then
					found[#found + 1] = number
				end
			end
		end
	end
end

---The questions that would have found a modifier like this, if its tags let them; nil: its name is settled.
---@param mod table
---@return string[]?
function Q:finding(mod)
	local by_kind = self.unsettled[mod.name]
	if not by_kind then
		return nil
	end
	local found = {}
	add_finding(by_kind[mod.type], mod, found)
	add_finding(by_kind[ANY], mod, found)
	return found
end

---Whether some question so far would have found a modifier like this, if its tags let it.
---@param mod table
---@return boolean
function Q:finds(mod)
	local found = self:finding(mod)
	return not found or found[1] ~= nil
end

---@param class integer
---@return integer|false
function Q:look_up(class)
	local mod = classes.example(class)
	local found = self:finding(mod)
	if not found or self.shown[mod.name] then
		return (not found or found[1] ~= nil) and class
	elseif not found[1] then
		return false
	end
	table.sort(found)
	local text = classes.text_but_flags(mod) .. table.concat(found, ",")
	self.first_of[text] = self.first_of[text] or class
	return self.first_of[text]
end

---The class that makes the same difference as this one; false if it makes none. Holds for this version.
---@param class integer
---@return integer|false
function Q:stand_in(class)
	if self.stands_at ~= self.version then
		self.stands_at, self.stands_for, self.first_of = self.version, {}, {}
	end
	local answer = self.stands_for[class]
	if answer == nil then
		answer = self:look_up(class)
		self.stands_for[class] = answer
	end
	return answer
end

---What counts of a difference: the same for two that make the same. Holds for this version.
---@param more table<integer, integer> class of modifiers -> how many more of it there are
---@param passed_over (fun(class: integer): boolean)? classes that do not count whoever finds them
---@return string
function Q:key(more, passed_over)
	local counted, parts = {}, {}
	for class, count_more in pairs(more) do
		local one = not (passed_over and passed_over(class)) and self:stand_in(class)
		if one then
			counted[one] = (counted[one] or 0) + count_more
		end
	end
	for class, count_more in pairs(counted) do
		if count_more ~= 0 then
			parts[#parts + 1] = class * KEY_STEP + count_more
		end
	end
	table.sort(parts)
	return table.concat(parts, ",")
end

---@param mods table[]
---@return boolean
local function any_twins(mods)
	local seen = {}
	for _, mod in ipairs(mods) do
		local text = classes.text_but_flags(mod)
		if seen[text] then
			return true
		end
		seen[text] = true
	end
	return false
end

---Whether there is nothing left to find out about a name: all of its modifiers are found, and no two of them may turn out to
---make the same difference.
---@param name string
---@return boolean
function Q:is_settled(name)
	local mods = self.mods_of[name] or {}
	if self.twins[name] == nil then
		self.twins[name] = any_twins(mods)
	end
	if self.twins[name] then
		return false
	end
	for _, mod in ipairs(mods) do
		if not self:finds(mod) then
			return false
		end
	end
	return true
end

---Takes note of a question.
---@param kind string the type of modifiers, or `ANY`
---@param name string
---@param flags integer
---@param keywords integer
---@param shown boolean
---@return boolean is_new
function Q:take(kind, name, flags, keywords, shown)
	local by_kind = self.unsettled[name]
	if not by_kind then
		return false
	end
	local by_flags = by_kind[kind]
	local by_keywords = by_flags and by_flags[flags]
	if by_keywords and by_keywords[keywords] and (self.shown[name] or not shown) then
		return false
	end
	self.version = self.version + 1
	self.shown[name] = self.shown[name] or shown or nil
	by_kind[kind] = by_flags or {}
	by_kind[kind][flags] = by_keywords or {}
	by_kind[kind][flags][keywords] = ("%s/%d/%d"):format(kind, flags, keywords)
	if self:is_settled(name) then
		self.unsettled[name] = nil
	end
	return true
end

return M
