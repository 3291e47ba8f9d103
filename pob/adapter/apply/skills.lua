-- Gems, socket groups and the main skill: the group's part of the build file is edited and PoB loads just that again.

local edit_skills = require("adapter.edit.skills")
local trial = require("adapter.trial")

local M = {}

---A skill set that no build has; PoB loads changed groups into it.
local SCRATCH_SET = -1

---The groups of the build file as a file of their own, with copies of those that a change touches.
---@param base LoadedBase
---@param touched table<integer, boolean>
---@return table root
---@return table set
local function file_of_groups(base, touched)
	local set = { elem = "SkillSet", attrib = { id = "1" } }
	for index, entry in ipairs(base.groups) do
		set[index] = touched[index] and copyTable(entry.node) or entry.node
	end
	local section = { elem = "Skills", attrib = { activeSkillSet = "1" }, set }
	return { elem = "PathOfBuilding", attrib = {}, section }, set
end

---@param node table
---@return table group
local function load_group(node)
	local tab = build.skillsTab
	local set = { socketGroupList = {} }
	tab.skillSets[SCRATCH_SET] = set
	tab:LoadSkill(node, SCRATCH_SET)
	tab.skillSets[SCRATCH_SET] = nil
	return set.socketGroupList[1]
end

---@param list table[]
---@param wanted any
---@return integer?
local function index_of(list, wanted)
	for index = 1, #list do
		if list[index] == wanted then
			return index
		end
	end
end

---@param variation Variation
---@param base LoadedBase
---@param context EvaluationContext
---@return EngineError?
local function change_groups(variation, base, context)
	local touched = {}
	for _, list in ipairs({ variation.groups or {}, variation.gems or {} }) do
		for _, change in ipairs(list) do
			touched[change.group] = true
		end
	end
	local root, set = file_of_groups(base, touched)
	local ok, err = true, nil
	if variation.groups then
		ok, err = edit_skills.change_groups(root, variation.groups)
	end
	if ok and variation.gems then
		ok, err = edit_skills.change_gems(root, variation.gems, context.lookup)
	end
	if not ok then
		return err
	end
	local tab = build.skillsTab
	local groups = {}
	for index, group in ipairs(tab.socketGroupList) do
		groups[index] = group
	end
	for index in pairs(touched) do
		local old = base.groups[index].group
		local position = index_of(groups, old)
		if not position then
			return context.needs_plain("the group belongs to an item that is gone")
		end
		groups[position] = load_group(set[index])
		if old.source then
			-- What the item or node says about the group comes on top of what the file says.
			context.update_grants = true
		end
	end
	trial.set(tab, "socketGroupList", groups)
end

---@param variation Variation
---@param base LoadedBase
---@param context EvaluationContext
---@return EngineError?
function M.apply(variation, base, context)
	if variation.groups or variation.gems then
		local err = change_groups(variation, base, context)
		if err then
			return err
		end
	end
	local main = variation.main_socket_group
	if main then
		if main > math.max(#build.skillsTab.socketGroupList, #base.groups) then
			return { kind = "unknown_group", field = "main_socket_group", message = "no socket group " .. main }
		end
		context.main_socket_group = main
	end
end

return M
