-- Checks on a variation that need no engine data: values out of range, and changes that contradict each other.
-- Every path that evaluates a variation calls `structure` first, so all of them refuse the same variations in the
-- same words. This file never looks at a build and never repairs anything.

local M = {}

-- PoB's own entry fields for these take two digits.
local MAX_GEM_NUMBER = 99
local MAX_CHARACTER_LEVEL = 100
-- The quality variants that PoB knows by `qualityId`.
local QUALITY_VARIANTS = { Default = true, Alternate1 = true, Alternate2 = true, Alternate3 = true }

---@param field string
---@param message string
---@return EngineError
local function invalid(field, message)
	return { kind = 'invalid_variation', field = field, message = message }
end

---@param value number?
---@param low integer
---@param high number
local function out_of_range(value, low, high)
	return value ~= nil and not (value >= low and value <= high and value % 1 == 0)
end

---The first member of `list` whose key was there before, as index from 0.
---@generic T
---@param list T[]
---@param key_of fun(entry: T): any
---@return integer?
local function repeated(list, key_of)
	local seen = {}
	for index, entry in ipairs(list) do
		local key = key_of(entry)
		if key ~= nil then
			if seen[key] then
				return index - 1
			end
			seen[key] = true
		end
	end
end

local function node_of(entry)
	return entry.node
end

local function slot_of(entry)
	return entry.slot
end

local function group_of(entry)
	return entry.group
end

local function gem_of(entry)
	return entry.gem and entry.group .. '/' .. entry.gem
end

---@param variation Variation
---@return EngineError?
local function check_tree(variation)
	local given_up = {}
	for _, id in ipairs(variation.deallocate or {}) do
		given_up[id] = true
	end
	for _, field in ipairs({ 'allocate', 'allocate_path' }) do
		for index, id in ipairs(variation[field] or {}) do
			if given_up[id] then
				return invalid(field .. '[' .. index - 1 .. ']', 'node ' .. id .. ' is deallocated as well')
			end
		end
	end
	for index, choice in ipairs(variation.masteries or {}) do
		if given_up[choice.node] then
			return invalid('masteries[' .. index - 1 .. '].node', 'node ' .. choice.node .. ' is deallocated as well')
		end
	end
	for _, field in ipairs({ 'masteries', 'tattoos' }) do
		local again = repeated(variation[field] or {}, node_of)
		if again then
			return invalid(field .. '[' .. again .. '].node', 'the node occurs twice')
		end
	end
end

---@param variation Variation
---@return EngineError?
local function check_items(variation)
	for index, change in ipairs(variation.items or {}) do
		local count = (change.text and 1 or 0) + (change.item and 1 or 0) + (change.empty and 1 or 0)
		if count ~= 1 then
			return invalid('items[' .. index - 1 .. ']', 'exactly one of text, item and empty must be set')
		end
	end
	for _, field in ipairs({ 'items', 'flasks' }) do
		local again = repeated(variation[field] or {}, slot_of)
		if again then
			return invalid(field .. '[' .. again .. '].slot', 'the slot occurs twice')
		end
	end
	for index, change in ipairs(variation.flasks or {}) do
		if not change.slot:match('^Flask [1-5]$') then
			local message = "no flask slot '" .. change.slot .. "'"
			return { kind = 'unknown_slot', field = 'flasks[' .. index - 1 .. '].slot', message = message }
		end
	end
end

