-- What PoB estimates of a character's defences (`calcs.buildDefenceEstimations`), above all the hits that it survives: a
-- seventh of a calculation, and the same for all variations that change nothing but what the character deals. What it
-- reads is the player's output so far, modifiers of the player and of the enemy, and config's inputs; all that it
-- writes is the output. So it is recalled (`recall/`).

local alike = require("fast.alike")
local order = require("fast.alike.order")
local recall = require("fast.recall")

local M = {}

---Tags that see no more than what is watched, and what the question itself brings.
local SEEING_ENOUGH = {
	ActorCondition = true,
	Condition = true,
	DistanceRamp = true,
	GlobalEffect = true,
	KeywordFlagAnd = true,
	Limit = true,
	MeleeProximity = true,
	ModFlagOr = true,
	Multiplier = true,
	MultiplierThreshold = true,
	PercentStat = true,
	PerStat = true,
	SkillId = true,
	SkillName = true,
	SkillPart = true,
	SkillType = true,
	SlotName = true,
	StatThreshold = true,
}
---Stats for which PoB looks at the skills instead of the output.
local OF_SKILLS = { LifeReservedPercent = true, ManaReservedPercent = true }
---Fields of tags that lead to other actors than the one who is asked.
local TO_OTHERS = { "actor", "limitActor", "thresholdActor" }

---What else a call depends on.
---@class (exact) EstimationsGiven
---@field level any the enemy's
---@field shared any what a party member's energy shield recovers up to
---@field notes OrderNote[]? of its answers; nil: nobody listened

---@param tag table
---@return boolean
local function asks_for_skills(tag)
	for _, value in pairs(tag) do
		if OF_SKILLS[value] or (type(value) == "table" and asks_for_skills(value)) then
			return true
		end
	end
	return false
end

---Whether a tag sees nothing that is not watched.
---@param tag table
---@param of_player boolean whether the player's modifiers have it
---@return boolean
local function sees_enough(tag, of_player)
	if not SEEING_ENOUGH[tag.type] or asks_for_skills(tag) then
		return false
	end
	for _, field in ipairs(TO_OTHERS) do
		if tag[field] and not (of_player and tag.type == "ActorCondition" and tag[field] == "enemy") then
			return false
		end
	end
	return true
end

---@param lists table[][] of modifiers
---@param of_player boolean
---@return boolean
local function all_see_enough(lists, of_player)
	for _, list in ipairs(lists) do
		for _, mod in ipairs(list) do
			for _, tag in ipairs(mod) do
				if not sees_enough(tag, of_player) then
					return false
				end
			end
		end
	end
	return true
end

---Whether conditions of weapons count for an actor in a way of their own.
---@param actor table
---@return boolean
local function counts_as_all_weapons(actor)
	local first, second = actor.weaponData1, actor.weaponData2
	return (first and first.countsAsAll1H or second and second.countsAsAll1H) and true or false
end

---Whether it is the player's call, and reads nothing of what it may read elsewhere.
---@param env table
---@param actor table
---@return boolean
local function can_be_watched(env, actor)
	local enemy = actor.enemy
	return actor == env.player
		and not actor.breakdown
		and enemy.output
		and env.modDB == actor.modDB
		and not actor.modDB.parent
		and not enemy.modDB.parent
		and not actor.parent
		and not actor.damageShiftTable
		and not actor.damageOverTimeShiftTable
		and not counts_as_all_weapons(actor)
		and not counts_as_all_weapons(enemy)
end

local PLAYER_MODS, ENEMY_MODS = 2, 3

---@param env table
---@param actor table
---@return RecallPlace[]
local function places_of(env, actor)
	local mods, of_enemy = actor.modDB, actor.enemy.modDB
	return {
		{ of = actor, field = "output", is_written = true },
		{ of = mods, field = "mods", has_lists = true },
		{ of = of_enemy, field = "mods", has_lists = true },
		{ of = mods, field = "conditions" },
		{ of = mods, field = "multipliers" },
		{ of = of_enemy, field = "conditions" },
		{ of = of_enemy, field = "multipliers" },
		{ of = env, field = "configInput" },
		{ of = env, field = "configPlaceholder" },
		{ of = actor.enemy, field = "output" },
	}
end

---@param env table
---@param actor table
---@param notes OrderNote[]?
---@return EstimationsGiven
local function given_of(env, actor, notes)
	local party = actor.partyMembers
	return {
		level = env.enemyLevel,
		shared = party and party.output and party.output.EnergyShieldRecoveryCap,
		notes = notes,
	}
end

---@param given EstimationsGiven
---@param now EstimationsGiven
---@return boolean
local function accepts(given, now)
	return given.level == now.level
		and given.shared == now.shared
		and (given.notes ~= nil or now.notes == nil)
end

local NO_NOTES = {}
---Whether PoB's stores are those whose questions we know.
local stores_known = false
---Whether calls are recalled.
local allowed = true

function M.know_stores()
	stores_known = true
end

---Whether calls are recalled from now on. Whoever looks whether the VM still computes what it should wants all computed.
---@param value boolean
function M.allow(value)
	allowed = value
end

---@param calcs table the loaded build's calculator
function M.install(calcs)
	if not stores_known then
		return
	end
	local stock = calcs.buildDefenceEstimations
	local calls = recall.new()

	---@param env table
	---@param actor table
	---@param places RecallPlace[]
	---@param is_heard boolean
	local function record(env, actor, places, is_heard)
		local mark = is_heard and order.mark()
		calls:record(places, function()
			stock(env, actor)
		end, function(read)
			local notes = mark and order.since(mark) or nil
			if
				(not is_heard or notes)
				and all_see_enough(read[PLAYER_MODS], true)
				and all_see_enough(read[ENEMY_MODS], false)
			then
				return given_of(env, actor, notes)
			end
		end)
	end

	function calcs.buildDefenceEstimations(env, actor)
		local of = alike.listens_to()
		local is_heard = of == "nodes"
		-- Of other variations `alike` wants to hear more than is noted of a recorded call.
		if not allowed or (of and not is_heard) or not can_be_watched(env, actor) then
			return stock(env, actor)
		end
		local places = places_of(env, actor)
		local found = calls:find(places, accepts, given_of(env, actor, is_heard and NO_NOTES or nil))
		if found and is_heard then
			order.repeat_notes(found.notes)
		elseif not found and calls:is_worth_it() then
			record(env, actor, places, is_heard)
		elseif not found then
			stock(env, actor)
		end
	end
end

return M
