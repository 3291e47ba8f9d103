-- Reads the active <SkillSet>: socket groups and their gems. A gem that is not known keeps its place, without
-- effect and with a warning, so that indices keep their meaning.

local dom = require('sample.build.dom')
local gems = require('sample.gems')

local M = {}

-- How often one gem may count in the full DPS.
M.MAX_COUNT = 1000

---@param value integer
---@param min integer
---@param max integer
---@param what string
---@param warn fun(kind: WarningKind, message: string)
---@return integer
local function bounded(value, min, max, what, warn)
	local taken = math.min(math.max(value, min), max)
	if taken ~= value then
		warn('value_clamped', ('%s %d is taken as %d'):format(what, value, taken))
	end
	return taken
end

---@param element XmlElement
---@param warn fun(kind: WarningKind, message: string)
---@return GemEntry
local function read_gem(element, warn)
	local name = element.attrs.nameSpec or ''
	local gem = gems.find(name)
	if not gem then
		warn('mod_not_understood', ('the gem %s is not known'):format(name))
	end
	return {
		gem = gem,
		name = gem and gem.name or name,
		level = bounded(dom.integer(element, 'level', 1), 1, gems.MAX_LEVEL, name .. ': level', warn),
		quality = bounded(dom.integer(element, 'quality', 0), 0, gems.MAX_QUALITY, name .. ': quality', warn),
		enabled = dom.boolean(element, 'enabled', true),
		count = bounded(dom.integer(element, 'count', 1), 0, M.MAX_COUNT, name .. ': count', warn),
	}
end

---How many of a group's gems are skills that can be the selected one.
---@param group SocketGroup
---@return integer
function M.active_skills(group)
	local count = 0
	for i = 1, #group.gems do
		local gem = group.gems[i].gem
		if gem and gem.kind == 'skill' then
			count = count + 1
		end
	end
	return count
end

---@param build Build
---@param warn fun(kind: WarningKind, message: string)
function M.read(build, warn)
	local section = dom.child(build.frame, 'Skills')
	build.groups = {}
	for _, element in
		ipairs(dom.children(dom.active(section, 'SkillSet', 'activeSkillSet') or section, 'Skill'))
	do
		local group = {
			enabled = dom.boolean(element, 'enabled', true),
			full_dps = dom.boolean(element, 'includeInFullDPS', false),
			main_active = dom.integer(element, 'mainActiveSkill', 1),
			slot = element.attrs.slot,
			label = element.attrs.label,
			gems = {},
		}
		for i, gem in ipairs(dom.children(element, 'Gem')) do
			group.gems[i] = read_gem(gem, warn)
		end
		build.groups[#build.groups + 1] = group
		-- An active skill that is no number saves as `nil` in PoB, and means the first.
		group.main_active = math.max(1, math.min(group.main_active, M.active_skills(group)))
	end
	if #build.groups > 0 then
		build.main_group = bounded(build.main_group, 1, #build.groups, 'the main socket group', warn)
	end
end

return M
