-- The vocabulary of modifier lines: lower-case text with `#` for each number -> what it does.
-- An effect is { stat, kind, factor, index of the number }; kind is base, inc, more or flag. Lines that follow a
-- pattern (per damage type, per attribute) are generated, so that none of a family is missing.

local lines = {}

---@param text string
---@param ... table effects
local function add(text, ...)
	assert(not lines[text], text)
	lines[text] = { ... }
end

local TYPES = { 'Physical', 'Fire', 'Cold', 'Lightning', 'Chaos' }
local ELEMENTS = { 'Fire', 'Cold', 'Lightning' }
local ATTRIBUTES = { { 'strength', 'Str' }, { 'dexterity', 'Dex' }, { 'intelligence', 'Int' } }

-- What can be increased, reduced, more or less: text -> stats.
local SCALED = {
	{ 'strength', { 'Str' } },
	{ 'dexterity', { 'Dex' } },
	{ 'intelligence', { 'Int' } },
	{ 'attributes', { 'Str', 'Dex', 'Int' } },
	{ 'maximum life', { 'Life' } },
	{ 'maximum mana', { 'Mana' } },
	{ 'maximum energy shield', { 'EnergyShield' } },
	{ 'energy shield', { 'EnergyShield' } },
	{ 'armour', { 'Armour' } },
	{ 'evasion rating', { 'Evasion' } },
	{ 'evasion', { 'Evasion' } },
	{ 'armour and evasion', { 'Armour', 'Evasion' } },
	{ 'armour and energy shield', { 'Armour', 'EnergyShield' } },
	{ 'evasion and energy shield', { 'Evasion', 'EnergyShield' } },
	{ 'life regeneration rate', { 'LifeRegen' } },
	{ 'mana regeneration rate', { 'ManaRegen' } },
	{ 'energy shield recharge rate', { 'EnergyShieldRecharge' } },
	{ 'accuracy rating', { 'Accuracy' } },
	{ 'movement speed', { 'MovementSpeed' } },
	{ 'critical strike chance', { 'CritChance' } },
	{ 'attack speed', { 'AttackSpeed' } },
	{ 'cast speed', { 'CastSpeed' } },
	{ 'attack and cast speed', { 'AttackSpeed', 'CastSpeed' } },
	{ 'damage', { 'Damage' } },
	{ 'elemental damage', { 'ElementalDamage' } },
	{ 'spell damage', { 'SpellDamage' } },
	{ 'attack damage', { 'AttackDamage' } },
	{ 'melee damage', { 'MeleeDamage' } },
	{ 'projectile damage', { 'ProjectileDamage' } },
	{ 'area damage', { 'AreaDamage' } },
	{ 'damage over time', { 'DamageOverTime' } },
	{ 'damage with bows', { 'BowDamage' } },
	{ 'damage with poison', { 'PoisonDamage' } },
	{ 'damage with bleeding', { 'BleedDamage' } },
	{ 'damage with ignite', { 'IgniteDamage' } },
	{ 'damage with ailments', { 'PoisonDamage', 'BleedDamage', 'IgniteDamage' } },
	{ 'area of effect', { 'AreaOfEffect' } },
	{ 'skill effect duration', { 'Duration' } },
	{ 'effect of auras', { 'AuraEffect' } },
	{ 'effect of curses', { 'CurseEffect' } },
	{ 'flask effect', { 'FlaskEffect' } },
	{ 'mana cost of skills', { 'ManaCost' } },
	{ 'mana reservation efficiency of skills', { 'ReservationEfficiency' } },
	{ 'damage taken', { 'DamageTaken' } },
}
for _, type_name in ipairs(TYPES) do
	SCALED[#SCALED + 1] = { type_name:lower() .. ' damage', { type_name .. 'Damage' } }
	SCALED[#SCALED + 1] = { type_name:lower() .. ' damage taken', { type_name .. 'DamageTaken' } }
end

local WORDS =
	{ { 'increased', 'inc', 1 }, { 'reduced', 'inc', -1 }, { 'more', 'more', 1 }, { 'less', 'more', -1 } }
for _, scaled in ipairs(SCALED) do
	for _, word in ipairs(WORDS) do
		local effects = {}
		for i, stat in ipairs(scaled[2]) do
			effects[i] = { stat, word[2], word[3], 1 }
		end
		add(('#%% %s %s'):format(word[1], scaled[1]), unpack(effects))
	end
end

for _, attribute in ipairs(ATTRIBUTES) do
	add(('# to %s'):format(attribute[1]), { attribute[2], 'base', 1, 1 })
end
add('# to all attributes', { 'Str', 'base', 1, 1 }, { 'Dex', 'base', 1, 1 }, { 'Int', 'base', 1, 1 })
add('# to maximum life', { 'Life', 'base', 1, 1 })
add('# to maximum mana', { 'Mana', 'base', 1, 1 })
add('# to maximum energy shield', { 'EnergyShield', 'base', 1, 1 })
add('# to armour', { 'Armour', 'base', 1, 1 })
add('# to evasion rating', { 'Evasion', 'base', 1, 1 })
add('# to accuracy rating', { 'Accuracy', 'base', 1, 1 })
add('regenerate # life per second', { 'LifeRegen', 'base', 1, 1 })
add('regenerate #% of life per second', { 'LifeRegenPercent', 'base', 1, 1 })
add('regenerate # mana per second', { 'ManaRegen', 'base', 1, 1 })
add('#% of damage leeched as life', { 'LifeLeech', 'base', 1, 1 })

for i, element in ipairs(ELEMENTS) do
	local name, other = element:lower(), ELEMENTS[i % 3 + 1]
	for _, pair in ipairs({ { element, other }, { other, element } }) do
		add(
			('#%% to %s and %s resistances'):format(pair[1]:lower(), pair[2]:lower()),
			{ element .. 'Resist', 'base', 1, 1 },
			{ other .. 'Resist', 'base', 1, 1 }
		)
	end
	add(
		('#%% of physical damage converted to %s damage'):format(name),
		{ 'PhysicalTo' .. element, 'base', 1, 1 }
	)
	add(
		('gain #%% of physical damage as extra %s damage'):format(name),
		{ 'PhysicalAs' .. element, 'base', 1, 1 }
	)
	add(('damage penetrates #%% %s resistance'):format(name), { element .. 'Penetration', 'base', 1, 1 })
	add(('# to level of all %s skill gems'):format(name), { element .. 'GemLevel', 'base', 1, 1 })
end
for _, type_name in ipairs({ 'Fire', 'Cold', 'Lightning', 'Chaos' }) do
	add(('#%% to %s resistance'):format(type_name:lower()), { type_name .. 'Resist', 'base', 1, 1 })
	add(
		('#%% to maximum %s resistance'):format(type_name:lower()),
		{ type_name .. 'ResistMax', 'base', 1, 1 }
	)
	add(
		('enemies have #%% to %s resistance'):format(type_name:lower()),
		{ 'Enemy' .. type_name .. 'Resist', 'base', 1, 1 }
	)
end

---@param format string
---@param index integer?
---@return table ... one effect per element
local function each_element(format, index)
	local effects = {}
	for i, element in ipairs(ELEMENTS) do
		effects[i] = { format:format(element), 'base', 1, index or 1 }
	end
	return unpack(effects)
end
add('#% to all elemental resistances', each_element('%sResist'))
add('#% to all maximum elemental resistances', each_element('%sResistMax'))
add('damage penetrates #% elemental resistances', each_element('%sPenetration'))

for _, type_name in ipairs(TYPES) do
	for _, target in ipairs({ { '', '' }, { ' to attacks', 'Attack' }, { ' to spells', 'Spell' } }) do
		add(
			('adds # to # %s damage%s'):format(type_name:lower(), target[1]),
			{ target[2] .. type_name .. 'Min', 'base', 1, 1 },
			{ target[2] .. type_name .. 'Max', 'base', 1, 2 }
		)
	end
end

add('#% to critical strike chance', { 'CritChance', 'base', 1, 1 })
add('#% to critical strike multiplier', { 'CritMultiplier', 'base', 1, 1 })
add('# to level of all skill gems', { 'GemLevel', 'base', 1, 1 })
add('# to level of all spell skill gems', { 'SpellGemLevel', 'base', 1, 1 })
add('# to level of all attack skill gems', { 'AttackGemLevel', 'base', 1, 1 })
add('skills fire an additional projectile', { 'ProjectileCount', 'base', 1, 0 })
add('skills fire # additional projectiles', { 'ProjectileCount', 'base', 1, 1 })
add('#% chance to poison on hit', { 'PoisonChance', 'base', 1, 1 })
add('#% chance to cause bleeding', { 'BleedChance', 'base', 1, 1 })
add('#% chance to ignite', { 'IgniteChance', 'base', 1, 1 })
add('#% chance to block attack damage', { 'BlockChance', 'base', 1, 1 })
add('#% chance to block spell damage', { 'SpellBlockChance', 'base', 1, 1 })
add('#% chance to suppress spell damage', { 'SuppressChance', 'base', 1, 1 })
add('#% additional physical damage reduction', { 'PhysicalReduction', 'base', 1, 1 })
add('#% of damage is taken from mana before life', { 'DamageFromMana', 'base', 1, 1 })
add('enemies take #% increased damage', { 'EnemyDamageTaken', 'inc', 1, 1 })
for _, charge in ipairs({ 'Power', 'Frenzy', 'Endurance' }) do
	add(('# to maximum %s charges'):format(charge:lower()), { charge .. 'ChargesMax', 'base', 1, 1 })
end

add('cannot evade enemy attacks', { 'CannotEvade', 'flag', 1, 0 })
add('your hits cannot be evaded', { 'HitsCannotBeEvaded', 'flag', 1, 0 })
add('never deal critical strikes', { 'NeverCrit', 'flag', 1, 0 })
add('maximum life becomes 1', { 'LifeIsOne', 'flag', 1, 0 })
add('immune to chaos damage', { 'ChaosImmune', 'flag', 1, 0 })

-- Endings that make a line depend on something; longer ones first where one ends in another.
local suffixes = {
	{ ' while on low life', cond = 'LowLife' },
	{ ' while on full life', cond = 'FullLife' },
	{ ' while moving', cond = 'Moving' },
	{ ' while stationary', cond = 'Stationary' },
	{ ' while you have onslaught', cond = 'Onslaught' },
	{ ' during any flask effect', cond = 'UsingFlask' },
	{ " if you've killed recently", cond = 'KilledRecently' },
	{ " if you've dealt a critical strike recently", cond = 'CritRecently' },
	{ ' against bosses', cond = 'EnemyBoss' },
	{ ' against chilled enemies', cond = 'EnemyChilled' },
	{ ' while holding a shield', cond = 'HoldingShield' },
	{ ' while dual wielding', cond = 'DualWielding' },
	{ ' while wielding a bow', cond = 'WieldingBow' },
	{ ' per power charge', per = 'PowerCharges' },
	{ ' per frenzy charge', per = 'FrenzyCharges' },
	{ ' per endurance charge', per = 'EnduranceCharges' },
	{ ' per # strength', per = 'Str', divided = true },
	{ ' per # dexterity', per = 'Dex', divided = true },
	{ ' per # intelligence', per = 'Int', divided = true },
}

return { lines = lines, suffixes = suffixes }
