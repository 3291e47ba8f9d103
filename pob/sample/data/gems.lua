-- Gems of the sample engine. Level tables follow from formulas (`sample.gems`): damage grows by `growth` per level.
-- A modifier row is { stat, kind, value at level 1, added per further level }, a quality row { stat, kind, per point }.
-- Kinds: `skill` (can be the main skill), `support` (helps skills of its group that have the tag `supports`), `aura`
-- (holds for the character and reserves mana), `curse` (holds for the enemy).

---@class (exact) GemData
---@field name string
---@field kind 'skill'|'support'|'aura'|'curse'
---@field attribute 'str'|'dex'|'int'
---@field tags table<string, boolean>? of skills
---@field supports string? of supports
---@field mana number? cost at level 1 (skills), multiplier (supports), reserved per cent (auras)
---@field cast_time number? of spells
---@field crit number? of spells
---@field damage table<string, number[]>? spells: type -> { min, max } at level 1
---@field growth number? factor per level of damage and of damage over time
---@field effectiveness number? of added damage (spells), of weapon damage (attacks), in per cent
---@field over_time { type: string, damage: number, duration: number }?
---@field projectiles integer?
---@field bow boolean? needs a bow
---@field mods table[]?
---@field quality table[]?

---@param ... string
---@return table<string, boolean>
local function tags(...)
	local set = {}
	for _, tag in ipairs({ ... }) do
		set[tag] = true
	end
	return set
end

