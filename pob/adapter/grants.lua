-- What PoB keeps of socket groups and brings up to date only in MAIN mode: the groups of skills that items and passive
-- nodes grant, and what the support half of a gem such as Spellslinger supports. A variation that may change either
-- needs that done, on copies.

local pristine = require("adapter.pristine")
local trial = require("adapter.trial")

local M = {}

---Names everything that is granted, in order.
---@param env table
---@return string
function M.signature(env)
	local parts = {}
	for _, skill in ipairs(env.grantedSkills) do
		parts[#parts + 1] = table.concat({
			tostring(skill.source), tostring(skill.slotName), tostring(skill.skillId), tostring(skill.level),
			tostring(skill.noSupports), tostring(skill.triggered), tostring(skill.triggerChance),
		}, "\t")
	end
	for _, source in ipairs(env.explodeSources) do
		parts[#parts + 1] = "explode\t" .. tostring(source.modSource or source.id)
	end
	return table.concat(parts, "\n")
end

---Gems that are a skill and a triggering support at once. The skill half reads what its support half supports.
---@type table<table, boolean>
local is_trigger_gem = setmetatable({}, {
	__mode = "k",
	__index = function(known, gem)
		local skill, trigger = false, false
		for _, effect in ipairs(gem.grantedEffectList) do
			skill = skill or not effect.support
			trigger = trigger or (effect.support and effect.isTrigger) or false
		end
		known[gem] = skill and trigger
		return known[gem]
	end,
})

---Whether a gem's skill depends on what MAIN mode noted of its support half.
---@param groups table[]
---@return boolean
function M.depend_on_main(groups)
	for i = 1, #groups do
		local gems = groups[i].gemList
		for j = 1, #gems do
			local gem = gems[j].gemData
			if gem and is_trigger_gem[gem] then
				return true
			end
		end
	end
	return false
end

---@param original table
---@return table
local function copy(original)
	local twin = {}
	for key, value in pairs(original) do
		twin[key] = value
	end
	return twin
end

---Brings the granted groups up to date, as loading the varied build would.
---@param main_socket_group integer as the build (or the variation) says
function M.update(main_socket_group)
	local tab = build.skillsTab
	-- The calculation that found the difference has adapted gems to the groups as they were.
	pristine.reset_groups(tab.socketGroupList)
	local groups = {}
	for index, group in ipairs(tab.socketGroupList) do
		if group.source then
			group = copy(group)
			group.gemList = copy(group.gemList)
			for i, gem in ipairs(group.gemList) do
				group.gemList[i] = copy(gem)
			end
		else
			-- MAIN mode writes the main skill that it takes into the group.
			trial.keep(group, "mainActiveSkill")
		end
		groups[index] = group
	end
	trial.set(tab, "socketGroupList", groups)
	trial.set(build, "mainSocketGroup", main_socket_group)
	pristine.restore_costs()
	trial.finally(function()
		pristine.restore_costs()
		pristine.erase_costs_of_base()
	end)
	wipeGlobalCache()
	build.calcsTab.calcs.initEnv(build, "MAIN", {})
end

return M
