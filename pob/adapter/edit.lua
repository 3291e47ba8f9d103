-- A variation as an edit of the build's XML: the slow, independent truth. Stock PoB that loads the edited build from
-- scratch says what an outcome must be; the fast path is measured against it and shares nothing with it but the
-- checks of `check.lua`. Also how a winner is exported.
--
-- Owns the order in which the kinds of change apply. Never calculates, and never touches a loaded build.

local character = require('adapter.edit.character')
local check = require('adapter.check')
local config = require('adapter.edit.config')
local document = require('adapter.edit.document')
local items = require('adapter.edit.items')
local skills = require('adapter.edit.skills')
local tree = require('adapter.edit.tree')

local M = {}

---What an edit must ask of PoB's data; `edit/lookup.lua` answers from a booted PoB that holds no build.
---@class (exact) EditLookup
---@field parse_xml fun(text: string): XmlNode[]?, string? PoB's `common.xml.ParseXML`
---@field default_tree_version string of a Spec that names none
---@field latest_tree_version string of a build without any Spec
---@field tree fun(version: string): EditTree?
---@field gem fun(name: string): EditGem?
---@field config_options fun(): table<string, ConfigOption> by name
---@field config_option fun(name: string): ConfigOption?
---@field is_jewel_socket fun(node: integer): boolean
---@field item_text fun(text: string): string? the text as PoB takes it when pasted; nil if it is no item

---@class (exact) EditTree
---@field node fun(id: integer): PassiveNode?
---@field class_id fun(name: string): integer?
---@field ascendancy_id fun(class_id: integer, name: string): integer?
---@field starts fun(class_id: integer, ascendancy_id: integer, secondary_id: integer): integer[]
---@field tattoo fun(name: string): { icon: string, active_effect_image: string, lines: string[] }?
---@field decode_url fun(url: string): TreeState

---@class (exact) EditGem
---@field name string
---@field game_id string
---@field variant_id string
---@field skill_id string
---@field max_level integer

---What a caller that has loaded the build can add. It is about the build that the changes apply to: the replacement
---where the variation holds one.
---@class (exact) KnownBase
---@field allocated integer[]? the nodes that PoB really had allocated, cluster jewels' too. Without it the nodes that
---  the build lists are kept; one that PoB dropped would then come back if the variation happens to connect it.
---@field group_count integer? socket groups with those that PoB makes for items' skills; without it those in the file

---The kinds of change, in this order. Items come before the tree so that an error in an item's slot is reported as
---such; the order has no other effect.
---@type { [1]: fun(variation: Variation): any, [2]: fun(root: XmlNode, change: any, lookup: EditLookup, known: KnownBase): any, EngineError? }[]
local changes = {
	{ function(v) return v.level end, function(root, level) character.set_level(root, level) end },
	{ function(v) return v.items end, items.wear },
	{ function(v) return v.flasks end, items.switch_flasks },
	{ function(v) return tree.concerns(v) and v or nil end, function(root, variation, lookup, known)
		return tree.change(root, variation, lookup, known.allocated)
	end },
	{ function(v) return v.groups end, skills.change_groups },
	{ function(v) return v.gems end, skills.change_gems },
	{ function(v) return v.main_socket_group end, function(root, index, _, known)
		if index > math.max(known.group_count or 0, skills.group_count(root)) then
			return nil, { kind = 'unknown_group', field = 'main_socket_group', message = 'no socket group ' .. index }
		end
		character.set_main_socket_group(root, index)
	end },
	{ function(v) return v.config end, config.set_options },
	{ function(v) return v.custom_mods end, function(root, lines) config.set_custom_mods(root, lines) end },
}

---The varied build as XML.
---@param xml string the base; not looked at if the variation replaces the build
---@param variation Variation
---@param lookup EditLookup
---@param known KnownBase?
---@return string?
---@return EngineError?
function M.apply(xml, variation, lookup, known)
	local err = check.structure(variation)
	if err then
		return nil, err
	end
	local root, reason = document.parse(lookup.parse_xml, variation.build or xml, variation.build and 'build')
	if not root then
		return nil, reason
	end
	for _, entry in ipairs(changes) do
		local change = entry[1](variation)
		if change ~= nil then
			local _, failure = entry[2](root, change, lookup, known or {})
			if failure then
				return nil, failure
			end
		end
	end
	character.forget_recorded_stats(root)
	return document.compose(root)
end

---Whether `known.allocated` has an influence on the edit. A caller that would have to load the build to know can ask.
---@param variation Variation
---@return boolean
function M.needs_allocated(variation)
	return tree.concerns(variation)
end

return M