---@type GemData[]
return {
	{ name = 'Frost Shard', kind = 'skill', attribute = 'int', tags = tags('spell', 'cold', 'projectile'), mana = 6, cast_time = 0.75,
		crit = 7, damage = { Cold = { 9, 14 } }, growth = 1.135, effectiveness = 120, projectiles = 1,
		quality = { { 'CritChance', 'inc', 1 } } },
	{ name = 'Flame Orb', kind = 'skill', attribute = 'int', tags = tags('spell', 'fire', 'area'), mana = 9, cast_time = 0.9, crit = 6,
		damage = { Fire = { 16, 24 } }, growth = 1.132, effectiveness = 150, quality = { { 'AreaOfEffect', 'inc', 0.5 } },
		mods = { { 'IgniteChance', 'base', 20, 0.5 } } },
	{ name = 'Storm Arc', kind = 'skill', attribute = 'int', tags = tags('spell', 'lightning'), mana = 8, cast_time = 0.8, crit = 5,
		damage = { Lightning = { 4, 36 } }, growth = 1.133, effectiveness = 130, quality = { { 'CastSpeed', 'inc', 0.5 } } },
	{ name = 'Blight Ring', kind = 'skill', attribute = 'int', tags = tags('spell', 'chaos', 'area', 'duration'), mana = 7, cast_time = 0.6,
		growth = 1.15, over_time = { type = 'Chaos', damage = 18, duration = 4 }, quality = { { 'DamageOverTime', 'inc', 0.5 } } },
	{ name = 'Stone Slam', kind = 'skill', attribute = 'str', tags = tags('attack', 'melee', 'area'), mana = 6, effectiveness = 135,
		growth = 1.02, quality = { { 'AreaOfEffect', 'inc', 0.5 } } },
	{ name = 'Twin Cut', kind = 'skill', attribute = 'str', tags = tags('attack', 'melee'), mana = 5, effectiveness = 110, growth = 1.022,
		quality = { { 'AttackSpeed', 'inc', 0.5 } }, mods = { { 'BleedChance', 'base', 15, 1 } } },
	{ name = 'Piercing Shot', kind = 'skill', attribute = 'dex', tags = tags('attack', 'projectile'), mana = 6, effectiveness = 125,
		growth = 1.021, projectiles = 1, bow = true, quality = { { 'ProjectileDamage', 'inc', 1 } } },
	{ name = 'Thorn Volley', kind = 'skill', attribute = 'dex', tags = tags('attack', 'projectile', 'chaos'), mana = 7, effectiveness = 75,
		growth = 1.02, projectiles = 5, bow = true, mods = { { 'PoisonChance', 'base', 30, 1 } },
		quality = { { 'PoisonDamage', 'inc', 1 } } },
	{ name = 'Stone Skin', kind = 'aura', attribute = 'str', mana = 35, mods = { { 'Armour', 'base', 60, 55 } },
		quality = { { 'Armour', 'inc', 0.5 } } },
	{ name = 'Quick Feet', kind = 'aura', attribute = 'dex', mana = 35,
		mods = { { 'Evasion', 'base', 80, 60 }, { 'MovementSpeed', 'inc', 5, 0.2 } }, quality = { { 'Evasion', 'inc', 0.5 } } },
	{ name = 'Inner Light', kind = 'aura', attribute = 'int', mana = 35, mods = { { 'EnergyShield', 'base', 18, 11 } },
		quality = { { 'EnergyShieldRecharge', 'inc', 1 } } },
	{ name = 'Warm Blood', kind = 'aura', attribute = 'str', mana = 25, mods = { { 'LifeRegenPercent', 'base', 0.5, 0.08 } },
		quality = { { 'Life', 'inc', 0.1 } } },
	{ name = 'Bright Mind', kind = 'aura', attribute = 'int', mana = 50,
		mods = { { 'SpellDamage', 'more', 8, 0.5 }, { 'CastSpeed', 'inc', 6, 0.3 } }, quality = { { 'ManaRegen', 'inc', 1 } } },
	{ name = 'Battle Song', kind = 'aura', attribute = 'str', mana = 50,
		mods = { { 'AttackDamage', 'more', 8, 0.5 }, { 'AttackSpeed', 'inc', 6, 0.3 } }, quality = { { 'Accuracy', 'inc', 1 } } },
	{ name = 'Winter Hex', kind = 'curse', attribute = 'int', mana = 20, mods = { { 'EnemyColdResist', 'base', -14, -0.8 } },
		quality = { { 'EnemyColdResist', 'base', -0.25 } } },
	{ name = 'Kindling Hex', kind = 'curse', attribute = 'int', mana = 20, mods = { { 'EnemyFireResist', 'base', -14, -0.8 } },
		quality = { { 'EnemyFireResist', 'base', -0.25 } } },
	{ name = 'Frailty Hex', kind = 'curse', attribute = 'int', mana = 20, mods = { { 'EnemyDamageTaken', 'inc', 6, 0.4 } } },
	{ name = 'Added Frost Support', kind = 'support', attribute = 'int', mana = 120,
		mods = { { 'ColdMin', 'base', 2, 2.2 }, { 'ColdMax', 'base', 4, 3.4 } }, quality = { { 'ColdDamage', 'inc', 0.5 } } },
	{ name = 'Focused Mind Support', kind = 'support', attribute = 'int', supports = 'spell', mana = 130,
		mods = { { 'SpellDamage', 'more', 20, 1 }, { 'CritChance', 'inc', -30, 0 } }, quality = { { 'SpellDamage', 'inc', 0.5 } } },
	{ name = 'Quick Hands Support', kind = 'support', attribute = 'int', supports = 'spell', mana = 120,
		mods = { { 'CastSpeed', 'more', 15, 0.8 } }, quality = { { 'CastSpeed', 'inc', 0.5 } } },
	{ name = 'Sharp Edges Support', kind = 'support', attribute = 'dex', mana = 125,
		mods = { { 'CritChance', 'base', 1, 0.05 }, { 'CritChance', 'inc', 40, 2 } }, quality = { { 'CritMultiplier', 'base', 0.5 } } },
	{ name = 'Wide Reach Support', kind = 'support', attribute = 'str', supports = 'area', mana = 125,
		mods = { { 'AreaOfEffect', 'inc', 30, 1 }, { 'AreaDamage', 'inc', 5, 0.5 } }, quality = { { 'AreaDamage', 'inc', 0.5 } } },
	{ name = 'Heavy Blows Support', kind = 'support', attribute = 'str', supports = 'melee', mana = 130,
		mods = { { 'PhysicalDamage', 'more', 24, 1.2 }, { 'AttackSpeed', 'more', -10, 0 } },
		quality = { { 'PhysicalDamage', 'inc', 0.5 } } },
	{ name = 'Swift Strikes Support', kind = 'support', attribute = 'dex', supports = 'attack', mana = 115,
		mods = { { 'AttackSpeed', 'inc', 20, 1.2 } }, quality = { { 'AttackSpeed', 'inc', 0.5 } } },
	{ name = 'Split Shot Support', kind = 'support', attribute = 'dex', supports = 'projectile', mana = 140,
		mods = { { 'ProjectileCount', 'base', 2, 0 }, { 'ProjectileDamage', 'more', -30, 0.4 } },
		quality = { { 'ProjectileDamage', 'inc', 0.5 } } },
	{ name = 'Venom Support', kind = 'support', attribute = 'dex', supports = 'attack', mana = 125,
		mods = { { 'PoisonChance', 'base', 40, 1 }, { 'PoisonDamage', 'inc', 10, 1 } }, quality = { { 'PoisonDamage', 'inc', 0.5 } } },
	{ name = 'Long Ruin Support', kind = 'support', attribute = 'int', supports = 'duration', mana = 130,
		mods = { { 'DamageOverTime', 'more', 18, 1 } }, quality = { { 'Duration', 'inc', 0.5 } } },
	{ name = 'Piercing Cold Support', kind = 'support', attribute = 'int', mana = 130,
		mods = { { 'ColdPenetration', 'base', 14, 0.8 } }, quality = { { 'ColdDamage', 'inc', 0.5 } } },
}
