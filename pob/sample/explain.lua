-- Why a stat of a build is what it is, for the stats whose formula is one line: the formula with its numbers, and the
-- modifiers that were added up. It calculates once more and listens to what the calculation adds, so it can say
-- nothing that the calculation did not do; and what its formula does not arrive at, it does not explain.

local items = require('sample.items')
local run = require('sample.calc.run')
local store = require('sample.calc.store')
local tree = require('sample.tree')

local M = {}

local floor, max, min = math.floor, math.max, math.min

---Numbers of `ModifierKind` in `proto/pobatch/v1/explain.proto`.
local KINDS = { base = 1, inc = 2, more = 3, flag = 5 }
local WORDS = { base = '%+g', inc = '%+g%% increased', more = '%+g%% more', flag = 'yes' }

---@class (exact) Formula
---@field lines fun(out: Output, build: Build): string[], number the formula in words, and what it arrives at
---@field stats string[] whose modifiers count

---A stat that is added up of modifiers: `store.total`.
---@param stat string
---@param start fun(build: Build, out: Output): number, string
---@param finish fun(total: number): number
---@return Formula
local function total(stat, start, finish)
	return {
		stats = { stat },
		lines = function(out, build)
			local from, words = start(build, out)
			local layer = store.character
			local value = finish(store.total(stat, from))
			return {
				('%g (%s)'):format(from, words),
				('+ %g (added)'):format(layer.base[stat]),
				('x %g (increased)'):format(max(0, 1 + layer.inc[stat] / 100)),
				('x %g (more)'):format(layer.more[stat]),
				('= %g'):format(value),
			}, value
		end,
	}
end

local function rounded(value)
	return floor(value + 0.5)
end

local function not_below(least)
	return function(value)
		return max(least, rounded(value))
	end
end

local function nothing()
	return 0, 'to begin with'
end

local function exactly(value)
	return value
end

---@param type string
---@return Formula
local function resistance(type)
	local stat = type .. 'Resist'
	return {
		stats = { stat, stat .. 'Max' },
		lines = function(out, build)
			local cap = out[stat .. 'Max']
			local value = min(floor(store.character.base[stat] + build.config.resistancePenalty), cap)
			return {
				('%g%% (added)'):format(store.character.base[stat]),
				('%+g%% (penalty)'):format(build.config.resistancePenalty),
				('at most %g%%'):format(cap),
				('= %g%%'):format(value),
			}, value
		end,
	}
end

