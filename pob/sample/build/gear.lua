-- Reads <Items> and the sockets of the active <Spec>: items, and what is in which slot. An item that cannot be read
-- stays in the build, without effect and with a warning, so that ids keep their meaning.

local character = require('sample.build.character')
local dom = require('sample.build.dom')
local items = require('sample.items')

local M = {}

-- Items that a build may hold: they are looked up one by one.
M.MAX_ITEMS = 1000

---@param build Build
---@param id integer
---@return ItemEntry?
function M.entry(build, id)
	for _, entry in ipairs(build.items) do
		if entry.id == id then
			return entry
		end
	end
end

---@param build Build
---@param slot integer
---@param id integer
---@param warn fun(kind: WarningKind, message: string)
local function put(build, slot, id, warn)
	local entry = M.entry(build, id)
	build.slots[slot] = entry or false
	if id > 0 and not entry then
		warn('item_misplaced', ('%s: the build has no item %d'):format(items.slots[slot], id))
	elseif entry and entry.item and not items.fits(slot, entry.item) then
		warn(
			'item_misplaced',
			('%s: %s does not fit and has no effect'):format(items.slots[slot], entry.item.name)
		)
	end
end

---@param build Build
---@param warn fun(kind: WarningKind, message: string)
---@return EngineError?
function M.read(build, warn)
	local section = dom.child(build.frame, 'Items')
	build.items, build.slots, build.flasks = {}, {}, {}
	for slot = 1, #items.slots do
		build.slots[slot], build.flasks[slot] = false, false
	end
	local elements = dom.children(section, 'Item')
	if #elements > M.MAX_ITEMS then
		return { kind = 'bad_build', message = ('a build has at most %d items'):format(M.MAX_ITEMS) }
	end
	for _, element in ipairs(elements) do
		local id, text = dom.integer(element, 'id', 0), dom.text(element)
		if id < 1 or M.entry(build, id) then
			return {
				kind = 'bad_build',
				message = ('item id %s is missing, no number, or there twice'):format(
					element.attrs.id or '(none)'
				),
			}
		end
		local item, problem = items.get(text)
		build.items[#build.items + 1] = { id = id, text = text, item = item }
		if not item then
			warn('mod_not_understood', ('item %d has no effect: %s'):format(id, problem))
		else
			for _, line in ipairs(item.unknown) do
				warn('mod_not_understood', ('%s: %s'):format(item.name, line))
			end
		end
	end
	for _, element in ipairs(dom.children(dom.active(section, 'ItemSet', 'activeItemSet') or section, 'Slot')) do
		local slot = items.slot_index[element.attrs.name]
		if slot then
			put(build, slot, dom.integer(element, 'itemId', 0), warn)
			build.flasks[slot] = dom.boolean(element, 'active', false)
		elseif dom.integer(element, 'itemId', 0) > 0 then
			warn('item_misplaced', ('there is no slot %s'):format(element.attrs.name or '(none)'))
		end
	end
	for _, element in ipairs(dom.children(dom.child(character.spec(build.frame), 'Sockets'), 'Socket')) do
		local slot = items.slot_index['Jewel ' .. dom.integer(element, 'nodeId', 0)]
		if slot then
			put(build, slot, dom.integer(element, 'itemId', 0), warn)
		end
	end
	local off_hand = items.clash(build.slots)
	if off_hand then
		warn('item_misplaced', ('%s has no effect beside what is in Weapon 1'):format(off_hand.name))
	end
end

return M
