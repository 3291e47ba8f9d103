-- Reads item texts as copied from the game or from PoB. Pure: a text in, an item or an explanation out.

local bases = require('sample.data.bases')
local item_local = require('sample.item_local')
local mods = require('sample.mods')
local texts = require('sample.text')

---@class (exact) Item
---@field text string
---@field name string
---@field base ItemBase
---@field level integer required level
---@field mods Modifier[] what holds for the whole character
---@field unknown string[] lines that are not understood
---@field weapon WeaponStats?

local M = {}

M.MAX_BYTES = 16 * 1024
M.MAX_LINES = 100

-- What neither the game nor XML can hold.
local CONTROL = '[%z\1-\8\11\12\14-\31]'

-- Rarity -> lines of name that follow it.
local RARITIES = { NORMAL = 1, MAGIC = 1, RARE = 2, UNIQUE = 2, RELIC = 2 }
-- Properties that change nothing here; the first group of a text copied from the game is full of them.
local IGNORED = {}
for name in
	([[
item class,item level,unique id,requirements,str,dex,int,strength,dexterity,intelligence,sockets,radius,limited to,
armour,evasion,evasion rating,energy shield,ward,physical damage,elemental damage,chaos damage,critical strike chance,
attacks per second,weapon range,chance to block,crafted,prefix,suffix,selected variant,variant,source,league,
armourbasepercentile,evasionbasepercentile,energyshieldbasepercentile,catalyst,catalystquality,class,charges,duration
]]):gmatch('[^,\n]+')
do
	IGNORED[name] = true
end

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

---@param text string
---@return string[] lines without blank ones and rules
local function split(text)
	local lines = {}
	for _, line in ipairs(texts.lines(text)) do
		if not line:find('^%-%-%-+$') then
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
	if text:find(CONTROL) then
		return nil, 'an item text holds no control characters'
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
		return nil,
			base_line and ('no item base is called %s'):format(base_line:sub(1, 80))
				or 'the item base is missing'
	end
	local header = read_lines(lines, at + names + 1)
	local list, unknown = mods.parse_all(header.mod_lines)
	if base.implicit and not header.implicits and not header.implicit_seen then
		for _, mod in ipairs(mods.parse_own(base.implicit)) do
			list[#list + 1] = mod
		end
	end
	local weapon = base.weapon and item_local.weapon(list, base, header.quality)
	if item_local.HAS_DEFENCES[base.type] then
		item_local.defences(list, base, header.quality)
	end
	return {
		text = table.concat(lines, '\n'),
		name = lines[at + 1],
		base = base,
		level = math.max(header.level or 0, base.level),
		mods = list,
		unknown = unknown,
		weapon = weapon,
	}
end

return M
