-- What an item makes of its local modifiers: a weapon's own damage, an armour's own defences. They are taken out of
-- the item's list, so that what stays in it holds for the whole character.

---@class (exact) WeaponStats
---@field aps number
---@field crit number
---@field min table<string, number>
---@field max table<string, number>
---@field two_handed boolean
---@field bow boolean

local M = {}

local DAMAGE_TYPES = { 'Physical', 'Fire', 'Cold', 'Lightning', 'Chaos' }

---@param list Modifier[]
---@param stat string
---@param kind string
---@return number
local function take(list, stat, kind)
	local sum = 0
	for i = #list, 1, -1 do
		local mod = list[i]
		if mod.stat == stat and mod.kind == kind and not mod.cond and not mod.per then
			sum = sum + mod.value
			table.remove(list, i)
		end
	end
	return sum
end

---@param list Modifier[] local modifiers are taken out
---@param base ItemBase
---@param quality number
---@return WeaponStats
function M.weapon(list, base, quality)
	local weapon = base.weapon
	local min, max = {}, {}
	for _, type_name in ipairs(DAMAGE_TYPES) do
		min[type_name], max[type_name] =
			take(list, type_name .. 'Min', 'base'), take(list, type_name .. 'Max', 'base')
	end
	local factor = 1 + (take(list, 'PhysicalDamage', 'inc') + quality) / 100
	min.Physical = math.floor((weapon.min + min.Physical) * factor + 0.5)
	max.Physical = math.floor((weapon.max + max.Physical) * factor + 0.5)
	return {
		aps = weapon.aps * (1 + take(list, 'AttackSpeed', 'inc') / 100),
		crit = (weapon.crit + take(list, 'CritChance', 'base')) * (1 + take(list, 'CritChance', 'inc') / 100),
		min = min,
		max = max,
		two_handed = weapon.two_handed == true,
		bow = weapon.bow == true,
	}
end

---@param list Modifier[] local modifiers become the item's own totals
---@param base ItemBase
---@param quality number
function M.defences(list, base, quality)
	local factor = { Armour = base.armour, Evasion = base.evasion, EnergyShield = base.energy_shield }
	for _, stat in ipairs({ 'Armour', 'Evasion', 'EnergyShield' }) do
		local flat, inc = take(list, stat, 'base'), take(list, stat, 'inc')
		local total = math.floor(((factor[stat] or 0) + flat) * (1 + (inc + quality) / 100) + 0.5)
		if total ~= 0 then
			list[#list + 1] = { stat = stat, kind = 'base', value = total }
		end
	end
	if base.block then
		list[#list + 1] = { stat = 'BlockChance', kind = 'base', value = base.block }
	end
end

-- Types of items whose defences are their own.
M.HAS_DEFENCES = { Shield = true, Helmet = true, ['Body Armour'] = true, Gloves = true, Boots = true }

return M
