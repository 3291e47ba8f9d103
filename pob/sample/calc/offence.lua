-- Offence: speed, chance to hit, critical strikes, damage per second of the main skill and of all groups that count.

local hit_damage = require('sample.calc.hit')
local over_time = require('sample.calc.over_time')
local root = require('sample.calc.root')
local setup = require('sample.calc.setup')
local skill = require('sample.calc.skill')
local store = require('sample.calc.store')

local M = {}

local floor, max, min = math.floor, math.max, math.min
local inc, more, base = skill.inc, skill.more, skill.base
-- The wiki: unarmed attacks a second, and how much faster two weapons are.
local UNARMED_SPEED, DUAL_WIELD_SPEED = 1.2, 1.1
-- The wiki: most of one's life that leech gives back a second, in per cent.
local LEECH_MAX = 20

---@param used SkillInUse
---@param conditions table<string, boolean>
---@return number uses a second
local function speed(used, conditions)
	if used.gem.tags.spell then
		return 1 / used.gem.cast_time * max(0, 1 + inc('CastSpeed') / 100) * more('CastSpeed')
	end
	local aps = used.weapon and used.weapon.aps or UNARMED_SPEED
	return aps
		* max(0, 1 + inc('AttackSpeed') / 100)
		* more('AttackSpeed')
		* (conditions.DualWielding and DUAL_WIELD_SPEED or 1)
end

---The chance to hit by the wiki's formula, as for evading, with the bounds 5 and 100. An enemy's evasion grows evenly
---with its level: a rule of the sample engine.
---@param build Build
---@return number accuracy
---@return number per cent
local function hit_chance(build)
	local accuracy =
		max(0, floor(base('Accuracy') * max(0, 1 + inc('Accuracy') / 100) * more('Accuracy') + 0.5))
	if base('HitsCannotBeEvaded') > 0 then
		return accuracy, 100
	end
	local evasion = 100 + 12 * build.config.enemyLevel
	local chance = 125 * accuracy / (accuracy + root.power_nine_tenths(evasion / 5))
	return accuracy, min(100, max(5, chance))
end

---@param used SkillInUse
---@return number per cent
local function crit_chance(used)
	if base('NeverCrit') > 0 then
		return 0
	end
	local start = used.gem.crit or used.weapon and used.weapon.crit or 0
	return min(
		100,
		max(0, (start + base('CritChance')) * max(0, 1 + inc('CritChance') / 100) * more('CritChance'))
	)
end

---Works out the skill of a group.
---@param build Build
---@param group SocketGroup
---@param in_force InForce
---@param conditions table<string, boolean>
---@param out Output
---@return number? dps nil: the group has no skill that is switched on
local function skill_of(build, group, in_force, conditions, out)
	local used = skill.use(group, in_force, conditions)
	if not used then
		return nil
	end
	local gem = used.gem
	out.MainSkill, out.SkillUsable = gem.name, used.usable
	out.SkillLevel = setup.gem_level(used.entry)
	out.Speed = used.usable and speed(used, conditions) or 0
	local lands = 100
	if gem.tags.attack then
		out.Accuracy, out.HitChance = hit_chance(build)
		lands = out.HitChance
	end
	out.CritChance = crit_chance(used)
	out.CritMultiplier = max(100, 150 + base('CritMultiplier'))
	local hit, dealt = hit_damage.calculate(build, used, out)
	out.AverageHit = dealt * (1 + out.CritChance / 100 * (lands / 100) * (out.CritMultiplier - 100) / 100)
	out.ProjectileCount = gem.projectiles and floor(gem.projectiles + base('ProjectileCount')) or nil
	local times = gem.projectiles and min(out.ProjectileCount, floor(build.config.projectilesHitting)) or 1
	out.AverageDamage = out.AverageHit * lands / 100 * times
	out.TotalDPS = out.AverageDamage * out.Speed
	local lasting = over_time.calculate(build, used, hit, out.Speed * lands / 100 * times, out)
	if not used.usable then
		lasting, out.TotalDot = 0, 0
	end
	out.CombinedDPS = out.TotalDPS + lasting
	out.ManaCost = max(
		0,
		floor(used.at.mana * used.mana_multiplier * max(0, 1 + inc('ManaCost') / 100) * more('ManaCost'))
	)
	out.ManaCostPerSecond = out.ManaCost * out.Speed
	out.AreaOfEffect = gem.tags.area and max(0, 100 + inc('AreaOfEffect')) * more('AreaOfEffect') or nil
	return out.CombinedDPS
end

-- Where the skills of other groups are worked out: only their damage per second leaves it.
local aside = {}

---@param build Build
---@param in_force InForce
---@param conditions table<string, boolean>
---@param out Output
function M.calculate(build, in_force, conditions, out)
	local groups, full = build.groups, 0
	for i = 1, #groups do
		local group = groups[i]
		if group.full_dps then
			local dps = skill_of(build, group, in_force, conditions, aside)
			full = full + (dps and dps * skill.count() or 0)
		end
	end
	out.FullDPS = full
	local main = groups[build.main_group]
	local dps = main and skill_of(build, main, in_force, conditions, out)
	local leech = dps and out.TotalDPS * store.character.base.LifeLeech / 100 or 0
	out.LifeLeechRate = min(leech, out.Life * LEECH_MAX / 100)
	out.HasMainSkill = dps ~= nil
end

return M
