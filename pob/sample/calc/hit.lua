-- Damage of one hit, by type: base, added, converted, scaled; then what the enemy makes of it.

local skill = require('sample.calc.skill')

---@class (exact) HitDamage
---@field min number[] by type, scaled
---@field max number[]
---@field base number[] average before scaling, after conversion: what ailments start from
---@field dealt number[] average after the enemy's defences

local M = {}

local floor, max, min = math.floor, math.max, math.min
local base, inc, more = skill.base, skill.inc, skill.more

-- The wiki: elemental resistance of bosses; what an enemy's resistance can fall to and rise to.
local BOSS_RESIST = { None = { 0, 0 }, Boss = { 40, 25 }, Uber = { 50, 30 } }
local ENEMY_RESIST_MIN, ENEMY_RESIST_MAX = -200, 75
-- Unarmed: the wiki's for most classes.
local UNARMED = { min = 2, max = 6 }

---@class (exact) DamageType
---@field name string
---@field elemental boolean
---@field damage string
---@field min string
---@field max string
---@field attack_min string
---@field attack_max string
---@field spell_min string
---@field spell_max string
---@field to string physical converted to it
---@field as string physical gained as it
---@field penetration string
---@field enemy string
---@field config string
---@field out_min string
---@field out_max string
---@field out_average string

-- Names of the stats of each type, made once: no text is built while calculating.
---@type DamageType[]
M.types = {}
for i, name in ipairs({ 'Physical', 'Fire', 'Cold', 'Lightning', 'Chaos' }) do
	M.types[i] = {
		name = name,
		elemental = i >= 2 and i <= 4,
		damage = name .. 'Damage',
		min = name .. 'Min',
		max = name .. 'Max',
		attack_min = 'Attack' .. name .. 'Min',
		attack_max = 'Attack' .. name .. 'Max',
		spell_min = 'Spell' .. name .. 'Min',
		spell_max = 'Spell' .. name .. 'Max',
		to = 'PhysicalTo' .. name,
		as = 'PhysicalAs' .. name,
		penetration = name .. 'Penetration',
		enemy = 'Enemy' .. name .. 'Resist',
		config = 'enemy' .. name .. 'Resist',
		out_min = name .. 'HitMin',
		out_max = name .. 'HitMax',
		out_average = name .. 'HitAverage',
	}
end
local types = M.types

---@type HitDamage
local hit = { min = {}, max = {}, base = {}, dealt = {} }
local base_min, base_max = {}, {}

---Increases of damage that go by what the skill is, not by the type of damage.
---@param gem GemData
---@param over_time boolean
---@return number inc per cent
---@return number more
function M.common_scale(gem, over_time)
	local tags = gem.tags
	local increase, factor = inc('Damage'), more('Damage')
	if over_time then
		increase, factor = increase + inc('DamageOverTime'), factor * more('DamageOverTime')
	else
		if tags.spell then
			increase, factor = increase + inc('SpellDamage'), factor * more('SpellDamage')
		end
		if tags.attack then
			increase, factor = increase + inc('AttackDamage'), factor * more('AttackDamage')
		end
		if tags.melee then
			increase, factor = increase + inc('MeleeDamage'), factor * more('MeleeDamage')
		end
		if tags.projectile then
			increase, factor = increase + inc('ProjectileDamage'), factor * more('ProjectileDamage')
		end
		if gem.bow then
			increase, factor = increase + inc('BowDamage'), factor * more('BowDamage')
		end
	end
	if tags.area then
		increase, factor = increase + inc('AreaDamage'), factor * more('AreaDamage')
	end
	return increase, factor
end

---@param type_data DamageType
---@return number inc
---@return number more
function M.type_scale(type_data)
	local increase, factor = inc(type_data.damage), more(type_data.damage)
	if type_data.elemental then
		increase, factor = increase + inc('ElementalDamage'), factor * more('ElementalDamage')
	end
	return increase, factor
end

