-- First step of a calculation: what is in force. Collects the modifiers of a build into the character's layer, always
-- in this order: tree (ascending ids), items (slots), custom modifiers, flasks, auras, curses. Order decides the last
-- bit of a sum, so nothing here goes by hash order.

local classes = require('sample.data.classes')
local config = require('sample.config')
local gems = require('sample.gems')
local items = require('sample.items')
local store = require('sample.calc.store')
local tree = require('sample.tree')

---@class (exact) InForce
---@field main_hand Item?
---@field off_hand Item?
---@field points integer
---@field ascendancy_points integer
---@field jewels integer
---@field reserved number per cent of mana, before efficiency

local M = {}

local character = store.character
local nodes = tree.nodes
-- Tables of one calculation, kept between calculations only for their memory: each is filled anew.
local conditions = {}
---@type InForce
local in_force = { points = 0, ascendancy_points = 0, jewels = 0, reserved = 0 }

---@param build Build
local function take_hands(build)
	in_force.main_hand = items.at(build.slots, 1)
	in_force.off_hand = not items.clash(build.slots) and items.at(build.slots, 2) or nil
end

---@param build Build
local function take_conditions(build)
	local options = config.options
	for i = 1, #options do
		local option = options[i]
		if option.cond then
			conditions[option.cond] = build.config[option.name]
		end
	end
	local main, off = in_force.main_hand, in_force.off_hand
	conditions.EnemyBoss = build.config.enemyIsBoss ~= 'None'
	conditions.WieldingBow = main ~= nil and main.weapon.bow
	conditions.HoldingShield = off ~= nil and off.base.type == 'Shield'
	conditions.DualWielding = off ~= nil and off.weapon ~= nil
	conditions.UsingFlask = false
	for slot = items.FIRST_FLASK, items.LAST_FLASK do
		if build.flasks[slot] and items.at(build.slots, slot) then
			conditions.UsingFlask = true
		end
	end
end

---@param build Build
local function add_tree(build)
	local list, masteries, tattoos = build.nodes, build.masteries, build.tattoos
	local next_mastery, next_tattoo = 1, 1
	in_force.points, in_force.ascendancy_points, in_force.jewels = 0, 0, 0
	for i = 1, #list do
		local id = list[i]
		local node = nodes[id]
		if node.ascendancy then
			in_force.ascendancy_points = in_force.ascendancy_points + 1
		else
			in_force.points = in_force.points + 1
		end
		local mods = node.mods
		-- All three lists ascend, so one walk suffices.
		while tattoos[next_tattoo] and tattoos[next_tattoo].node < id do
			next_tattoo = next_tattoo + 1
		end
		if tattoos[next_tattoo] and tattoos[next_tattoo].node == id then
			mods = tree.tattoos[tattoos[next_tattoo].name].mods
		end
		while masteries[next_mastery] and masteries[next_mastery].node < id do
			next_mastery = next_mastery + 1
		end
		if masteries[next_mastery] and masteries[next_mastery].node == id then
			mods = node.effects[masteries[next_mastery].effect]
		end
		store.add(character, mods, conditions, 1)
	end
end

---@param build Build
---@param node integer
---@return boolean
local function is_allocated(build, node)
	local list = build.nodes
	for i = 1, #list do
		if list[i] == node then
			return true
		end
	end
	return false
end

---@param build Build
local function add_items(build)
	for slot = 1, #items.slots do
		local item
		if slot == 1 then
			item = in_force.main_hand
		elseif slot == 2 then
			item = in_force.off_hand
		elseif slot < items.FIRST_FLASK then
			item = items.at(build.slots, slot)
		elseif slot > items.LAST_FLASK and is_allocated(build, items.socket_node[slot]) then
			item = items.at(build.slots, slot)
			in_force.jewels = in_force.jewels + (item and 1 or 0)
		end
		if item then
			store.add(character, item.mods, conditions, 1)
		end
	end
end

---@param build Build
local function add_flasks(build)
	local effect = math.max(0, 1 + character.inc.FlaskEffect / 100)
	for slot = items.FIRST_FLASK, items.LAST_FLASK do
		local item = build.flasks[slot] and items.at(build.slots, slot)
		if item then
			store.add(character, item.mods, conditions, effect)
		end
	end
end

---@param build Build
---@param kind 'aura'|'curse'
---@param effect_stat string
local function add_gems(build, kind, effect_stat)
	local effect = math.max(0, 1 + character.inc[effect_stat] / 100)
	local groups = build.groups
	for i = 1, #groups do
		local list = groups[i].enabled and groups[i].gems
		for j = 1, list and #list or 0 do
			local entry = list[j]
			if entry.enabled and entry.gem and entry.gem.kind == kind then
				local level = M.gem_level(entry)
				local at = gems.at(entry.gem, level, entry.quality)
				store.add(character, at.mods, conditions, effect)
				in_force.reserved = in_force.reserved + (kind == 'aura' and at.mana or 0)
			end
		end
	end
end

---The level that a gem has in the character's hands.
---@param entry GemEntry
---@return integer
function M.gem_level(entry)
	local base, tags = character.base, entry.gem.tags
	local more = base.GemLevel
	if tags then
		more = more
			+ (tags.spell and base.SpellGemLevel or 0)
			+ (tags.attack and base.AttackGemLevel or 0)
			+ (tags.fire and base.FireGemLevel or 0)
			+ (tags.cold and base.ColdGemLevel or 0)
			+ (tags.lightning and base.LightningGemLevel or 0)
	end
	return math.min(math.max(math.floor(entry.level + more), 1), gems.MAX_EFFECTIVE_LEVEL)
end

---@param build Build
---@return InForce in_force overwritten by the next calculation
---@return table<string, boolean> conditions likewise
function M.collect(build)
	store.clear(character)
	take_hands(build)
	take_conditions(build)
	in_force.reserved = 0
	local class, base = classes[build.class], character.base
	base.Str, base.Dex, base.Int = class.str, class.dex, class.int
	add_tree(build)
	add_items(build)
	store.add(character, build.custom, conditions, 1)
	add_flasks(build)
	add_gems(build, 'aura', 'AuraEffect')
	add_gems(build, 'curse', 'CurseEffect')
	return in_force, conditions
end

return M
