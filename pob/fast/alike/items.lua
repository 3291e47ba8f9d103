-- Variations of worn items that come to the same. An item that differs from the one that the base wears in modifiers alone
-- is a difference as a node is: what no question finds makes none, and what is found makes the same on every slot. Where
-- the modifiers stand among the others can be seen only in answers that depend on order (`order.lua`); whoever was given
-- such an answer is like those alone that have theirs in the same place.
--
-- Owns the outputs that are kept for such variations.

local asked = require("fast.alike.asked")
local classes = require("fast.alike.classes")
local worn = require("fast.alike.worn")

local M = {}

---Outputs that are kept, each about 40 KB.
local KEPT_MAX = 1024

---An output of other items, and what it depends on.
---@class (exact) KeptItems
---@field difference ItemDifference
---@field in_place boolean some answer depended on where modifiers stand
---@field output Output? nil: another runtime told it, and it was not asked for yet
---@field record JournalRecord? that told it

---What another runtime needs to know of a difference. Numbers of classes may mean something else to it.
---@class (exact) ToldItems
---@field places { slot: string, at: integer, gone: table[], come: table[] }[] with the modifiers themselves
---@field in_place boolean

---@type KeptItems[]
local kept = {}
---@type table<string, KeptItems> by what counts of the difference
local by_key = {}
---At which version of the questions the keys were made.
local keyed_at = 0

---Keeps nothing any more. What the base wears holds.
function M.forget()
	kept, by_key = {}, {}
end

---@param list integer[] classes
---@return string
local function counted(list)
	local found = {}
	for i = 1, #list do
		local class = asked.player:stand_in(list[i])
		if class then
			found[#found + 1] = class
		end
	end
	return table.concat(found, ",")
end

---What counts of a difference, wherever it is.
---@param difference ItemDifference
---@return string
local function key_anywhere(difference)
	return asked.player:key(difference.more)
end

---What counts of a difference, and where it is.
---@param difference ItemDifference
---@return string
local function key_in_place(difference)
	local parts = {}
	for i, place in ipairs(difference.places) do
		parts[i] = ("%s@%d-%s+%s"):format(place.slot, place.at, counted(place.gone), counted(place.come))
	end
	return table.concat(parts, ";")
end

---@param entry KeptItems
local function put(entry)
	by_key[(entry.in_place and key_in_place or key_anywhere)(entry.difference)] = entry
end

---@param entry KeptItems
local function keep(entry)
	if #kept < KEPT_MAX then
		kept[#kept + 1] = entry
		-- If anything new was asked, the next search makes all keys anew.
		put(entry)
	end
end

---Looks for what comes to the same.
---@param difference ItemDifference
---@return KeptItems?
function M.find(difference)
	if keyed_at ~= asked.player.version then
		keyed_at, by_key = asked.player.version, {}
		for _, entry in ipairs(kept) do
			put(entry)
		end
	end
	return by_key[key_anywhere(difference)] or by_key[key_in_place(difference)]
end

---@param list integer[] classes
---@return table[] modifiers
local function examples(list)
	local found = {}
	for i = 1, #list do
		found[i] = classes.example(list[i])
	end
	return found
end

---Keeps what was computed while questions were noted.
---@param difference ItemDifference
---@param in_place boolean whether some answer depended on where modifiers stand
---@param output Output without tables
---@return ToldItems
function M.keep(difference, in_place, output)
	keep({ difference = difference, in_place = in_place, output = output })
	local told = { places = {}, in_place = in_place }
	for i, place in ipairs(difference.places) do
		told.places[i] = { slot = place.slot, at = place.at, gone = examples(place.gone), come = examples(place.come) }
	end
	return told
end

---Keeps what another runtime computed.
---@param told ToldItems
---@param record JournalRecord which tells the output, too
function M.learn(told, record)
	local difference = { more = {}, names = {}, places = {} }
	for _, place in ipairs(told.places) do
		local gone, come = worn.classes_of(place.gone), worn.classes_of(place.come)
		worn.add(difference, { slot = place.slot, at = place.at, gone = gone, come = come })
	end
	keep({ difference = difference, in_place = told.in_place, record = record })
end

return M
