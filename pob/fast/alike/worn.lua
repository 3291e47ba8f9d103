-- In what worn items differ from the base's: of which class they have how many modifiers more, and where, as far as that is
-- all there is to them. Owns what is known of the items that the base wears.
--
-- What PoB's calculations read of an item beside its modifiers is compared. What they read of its list of modifiers by
-- other ways than the character's stores keeps a base, a slot or a modifier from taking part; those ways are in functions
-- whose hashes the accelerator checks.

local classes = require("fast.alike.classes")
local same = require("fast.same")
local sources = require("fast.alike.sources")

local rawequal = rawequal

local M = {}

---Fields in which an item may differ: its number, its text, and what both modifiers and text come to.
local OWN_FIELDS = {
	id = true,
	modSource = true,
	uniqueID = true,
	raw = true,
	rawLines = true,
	modList = true,
	slotModList = true,
	baseModList = true,
	rangeLineList = true,
	buffModLines = true,
	enchantModLines = true,
	scourgeModLines = true,
	implicitModLines = true,
	explicitModLines = true,
	crucibleModLines = true,
	-- The object itself, as its class sees it.
	Object = true,
}
---Names of items that bring modifiers of another one.
local READERS_OF_OTHERS = { "Kalandra's Touch", "Widowhail" }
---Lists of an environment that hold an item's modifiers beside the character's.
local LISTS_OF_OTHERS = { "aegisModList", "theIronMass", "weaponModList1" }

---A slot whose item differs.
---@class (exact) ItemPlace
---@field slot string
---@field at integer the first modifier that differs
---@field gone integer[] classes
---@field come integer[]

---In what the worn items differ from the base's.
---@class (exact) ItemDifference
---@field more table<integer, integer> class of modifiers -> how many more of it there are
---@field names table<string, table<string, boolean>> of these modifiers, with their types
---@field places ItemPlace[]

---@class (exact) WornItem
---@field item table
---@field classes integer[] of its modifiers, in order

---Ids of what the base wears, by slot.
---@type table<string, integer>
local ids = {}
---Of those items the ones that may differ, by slot.
---@type table<string, WornItem>
local worn = {}

---The modifiers that an item brings in a slot.
---@param item table
---@param slot table
---@return table[]?
local function list_of(item, slot)
	return item.modList or item.slotModList and item.slotModList[slot.slotNum]
end

---@param list table[]
---@return integer[]
function M.classes_of(list)
	local found = {}
	for i = 1, #list do
		found[i] = classes.of(list[i])
	end
	return found
end

---Whether each modifier of a list is one of the character's: not a changed copy, and not left out.
---@param list table[]
---@param mods table<string, table[]> the character's
---@return boolean
local function arrives(list, mods)
	for i = 1, #list do
		local found = false
		for _, mod in ipairs(mods[list[i].name] or {}) do
			found = found or rawequal(mod, list[i])
		end
		if not found then
			return false
		end
	end
	return list[1] ~= nil
end

---Whether an item brings more than its modifiers: skills, or explosions.
---@param item table
---@return boolean
local function grants(item)
	return (item.grantedSkills or {})[1] ~= nil or item.baseModList:Flag(nil, "CanExplode") == true
end

---Whether the base's items reach calculations by other ways than the character's modifiers.
---@param env table
---@return boolean
local function go_other_ways(env)
	for _, field in ipairs(LISTS_OF_OTHERS) do
		if env[field] then
			return true
		end
	end
	for _, skill in ipairs(env.player.activeSkillList) do
		local minion = skill.minion
		-- It uses what the character wears, or what lies in another set of items.
		if minion and (minion.uses or minion.itemSet or skill.skillData.minionUseBowAndQuiver) then
			return true
		end
	end
	for _, item in pairs(env.player.itemList) do
		for _, name in ipairs(READERS_OF_OTHERS) do
			if item.name:find(name, 1, true) then
				return true
			end
		end
	end
	-- It stands in place of what is worn.
	return env.modDB.conditions["AffectedByEnergyBlade"] and true or false
end

---Begins with a base.
---@param env table its environment, before anything is performed
function M.begin(env)
	ids, worn = {}, {}
	local closed = go_other_ways(env)
	for _, slot in ipairs(build.itemsTab.orderedSlots) do
		local name = slot.slotName
		local item = build.itemsTab.items[slot.selItemId]
		local list = item and not slot.nodeId and list_of(item, slot)
		ids[name] = slot.selItemId
		if not closed and list and env.player.itemList[name] == item and not grants(item) and arrives(list, env.modDB.mods) then
			worn[name] = { item = item, classes = M.classes_of(list) }
		end
	end
end

---Whether a modifier is seen in the character's modifiers alone. Lists hold what PoB hands on to others.
---@param mod table
---@return boolean
local function is_told(mod)
	for i = 1, #mod do
		if mod[i].type == "DisablesItem" then
			return false
		end
	end
	return mod.type ~= "LIST" and type(mod.value) ~= "table" and not sources.matter_to(mod)
end

---@param difference ItemDifference
---@param list integer[] classes
---@param more integer
local function count(difference, list, more)
	for i = 1, #list do
		local mod = classes.example(list[i])
		difference.more[list[i]] = (difference.more[list[i]] or 0) + more
		difference.names[mod.name] = difference.names[mod.name] or {}
		difference.names[mod.name][mod.type] = true
	end
end

---@param difference ItemDifference
---@param place ItemPlace
function M.add(difference, place)
	difference.places[#difference.places + 1] = place
	count(difference, place.gone, -1)
	count(difference, place.come, 1)
end

---A part of a list of classes.
---@param list integer[]
---@param first integer
---@param last integer
---@return integer[]? part nil: something in it is not told by its class alone
local function part_of(list, first, last)
	local part = {}
	for i = first, last do
		if not is_told(classes.example(list[i])) then
			return nil
		end
		part[#part + 1] = list[i]
	end
	return part
end

---@param difference ItemDifference
---@param slot table
---@param item table what it holds now
---@return boolean told
local function add_item(difference, slot, item)
	local of_base = worn[slot.slotName]
	if not of_base or not same(of_base.item, item, OWN_FIELDS) or grants(item) then
		return false
	end
	local old, new = of_base.classes, M.classes_of(list_of(item, slot) or {})
	local first, last_old, last_new = 1, #old, #new
	while old[first] and old[first] == new[first] do
		first = first + 1
	end
	while last_old >= first and last_new >= first and old[last_old] == new[last_new] do
		last_old, last_new = last_old - 1, last_new - 1
	end
	local gone, come = part_of(old, first, last_old), part_of(new, first, last_new)
	if gone and come then
		M.add(difference, { slot = slot.slotName, at = first, gone = gone, come = come })
	end
	return gone ~= nil and come ~= nil
end

---In what the items that are worn now differ from the base's.
---@return ItemDifference? difference nil: it cannot be told
function M.difference()
	local difference = { more = {}, names = {}, places = {} }
	for _, slot in ipairs(build.itemsTab.orderedSlots) do
		if slot.selItemId ~= ids[slot.slotName] then
			local item = build.itemsTab.items[slot.selItemId]
			if not item or not add_item(difference, slot, item) then
				return nil
			end
		end
	end
	return difference
end

return M
