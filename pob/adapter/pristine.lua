-- Keeps calculations from leaving traces.
-- PoB writes into shared data while it calculates: skills that an item supports with are marked as coming from an
-- item, the costs of triggered skills are erased, and what a build file says of a gem (part, stages, minion) or of a
-- group (main skill) is overwritten by what fits at the moment. A build that is loaded from scratch sees none of
-- that, so each calculation here must begin as a fresh load would.

local M = {}

---What the build file says of a gem and calculations overwrite.
local GEM_FIELDS = {
	"skillPart", "skillPartCalcs", "skillStageCount", "skillStageCountCalcs", "skillMineCount", "skillMineCountCalcs",
	"skillMinion", "skillMinionCalcs", "skillMinionItemSet", "skillMinionItemSetCalcs", "skillMinionSkill",
	"skillMinionSkillCalcs",
}
local GROUP_FIELDS = { "mainActiveSkill", "mainActiveSkillCalcs" }

---Skills that PoB's data itself marks as coming from items.
---@type table<table, boolean>
local marked_by_data = {}
---Levels of skills -> the cost that PoB's data gives.
---@type table<table, table|false>
local costs_of_data = {}
---Levels whose cost the loaded base erased.
---@type table<table, boolean>
local erased_by_base = {}
---Gem instance or group -> its fields as loaded.
---@type table<table, table<string, any>>
local as_loaded = setmetatable({}, { __mode = "k" })

---@param object table
---@param fields string[]
local function record(object, fields)
	local values = {}
	for _, field in ipairs(fields) do
		values[field] = object[field]
	end
	as_loaded[object] = values
end

---@param object table
---@param fields string[]
local function reset(object, fields)
	local values = as_loaded[object]
	for i = 1, #fields do
		local field = fields[i]
		object[field] = values and values[field]
	end
end

---Remembers how a group was loaded.
---@param group table
function M.record_group(group)
	record(group, GROUP_FIELDS)
	for _, gem in ipairs(group.gemList) do
		record(gem, GEM_FIELDS)
	end
end

---Makes groups and their gems what they were when they were loaded.
---@param groups table[]
function M.reset_groups(groups)
	for i = 1, #groups do
		local group = groups[i]
		reset(group, GROUP_FIELDS)
		for j = 1, #group.gemList do
			reset(group.gemList[j], GEM_FIELDS)
		end
	end
end

---Takes note of the data once PoB is booted, and from then on of the costs that PoB erases.
function M.install()
	for _, skill in pairs(data.skills) do
		if skill.fromItem then
			marked_by_data[skill] = true
		end
	end
	local class = common.classes.SkillsTab
	local stock = class.ProcessSocketGroup
	function class.ProcessSocketGroup(tab, group)
		for _, gem in ipairs(group.gemList) do
			local skill = gem.triggered and gem.skillId and data.skills[gem.skillId]
			local level = skill and skill.levels[gem.level]
			if level and costs_of_data[level] == nil then
				costs_of_data[level] = level.cost or false
			end
		end
		return stock(tab, group)
	end
end

---Gives every triggered skill its cost back.
function M.restore_costs()
	for level, cost in pairs(costs_of_data) do
		level.cost = cost or nil
	end
end

---Erases the costs that the base erases.
function M.erase_costs_of_base()
	for level in pairs(erased_by_base) do
		level.cost = {}
	end
end

---@param skill table?
local function unmark(skill)
	if skill then
		skill.fromItem = marked_by_data[skill]
	end
end

---Takes back the marks on skills that items support with.
---@param mods table[]? the `ExtraSupport` modifiers of a calculation
function M.unmark_supports(mods)
	for _, mod in ipairs(mods or {}) do
		local id = mod.value and mod.value.skillId
		if id then
			unmark(data.skills[id])
			unmark(data.skills["Support" .. id])
		end
	end
end

---Fields of PoB's build object before the first build.
---@type table<any, boolean>
local fields_of_no_build = {}

---Takes note of PoB's build object before it ever held a build.
---@param object table
function M.note_build(object)
	for field in pairs(object) do
		fields_of_no_build[field] = true
	end
end

---Before a base is loaded: no other build has left anything, not even one whose load failed half way.
---@param object table PoB's build object
function M.before_load(object)
	for field in pairs(object) do
		if not fields_of_no_build[field] then
			object[field] = nil
		end
	end
	M.restore_costs()
	costs_of_data, erased_by_base = {}, {}
	for _, skill in pairs(data.skills) do
		unmark(skill)
	end
end

---After a load that failed: tables of timeless jewels may have been left half read.
function M.after_failed_load()
	wipeTable(data.timelessJewelLUTs)
end

---After a base was loaded.
function M.after_load()
	for level in pairs(costs_of_data) do
		erased_by_base[level] = true
	end
	for _, skill in pairs(data.skills) do
		unmark(skill)
	end
end

return M
