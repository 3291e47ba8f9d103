-- Items: reads item texts as copied from the game or from PoB, and knows which slots take what. An item is read
-- once and never written to; equal texts may share one. Wants no build: what an item means beside others (a shield
-- beside a bow, a jewel in a socket that nobody allocated) is the calculation's affair.

local bases = require('sample.data.bases')
local mods = require('sample.mods')
local tree = require('sample.tree')

---@class (exact) Item
---@field text string
---@field name string
---@field base ItemBase
---@field level integer required level
---@field mods Modifier[] what holds for the whole character
---@field unknown string[] lines that are not understood
---@field weapon WeaponStats?

---@class (exact) WeaponStats
---@field aps number
---@field crit number
---@field min table<string, number>
---@field max table<string, number>
---@field two_handed boolean
---@field bow boolean

local M = {}

M.MAX_BYTES = 16 * 1024
M.MAX_LINES = 100

local DAMAGE_TYPES = { 'Physical', 'Fire', 'Cold', 'Lightning', 'Chaos' }
local RARITIES = { NORMAL = 1, MAGIC = 1, RARE = 2, UNIQUE = 2, RELIC = 2 }
-- Properties that change nothing here; the first group of a text copied from the game is full of them.
local IGNORED = {}
for name in ([[item class,item level,unique id,requirements,str,dex,int,strength,dexterity,intelligence,sockets,radius,
limited to,armour,evasion,evasion rating,energy shield,ward,physical damage,elemental damage,chaos damage,critical strike chance,
attacks per second,weapon range,chance to block,crafted,prefix,suffix,selected variant,variant,source,league,armourbasepercentile,
evasionbasepercentile,energyshieldbasepercentile,catalyst,catalystquality,class,charges,duration]]):gmatch('[^,\n]+') do
	IGNORED[name] = true
end

---@type string[] item slots, in the order in which their items count
M.slots = { 'Weapon 1', 'Weapon 2', 'Helmet', 'Body Armour', 'Gloves', 'Boots', 'Amulet', 'Ring 1', 'Ring 2', 'Belt',
	'Flask 1', 'Flask 2', 'Flask 3', 'Flask 4', 'Flask 5' }
