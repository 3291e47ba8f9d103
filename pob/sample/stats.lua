-- The stats that the engine puts out, in display order. A stat that is not listed here is never put out, and a listed
-- one that a build does not have (an accuracy of a spell) is absent from its output.

---@param name string
---@param label string
---@param unit string?
---@param better integer?
---@param main boolean?
---@return StatInfo
local function stat(name, label, unit, better, main)
	return { name = name, label = label, unit = unit, better = better, main = main }
end

local M = {}

---@type StatInfo[]
M.list = {
	stat('MainSkill', 'Main skill'),
	stat('HasMainSkill', 'Has a main skill'),
	stat('SkillUsable', 'Main skill can be used'),
	stat('SkillLevel', 'Level of the main skill', nil, 1),
	stat('FullDPS', 'DPS of all groups that count', '/s', 1, true),
	stat('CombinedDPS', 'DPS with damage over time', '/s', 1, true),
	stat('TotalDPS', 'DPS of hits', '/s', 1, true),
	stat('AverageDamage', 'Average damage of a use', nil, 1, true),
	stat('AverageHit', 'Average hit', nil, 1),
	stat('Speed', 'Uses a second', '/s', 1, true),
	stat('HitChance', 'Chance to hit', '%', 1, true),
	stat('Accuracy', 'Accuracy', nil, 1),
	stat('CritChance', 'Critical strike chance', '%', 1, true),
	stat('CritMultiplier', 'Critical strike multiplier', '%', 1),
	stat('ProjectileCount', 'Projectiles', nil, 1),
	stat('AreaOfEffect', 'Area of effect', '%', 1),
	stat('SkillDuration', 'Duration', 's', 1),
	stat('TotalDot', "Skill's damage over time", '/s', 1, true),
	stat('PoisonChance', 'Chance to poison', '%', 1),
	stat('PoisonStacks', 'Poisons at a time', nil, 1),
	stat('PoisonDPS', 'Poison', '/s', 1),
	stat('BleedChance', 'Chance to cause bleeding', '%', 1),
	stat('BleedDPS', 'Bleeding', '/s', 1),
	stat('IgniteChance', 'Chance to ignite', '%', 1),
	stat('IgniteDPS', 'Ignite', '/s', 1),
	stat('ManaCost', 'Mana cost', nil, -1),
	stat('ManaCostPerSecond', 'Mana cost a second', '/s', -1),
	stat('LifeLeechRate', 'Life leech', '/s', 1),
}

for _, name in ipairs({ 'Physical', 'Fire', 'Cold', 'Lightning', 'Chaos' }) do
	M.list[#M.list + 1] = stat(name .. 'HitMin', 'Smallest ' .. name:lower() .. ' hit', nil, 1)
	M.list[#M.list + 1] = stat(name .. 'HitMax', 'Largest ' .. name:lower() .. ' hit', nil, 1)
	M.list[#M.list + 1] = stat(name .. 'HitAverage', 'Average ' .. name:lower() .. ' damage dealt', nil, 1)
end

for _, info in ipairs({
	stat('Str', 'Strength', nil, 1, true),
	stat('Dex', 'Dexterity', nil, 1, true),
	stat('Int', 'Intelligence', nil, 1, true),
	stat('TotalEHP', 'Effective hit points', nil, 1, true),
	stat('HitsSurvived', "Enemy's hits survived", nil, 1),
	stat('Life', 'Life', nil, 1, true),
	stat('LifeInc', 'Increased life', '%', 1),
	stat('LifeRegen', 'Life regeneration', '/s', 1),
	stat('LifeIsOne', 'Life is one'),
	stat('LifePool', 'Life, and mana that stands in for it', nil, 1),
	stat('TotalPool', 'Life pool and energy shield', nil, 1),
	stat('Mana', 'Mana', nil, 1, true),
	stat('ManaInc', 'Increased mana', '%', 1),
	stat('ManaRegen', 'Mana regeneration', '/s', 1),
	stat('ManaReserved', 'Mana reserved', nil, -1),
	stat('ManaReservedPercent', 'Mana reserved', '%', -1),
	stat('ManaUnreserved', 'Mana unreserved', nil, 1),
	stat('ManaOverReserved', 'More mana reserved than there is'),
	stat('EnergyShield', 'Energy shield', nil, 1, true),
	stat('EnergyShieldInc', 'Increased energy shield', '%', 1),
	stat('EnergyShieldRecharge', 'Energy shield recharge', '/s', 1),
	stat('Armour', 'Armour', nil, 1, true),
	stat('ArmourInc', 'Increased armour', '%', 1),
	stat('PhysicalDamageReduction', "Armour's reduction of the enemy's hit", '%', 1, true),
	stat('Evasion', 'Evasion rating', nil, 1, true),
	stat('EvasionInc', 'Increased evasion', '%', 1),
	stat('EvadeChance', 'Chance to evade attacks', '%', 1, true),
	stat('CannotEvade', 'Cannot evade'),
	stat('BlockChance', 'Chance to block attacks', '%', 1),
	stat('SpellBlockChance', 'Chance to block spells', '%', 1),
	stat('SpellSuppressionChance', 'Chance to suppress spells', '%', 1),
	stat('AverageHitsAvoided', 'Damage avoided on average', '%', 1),
	stat('ChaosImmune', 'Immune to chaos damage'),
}) do
	M.list[#M.list + 1] = info
end

for _, name in ipairs({ 'Fire', 'Cold', 'Lightning', 'Chaos' }) do
	M.list[#M.list + 1] = stat(name .. 'Resist', name .. ' resistance', '%', 1, true)
	M.list[#M.list + 1] = stat(name .. 'ResistTotal', name .. ' resistance, uncapped', '%', 1)
	M.list[#M.list + 1] = stat(name .. 'ResistOverCap', name .. ' resistance over the cap', '%', 1)
	M.list[#M.list + 1] = stat(name .. 'ResistMax', 'Maximum ' .. name:lower() .. ' resistance', '%', 1)
end
for _, name in ipairs({ 'Physical', 'Fire', 'Cold', 'Lightning', 'Chaos' }) do
	M.list[#M.list + 1] = stat(name .. 'TakenHitMult', name .. ' damage taken', 'x', -1)
	M.list[#M.list + 1] =
		stat(name .. 'MaximumHitTaken', 'Largest ' .. name:lower() .. ' hit survived', nil, 1)
end
for _, info in ipairs({
	stat('EnemyHit', "Enemy's hit"),
	stat('EnemyHitTaken', "Enemy's hit as it is taken", nil, -1),
	stat('MovementSpeed', 'Movement speed', '%', 1),
	stat('PowerCharges', 'Power charges', nil, 1),
	stat('PowerChargesMax', 'Most power charges', nil, 1),
	stat('FrenzyCharges', 'Frenzy charges', nil, 1),
	stat('FrenzyChargesMax', 'Most frenzy charges', nil, 1),
	stat('EnduranceCharges', 'Endurance charges', nil, 1),
	stat('EnduranceChargesMax', 'Most endurance charges', nil, 1),
	stat('PassivePoints', 'Passive points spent'),
	stat('PassivePointsLeft', 'Passive points left', nil, 1),
	stat('AscendancyPoints', 'Ascendancy points spent'),
	stat('JewelsInUse', 'Jewels in use'),
}) do
	M.list[#M.list + 1] = info
end

return M
