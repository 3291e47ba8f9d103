-- Sums of modifiers: for each stat a base, an increase in per cent and a factor of all "more". There are two layers,
-- one for the character and one for the skill at hand, so that several skills can be worked out for one character.
--
-- Summing everything anew for each variation (some 200 modifiers) takes a few microseconds when compiled; it keeps
-- no sums that could go stale, and the order of additions, hence the last bit, is the same on every path.

local mod_lines = require('sample.data.mod_lines')
local gems = require('sample.data.gems')

---@class (exact) Layer
---@field base table<string, number>
---@field inc table<string, number>
---@field more table<string, number>
---@field per Modifier[] put off until what they count is known
---@field per_factor number[]
---@field per_count integer

local M = {}

---@type string[] every stat that a modifier can have, ordered
local stats = {}

local seen = {}
local function see(stat)
	if not seen[stat] then
		seen[stat] = true
		stats[#stats + 1] = stat
	end
end
for _, effects in pairs(mod_lines.lines) do
	for _, effect in ipairs(effects) do
		see(effect[1])
	end
end
for _, gem in ipairs(gems) do
	for _, rows in ipairs({ gem.mods or {}, gem.quality or {} }) do
		for _, row in ipairs(rows) do
			see(row[1])
		end
	end
end
table.sort(stats)

---@return Layer
local function new_layer()
	return { base = {}, inc = {}, more = {}, per = {}, per_factor = {}, per_count = 0 }
end

---@type Layer
M.character = new_layer()
---@type Layer
M.skill = new_layer()

---@param layer Layer
function M.clear(layer)
	local base, inc, more = layer.base, layer.inc, layer.more
	for i = 1, #stats do
		local stat = stats[i]
		base[stat], inc[stat], more[stat] = 0, 0, 1
	end
	layer.per_count = 0
end

---@param layer Layer
---@param mod Modifier
---@param factor number
local function apply(layer, mod, factor)
	local stat, kind = mod.stat, mod.kind
	if kind == 'base' then
		layer.base[stat] = layer.base[stat] + mod.value * factor
	elseif kind == 'inc' then
		layer.inc[stat] = layer.inc[stat] + mod.value * factor
	elseif kind == 'more' then
		-- No modifier takes a stat below nothing.
		local times = 1 + mod.value * factor / 100
		layer.more[stat] = times > 0 and layer.more[stat] * times or 0
	else
		layer.base[stat] = 1
	end
end

---Adds modifiers whose condition holds.
---@param layer Layer
---@param mods Modifier[]
---@param conditions table<string, boolean>
---@param factor number of auras, curses and flasks: their effect; else 1
function M.add(layer, mods, conditions, factor)
	for i = 1, #mods do
		local mod = mods[i]
		local cond = mod.cond
		if not cond or conditions[cond] then
			if mod.per then
				local count = layer.per_count + 1
				layer.per[count], layer.per_factor[count], layer.per_count = mod, factor, count
			else
				apply(layer, mod, factor)
			end
		end
	end
end

---Adds what was put off, now that the counts are known.
---@param layer Layer
---@param counts table<string, number>
function M.add_per(layer, counts)
	for i = 1, layer.per_count do
		local mod = layer.per[i]
		local times = math.floor(counts[mod.per] / mod.per_count)
		apply(layer, mod, layer.per_factor[i] * times)
	end
	layer.per_count = 0
end

local base, inc, more = M.character.base, M.character.inc, M.character.more

---A stat of the character: a starting value and all that modifies it.
---@param stat string
---@param start number
---@return number
function M.total(stat, start)
	return (start + base[stat]) * math.max(0, 1 + inc[stat] / 100) * more[stat]
end

return M
