-- The `<Build>` section: level and main socket group. Load and Save of PoB's `Modules/Build.lua` give the attributes.

local document = require('adapter.edit.document')

local M = {}

-- Figures that PoB writes for other programs to show; they belong to the base and would lie about the varied build.
local RECORDED_STATS = { PlayerStat = true, MinionStat = true, FullDPSSkill = true }

---The section as PoB reads it (the first one); made if it is missing.
---@param root XmlNode
---@return XmlNode
function M.section(root)
	local section = document.children(root, 'Build')[1]
	if not section then
		section = { elem = 'Build', attrib = { targetVersion = '3_0' } }
		table.insert(root, 1, section)
	end
	return section
end

---@param root XmlNode
---@param level integer
function M.set_level(root, level)
	local attrib = M.section(root).attrib
	attrib.level = tostring(level)
	attrib.characterLevelAutoMode = 'false'
end

---@param root XmlNode
---@param index integer
function M.set_main_socket_group(root, index)
	local attrib = M.section(root).attrib
	attrib.mainSocketGroup = tostring(index)
	-- The old name of the attribute comes first when PoB reads.
	attrib.mainSkillIndex = nil
end

---@param root XmlNode
function M.forget_recorded_stats(root)
	document.remove(M.section(root), function(child)
		return RECORDED_STATS[child.elem]
	end)
end

return M
