-- Which skill a socket group uses, and what its supports and the gem itself add: fills the skill's layer. Reads the
-- sums of both layers for the offence modules.

local gems = require('sample.gems')
local setup = require('sample.calc.setup')
local store = require('sample.calc.store')

---@class (exact) SkillInUse
---@field entry GemEntry?
---@field gem GemData?
---@field at GemLevel
---@field weapon WeaponStats? of attacks: nil is unarmed
---@field usable boolean
---@field mana_multiplier number

local M = {}

local character, layer = store.character, store.skill
local character_base, character_inc, character_more = character.base, character.inc, character.more
local skill_base, skill_inc, skill_more = layer.base, layer.inc, layer.more
---@type SkillInUse
local in_use = { at = gems.at(gems.find('Frost Shard'), 1, 0), usable = false, mana_multiplier = 1 }

---@param stat string
---@return number
function M.base(stat)
	return character_base[stat] + skill_base[stat]
end

---@param stat string
---@return number per cent
function M.inc(stat)
	return character_inc[stat] + skill_inc[stat]
end

---@param stat string
---@return number factor
function M.more(stat)
	return character_more[stat] * skill_more[stat]
end

---How many of the skill at hand count in the full DPS.
---@return integer
function M.count()
	return in_use.entry and in_use.entry.count or 0
end

---The group's selected active gem.
---@param group SocketGroup
---@return GemEntry?
local function selected(group)
	local list, active = group.gems, 0
	for i = 1, #list do
		local entry = list[i]
		if entry.gem and entry.gem.kind == 'skill' then
			active = active + 1
			if active == group.main_active then
				return entry.enabled and entry or nil
			end
		end
	end
end

---Makes the group's selected skill the one at hand.
---@param group SocketGroup
---@param in_force InForce
---@param conditions table<string, boolean>
---@return SkillInUse? in_use overwritten by the next call; nil: the group has no skill that is switched on
function M.use(group, in_force, conditions)
	local entry = group.enabled and selected(group)
	if not entry then
		return nil
	end
	store.clear(layer)
	local gem = entry.gem
	in_use.entry, in_use.gem, in_use.mana_multiplier = entry, gem, 1
	in_use.at = gems.at(gem, setup.gem_level(entry), entry.quality)
	store.add(layer, in_use.at.mods, conditions, 1)
	local list = group.gems
	for i = 1, #list do
		local support = list[i]
		local data = support.enabled and support.gem
		if data and data.kind == 'support' and (not data.supports or gem.tags[data.supports]) then
			local at = gems.at(data, setup.gem_level(support), support.quality)
			store.add(layer, at.mods, conditions, 1)
			in_use.mana_multiplier = in_use.mana_multiplier * at.mana / 100
		end
	end
	local weapon = in_force.main_hand and in_force.main_hand.weapon or nil
	in_use.weapon = gem.tags.attack and weapon or nil
	in_use.usable = not gem.bow or (weapon ~= nil and weapon.bow)
	return in_use
end

return M
