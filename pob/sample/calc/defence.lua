-- Defences: armour, evasion, resistances, block, and what they make of the enemy's hit: reductions, the largest hit
-- that is survived, effective hit points.

local root = require('sample.calc.root')
local store = require('sample.calc.store')

local M = {}

local floor, max, min = math.floor, math.max, math.min
local character = store.character
local base, inc, more = character.base, character.inc, character.more

-- The wiki's caps, in per cent.
local RESIST_MAX, RESIST_LIMIT, REDUCTION_MAX, AVOID_MAX, BLOCK_MAX = 75, 90, 90, 95, 75
-- How much harder an enemy hits: a rule of the sample engine.
local BOSS_DAMAGE = { None = 1, Boss = 2, Uber = 3.5 }

-- Names of the stats of each damage type, made once: no text is built while calculating.
local TYPES = {}
for i, name in ipairs({ 'Physical', 'Fire', 'Cold', 'Lightning', 'Chaos' }) do
	TYPES[i] = {
		name = name,
		resist = name .. 'Resist',
		total = name .. 'ResistTotal',
		over = name .. 'ResistOverCap',
		max = name .. 'ResistMax',
		taken = name .. 'DamageTaken',
		multiplier = name .. 'TakenHitMult',
		max_hit = name .. 'MaximumHitTaken',
	}
end

---@param build Build
---@param out Output
local function resistances(build, out)
	for i = 2, #TYPES do
		local names = TYPES[i]
		local cap = min(RESIST_LIMIT, RESIST_MAX + base[names.max])
		local total = floor(base[names.resist] + build.config.resistancePenalty)
		out[names.max], out[names.total] = cap, total
		out[names.resist] = min(total, cap)
		out[names.over] = max(0, total - cap)
	end
	out.ChaosImmune = base.ChaosImmune > 0
end

---@param build Build
---@param out Output
local function armour_and_evasion(build, out)
	out.Armour = floor(store.total('Armour', 0) + 0.5)
	out.ArmourInc = inc.Armour
	-- The wiki: 15 evasion, and 3 a level.
	out.Evasion = floor(store.total('Evasion', 15 + 3 * build.level) + 0.5)
	out.EvasionInc = inc.Evasion
	out.CannotEvade = base.CannotEvade > 0
	-- The wiki's formula of the chance to evade, seen from the attacker: 1.25 A / (A + (E / 5)^0.9). An enemy's
	-- accuracy grows evenly with its level: a rule of the sample engine.
	local accuracy = 20 + 10 * build.config.enemyLevel
	local hit = 125 * accuracy / (accuracy + root.power_nine_tenths(out.Evasion / 5))
	out.EvadeChance = out.CannotEvade and 0 or min(AVOID_MAX, max(0, 100 - hit))
	out.BlockChance = min(BLOCK_MAX, max(0, base.BlockChance))
	out.SpellBlockChance = min(BLOCK_MAX, max(0, base.SpellBlockChance))
	out.SpellSuppressionChance = min(100, max(0, base.SuppressChance))
end

---The part of a hit of one type that gets through, armour apart.
---@param names table
---@param out Output
---@return number
local function taken(names, out)
	local mitigated
	if names.name == 'Physical' then
		mitigated = 1 - min(REDUCTION_MAX, max(0, base.PhysicalReduction)) / 100
	elseif names.name == 'Chaos' and out.ChaosImmune then
		return 0
	else
		mitigated = 1 - out[names.resist] / 100
	end
	local increase = max(0, 1 + (inc.DamageTaken + inc[names.taken]) / 100)
	return mitigated * increase * more.DamageTaken * more[names.taken]
end

---What a hit of that size does to life: the wiki's armour formula, reduction A / (A + 5 D).
---@param damage number
---@param armour number
---@return number
local function after_armour(damage, armour)
	return damage * (1 - min(REDUCTION_MAX / 100, armour / (armour + 5 * damage)))
end

---The inverse: the hit of which `pool` is left. D (1 - A / (A + 5 D)) = P is a quadratic equation in D.
---@param pool number
---@param armour number
---@return number
local function before_armour(pool, armour)
	local damage = (5 * pool + math.sqrt(25 * pool * pool + 20 * pool * armour)) / 10
	return min(damage, pool / (1 - REDUCTION_MAX / 100))
end

---@param build Build
---@param out Output
local function hits_taken(build, out)
	local raw = build.config.enemyDamage * BOSS_DAMAGE[build.config.enemyIsBoss]
	-- Damage taken from mana before life lets mana stand in for life (the wiki's Mind over Matter): life is gone
	-- after life / (1 - share) damage, or when the mana is gone with it.
	local share = min(0.99, max(0, base.DamageFromMana / 100))
	local behind_mana = min(out.Life / (1 - share), out.Life + out.ManaUnreserved)
	out.LifePool = behind_mana
	out.TotalPool = behind_mana + out.EnergyShield
	local total_taken, total_raw = 0, 0
	for i = 1, #TYPES do
		local names = TYPES[i]
		local part = taken(names, out)
		-- Chaos damage goes past the energy shield.
		local pool = names.name == 'Chaos' and behind_mana or out.TotalPool
		local hit = raw * part
		if i == 1 then
			out.PhysicalDamageReduction = min(REDUCTION_MAX, 100 * (1 - after_armour(hit, out.Armour) / raw))
			hit = after_armour(hit, out.Armour)
			out[names.max_hit] = part > 0 and before_armour(pool, out.Armour) / part or math.huge
		else
			-- Nothing gets through, so there is no largest hit: infinity, and not a number that looks like one.
			out[names.max_hit] = part > 0 and pool / part or math.huge
		end
		out[names.multiplier] = hit / raw
		total_taken, total_raw = total_taken + hit, total_raw + raw
	end
	out.EnemyHit = total_raw
	out.EnemyHitTaken = total_taken
	-- Half of the enemy's hits are attacks, half are spells: a rule of the sample engine. A suppressed spell does
	-- half.
	local attack = (1 - out.EvadeChance / 100) * (1 - out.BlockChance / 100)
	local spell = (1 - out.SpellBlockChance / 100) * (1 - out.SpellSuppressionChance / 200)
	out.AverageHitsAvoided = 100 * (1 - (attack + spell) / 2)
	out.HitsSurvived = total_taken > 0 and out.TotalPool / (total_taken * (attack + spell) / 2) or math.huge
	out.TotalEHP = out.HitsSurvived * total_raw
end

---@param build Build
---@param out Output
function M.calculate(build, out)
	resistances(build, out)
	armour_and_evasion(build, out)
	hits_taken(build, out)
end

return M