---@type table<string, integer>
M.slot_index = {}
for _, id in ipairs(tree.sockets) do
	M.slots[#M.slots + 1] = 'Jewel ' .. id
end
for i, slot in ipairs(M.slots) do
	M.slot_index[slot] = i
end
M.FIRST_FLASK, M.LAST_FLASK = M.slot_index['Flask 1'], M.slot_index['Flask 5']

---@type table<integer, integer> slot index -> socket node
M.socket_node = {}
for _, id in ipairs(tree.sockets) do
	M.socket_node[M.slot_index['Jewel ' .. id]] = id
end

-- Which types a slot takes: what its name says without the number, and more in the second hand.
---@type table<string, boolean>[]
local slot_takes = {}
for i, slot in ipairs(M.slots) do
	slot_takes[i] = { [slot:match('^(.-) ?%d*$')] = true }
end
slot_takes[2] = { Weapon = true, Shield = true, Quiver = true }

local bases_by_name = {}
for _, base in ipairs(bases) do
	bases_by_name[base.name] = base
	if base.implicit then
		mods.parse_own(base.implicit)
	end
end

---The base that a magic or normal item's one line of name contains; the longest wins.
---@param line string
---@return ItemBase?
local function base_within(line)
	local found
	for _, base in ipairs(bases) do
		if line:find(base.name, 1, true) and (not found or #base.name > #found.name) then
			found = base
		end
	end
	return found
end

---@param list Modifier[]
---@param stat string
---@param kind string
---@return number
local function take(list, stat, kind)
	local sum = 0
	for i = #list, 1, -1 do
		local mod = list[i]
		if mod.stat == stat and mod.kind == kind and not mod.cond and not mod.per then
			sum = sum + mod.value
			table.remove(list, i)
		end
	end
	return sum
end

---@param list Modifier[] local modifiers are taken out
---@param base ItemBase
---@param quality number
---@return WeaponStats
local function local_weapon(list, base, quality)
	local weapon = base.weapon
	local min, max = {}, {}
	for _, type_name in ipairs(DAMAGE_TYPES) do
		min[type_name], max[type_name] = take(list, type_name .. 'Min', 'base'), take(list, type_name .. 'Max', 'base')
	end
	local factor = 1 + (take(list, 'PhysicalDamage', 'inc') + quality) / 100
	min.Physical = math.floor((weapon.min + min.Physical) * factor + 0.5)
	max.Physical = math.floor((weapon.max + max.Physical) * factor + 0.5)
	return {
		aps = weapon.aps * (1 + take(list, 'AttackSpeed', 'inc') / 100),
		crit = (weapon.crit + take(list, 'CritChance', 'base')) * (1 + take(list, 'CritChance', 'inc') / 100),
		min = min, max = max, two_handed = weapon.two_handed == true, bow = weapon.bow == true,
	}
end

---@param list Modifier[] local modifiers become the item's own totals
---@param base ItemBase
---@param quality number
local function local_defences(list, base, quality)
	local factor = { Armour = base.armour, Evasion = base.evasion, EnergyShield = base.energy_shield }
	for _, stat in ipairs({ 'Armour', 'Evasion', 'EnergyShield' }) do
		local flat, inc = take(list, stat, 'base'), take(list, stat, 'inc')
		local total = math.floor(((factor[stat] or 0) + flat) * (1 + (inc + quality) / 100) + 0.5)
		if total ~= 0 then
			list[#list + 1] = { stat = stat, kind = 'base', value = total }
		end
	end
	if base.block then
		list[#list + 1] = { stat = 'BlockChance', kind = 'base', value = base.block }
	end
end

local LOCAL_DEFENCES = { Shield = true, Helmet = true, ['Body Armour'] = true, Gloves = true, Boots = true }

---@param text string
---@return string[] lines without blank ones and rules
local function split(text)
	local lines = {}
	for line in text:gmatch('[^\r\n]+') do
		line = line:match('^%s*(.-)%s*$')
		if line ~= '' and not line:find('^%-%-%-+$') then
			lines[#lines + 1] = line
		end
	end
	return lines
end

---@class (exact) ItemHeader
---@field quality number
---@field level integer?
---@field implicits integer?
---@field implicit_seen boolean
---@field mod_lines string[]

-- Properties that mean something: name -> what they do.
local PROPERTIES = {
	quality = function(header, value)
		header.quality = tonumber(value:match('%d+')) or 0
	end,
	levelreq = function(header, value)
		header.level = tonumber(value:match('%d+'))
	end,
	implicits = function(header, value)
		header.implicits = tonumber(value:match('%d+'))
	end,
}
PROPERTIES.level = PROPERTIES.levelreq

---@param lines string[]
---@param first integer
---@return ItemHeader
local function read_lines(lines, first)
	local header = { quality = 0, implicit_seen = false, mod_lines = {} }
	for i = first, #lines do
		local line = lines[i]
		local name, value = line:match('^([%a ]+):%s*(.*)$')
		name = name and name:lower()
		if name and PROPERTIES[name] then
			PROPERTIES[name](header, value)
		elseif not (name and IGNORED[name]) and line ~= 'Corrupted' and line ~= 'Mirrored' then
			local plain, implicit = line:gsub('%b{}', ''):gsub(' %(implicit%)$', '')
			header.implicit_seen = header.implicit_seen or implicit > 0
			header.mod_lines[#header.mod_lines + 1] = (plain:gsub(' %(%a+%)$', ''))
		end
	end
	return header
end

---Reads an item text.
---@param text string
---@return Item?
---@return string? problem
function M.parse(text)
	if #text > M.MAX_BYTES then
		return nil, ('an item text has at most %d bytes'):format(M.MAX_BYTES)
	end
	local lines = split(text)
	local at = lines[1] and lines[1]:find('^Item Class:') and 2 or 1
	local rarity = lines[at] and lines[at]:match('^Rarity:%s*(%a+)')
	if not rarity then
		return nil, 'the first line must be its rarity'
	elseif #lines > M.MAX_LINES then
		return nil, ('an item text has at most %d lines'):format(M.MAX_LINES)
	end
	local names = RARITIES[rarity:upper()]
	if not names then
		return nil, ('no rarity is called %s'):format(rarity)
	end
	local base_line = lines[at + names]
	local base = base_line and (bases_by_name[base_line] or names == 1 and base_within(base_line))
	if not base then
		return nil, base_line and ('no item base is called %s'):format(base_line:sub(1, 80)) or 'the item base is missing'
	end
	local header = read_lines(lines, at + names + 1)
	local list, unknown = mods.parse_all(header.mod_lines)
	if base.implicit and not header.implicits and not header.implicit_seen then
		for _, mod in ipairs(mods.parse_own(base.implicit)) do
			list[#list + 1] = mod
		end
	end
	local weapon = base.weapon and local_weapon(list, base, header.quality)
	if LOCAL_DEFENCES[base.type] then
		local_defences(list, base, header.quality)
	end
	return { text = table.concat(lines, '\n'), name = lines[at + 1], base = base, level = math.max(header.level or 0, base.level),
		mods = list, unknown = unknown, weapon = weapon }
end

-- Items by text: optimizers try the same few hundred items again and again.
local MAX_REMEMBERED = 1024
---@type table<string, Item>
local remembered = {}
local remembered_count = 0

---As `parse`, but remembers.
---@param text string
---@return Item?
---@return string? problem
function M.get(text)
	local item, problem = remembered[text], nil
	if not item then
		item, problem = M.parse(text)
		if not item then
			return nil, problem
		elseif remembered_count >= MAX_REMEMBERED then
			M.forget()
		end
		remembered[text], remembered_count = item, remembered_count + 1
	end
	return item
end

---Drops what is remembered.
function M.forget()
	remembered, remembered_count = {}, 0
end

---Whether the slot takes items of that type.
---@param slot integer
---@param item Item
---@return boolean
function M.fits(slot, item)
	return slot_takes[slot][item.base.type] == true
end

---The item in a slot, if it is one that belongs there.
---@param slots (ItemEntry|false)[]
---@param slot integer
---@return Item?
function M.at(slots, slot)
	local entry = slots[slot]
	local item = entry and entry.item
	if item and M.fits(slot, item) then
		return item
	end
end

---The second hand's item, if the first hand leaves no room for it: a two-handed weapon leaves room for nothing but a
---bow's quiver, and a quiver is nothing without a bow.
---@param slots (ItemEntry|false)[]
---@return Item? off_hand that has no effect
function M.clash(slots)
	local main, off = M.at(slots, 1), M.at(slots, 2)
	local weapon = main and main.weapon
	if off then
		local bow = weapon ~= nil and weapon.bow
		if (off.base.type == 'Quiver') ~= bow or (weapon and weapon.two_handed and not bow) then
			return off
		end
	end
end

return M
