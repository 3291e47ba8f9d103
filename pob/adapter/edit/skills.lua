-- The `<Skills>` section: gems and socket groups of the active skill set. Indices mean the base: gems are changed
-- first, then added, and removed last.

local document = require('adapter.edit.document')

local M = {}

---@param root XmlNode
---@return XmlNode[]
local function groups_of(root)
	local section = document.section(root, 'Skills')
	if not section then
		return {}
	end
	return document.children(document.active_set(section, 'SkillSet', 'activeSkillSet', 'Skill'), 'Skill')
end

---@param groups XmlNode[]
---@param index integer
---@param field string
---@return XmlNode?
---@return EngineError?
local function group_at(groups, index, field)
	local group = groups[index]
	if not group then
		return nil, { kind = 'unknown_group', field = field, message = 'no socket group ' .. index }
	end
	return group
end

---@param gem XmlNode
---@param name string
---@param field string
---@param lookup EditLookup
---@return true?
---@return EngineError?
local function identify(gem, name, field, lookup)
	local info = lookup.gem(name)
	if not info then
		return nil, { kind = 'unknown_gem', field = field, message = "no gem '" .. name .. "'" }
	end
	local attrib = gem.attrib
	attrib.nameSpec, attrib.skillId = info.name, info.skill_id
	attrib.gemId, attrib.variantId = info.game_id, info.variant_id
	attrib.level, attrib.qualityId = tostring(info.max_level), 'Default'
	return true
end

---@param gem XmlNode
---@param change GemChange
local function adjust(gem, change)
	local attrib = gem.attrib
	attrib.level = change.level and tostring(change.level) or attrib.level
	attrib.quality = change.quality and tostring(change.quality) or attrib.quality
	attrib.qualityId = change.variant or attrib.qualityId
	attrib.count = change.count and tostring(change.count) or attrib.count
	if change.enabled ~= nil then
		attrib.enabled = tostring(change.enabled)
	end
end

---A new gem is what PoB's empty gem row becomes when a name is chosen, but for the quality, which is none.
---@return XmlNode
local function new_gem()
	return {
		elem = 'Gem',
		attrib = { quality = '0', enabled = 'true', enableGlobal1 = 'true', enableGlobal2 = 'true', count = '1' },
	}
end

---Old builds keep the chosen part of the first gem's skill with the group.
---@param group XmlNode
---@param gem XmlNode?
local function settle_skill_part(group, gem)
	if gem and gem == group[1] and group.attrib.skillPart then
		gem.attrib.skillPart, group.attrib.skillPart = group.attrib.skillPart, nil
	end
end

---@param root XmlNode
---@param changes GemChange[]
---@param lookup EditLookup
---@return true?
---@return EngineError?
function M.change_gems(root, changes, lookup)
	local groups = groups_of(root)
	local added, removed = {}, {}
	for index, change in ipairs(changes) do
		local field = 'gems[' .. index - 1 .. ']'
		local group, err = group_at(groups, change.group, field .. '.group')
		if not group then
			return nil, err
		end
		local gem = change.add and new_gem() or group[change.gem]
		if not gem then
			local message = 'no gem ' .. change.gem .. ' in socket group ' .. change.group
			return nil, { kind = 'unknown_gem', field = field .. '.gem', message = message }
		end
		local name = change.add or change.replace
		if name then
			local known, reason = identify(gem, name, field .. (change.add and '.add' or '.replace'), lookup)
			if not known then
				return nil, reason
			end
		end
		adjust(gem, change)
		if change.add then
			added[#added + 1] = { group = group, gem = gem }
		elseif change.remove then
			removed[gem] = group
		end
	end
	for _, addition in ipairs(added) do
		addition.group[#addition.group + 1] = addition.gem
	end
	for gem, group in pairs(removed) do
		settle_skill_part(group, gem)
		document.remove(group, function(child)
			return child == gem
		end)
	end
	return true
end

---@param root XmlNode
---@param changes table[]
---@return true?
---@return EngineError?
function M.change_groups(root, changes)
	local groups = groups_of(root)
	for index, change in ipairs(changes) do
		local group, err = group_at(groups, change.group, 'groups[' .. index - 1 .. '].group')
		if not group then
			return nil, err
		end
		local attrib = group.attrib
		if change.enabled ~= nil then
			-- `active` is the old name of the attribute; either of them switches the group on.
			attrib.enabled, attrib.active = tostring(change.enabled), nil
		end
		if change.include_in_full_dps ~= nil then
			attrib.includeInFullDPS = tostring(change.include_in_full_dps)
		end
		attrib.mainActiveSkill = change.main_active_skill and tostring(change.main_active_skill) or attrib.mainActiveSkill
	end
	return true
end

---@param root XmlNode
---@return integer
function M.group_count(root)
	return #groups_of(root)
end

return M
