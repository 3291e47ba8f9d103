-- Applies gems and socket groups. Indices mean the base: changes keep their place, additions come last in the group,
-- removals happen at the very end.

local context = require('sample.apply.context')
local gems = require('sample.gems')
local skills = require('sample.build.skills')

local M = {}

---The group of that index as the variation's own copy.
---@param applying Applying
---@param index integer
---@param field string
---@return SocketGroup?
---@return EngineError?
local function own_group(applying, index, field)
	local build, base = applying.build, applying.base
	local old = base.groups[index]
	if not old then
		return nil, context.fail('unknown_group', field, ('there is no socket group %s'):format(index))
	end
	if build.groups == base.groups then
		build.groups = context.copy_list(base.groups)
	end
	if build.groups[index] == old then
		build.groups[index] = {
			enabled = old.enabled,
			full_dps = old.full_dps,
			main_active = old.main_active,
			slot = old.slot,
			label = old.label,
			gems = context.copy_list(old.gems),
		}
	end
	return build.groups[index]
end

---@param change GemChange
---@param index integer
---@return EngineError?
local function check_values(change, index)
	local level, quality, count = change.level, change.quality, change.count
	if level and (level < 1 or level > gems.MAX_LEVEL) then
		return context.fail(
			'invalid_variation',
			context.path('gems', index, 'level'),
			('level %s is not between 1 and %d'):format(level, gems.MAX_LEVEL)
		)
	elseif quality and (quality < 0 or quality > gems.MAX_QUALITY) then
		return context.fail(
			'invalid_variation',
			context.path('gems', index, 'quality'),
			('quality %s is not between 0 and %d'):format(quality, gems.MAX_QUALITY)
		)
	elseif count and (count < 0 or count > skills.MAX_COUNT) then
		return context.fail(
			'invalid_variation',
			context.path('gems', index, 'count'),
			('count %s is not between 0 and %d'):format(count, skills.MAX_COUNT)
		)
	elseif change.variant and change.variant ~= 'Default' then
		return context.fail(
			'unsupported',
			context.path('gems', index, 'variant'),
			('gems of the sample engine have no variant %s'):format(change.variant)
		)
	end
end

local EDITS = { 'replace', 'level', 'quality', 'variant', 'enabled', 'count' }

---@param change GemChange
---@param index integer
---@return EngineError?
local function check_sense(change, index)
	local field = context.path('gems', index)
	if change.add and (change.gem or change.replace or change.remove) then
		return context.fail(
			'invalid_variation',
			field,
			'what is added has no index, replaces nothing and is not removed'
		)
	elseif not change.add and not change.gem then
		return context.fail('invalid_variation', field .. '.gem', 'gem or add says which gem is meant')
	end
	for i = 1, change.remove and #EDITS or 0 do
		if change[EDITS[i]] ~= nil then
			return context.fail(
				'invalid_variation',
				field .. '.' .. EDITS[i],
				'a gem that is removed cannot be changed'
			)
		end
	end
end

---@param name string
---@param field string
---@return GemData?
---@return EngineError?
local function find(name, field)
	local gem = gems.find(name)
	if not gem then
		return nil, context.fail('unknown_gem', field, ('there is no gem %s'):format(name))
	end
	return gem
end

-- What an added gem is if nothing else is said.
local ADDED = { level = 20, quality = 0, enabled = true, count = 1 }

---@param old GemEntry|table
---@param gem GemData?
---@param change GemChange
---@return GemEntry
local function changed(old, gem, change)
	local enabled = change.enabled
	if enabled == nil then
		enabled = old.enabled
	end
	-- Another gem comes at a new gem's level, as in PoB; the quality stays.
	local level = change.replace and ADDED.level or old.level
	return {
		gem = gem,
		name = gem and gem.name or old.name,
		level = change.level or level,
		quality = change.quality or old.quality,
		enabled = enabled,
		count = change.count or old.count,
	}
end

