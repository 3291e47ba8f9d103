-- What PoB's data offers to variations: config options, gems, item bases, uniques. Asks no loaded build.

local M = {}

---Numbers of `ConfigKind` in `proto/pobatch/v1/data.proto`.
local CONFIG_KINDS = {
	check = 1, count = 2, countAllowZero = 2, integer = 2, float = 2, list = 3, text = 4,
}
---Slots by the `type` of an item base. Weapons are told apart below.
local SLOTS = {
	Amulet = { "Amulet" }, Belt = { "Belt" }, Boots = { "Boots" }, Gloves = { "Gloves" }, Helmet = { "Helmet" },
	["Body Armour"] = { "Body Armour" }, Ring = { "Ring 1", "Ring 2" }, Shield = { "Weapon 2" },
	Quiver = { "Weapon 2" }, Jewel = { "Jewel" },
	Flask = { "Flask 1", "Flask 2", "Flask 3", "Flask 4", "Flask 5" },
	Tincture = { "Flask 1", "Flask 2", "Flask 3", "Flask 4", "Flask 5" },
}

---@param list table[]
---@return table[]
local function by_name(list)
	table.sort(list, function(a, b)
		return a.name < b.name
	end)
	return list
end

---@param base table
---@return string[]
local function slots(base)
	if SLOTS[base.type] then
		return SLOTS[base.type]
	elseif base.weapon then
		return base.tags.twohand and { "Weapon 1" } or { "Weapon 1", "Weapon 2" }
	end
	return {}
end

---@param value any
---@return { value: table<string, any> }
local function config_value(value)
	local kinds = { boolean = "boolean", number = "number", string = "text" }
	return { value = { [kinds[type(value)]] = value } }
end
M.config_value = config_value

---Colour codes are PoB's way of writing on a screen.
---@param text any
---@return string
local function plain(text)
	return type(text) == "string" and StripEscapes(text) or ""
end

function M.config_options()
	local options = {}
	for _, option in ipairs(LoadModule("Modules/ConfigOptions")) do
		-- Custom modifiers have a field of their own in a variation.
		if option.var and option.var ~= "customMods" then
			local choices = {}
			for i, choice in ipairs(option.list or {}) do
				choices[i] = { value = config_value(choice.val), label = plain(choice.label) }
			end
			options[#options + 1] = {
				name = option.var,
				label = plain(option.label),
				kind = CONFIG_KINDS[option.type] or 0,
				choices = choices,
			}
		end
	end
	return options
end

function M.gems()
	local seen, gems = {}, {}
	for _, gem in pairs(data.gems) do
		local name, support = gem.name, gem.tags.support == true
		if support and not name:match(" Support$") then
			name = name .. " Support"
		end
		if not gem.grantedEffect.unsupported and not seen[name] then
			seen[name] = true
			local tags = {}
			for tag, is_set in pairs(gem.tags) do
				tags[#tags + 1] = is_set and tag or nil
			end
			table.sort(tags)
			gems[#gems + 1] = { name = name, support = support, tags = tags, max_level = gem.naturalMaxLevel }
		end
	end
	return by_name(gems)
end

function M.item_bases()
	local bases = {}
	for name, base in pairs(data.itemBases) do
		bases[#bases + 1] = { name = name, type = base.type, level = base.req.level or 0, slots = slots(base) }
	end
	return by_name(bases)
end

---The base is the second line, unless a variant says which it is: then any of the variants' will do for its slots.
---@param raw string
---@return string? name
---@return string? base
local function heading(raw)
	local name, second = raw:match("^%s*([^\n]+)\n([^\n]+)")
	if second and data.itemBases[second] then
		return name, second
	end
	for line in raw:gmatch("[^\n]+") do
		local base = line:gsub("^{variant:[%d,]+}", "")
		if data.itemBases[base] then
			return name, base
		end
	end
end

function M.uniques()
	local uniques = {}
	for _, list in pairs(data.uniques) do
		for _, raw in pairs(list) do
			local name, base = heading(raw)
			if base then
				uniques[#uniques + 1] = {
					name = name,
					base = base,
					text = "Rarity: UNIQUE\n" .. raw:gsub("^%s+", ""),
					slots = slots(data.itemBases[base]),
				}
			end
		end
	end
	table.sort(uniques, function(a, b)
		return a.name < b.name or (a.name == b.name and a.text < b.text)
	end)
	return uniques
end

return M