---@param change GemChange
---@param field string
---@return EngineError?
local function check_gem(change, field)
	if out_of_range(change.group, 1, math.huge) then
		return invalid(field .. '.group', 'groups count from 1')
	elseif change.add then
		if change.gem or change.replace or change.remove then
			return invalid(field, 'an added gem has no index, replaces nothing and is not removed')
		end
	elseif not change.gem then
		return invalid(field .. '.gem', 'which gem is not said')
	elseif out_of_range(change.gem, 1, math.huge) then
		return invalid(field .. '.gem', 'gems count from 1')
	elseif change.remove then
		for _, other in ipairs({ 'replace', 'level', 'quality', 'variant', 'enabled', 'count' }) do
			if change[other] ~= nil then
				return invalid(field .. '.' .. other, 'the gem is removed as well')
			end
		end
	end
	if out_of_range(change.level, 1, MAX_GEM_NUMBER) then
		return invalid(field .. '.level', 'a gem level lies between 1 and ' .. MAX_GEM_NUMBER)
	end
	for _, name in ipairs({ 'quality', 'count' }) do
		if out_of_range(change[name], 0, MAX_GEM_NUMBER) then
			return invalid(field .. '.' .. name, name .. ' lies between 0 and ' .. MAX_GEM_NUMBER)
		end
	end
	if change.variant and not QUALITY_VARIANTS[change.variant] then
		return invalid(field .. '.variant', "no quality variant '" .. change.variant .. "'")
	end
end

---@param variation Variation
---@return EngineError?
local function check_skills(variation)
	for index, change in ipairs(variation.gems or {}) do
		local err = check_gem(change, 'gems[' .. index - 1 .. ']')
		if err then
			return err
		end
	end
	local again = repeated(variation.gems or {}, gem_of)
	if again then
		return invalid('gems[' .. again .. '].gem', 'the gem occurs twice')
	end
	again = repeated(variation.groups or {}, group_of)
	if again then
		return invalid('groups[' .. again .. '].group', 'the group occurs twice')
	end
	for index, change in ipairs(variation.groups or {}) do
		local field = 'groups[' .. index - 1 .. ']'
		if out_of_range(change.group, 1, math.huge) then
			return invalid(field .. '.group', 'groups count from 1')
		elseif out_of_range(change.main_active_skill, 1, math.huge) then
			return invalid(field .. '.main_active_skill', 'skills count from 1')
		end
	end
	if out_of_range(variation.main_socket_group, 1, math.huge) then
		return invalid('main_socket_group', 'groups count from 1')
	end
end

---@param variation Variation
---@return EngineError?
local function check_config(variation)
	for name, value in pairs(variation.config or {}) do
		if type(value) == 'number' and (value ~= value or math.abs(value) == math.huge) then
			return invalid('config.' .. name, 'the number is not finite')
		end
	end
	if variation.custom_mods and (variation.config or {}).customMods ~= nil then
		return invalid('config.customMods', 'custom_mods sets the same option')
	end
end

---@param variation Variation
---@return EngineError?
function M.structure(variation)
	if out_of_range(variation.level, 1, MAX_CHARACTER_LEVEL) then
		return invalid('level', 'a character level lies between 1 and ' .. MAX_CHARACTER_LEVEL)
	end
	return check_tree(variation) or check_items(variation) or check_skills(variation) or check_config(variation)
end

---@class (exact) ConfigOption
---@field type string PoB's word: check, count, countAllowZero, integer, float, list, text
---@field values table<any, boolean>? what a list offers

local VALUE_TYPE = {
	check = 'boolean', text = 'string',
	count = 'number', countAllowZero = 'number', integer = 'number', float = 'number',
}

---Whether the option takes the value; nil if it does.
---@param name string
---@param option ConfigOption?
---@param value boolean|number|string
---@return EngineError?
function M.config_value(name, option, value)
	local message
	if not option then
		message = "no config option '" .. name .. "'"
	elseif option.type == 'list' then
		if not (option.values and option.values[value]) then
			message = "'" .. tostring(value) .. "' is no choice of '" .. name .. "'"
		end
	elseif type(value) ~= VALUE_TYPE[option.type] then
		message = "'" .. name .. "' takes a " .. (VALUE_TYPE[option.type] or 'value of another kind')
	end
	return message and { kind = 'unknown_config', field = 'config.' .. name, message = message } or nil
end

return M