---@param applying Applying
---@param change GemChange
---@param index integer
---@param seen table<string, boolean>
---@return EngineError?
local function apply_one(applying, change, index, seen)
	local err = check_sense(change, index) or check_values(change, index)
	if err then
		return err
	end
	local group, problem = own_group(applying, change.group, context.path('gems', index, 'group'))
	if not group then
		return problem
	end
	local at, old, gem = #group.gems + 1, ADDED, nil
	if change.add then
		gem, err = find(change.add, context.path('gems', index, 'add'))
	else
		at, old = change.gem, applying.base.groups[change.group].gems[change.gem]
		local key = change.group * 1000 + change.gem
		if not old then
			return context.fail(
				'unknown_gem',
				context.path('gems', index, 'gem'),
				('socket group %d has no gem %s'):format(change.group, change.gem)
			)
		elseif seen[key] then
			return context.fail(
				'invalid_variation',
				context.path('gems', index, 'gem'),
				'this gem is there twice'
			)
		end
		seen[key] = true
		if change.replace then
			gem, err = find(change.replace, context.path('gems', index, 'replace'))
		else
			gem = old.gem
		end
	end
	if err then
		return err
	elseif not change.remove then
		local entry = changed(old, gem, change)
		group.gems[at] = entry
		applying.touched[entry] = context.path('gems', index)
	end
end

---@param applying Applying
---@param changes GemChange[]
---@return EngineError?
function M.change(applying, changes)
	local seen = {}
	for i = 1, #changes do
		local err = apply_one(applying, changes[i], i, seen)
		if err then
			return err
		end
	end
end

---@param applying Applying
---@param changes { group: integer, enabled: boolean?, main_active_skill: integer?, include_in_full_dps: boolean? }[]
---@return EngineError?
function M.groups(applying, changes)
	local seen = {}
	for i = 1, #changes do
		local change = changes[i]
		local group, err = own_group(applying, change.group, context.path('groups', i, 'group'))
		if not group then
			return err
		elseif seen[change.group] then
			return context.fail(
				'invalid_variation',
				context.path('groups', i, 'group'),
				('socket group %d is there twice'):format(change.group)
			)
		end
		seen[change.group] = true
		if change.enabled ~= nil then
			group.enabled = change.enabled
		end
		if change.include_in_full_dps ~= nil then
			group.full_dps = change.include_in_full_dps
		end
		if change.main_active_skill then
			local count = skills.active_skills(group)
			if change.main_active_skill < 1 or change.main_active_skill > count then
				return context.fail(
					'invalid_variation',
					context.path('groups', i, 'main_active_skill'),
					('socket group %d has %d active skills'):format(change.group, count)
				)
			end
			group.main_active = change.main_active_skill
		end
	end
end

---@param applying Applying
---@param index integer
---@return EngineError?
function M.main_group(applying, index)
	if not applying.base.groups[index] then
		return context.fail(
			'unknown_group',
			'main_socket_group',
			('there is no socket group %s'):format(index)
		)
	end
	applying.build.main_group = index
end

---Takes out what is to be removed; the selected skill stays the selected one if it can.
---@param applying Applying
---@param changes GemChange[]
function M.remove(applying, changes)
	local groups, gone = applying.build.groups, {}
	for i = 1, #changes do
		if changes[i].remove then
			gone[groups[changes[i].group].gems[changes[i].gem]] = true
		end
	end
	for i = 1, #changes do
		local group, kept, actives, before = groups[changes[i].group], {}, 0, 0
		for j = 1, #group.gems do
			local entry = group.gems[j]
			if entry.gem and entry.gem.kind == 'skill' then
				actives = actives + 1
				before = before + (gone[entry] and actives < group.main_active and 1 or 0)
			end
			if not gone[entry] then
				kept[#kept + 1] = entry
			end
		end
		group.gems = kept
		group.main_active = math.max(1, math.min(group.main_active - before, skills.active_skills(group)))
	end
end

return M
