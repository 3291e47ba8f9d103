-- Applies items and flasks to slots.

local context = require('sample.apply.context')
local items = require('sample.items')

local M = {}

---@param applying Applying
---@param text string
---@param field string
---@return ItemEntry?
---@return EngineError?
local function new_entry(applying, text, field)
	local item, problem = items.get(text)
	if not item then
		return nil, context.fail('item_not_parsed', field, problem)
	end
	for i = 1, #item.unknown do
		context.warn(applying, 'mod_not_understood', field, item.unknown[i])
	end
	local build, id = applying.build, 0
	for i = 1, #build.items do
		id = math.max(id, build.items[i].id)
	end
	local entry = { id = id + 1, text = item.text, item = item }
	build.items = context.copy_list(build.items)
	build.items[#build.items + 1] = entry
	return entry
end

---@param applying Applying
---@param id integer
---@param field string
---@return ItemEntry?
---@return EngineError?
local function old_entry(applying, id, field)
	local list = applying.base.items
	for i = 1, #list do
		if list[i].id == id then
			if not list[i].item then
				return nil,
					context.fail(
						'item_not_parsed',
						field,
						('item %d of the build could not be read'):format(id)
					)
			end
			return list[i]
		end
	end
	return nil, context.fail('unknown_item', field, ('the build has no item %d'):format(id))
end

---@param applying Applying
---@param slot integer
---@param entry ItemEntry
---@param field string
local function warn_where(applying, slot, entry, field)
	local build, node = applying.build, items.socket_node[slot]
	if not items.fits(slot, entry.item) then
		context.warn(
			applying,
			'item_misplaced',
			field,
			('%s does not fit %s and has no effect'):format(entry.item.name, items.slots[slot])
		)
	elseif node then
		for i = 1, #build.nodes do
			if build.nodes[i] == node then
				return
			end
		end
		context.warn(
			applying,
			'node_not_connected',
			field,
			('jewel socket %d is not allocated: the jewel has no effect'):format(node)
		)
	end
end

---@param applying Applying
---@param change { slot: string, text: string?, item: integer?, empty: boolean? }
---@param index integer
---@return EngineError?
local function apply_one(applying, change, index)
	local slot = items.slot_index[change.slot]
	if not slot then
		return context.fail(
			'unknown_slot',
			context.path('items', index, 'slot'),
			('there is no slot %s'):format(change.slot)
		)
	end
	local said = (change.text and 1 or 0) + (change.item and 1 or 0) + (change.empty and 1 or 0)
	if said ~= 1 then
		return context.fail(
			'invalid_variation',
			context.path('items', index),
			'one of text, item and empty says what comes into the slot'
		)
	end
	local entry, err = false, nil
	if change.text then
		entry, err = new_entry(applying, change.text, context.path('items', index, 'text'))
	elseif change.item then
		entry, err = old_entry(applying, change.item, context.path('items', index, 'item'))
	end
	if err then
		return err
	end
	applying.build.slots[slot] = entry
	if entry then
		applying.touched[entry.item] = context.path('items', index)
		warn_where(applying, slot, entry, context.path('items', index, 'slot'))
	end
end

---@param applying Applying
---@param changes { slot: string, text: string?, item: integer?, empty: boolean? }[]
---@return EngineError?
function M.apply(applying, changes)
	local build, seen = applying.build, {}
	build.slots = context.copy_list(build.slots)
	for i = 1, #changes do
		local name = changes[i].slot
		if seen[name] then
			return context.fail(
				'invalid_variation',
				context.path('items', i, 'slot'),
				('slot %s is there twice'):format(name)
			)
		end
		seen[name] = i
		local err = apply_one(applying, changes[i], i)
		if err then
			return err
		end
	end
	local off_hand = items.clash(build.slots)
	local by = seen['Weapon 2'] or seen['Weapon 1']
	if off_hand and by then
		context.warn(
			applying,
			'item_misplaced',
			context.path('items', by, 'slot'),
			('%s has no effect beside what is in Weapon 1'):format(off_hand.name)
		)
	end
end

---@param applying Applying
---@param changes { slot: string, active: boolean }[]
---@return EngineError?
function M.apply_flasks(applying, changes)
	local build, seen = applying.build, {}
	build.flasks = context.copy_list(build.flasks)
	for i = 1, #changes do
		local change, field = changes[i], context.path('flasks', i, 'slot')
		local slot = items.slot_index[change.slot]
		if not slot or slot < items.FIRST_FLASK or slot > items.LAST_FLASK then
			return context.fail('unknown_slot', field, ('there is no flask slot %s'):format(change.slot))
		elseif seen[slot] then
			return context.fail('invalid_variation', field, ('%s is there twice'):format(change.slot))
		end
		seen[slot] = true
		build.flasks[slot] = change.active
	end
end

return M
