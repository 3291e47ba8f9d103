-- The `<Items>` section: what is worn in the active item set. Jewels in the passive tree are worn in the active
-- `<Spec>` instead (`tree.socket`); their items live here all the same.

local document = require('adapter.edit.document')
local tree = require('adapter.edit.tree')

local M = {}

-- The slots of PoB's `Classes/ItemsTab.lua`, which has no list that could be asked before a build is loaded.
-- Slots that only other versions have are recognised because PoB saves every slot it has with each item set.
local SLOTS = {}
local ABYSSAL_SOCKETS = 6
for _, name in ipairs({ 'Amulet', 'Ring 1', 'Ring 2', 'Flask 1', 'Flask 2', 'Flask 3', 'Flask 4', 'Flask 5' }) do
	SLOTS[name] = true
end
for _, name in ipairs({ 'Weapon 1', 'Weapon 2', 'Weapon 1 Swap', 'Weapon 2 Swap', 'Helmet', 'Body Armour', 'Gloves', 'Boots', 'Belt' }) do
	SLOTS[name] = true
	for socket = 1, ABYSSAL_SOCKETS do
		SLOTS[name .. ' Abyssal Socket ' .. socket] = true
	end
end

---@param root XmlNode
---@return XmlNode section
---@return XmlNode set
local function active_set(root)
	local section = document.section(root, 'Items') or document.append(root, 'Items')
	return section, document.active_set(section, 'ItemSet', 'activeItemSet', 'Slot')
end

---The slot's element, made if the slot exists but the build does not mention it.
---@param set XmlNode
---@param name string
---@return XmlNode?
local function slot_in(set, name)
	local found
	for _, slot in ipairs(document.children(set, 'Slot')) do
		if slot.attrib.name == name then
			found = slot -- the last one counts
		end
	end
	if not found and SLOTS[name] then
		found = document.append(set, 'Slot', { name = name, itemId = '0' })
	end
	return found
end

---@param section XmlNode
---@param text string
---@return string id
local function add_item(section, text)
	local highest = 0
	for _, item in ipairs(document.children(section, 'Item')) do
		highest = math.max(highest, tonumber(item.attrib.id) or 0)
	end
	local id = tostring(highest + 1)
	document.append(section, 'Item', { id = id }, text)
	return id
end

---@param section XmlNode
---@param id integer
local function holds_item(section, id)
	for _, item in ipairs(document.children(section, 'Item')) do
		if tonumber(item.attrib.id) == id then
			return true
		end
	end
	return false
end

---The id of the item that the change is about; '0' is PoB's word for none.
---@param section XmlNode
---@param change table
---@param field string
---@param lookup EditLookup
---@return string? id
---@return EngineError?
local function item_id(section, change, field, lookup)
	if change.empty then
		return '0'
	elseif change.item then
		if not holds_item(section, change.item) then
			return nil, { kind = 'unknown_item', field = field .. '.item', message = 'the build holds no item ' .. change.item }
		end
		return tostring(change.item)
	end
	local text = lookup.item_text(change.text)
	if not text then
		return nil, { kind = 'item_not_parsed', field = field .. '.text', message = 'the text is no item' }
	end
	return add_item(section, text)
end

---@param root XmlNode
---@param changes table[]
---@param lookup EditLookup
---@return true?
---@return EngineError?
function M.wear(root, changes, lookup)
	local section, set = active_set(root)
	for index, change in ipairs(changes) do
		local field = 'items[' .. index - 1 .. ']'
		local socket = tonumber(change.slot:match('^Jewel (%d+)$'))
		local slot = not socket and slot_in(set, change.slot)
		if not slot and not (socket and lookup.is_jewel_socket(socket)) then
			return nil, { kind = 'unknown_slot', field = field .. '.slot', message = "no slot '" .. change.slot .. "'" }
		end
		local id, err = item_id(section, change, field, lookup)
		if not id then
			return nil, err
		elseif slot then
			slot.attrib.itemId = id
		else
			tree.socket(root, lookup, socket, id)
		end
	end
	return true
end

---@param root XmlNode
---@param changes { slot: string, active: boolean }[]
function M.switch_flasks(root, changes)
	local _, set = active_set(root)
	for _, change in ipairs(changes) do
		slot_in(set, change.slot).attrib.active = change.active and 'true' or nil
	end
end

return M
