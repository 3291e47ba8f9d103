-- What calculations asked the modifier stores for: those of the player, and those of enemies and minions. Owns the questions.

local actors = require("fast.alike.actors")
local questions = require("fast.alike.questions")

local M = {}

---What the player's stores were asked for.
M.player = questions.new()
---What the stores of enemies and minions were asked for.
M.others = questions.new()

local NOTHING = {}
---Names that either is interested in.
---@type table<string, table>
local names = {}
---The same while questions are noted, otherwise nothing. Read by `stores.lua`, which takes what it finds here for a list
---without elements.
---@type table<string, table>
M.wanted = NOTHING
---Questions to the player's stores that were noted here and not handed on yet.
---@type Question[]
local news = {}

---Questions are noted from now on, or not any more.
---@param value boolean
function M.listen(value)
	M.wanted = value and names or NOTHING
end

---@param name string
local function check_name(name)
	if not M.player.unsettled[name] and not M.others.unsettled[name] then
		names[name] = nil
	end
end

---Forgets all questions.
---@param of_player table<string, table[]> by name, modifiers in the player's stores that are to be told apart
---@param of_others table<string, table[]> the same for enemies and minions
function M.reset(of_player, of_others)
	M.player:reset(of_player)
	M.others:reset(of_others)
	news = {}
	for name in pairs(names) do
		names[name] = nil
	end
	for _, mods in ipairs({ of_player, of_others }) do
		for name in pairs(mods) do
			names[name] = NOTHING
		end
	end
end

---Takes a name as asked for of the player, whatever is asked: somebody asks for it without being listened to.
---@param name string
function M.settle(name)
	M.player:settle(name)
	check_name(name)
end

---Takes note of a question. Where it asks for one source only it counts as if it asked for all.
---@param store table
---@param kind string? the type of modifiers; nil: all
---@param name string
---@param flags integer
---@param keywords integer
---@param shown boolean? whoever asks gets the modifiers themselves
function M.note(store, kind, name, flags, keywords, shown)
	if not M.wanted[name] then
		return
	end
	local of_another = actors.is_of_another(store)
	local set = of_another and M.others or M.player
	kind, shown = kind or questions.ANY, shown or false
	if set:take(kind, name, flags, keywords, shown) then
		check_name(name)
		if not of_another then
			news[#news + 1] = { kind = kind, name = name, flags = flags, keywords = keywords, shown = shown }
		end
	end
end

---Takes note of questions to the player's stores that were noted elsewhere.
---@param list Question[]
function M.learn(list)
	for _, question in ipairs(list) do
		M.player:take(question.kind, question.name, question.flags, question.keywords, question.shown)
		check_name(question.name)
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
