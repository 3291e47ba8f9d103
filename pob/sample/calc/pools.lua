-- Attributes, charges, and what the character lives on: life, mana, energy shield, their recovery, reservation.

local store = require('sample.calc.store')

local M = {}

local floor, max, min = math.floor, math.max, math.min
local character = store.character
local base, inc = character.base, character.inc
local counts = {}

-- Charges that a character may have at most without modifiers (the wiki).
local CHARGES = 3

---@param build Build
---@param out Output
local function charges(build, out)
	local config = build.config
	out.PowerChargesMax = max(0, floor(CHARGES + base.PowerChargesMax))
	out.FrenzyChargesMax = max(0, floor(CHARGES + base.FrenzyChargesMax))
	out.EnduranceChargesMax = max(0, floor(CHARGES + base.EnduranceChargesMax))
	local power = config.overridePowerCharges
	power = power >= 0 and min(floor(power), out.PowerChargesMax) or out.PowerChargesMax
	out.PowerCharges = config.usePowerCharges and power or 0
	out.FrenzyCharges = config.useFrenzyCharges and out.FrenzyChargesMax or 0
	out.EnduranceCharges = config.useEnduranceCharges and out.EnduranceChargesMax or 0
end

---@param out Output
local function attributes(out)
	out.Str = floor(store.total('Str', 0) + 0.5)
	out.Dex = floor(store.total('Dex', 0) + 0.5)
	out.Int = floor(store.total('Int', 0) + 0.5)
	-- The wiki's inherent bonuses. Strength: life for 2, a per cent of melee physical damage for 5. Dexterity: 2
	-- accuracy for each, a per cent of evasion for 5. Intelligence: mana for 2, a per cent of shield for 10. Melee
	-- damage of every type grows with strength here: a rule of the sample engine.
	base.Life = base.Life + floor(out.Str / 2)
	inc.MeleeDamage = inc.MeleeDamage + floor(out.Str / 5)
	base.Accuracy = base.Accuracy + 2 * out.Dex
	inc.Evasion = inc.Evasion + floor(out.Dex / 5)
	base.Mana = base.Mana + floor(out.Int / 2)
	inc.EnergyShield = inc.EnergyShield + floor(out.Int / 10)
end

---What each charge gives (the wiki's current values), and Onslaught.
---@param out Output
---@param conditions table<string, boolean>
local function buffs(out, conditions)
	inc.CritChance = inc.CritChance + 50 * out.PowerCharges
	inc.AttackSpeed = inc.AttackSpeed + 4 * out.FrenzyCharges
	inc.CastSpeed = inc.CastSpeed + 4 * out.FrenzyCharges
	character.more.Damage = character.more.Damage * (1 + 4 * out.FrenzyCharges / 100)
	base.PhysicalReduction = base.PhysicalReduction + 4 * out.EnduranceCharges
	base.FireResist = base.FireResist + 4 * out.EnduranceCharges
	base.ColdResist = base.ColdResist + 4 * out.EnduranceCharges
	base.LightningResist = base.LightningResist + 4 * out.EnduranceCharges
	if conditions.Onslaught then
		inc.AttackSpeed = inc.AttackSpeed + 20
		inc.CastSpeed = inc.CastSpeed + 20
		inc.MovementSpeed = inc.MovementSpeed + 20
	end
end

---@param build Build
---@param in_force InForce
---@param out Output
local function pools(build, in_force, out)
	-- The wiki: 38 life and 12 a level, 34 mana and 6 a level.
	out.LifeIsOne = base.LifeIsOne > 0
	out.Life = out.LifeIsOne and 1 or max(1, floor(store.total('Life', 38 + 12 * build.level) + 0.5))
	out.LifeInc = inc.Life
	out.Mana = max(0, floor(store.total('Mana', 34 + 6 * build.level) + 0.5))
	out.ManaInc = inc.Mana
	out.EnergyShield = max(0, floor(store.total('EnergyShield', 0) + 0.5))
	out.EnergyShieldInc = inc.EnergyShield
	-- The wiki's reservation: the multiplier is divided by one plus the efficiency.
	local efficiency = max(1, 100 + inc.ReservationEfficiency) / 100
	out.ManaReservedPercent = min(100, in_force.reserved / efficiency)
	out.ManaReserved = floor(out.Mana * out.ManaReservedPercent / 100 + 0.5)
	out.ManaUnreserved = out.Mana - out.ManaReserved
	out.ManaOverReserved = in_force.reserved / efficiency > 100
	out.LifeRegen = (base.LifeRegen + out.Life * base.LifeRegenPercent / 100)
		* max(0, 1 + inc.LifeRegen / 100)
		* character.more.LifeRegen
	-- The wiki: 1.75 % of mana a second, a third of the energy shield a second once recharge has begun.
	out.ManaRegen = store.total('ManaRegen', out.Mana * 0.0175)
	out.EnergyShieldRecharge = store.total('EnergyShieldRecharge', out.EnergyShield / 3)
end

---@param build Build
---@param in_force InForce
---@param conditions table<string, boolean>
---@param out Output
function M.calculate(build, in_force, conditions, out)
	attributes(out)
	charges(build, out)
	buffs(out, conditions)
	counts.PowerCharges, counts.FrenzyCharges, counts.EnduranceCharges =
		out.PowerCharges, out.FrenzyCharges, out.EnduranceCharges
	counts.Str, counts.Dex, counts.Int = out.Str, out.Dex, out.Int
	store.add_per(character, counts)
	pools(build, in_force, out)
	out.PassivePoints = in_force.points
	out.AscendancyPoints = in_force.ascendancy_points
	out.JewelsInUse = in_force.jewels
	-- A point a level after the first, and the campaign's 22; an ascendancy has 8.
	out.PassivePointsLeft = build.level - 1 + 22 - in_force.points
	out.MovementSpeed = max(0, 100 + inc.MovementSpeed)
end

return M
