-- Gems: finds them by name and works out their level tables. The tables are made when first asked for, by repeated
-- multiplication (never a power function, which need not give the same last bit in compiled and interpreted code).

local data = require('sample.data.gems')

---@class (exact) GemLevel
---@field mods Modifier[] of the gem at this level and quality
---@field factor number growth up to this level
---@field mana number cost (skills and curses), multiplier (supports), reserved per cent (auras)

local M = {}

M.MAX_LEVEL = 40
M.MAX_QUALITY = 30
-- Modifiers of other gear can lift a skill above what a gem itself can have.
M.MAX_EFFECTIVE_LEVEL = 60

---@type table<string, GemData>
local by_name = {}
for _, gem in ipairs(data) do
	by_name[gem.name] = gem
	by_name[(gem.name:gsub(' Support$', ''))] = gem
end

---The gem of that name; a support is found without the word `Support` too, as PoB writes it.
---@param name string
---@return GemData?
function M.find(name)
	return by_name[name]
end

---The gem's name as PoB would save it.
---@param gem GemData
---@return string
function M.saved_name(gem)
	return (gem.name:gsub(' Support$', ''))
end

---@param rows table[]?
---@param list Modifier[]
---@param amount fun(row: table): number
local function add_rows(rows, list, amount)
	for _, row in ipairs(rows or {}) do
		list[#list + 1] = { stat = row[1], kind = row[2], value = amount(row) }
	end
end

---@param gem GemData
---@param level integer
---@param quality integer
---@return GemLevel
local function work_out(gem, level, quality)
	local factor = 1
	for _ = 2, level do
		factor = factor * (gem.growth or 1)
	end
	local list = {}
	add_rows(gem.mods, list, function(row)
		return row[3] + row[4] * (level - 1)
	end)
	add_rows(gem.quality, list, function(row)
		return row[3] * quality
	end)
	local is_cost = gem.kind == 'skill' or gem.kind == 'curse'
	return {
		mods = list,
		factor = factor,
		mana = is_cost and math.floor(gem.mana * (1 + 0.12 * (level - 1)) + 0.5) or gem.mana,
	}
end

---@type table<GemData, table<integer, GemLevel>>
local levels = {}

---What the gem is at a level and quality. Shared: never write into it.
---@param gem GemData
---@param level integer 1 to `MAX_EFFECTIVE_LEVEL`
---@param quality integer 0 to `MAX_QUALITY`
---@return GemLevel
function M.at(gem, level, quality)
	local of_gem = levels[gem]
	if not of_gem then
		of_gem = {}
		levels[gem] = of_gem
	end
	local key = level * (M.MAX_QUALITY + 1) + quality
	local found = of_gem[key]
	if not found then
		found = work_out(gem, level, quality)
		of_gem[key] = found
	end
	return found
end

---What a gem of that level asks for: the character's level, and of its attribute.
---@param gem GemData
---@param level integer
---@return integer character_level
---@return integer attribute
function M.requirement(gem, level)
	local character_level = math.min(level <= 20 and 1 + math.floor((level - 1) * 3.6 + 0.5) or 70, 70)
	return character_level,
		level == 1 and 0 or math.floor(8 + character_level * (gem.kind == 'support' and 0.6 or 1.0))
end

return M
