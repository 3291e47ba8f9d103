-- Items and slots: which slots there are, what each takes, and what is in force in them. Item texts are read by
-- `sample.item_text`; here they are remembered, so equal texts may share one item: never write into one.

local item_text = require('sample.item_text')
local tree = require('sample.tree')

local M = {}

---@type string[] item slots, in the order in which their items count
M.slots = {
	'Weapon 1',
	'Weapon 2',
	'Helmet',
	'Body Armour',
	'Gloves',
	'Boots',
	'Amulet',
	'Ring 1',
	'Ring 2',
	'Belt',
	'Flask 1',
	'Flask 2',
	'Flask 3',
	'Flask 4',
	'Flask 5',
}
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

-- Items by text: optimizers try the same few hundred items again and again.
local MAX_REMEMBERED = 512
---@type table<string, Item>
local remembered = {}
local remembered_count = 0

---The item of a text, read or remembered.
---@param text string
---@return Item?
---@return string? problem
function M.get(text)
	local item, problem = remembered[text], nil
	if not item then
		item, problem = item_text.parse(text)
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
