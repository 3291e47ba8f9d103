-- Applies a variation to a copy of a build, an applier per kind. The base is never written to: an applier that
-- changes a list puts a new one in its place. `build` (a replacement) is not applied here: it is another base.

local character = require('sample.apply.character')
local context = require('sample.apply.context')
local gems = require('sample.apply.gems')
local items = require('sample.apply.items')
local nodes = require('sample.apply.nodes')
local options = require('sample.apply.options')
local tattoos = require('sample.apply.tattoos')

local M = {}

-- Field -> applier, in order: the class before what depends on it, removals of gems last.
local APPLIERS = {
	{ 'level', character.level },
	{ 'class', character.class },
	{ 'ascendancy', character.ascendancy },
	{ 'tree', nodes.apply },
	{ 'tattoos', tattoos.apply },
	{ 'items', items.apply },
	{ 'flasks', items.apply_flasks },
	{ 'gems', gems.change },
	{ 'groups', gems.groups },
	{ 'main_socket_group', gems.main_group },
	{ 'gems', gems.remove },
	{ 'config', options.config },
	{ 'custom_mods', options.custom_mods },
}

-- Fields that together say what is allocated.
local TREE_FIELDS = { 'allocate', 'allocate_path', 'deallocate', 'masteries', 'class', 'ascendancy' }

local KNOWN = { build = true }
for _, applier in ipairs(APPLIERS) do
	KNOWN[applier[1]] = applier[1] ~= 'tree'
end
for _, field in ipairs(TREE_FIELDS) do
	KNOWN[field] = true
end

---@param variation Variation
---@return EngineError?
local function check(variation)
	local unknown
	for field in pairs(variation) do
		if not KNOWN[field] and (not unknown or field < unknown) then
			unknown = field
		end
	end
	if unknown then
		return context.fail(
			'unsupported',
			unknown,
			('the sample engine knows no change called %s'):format(unknown)
		)
	elseif variation.custom_mods and variation.config and variation.config.customMods then
		return context.fail(
			'invalid_variation',
			'config.customMods',
			'custom_mods says what the custom modifiers are'
		)
	end
end

---@param variation Variation
---@return boolean
local function changes_tree(variation)
	for i = 1, #TREE_FIELDS do
		if variation[TREE_FIELDS[i]] ~= nil then
			return true
		end
	end
	return false
end

---Applies all but `build`.
---@param base Build
---@param variation Variation
---@return Applying?
---@return EngineError?
function M.apply(base, variation)
	local err = check(variation)
	if err then
		return nil, err
	end
	local applying = context.new(base)
	for i = 1, #APPLIERS do
		local field, apply = APPLIERS[i][1], APPLIERS[i][2]
		local change = variation[field]
		if field == 'tree' then
			change = changes_tree(variation) and variation or nil
		end
		if change ~= nil then
			err = apply(applying, change)
			if err then
				return nil, err
			end
		end
	end
	return applying
end

return M