---@param used SkillInUse
local function base_damage(used)
	local gem, weapon, effectiveness = used.gem, used.weapon, (used.gem.effectiveness or 0) / 100
	for i = 1, #types do
		local names = types[i]
		local low, high = base(names.min), base(names.max)
		if gem.tags.attack then
			low, high = low + base(names.attack_min), high + base(names.attack_max)
			if weapon then
				low, high = low + weapon.min[names.name], high + weapon.max[names.name]
			elseif i == 1 then
				low, high = low + UNARMED.min, high + UNARMED.max
			end
			low, high = low * effectiveness * used.at.factor, high * effectiveness * used.at.factor
		else
			local own = gem.damage and gem.damage[names.name]
			low, high =
				(low + base(names.spell_min)) * effectiveness, (high + base(names.spell_max)) * effectiveness
			if own then
				low, high = low + own[1] * used.at.factor, high + own[2] * used.at.factor
			end
		end
		base_min[i], base_max[i] = low, high
	end
end

---Scales, and converts physical damage; what is converted is scaled by the modifiers of both types (the wiki).
---@param gem GemData
local function scale(gem)
	local common_inc, common_more = M.common_scale(gem, false)
	local physical_inc, physical_more = M.type_scale(types[1])
	local converted = 0
	for i = 2, 4 do
		converted = converted + max(0, base(types[i].to))
	end
	-- More than all of it cannot be converted: the parts shrink in proportion.
	local shrink = converted > 100 and 100 / converted or 1
	local physical_min, physical_max = base_min[1], base_max[1]
	for i = 1, #types do
		local names = types[i]
		local type_inc, type_more = M.type_scale(names)
		local own = i == 1 and 1 - min(100, converted) / 100 or 1
		local from_physical = names.elemental
				and (max(0, base(names.to)) * shrink + max(0, base(names.as))) / 100
			or 0
		local factor = own * max(0, 1 + (common_inc + type_inc) / 100) * common_more * type_more
		local both = from_physical
			* max(0, 1 + (common_inc + type_inc + physical_inc) / 100)
			* common_more
			* type_more
			* physical_more
		hit.min[i] = base_min[i] * factor + physical_min * both
		hit.max[i] = base_max[i] * factor + physical_max * both
		hit.base[i] = (base_min[i] + base_max[i]) / 2 * own
			+ (physical_min + physical_max) / 2 * from_physical
	end
end

---What an enemy takes of damage of a type, armour apart.
---@param build Build
---@param index integer of the type
---@param penetrates boolean hits do, damage over time does not
---@return number factor
function M.enemy_factor(build, index, penetrates)
	local config, names = build.config, types[index]
	local increase = max(0, 1 + (inc('EnemyDamageTaken') + config.enemyShock) / 100)
		* more('EnemyDamageTaken')
	if index == 1 then
		return increase
	end
	local boss = BOSS_RESIST[config.enemyIsBoss]
	local resist = config[names.config] + boss[names.elemental and 1 or 2] + base(names.enemy)
	resist = max(ENEMY_RESIST_MIN, min(ENEMY_RESIST_MAX, resist))
	if penetrates and names.elemental and resist > 0 then
		-- Penetration does not take a resistance below nothing.
		resist = max(0, resist - base(names.penetration))
	end
	return (1 - resist / 100) * increase
end

---@param build Build
---@param used SkillInUse
---@param out Output
---@return HitDamage hit overwritten by the next call
---@return number dealt average of all types together
function M.calculate(build, used, out)
	base_damage(used)
	scale(used.gem)
	local sum = 0
	for i = 1, #types do
		local names = types[i]
		local average = (hit.min[i] + hit.max[i]) / 2
		local factor = M.enemy_factor(build, i, true)
		if i == 1 and average > 0 then
			local armour = build.config.enemyArmour
			-- The wiki's formula, as for the character.
			factor = factor * (1 - min(0.9, armour / (armour + 5 * average)))
		end
		hit.dealt[i] = average * factor
		sum = sum + hit.dealt[i]
		out[names.out_min], out[names.out_max] = floor(hit.min[i] + 0.5), floor(hit.max[i] + 0.5)
		out[names.out_average] = hit.dealt[i]
	end
	return hit, sum
end

return M
