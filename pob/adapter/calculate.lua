-- Computes the output of the build as it stands, as PoB's MAIN mode would: with the calculator, which is several times
-- faster, and what only MAIN mode adds (`calcs.buildOutput` in PoB's `Modules/Calcs.lua`) computed here.

local copies = require("fast.copies")
local cost_warnings = require("adapter.cost_warnings")
local prepared = require("fast.prepared")
local pristine = require("adapter.pristine")

local M = {}

---The version whose MAIN mode is imitated; nil: it is none that we know, and computes itself, slower and as exact.
---@type string?
local imitated
---Versions in which MAIN mode says whether the main skill costs more than there is.
local WARNS_OF_COSTS = { ["2.60.0"] = true }

---@param version string?
function M.stand_in_for(version)
	imitated = version
end

---Whether the calculator does it all.
---@return boolean
function M.is_fast()
	return imitated ~= nil
end

---Puts the minion's scalars beside the player's, under the prefix `Minion.`.
---@param output table
---@return Output
function M.flatten(output)
	local minion = output.Minion
	if minion then
		for name, value in pairs(minion) do
			if type(name) == "string" and type(value) ~= "table" then
				output["Minion." .. name] = value
			end
		end
	end
	return output
end

---@param env table
---@return boolean
local function counts_full_dps(env)
	for _, skill in ipairs(env.player.activeSkillList) do
		if skill.socketGroup and skill.socketGroup.includeInFullDPS then
			return true
		end
	end
	return false
end

---@return boolean
local function may_count_full_dps()
	for _, group in ipairs(build.skillsTab.socketGroupList) do
		if group.includeInFullDPS then
			return true
		end
	end
	return false
end

---@param env table
---@param databases table the three databases that `initEnv` gives for reuse
local function add_full_dps(env, databases)
	local output = env.player.output
	if not counts_full_dps(env) then
		output.FullDPS, output.FullDotDPS = 0, 0
		return
	end
	-- In MAIN mode PoB enters here with an empty cache for calculators, and some readers (The Saviour) do not ask how
	-- old an entry is.
	wipeGlobalCache()
	local full = build.calcsTab.calcs.calcFullDPS(build, "CALCULATOR", {}, databases)
	output.FullDPS, output.FullDotDPS = full.combinedDPS, full.TotalDotDPS
end

local TREE_ONLY = { source = "Tree" }

---@param env table
local function add_main_only(env)
	local output, mods = env.player.output, env.modDB
	output.EnergyShieldProtectsMana = mods:Flag(nil, "EnergyShieldProtectsMana")
	output.ExtraPoints = mods:Sum("BASE", nil, "ExtraPoints")
	output["Spec:LifeInc"] = mods:Sum("INC", TREE_ONLY, "Life")
	output["Spec:ManaInc"] = mods:Sum("INC", TREE_ONLY, "Mana")
	output["Spec:ArmourInc"] = mods:Sum("INC", TREE_ONLY, "Armour", "ArmourAndEvasion")
	output["Spec:EvasionInc"] = mods:Sum("INC", TREE_ONLY, "Evasion", "ArmourAndEvasion")
	output["Spec:EnergyShieldInc"] = mods:Sum("INC", TREE_ONLY, "EnergyShield")
end

---Sets the calculation up. Between this and `finish` the caller may look at what items and nodes grant.
---@return table env
---@return table databases
function M.begin()
	wipeGlobalCache()
	copies.set_wanted(may_count_full_dps())
	local env, player, enemy, minion = build.calcsTab.calcs.initEnv(build, "CALCULATOR", {})
	return env, { cachedPlayerDB = player, cachedEnemyDB = enemy, cachedMinionDB = minion }
end

---@param env table
---@param databases table
---@return Output
function M.finish(env, databases)
	if not imitated then
		-- MAIN mode notes in groups and gems what calculations on its way then find there.
		prepared.allow(nil)
		wipeGlobalCache()
		env = build.calcsTab.calcs.buildOutput(build, "MAIN")
		return M.flatten(env.player.output)
	end
	build.calcsTab.calcs.perform(env)
	add_full_dps(env, databases)
	add_main_only(env)
	if WARNS_OF_COSTS[imitated] then
		cost_warnings.add(env)
	end
	return M.flatten(env.player.output)
end

---Takes back what a calculation wrote into shared data.
---@param env table
function M.clean_up(env)
	pristine.unmark_supports(env.modDB.mods.ExtraSupport)
	wipeGlobalCache()
end

return M
