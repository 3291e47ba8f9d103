-- Config options of the sample engine, in display order. `type` is check, number or list. A number outside its
-- bounds is taken as the nearest bound; a list takes only its own values. `cond` names the condition that a check
-- switches on.

---@class (exact) ConfigOption
---@field name string
---@field label string
---@field type 'check'|'number'|'list'|'text'
---@field default boolean|number|string
---@field min number?
---@field max number?
---@field values (number|string)[]?
---@field cond string?

---@type ConfigOption[]
return {
	{ name = 'resistancePenalty', label = 'Resistance penalty', type = 'list', default = -60, values = { 0, -30, -60 } },
	{ name = 'conditionLowLife', label = 'Are you on low life?', type = 'check', default = false, cond = 'LowLife' },
	{ name = 'conditionFullLife', label = 'Are you on full life?', type = 'check', default = false, cond = 'FullLife' },
	{ name = 'conditionMoving', label = 'Are you moving?', type = 'check', default = false, cond = 'Moving' },
	{ name = 'conditionStationary', label = 'Do you stand still?', type = 'check', default = false, cond = 'Stationary' },
	{ name = 'conditionKilledRecently', label = 'Have you killed recently?', type = 'check', default = false, cond = 'KilledRecently' },
	{ name = 'conditionCritRecently', label = 'Have you dealt a critical strike recently?', type = 'check', default = false,
		cond = 'CritRecently' },
	{ name = 'buffOnslaught', label = 'Do you have Onslaught?', type = 'check', default = false, cond = 'Onslaught' },
	{ name = 'usePowerCharges', label = 'Do you use power charges?', type = 'check', default = false },
	{ name = 'useFrenzyCharges', label = 'Do you use frenzy charges?', type = 'check', default = false },
	{ name = 'useEnduranceCharges', label = 'Do you use endurance charges?', type = 'check', default = false },
	{ name = 'overridePowerCharges', label = 'Power charges, if not the maximum (-1)', type = 'number', default = -1, min = -1, max = 20 },
	{ name = 'projectilesHitting', label = 'Projectiles that hit one enemy', type = 'number', default = 1, min = 1, max = 20 },
	{ name = 'poisonStacksMax', label = 'Most poisons on the enemy', type = 'number', default = 50, min = 1, max = 500 },
	{ name = 'enemyIsBoss', label = 'Is the enemy a boss?', type = 'list', default = 'None', values = { 'None', 'Boss', 'Uber' } },
	{ name = 'enemyLevel', label = 'Enemy level', type = 'number', default = 83, min = 1, max = 100 },
	{ name = 'conditionEnemyChilled', label = 'Is the enemy chilled?', type = 'check', default = false, cond = 'EnemyChilled' },
	{ name = 'enemyShock', label = 'Effect of shock on the enemy', type = 'number', default = 0, min = 0, max = 50 },
	{ name = 'enemyFireResist', label = "Enemy's fire resistance", type = 'number', default = 0, min = -200, max = 90 },
	{ name = 'enemyColdResist', label = "Enemy's cold resistance", type = 'number', default = 0, min = -200, max = 90 },
	{ name = 'enemyLightningResist', label = "Enemy's lightning resistance", type = 'number', default = 0, min = -200, max = 90 },
	{ name = 'enemyChaosResist', label = "Enemy's chaos resistance", type = 'number', default = 0, min = -200, max = 90 },
	{ name = 'enemyArmour', label = "Enemy's armour", type = 'number', default = 1000, min = 0, max = 1000000 },
	{ name = 'enemyDamage', label = "Enemy's hit, per damage type", type = 'number', default = 300, min = 1, max = 1000000 },
	{ name = 'customMods', label = 'Custom modifiers', type = 'text', default = '' },
}
