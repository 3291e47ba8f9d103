-- Tags that let no modifier of theirs pass: a condition that is never true, a type that no skill has. A modifier behind such
-- a tag contributes to no answer, whoever finds it. Owns which tags are shut: those that were not found open in any
-- calculation so far that was looked at. Each output that is kept is of a calculation that was looked at.
--
-- What is true in the course of a calculation is still seen at its end: PoB sets conditions, now and then to false, and
-- adds modifiers named after them; it takes neither away, but with skills that it sets up, and of those it asks nothing then
-- that a modifier could answer of which this tells (`is_behind`). All of it is about functions of PoB's that `alike` knows.

local classes = require("fast.alike.classes")

local match = string.match

local M = {}

---Conditions that a question brings with it (`skillCond`), and no store has.
local OF_QUESTIONS = {
	CriticalStrike = true,
	MainHandAttack = true,
	OffHandAttack = true,
	SkillIsFocused = true,
	SkillIsTriggered = true,
	usedByMirage = true,
}
---Types of modifiers of which one that contributes nothing changes no answer. A `MORE` has answers rounded, of a `LIST`
---something is in the answer all the same, and PoB asks whether there is any `OVERRIDE`.
local TYPES = { BASE = true, INC = true }
---So begin names of which PoB asks whether there are any, and those that it asks for while it sets skills up.
local NOT_TOLD = "^Multiplier:"

---Counts up with every tag that is open after all.
M.version = 0

---Shut conditions, by the name of modifiers that make them true.
---@type table<string, string>
local conditions = {}
---The same, by the condition.
---@type table<string, string>
local names = {}
---Shut types of skills.
---@type table<integer, string>
local types = {}
---Names of modifiers for which somebody asks without being listened to.
---@type table<string, boolean>
local unheard = {}
---What was found open here and not handed on yet.
---@type string[]
local news = {}
---@type table<integer, boolean> by class, at that version
local behind = {}
---Whether calculations are looked at.
local looking = false

local CONDITION, SKILL_TYPE = "Condition:", "SkillType:"

---The tag that comes first: those behind it see nothing unless it lets them.
---@param mod table
---@return string? condition
---@return integer? skill_type
local function first_tag(mod)
	for _, tag in ipairs(mod) do
		if tag.type == "Condition" then
			return not tag.neg and not tag.varList and not OF_QUESTIONS[tag.var] and tag.var or nil, nil
		elseif tag.type == "SkillType" then
			return nil, not tag.neg and not tag.skillTypeList and tag.skillType or nil
		elseif tag.type ~= "Global" then
			return nil, nil
		end
	end
end

---The tag that a modifier stands behind; nil: none, or it must not be passed over whether the tag lets it or not.
---@param mod table
---@return string? condition
---@return integer? skill_type
local function gate(mod)
	if TYPES[mod.type] and not match(mod.name, NOT_TOLD) and not unheard[mod.name] then
		return first_tag(mod)
	end
end

---Forgets everything.
function M.forget()
	conditions, names, types, unheard, news, behind = {}, {}, {}, {}, {}, {}
	M.version = M.version + 1
end

---Begins with all tags of some modifiers, as if each was shut.
---@param mods table[]
---@param asked_unheard string[] names for which somebody asks without being listened to
---@return string[] opening names of those among them that would open one
function M.begin(mods, asked_unheard)
	M.forget()
	for _, name in ipairs(asked_unheard) do
		unheard[name] = true
	end
	for _, mod in ipairs(mods) do
		local condition, skill_type = gate(mod)
		if condition then
			local name = CONDITION .. condition
			conditions[name], names[condition] = condition, name
		elseif skill_type then
			types[skill_type] = SKILL_TYPE .. skill_type
		end
	end
	local opening = {}
	for _, mod in ipairs(mods) do
		if conditions[mod.name] then
			opening[#opening + 1] = mod.name
		end
	end
	return opening
end

---Takes a tag as open.
---@param tag string
---@return boolean is_new
local function take(tag)
	local condition, skill_type = conditions[tag], tonumber(match(tag, "^" .. SKILL_TYPE .. "(%d+)$"))
	if condition then
		conditions[tag], names[condition] = nil, nil
	elseif skill_type and types[skill_type] then
		types[skill_type] = nil
	else
		return false
	end
	M.version, behind = M.version + 1, {}
	return true
end

---@param tag string
local function find_out(tag)
	if take(tag) then
		news[#news + 1] = tag
	end
end

---Finds conditions that are, or were, true for whoever asks a store.
---@param store table?
local function look_at_store(store)
	if not store then
		return
	end
	for condition in pairs(store.conditions) do
		if names[condition] then
			find_out(names[condition])
		end
	end
	if store.mods then
		for name in pairs(conditions) do
			if store.mods[name] then
				find_out(name)
			end
		end
	end
	for i = 1, #store do
		local name = store[i].name
		if conditions[name] then
			find_out(name)
		end
	end
end

---@param skill table
local function look_at_skill(skill)
	look_at_store(skill.baseSkillModList)
	look_at_store(skill.skillModList)
	for skill_type in pairs(skill.skillTypes) do
		if types[skill_type] then
			find_out(types[skill_type])
		end
	end
	for _, of_minion in ipairs(skill.minion and skill.minion.activeSkillList or {}) do
		look_at_skill(of_minion)
	end
end

---Finds what is open in an environment, after its calculation.
---@param env table
function M.look_at(env)
	look_at_store(env.modDB)
	look_at_skill(env.player.mainSkill)
	for _, skill in ipairs(env.player.activeSkillList) do
		look_at_skill(skill)
	end
end

---Looks at every calculation from now on, or not any more.
---@param value boolean
function M.look(value)
	looking = value
end

---Has the calculations of a build looked at, those too that it starts on its way.
---@param calcs table the build's calculator
function M.install(calcs)
	local stock = calcs.perform
	function calcs.perform(env, skip_ehp)
		stock(env, skip_ehp)
		if looking then
			M.look_at(env)
		end
	end
end

---Whether a modifier of that class contributes to no answer. Holds for this version.
---@param class integer
---@return boolean
function M.is_behind(class)
	local answer = behind[class]
	if answer == nil then
		local condition, skill_type = gate(classes.example(class))
		answer = names[condition or ""] ~= nil or types[skill_type or -1] ~= nil
		behind[class] = answer
	end
	return answer
end

---Takes note of what was found elsewhere.
---@param list string[]
function M.learn(list)
	for _, tag in ipairs(list) do
		take(tag)
	end
end

---What to hand on.
---@return string[]
function M.news()
	return news
end

---The news are handed on, or nobody needs them.
function M.forget_news()
	news = {}
end

return M
