-- Items in slots of the body, flasks and tinctures on and off. Jewels of the passive tree change the tree itself and
-- go the plain way.

local trial = require("adapter.trial")

local M = {}

---Whether an item fits these depends on what is in the others.
local WEAPON_SLOTS = { "Weapon 1", "Weapon 2", "Weapon 1 Swap", "Weapon 2 Swap" }

local LINE_LISTS = {
	"buffModLines", "enchantModLines", "scourgeModLines", "implicitModLines", "explicitModLines", "crucibleModLines",
}

---@param item table
---@param field string
---@param warnings EngineWarning[]
local function warn_of_lines(item, field, warnings)
	for _, list in ipairs(LINE_LISTS) do
		for _, line in ipairs(item[list] or {}) do
			if line.extra and item:CheckModLineVariant(line) then
				local message = "Path of Building does not understand '" .. line.line .. "'"
				warnings[#warnings + 1] = { kind = "mod_not_understood", field = field, message = message }
			end
		end
	end
end

---Without the white space at both ends. PoB's pattern for it takes time in the square of white space in the middle.
---@param text string
---@return string
local function trim(text)
	local first, last = text:find("%S"), #text
	if not first then
		return ""
	end
	while text:find("^%s", last) do
		last = last - 1
	end
	return text:sub(first, last)
end

---An item as PoB's loader makes it from a build file.
---@param text string
---@param id integer
---@return table? item
local function load_item(text, id)
	local item = new("Item", "")
	item.id = id
	-- The file's parser trims texts.
	item:ParseRaw(trim(text))
	if item.base then
		item:BuildModList()
		return item
	end
end

---@param id integer of an item, or 0
---@return boolean
local function grants_skills(id)
	local item = build.itemsTab.items[id]
	return item ~= nil and item.grantedSkills ~= nil and item.grantedSkills[1] ~= nil
end

---@param slot_name string
---@param id integer
local function equip(slot_name, id)
	trial.set(build.itemsTab.slots[slot_name], "selItemId", id)
	trial.set(build.itemsTab.activeItemSet[slot_name], "selItemId", id)
end

---PoB empties slots whose item does not fit, when it loads a build.
---@param slot_name string
---@return boolean
local function fits(slot_name)
	local tab = build.itemsTab
	local id = tab.slots[slot_name].selItemId
	return id == 0 or (tab.items[id] ~= nil and tab:IsItemValidForSlot(tab.items[id], slot_name) or false)
end

---@param slot_name string
---@param field string
---@return EngineError
local function unknown_slot(slot_name, field)
	return { kind = "unknown_slot", field = field, message = "no slot '" .. slot_name .. "'" }
end

---The id of the item that a change is about; a text becomes an item of the build for the time of the trial.
---@param change table
---@param field string
---@param context EvaluationContext
---@return integer?, EngineError?
local function item_id(change, field, context)
	local tab = build.itemsTab
	if change.empty then
		return 0
	elseif change.item then
		if not tab.items[change.item] then
			return nil, { kind = "unknown_item", field = field .. ".item", message = "the build holds no item " .. change.item }
		end
		return change.item
	end
	local id = context.next_item_id
	local item = load_item(sanitiseText(change.text), id)
	if not item then
		return nil, { kind = "item_not_parsed", field = field .. ".text", message = "the text is no item" }
	end
	context.next_item_id = id + 1
	trial.set(tab.items, id, item)
	warn_of_lines(item, field .. ".text", context.warnings)
	return id
end

---@param changes table[]
---@param base LoadedBase
---@param context EvaluationContext
---@return EngineError?
local function wear(changes, base, context)
	local tab = build.itemsTab
	local field_of, order = {}, {}
	local weapons_changed = false
	for index, change in ipairs(changes) do
		local field = "items[" .. index - 1 .. "]"
		local slot = tab.slots[change.slot]
		if not slot then
			return unknown_slot(change.slot, field .. ".slot")
		elseif slot.nodeId then
			return context.needs_plain("a jewel of the passive tree")
		end
		local id, err = item_id(change, field, context)
		if not id then
			return err
		end
		-- PoB tells who grants a skill by the item's number, too.
		context.update_grants = context.update_grants
			or (id ~= slot.selItemId and (grants_skills(id) or grants_skills(slot.selItemId)))
		equip(change.slot, id)
		field_of[change.slot] = field .. ".slot"
		order[#order + 1] = change.slot
		weapons_changed = weapons_changed or slot.weaponSet ~= nil
	end
	if weapons_changed then
		-- A weapon that did not fit beside the base's other one may fit now: begin with what the file says.
		for _, name in ipairs(WEAPON_SLOTS) do
			if not field_of[name] and base.recording.slots then
				equip(name, base.recording.slots[name])
			end
		end
		order = { unpack(WEAPON_SLOTS) }
		for _, change in ipairs(changes) do
			order[#order + 1] = change.slot
		end
	end
	for _, name in ipairs(order) do
		if not fits(name) then
			equip(name, 0)
			if field_of[name] then
				local message = "the item does not fit '" .. name .. "', which stays empty"
				context.warnings[#context.warnings + 1] = { kind = "item_misplaced", field = field_of[name], message = message }
			end
		end
	end
end

---@param variation Variation
---@param base LoadedBase
---@param context EvaluationContext
---@return EngineError?
function M.apply(variation, base, context)
	if variation.items then
		local err = wear(variation.items, base, context)
		if err then
			return err
		end
	end
	for index, change in ipairs(variation.flasks or {}) do
		local slot = build.itemsTab.slots[change.slot]
		if not slot then
			return unknown_slot(change.slot, "flasks[" .. index - 1 .. "].slot")
		end
		trial.set(slot, "active", change.active)
		trial.set(build.itemsTab.activeItemSet[change.slot], "active", change.active)
	end
end

return M
