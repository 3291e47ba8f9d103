-- What calculations asked the modifier stores for. A modifier that no question so far would have found has made no
-- difference to any calculation so far. Owns the questions; only names that modifiers of passive nodes have are noted.

local band = bit.band

local M = {}

---Counts up with every question that is new.
M.version = 0

---Stands for every type of modifier.
local ANY = "*"

---Questions about names that are not settled: all modifiers of a settled one are found by questions that were noted, or it
---is taken so.
---@type table<string, table<string, table<integer, table<integer, boolean>>>> name -> type -> flags -> keywords
local unsettled = {}
local NOTHING = {}
---The same while questions are noted, otherwise nothing. Read by `stores.lua`, which takes what it finds here for a list
---without elements.
M.wanted = NOTHING
---@type table<string, table[]> the modifiers that nodes have of a name
local mods_of = {}

---@class (exact) Question
---@field kind string
---@field name string
---@field flags integer
---@field keywords integer

---Questions that were noted here and not handed on yet.
---@type Question[]
local news = {}

---Questions are noted from now on, or not any more.
---@param value boolean
function M.listen(value)
	M.wanted = value and unsettled or NOTHING
end

---Forgets all questions.
---@param mods table<string, table[]> by name, what is to be told apart: those that nodes have
function M.reset(mods)
	mods_of, news = mods, {}
	for name in pairs(unsettled) do
		unsettled[name] = nil
	end
	for name in pairs(mods) do
		unsettled[name] = {}
	end
	M.version = M.version + 1
end

---Takes a name as asked for, whatever is asked: somebody asks for it without being listened to.
---@param name string
function M.settle(name)
	if unsettled[name] then
		unsettled[name] = nil
		M.version = M.version + 1
	end
end

---@param by_flags table<integer, table<integer, boolean>>?
---@param mod table
---@return boolean
local function finds(by_flags, mod)
	for flags, by_keywords in pairs(by_flags or {}) do
		if band(flags, mod.flags) == mod.flags then
			for keywords in pairs(by_keywords) do
				if MatchKeywordFlags(keywords, mod.keywordFlags) then
					return true
				end
			end
		end
	end
	return false
end

---Whether some question so far would have found a modifier like this, if its tags let it.
---@param mod table
---@return boolean
function M.finds(mod)
	local by_kind = unsettled[mod.name]
	return not by_kind or finds(by_kind[mod.type], mod) or finds(by_kind[ANY], mod)
end

---@param name string
---@param by_kind table<string, table<integer, table<integer, boolean>>>
---@param kind string
---@param flags integer
---@param keywords integer
local function add(name, by_kind, kind, flags, keywords)
	local by_flags = by_kind[kind] or {}
	by_kind[kind] = by_flags
	local by_keywords = by_flags[flags] or {}
	by_flags[flags] = by_keywords
	by_keywords[keywords] = true
	M.version = M.version + 1
	for _, mod in ipairs(mods_of[name]) do
		if not M.finds(mod) then
			return
		end
	end
	unsettled[name] = nil
end

---@param kind string
---@param name string
---@param flags integer
---@param keywords integer
---@return boolean is_new
local function take(kind, name, flags, keywords)
	local by_kind = unsettled[name]
	if not by_kind then
		return false
	end
	local by_flags = by_kind[kind]
	local by_keywords = by_flags and by_flags[flags]
	if by_keywords and by_keywords[keywords] then
		return false
	end
	add(name, by_kind, kind, flags, keywords)
	return true
end

---Takes note of a question. Where it asks for one source only it counts as if it asked for all.
---@param kind string? the type of modifiers; nil: all
---@param name string
---@param flags integer
---@param keywords integer
function M.note(kind, name, flags, keywords)
	kind = kind or ANY
	if M.wanted[name] and take(kind, name, flags, keywords) then
		news[#news + 1] = { kind = kind, name = name, flags = flags, keywords = keywords }
	end
end

---Takes note of questions that were noted elsewhere.
---@param questions Question[]
function M.learn(questions)
	for _, question in ipairs(questions) do
		take(question.kind, question.name, question.flags, question.keywords)
	end
end

---Questions to hand on.
---@return Question[]
function M.news()
	return news
end

---The news are handed on, or nobody needs them.
function M.forget_news()
	news = {}
end

return M
