-- What the engine's data offers to variations, and what a build is made of.

local bases = require('sample.data.bases')
local classes = require('sample.data.classes')
local config = require('sample.config')
local gem_data = require('sample.data.gems')
local items = require('sample.items')
local tree = require('sample.tree')

local M = {}

---Numbers of `ConfigKind` in `proto/pobatch/v1/data.proto`.
local CONFIG_KINDS = { check = 1, number = 2, list = 3, text = 4 }
local VALUE_KINDS = { boolean = 'boolean', number = 'number', string = 'text' }
---The level that gems reach by themselves; beyond it they need help.
local GEM_LEVEL = 20

---@param value boolean|number|string
local function config_value(value)
	return { value = { [VALUE_KINDS[type(value)]] = value } }
end

---@param list table[]
local function by_name(list)
	table.sort(list, function(a, b)
		return a.name < b.name
	end)
	return list
end

function M.config_options()
	local options = {}
	for _, option in ipairs(config.options) do
		if option.name ~= config.CUSTOM_MODS then
			local choices = {}
			for i, value in ipairs(option.values or {}) do
				choices[i] = { value = config_value(value), label = tostring(value) }
			end
			options[#options + 1] = {
				name = option.name, label = option.label, kind = CONFIG_KINDS[option.type], choices = choices,
			}
		end
	end
	return options
end

function M.gems()
	local list = {}
	for i, gem in ipairs(gem_data) do
		local tags = { gem.kind }
		for tag in pairs(gem.tags or {}) do
			tags[#tags + 1] = tag
		end
		table.sort(tags)
		list[i] = { name = gem.name, support = gem.kind == 'support', tags = tags, max_level = GEM_LEVEL }
	end
	return by_name(list)
end

---@param base ItemBase
---@return string[]
local function slots(base)
	local fitting, seen = {}, {}
	for index, name in ipairs(items.slots) do
		-- Sockets of the tree are many, and alike.
		local shown = name:match('^Jewel') or name
		if not seen[shown] and items.fits(index, { base = base }) then
			seen[shown] = true
			fitting[#fitting + 1] = shown
		end
	end
	return fitting
end

function M.item_bases()
	local list = {}
	for i, base in ipairs(bases) do
		list[i] = { name = base.name, type = base.type, level = base.level, slots = slots(base) }
	end
	return by_name(list)
end

function M.uniques()
	return {}
end

---@param build Build
function M.build(build)
	local class = classes[build.class]
	local held, worn, groups, settings = {}, {}, {}, {}
	for i, entry in ipairs(build.items) do
		held[i] = { id = entry.id, name = entry.item and entry.item.name or '', text = entry.text }
	end
	table.sort(held, function(a, b)
		return a.id < b.id
	end)
	for index, name in ipairs(items.slots) do
		local entry = build.slots[index]
		if entry then
			worn[#worn + 1] = { slot = name, item = entry.id, active = build.flasks[index] }
		end
	end
	for i, group in ipairs(build.groups) do
		local gems = {}
		for j, gem in ipairs(group.gems) do
			gems[j] = {
				name = gem.name,
				level = gem.level,
				quality = gem.quality,
				enabled = gem.enabled,
				support = gem.gem ~= nil and gem.gem.kind == 'support',
			}
		end
		groups[i] = {
			label = group.label or '',
			slot = group.slot or '',
			enabled = group.enabled,
			include_in_full_dps = group.full_dps,
			gems = gems,
		}
	end
	for _, option in ipairs(config.options) do
		local value = build.config[option.name]
		if value ~= option.default and value ~= nil then
			settings[#settings + 1] = { name = option.name, value = config_value(value) }
		end
	end
	return {
		class = class.name,
		ascendancy = build.ascendancy > 0 and class.ascendancies[build.ascendancy].name or '',
		level = build.level,
		tree_version = tree.VERSION,
		nodes = build.nodes,
		masteries = build.masteries,
		items = held,
		slots = worn,
		groups = groups,
		main_socket_group = build.main_group,
		config = by_name(settings),
	}
end

return M
