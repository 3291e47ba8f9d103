-- Damage over time: the skill's own, and the ailments that its hits leave behind.

local hit_damage = require('sample.calc.hit')
local skill = require('sample.calc.skill')

local M = {}

local max, min = math.max, math.min
local inc, more, base = skill.inc, skill.more, skill.base
local PHYSICAL, FIRE, CHAOS = 1, 2, 5
local type_index = {}
for i, names in ipairs(hit_damage.types) do
	type_index[names.name] = i
end

-- The wiki's ailments: share of the hit a second, and seconds.
local POISON_SHARE, POISON_SECONDS = 0.30, 2
local BLEED_SHARE, BLEED_SECONDS = 0.70, 5
local IGNITE_SHARE, IGNITE_SECONDS = 0.90, 4

---@param gem GemData
---@param index integer
---@param ailment string? stat
---@return number factor
local function scale(gem, index, ailment)
	local increase, factor = hit_damage.common_scale(gem, true)
	local type_inc, type_more = hit_damage.type_scale(hit_damage.types[index])
	increase, factor = increase + type_inc, factor * type_more
	if ailment then
		increase, factor = increase + inc(ailment), factor * more(ailment)
	end
	return max(0, 1 + increase / 100) * factor
end

---@param build Build
---@param used SkillInUse
---@param hit HitDamage
---@param hits_per_second number that land
---@param out Output
---@return number all damage over time a second
function M.calculate(build, used, hit, hits_per_second, out)
	local gem = used.gem
	local duration = max(0, 1 + inc('Duration') / 100) * more('Duration')
	local own = gem.over_time
	out.TotalDot = 0
	if own then
		local index = type_index[own.type]
		out.TotalDot = own.damage
			* used.at.factor
			* scale(gem, index)
			* hit_damage.enemy_factor(build, index, false)
	end
	out.SkillDuration = own and own.duration * duration or nil

	out.PoisonChance = min(100, max(0, base('PoisonChance')))
	local poison = (hit.base[PHYSICAL] + hit.base[CHAOS]) * POISON_SHARE * scale(gem, CHAOS, 'PoisonDamage')
	out.PoisonStacks = min(
		build.config.poisonStacksMax,
		out.PoisonChance / 100 * hits_per_second * POISON_SECONDS * duration
	)
	out.PoisonDPS = poison * out.PoisonStacks * hit_damage.enemy_factor(build, CHAOS, false)

	out.BleedChance = min(100, max(0, base('BleedChance')))
	local bleed = hit.base[PHYSICAL] * BLEED_SHARE * scale(gem, PHYSICAL, 'BleedDamage')
	local bleeding = min(1, out.BleedChance / 100 * hits_per_second * BLEED_SECONDS * duration)
	out.BleedDPS = bleed * bleeding * hit_damage.enemy_factor(build, PHYSICAL, false)

	out.IgniteChance = min(100, max(0, base('IgniteChance')))
	local ignite = hit.base[FIRE] * IGNITE_SHARE * scale(gem, FIRE, 'IgniteDamage')
	local burning = min(1, out.IgniteChance / 100 * hits_per_second * IGNITE_SECONDS * duration)
	out.IgniteDPS = ignite * burning * hit_damage.enemy_factor(build, FIRE, false)
	return out.TotalDot + out.PoisonDPS + out.BleedDPS + out.IgniteDPS
end

return M