---A stat that is made of others by one operation.
---@param sign string
---@param operate fun(a: number, b: number): number
---@param parts string[]
---@return Formula
local function made_of(sign, operate, parts)
	return {
		stats = {},
		lines = function(out)
			local value, lines = out[parts[1]], {}
			for i, part in ipairs(parts) do
				lines[i] = ('%s%g (%s)'):format(i > 1 and sign .. ' ' or '', out[part] or 0, part)
				value = i > 1 and operate(value, out[part] or 0) or value
			end
			lines[#lines + 1] = ('= %g'):format(value)
			return lines, value
		end,
	}
end

local function times(a, b)
	return a * b
end
local function plus(a, b)
	return a + b
end
local function minus(a, b)
	return a - b
end

---@type table<string, Formula>
local FORMULAS = {
	Str = total('Str', nothing, rounded),
	Dex = total('Dex', nothing, rounded),
	Int = total('Int', nothing, rounded),
	Life = total('Life', function(build)
		return 38 + 12 * build.level, '38, and 12 a level'
	end, not_below(1)),
	Mana = total('Mana', function(build)
		return 34 + 6 * build.level, '34, and 6 a level'
	end, not_below(0)),
	EnergyShield = total('EnergyShield', nothing, not_below(0)),
	Armour = total('Armour', nothing, rounded),
	Evasion = total('Evasion', function(build)
		return 15 + 3 * build.level, '15, and 3 a level'
	end, rounded),
	ManaRegen = total('ManaRegen', function(_, out)
		return out.Mana * 0.0175, '1.75% of mana'
	end, exactly),
	EnergyShieldRecharge = total('EnergyShieldRecharge', function(_, out)
		return out.EnergyShield / 3, 'a third of the energy shield'
	end, exactly),
	FireResist = resistance('Fire'),
	ColdResist = resistance('Cold'),
	LightningResist = resistance('Lightning'),
	ChaosResist = resistance('Chaos'),
	TotalDPS = made_of('x', times, { 'AverageDamage', 'Speed' }),
	ManaCostPerSecond = made_of('x', times, { 'ManaCost', 'Speed' }),
	ManaUnreserved = made_of('-', minus, { 'Mana', 'ManaReserved' }),
	TotalPool = made_of('+', plus, { 'LifePool', 'EnergyShield' }),
	TotalEHP = made_of('x', times, { 'HitsSurvived', 'EnemyHit' }),
}

---What attributes and charges give without any modifier (`calc/pools.lua`): to which stat, how, from what, and of it how
---much.
local GRANTS = {
	{ 'Life', 'base', 'Str', 1 / 2 },
	{ 'Mana', 'base', 'Int', 1 / 2 },
	{ 'Evasion', 'inc', 'Dex', 1 / 5 },
	{ 'EnergyShield', 'inc', 'Int', 1 / 10 },
	{ 'FireResist', 'base', 'EnduranceCharges', 4 },
	{ 'ColdResist', 'base', 'EnduranceCharges', 4 },
	{ 'LightningResist', 'base', 'EnduranceCharges', 4 },
}

---@param stat string
---@param out Output
---@param modifiers table[] grows
local function add_grants(stat, out, modifiers)
	for _, grant in ipairs(GRANTS) do
		local number = floor(out[grant[3]] * grant[4])
		if grant[1] == stat and number ~= 0 then
			modifiers[#modifiers + 1] = {
				stat = stat,
				kind = KINDS[grant[2]],
				number = number,
				value = WORDS[grant[2]]:format(number),
				source = 'Base',
				source_name = grant[3],
			}
		end
	end
end

---Where each list of modifiers of the build comes from.
---@param build Build
---@return table<Modifier[], { source: string, source_name: string?, node: integer?, item: integer? }>
local function sources(build)
	local of = { [build.custom] = { source = 'Config', source_name = 'custom modifiers' } }
	for _, id in ipairs(build.nodes) do
		local node = tree.nodes[id]
		of[node.mods] = { source = 'Tree', source_name = node.name, node = id }
	end
	for _, choice in ipairs(build.masteries) do
		local node = tree.nodes[choice.node]
		of[node.effects[choice.effect]] = { source = 'Tree', source_name = node.name, node = choice.node }
	end
	for _, tattoo in ipairs(build.tattoos) do
		of[tree.tattoos[tattoo.name].mods] = { source = 'Tree', source_name = tattoo.name, node = tattoo.node }
	end
	for slot = 1, #items.slots do
		local item, entry = items.at(build.slots, slot), build.slots[slot]
		if item then
			of[item.mods] = { source = 'Item', source_name = item.name, item = entry.id }
		end
	end
	return of
end

---Calculates, and gives what the character was given for these stats.
---@param build Build
---@param wanted string[]
---@return Output
---@return table[] modifiers
local function listen(build, wanted)
	local is_wanted, of, heard = {}, sources(build), {}
	for _, stat in ipairs(wanted) do
		is_wanted[stat] = true
	end
	local add = store.add
	function store.add(layer, mods, conditions, factor)
		add(layer, mods, conditions, factor)
		for _, mod in ipairs(layer == store.character and mods or {}) do
			if is_wanted[mod.stat] and (not mod.cond or conditions[mod.cond]) then
				local source = of[mods] or { source = 'Skill' }
				local number = mod.value * factor
				heard[#heard + 1] = {
					stat = mod.stat,
					kind = KINDS[mod.kind],
					number = mod.kind ~= 'flag' and number or nil,
					value = WORDS[mod.kind]:format(number),
					source = source.source,
					source_name = source.source_name,
					node = source.node,
					item = source.item,
					conditions = mod.per and ('per %g %s'):format(mod.per_count, mod.per) or mod.cond,
				}
			end
		end
	end
	local ok, output = pcall(run.calculate, build)
	store.add = add
	return ok and output or error(output, 0), heard
end

---@param build Build
---@param stat string
---@return table[] sections empty: there is no formula for it, or it leads elsewhere (a keystone decides)
function M.stat(build, stat)
	local formula = FORMULAS[stat]
	if not formula then
		return {}
	end
	local out, modifiers = listen(build, formula.stats)
	if out[stat] == nil then
		return {}
	end
	local lines, value = formula.lines(out, build)
	if value ~= out[stat] then
		return {}
	end
	add_grants(stat, out, modifiers)
	local sections = { { lines = lines } }
	if modifiers[1] then
		sections[2] = { title = 'Modifiers', modifiers = modifiers }
	end
	return sections
end

return M
