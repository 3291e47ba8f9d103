-- Watches a table while a call of some function is recorded. What stands for the table answers as that does, holds what the
-- call writes, and leaves the table as it is. It must not be walked, and no modifiers may be added to lists in it.

local same_value = require("fast.same_value")
local values = require("fast.recall.values")

local rawequal, rawget, rawset, setmetatable = rawequal, rawget, rawset, setmetatable
local NOTHING, copies_of, is_plain, or_nothing = values.NOTHING, values.copies_of, values.is_plain, values.or_nothing

local M = {}

---@class Watcher
---@field keys any[] all that was read in any call so far, in the order in which it was met
---@field found any[] what the current call found there: `NOTHING`, a plain value, or copies of a list's modifiers
---@field fails boolean the current call read something that cannot be compared
---@field private has_lists boolean whether the table has lists of modifiers, by name
---@field private is_read table<any, boolean> the keys
---@field private written any[] keys that the current call wrote and no call read so far
---@field private is_written table<any, boolean> those
---@field private empty table[] stands for all lists that are not there: to questions that makes no difference
---@field private watched table?
---@field private stand_in table?
---@field private class table of what stands for the table
local Watcher = {}
Watcher.__index = Watcher

---@param has_lists boolean
---@return Watcher
function M.new(has_lists)
	---@type Watcher
	local self = setmetatable({ has_lists = has_lists, keys = {}, is_read = {} }, Watcher)
	self.class = {
		__index = function(_, key)
			-- What was read before is not there now, or was taken away. Stock queries look up a name that is none.
			if key ~= nil and not self.is_read[key] and not self.is_written[key] then
				local index = #self.keys + 1
				self.keys[index], self.is_read[key] = key, true
				return self:read(index, key)
			end
		end,
		__newindex = function(stand_in, key, value)
			if not self.is_read[key] and not self.is_written[key] then
				self.written[#self.written + 1], self.is_written[key] = key, true
			end
			rawset(stand_in, key, value)
		end,
	}
	return self
end

---@private
---@param index integer of the key
---@param key any
---@return any
function Watcher:read(index, key)
	local value = self.watched[key]
	if not self.has_lists then
		self.fails = self.fails or not is_plain(value)
		self.found[index] = or_nothing(value)
	elseif value then
		self.found[index] = copies_of(value)
	else
		self.found[index], value = NOTHING, self.empty
	end
	rawset(self.stand_in, key, value)
	return value
end

---Begins a call. What other calls read counts as read by this one, too: so most of what it reads is there at once.
---@param watched table
---@return table stand_in
function Watcher:watch(watched)
	self.watched, self.found, self.written, self.is_written, self.empty = watched, {}, {}, {}, {}
	self.stand_in, self.fails = setmetatable({}, self.class), false
	local keys = self.keys
	for i = 1, #keys do
		self:read(i, keys[i])
	end
	return self.stand_in
end

---Makes sure that the call left every list as it was: what it adds to one that is not there would be lost.
---@private
function Watcher:check_lists()
	local keys, found = self.keys, self.found
	local adds = self.written[1] ~= nil or self.empty[1] ~= nil
	for i = 1, #keys do
		local was = found[i]
		adds = adds or (not rawequal(was, NOTHING) and #was ~= #self.watched[keys[i]])
	end
	if adds then
		error("a recorded call adds modifiers")
	end
end

---@private
---@return any[] keys
---@return any[] values
function Watcher:changes()
	local changed, written_values = {}, {}
	local stand_in, watched, keys, written = self.stand_in, self.watched, self.keys, self.written
	for i = 1, #keys do
		local key = keys[i]
		local value = rawget(stand_in, key)
		if not same_value(value, watched[key]) then
			local index = #changed + 1
			changed[index], written_values[index] = key, or_nothing(value)
		end
	end
	for i = 1, #written do
		local index = #changed + 1
		changed[index], written_values[index] = written[i], or_nothing(rawget(stand_in, written[i]))
	end
	return changed, written_values
end

---Ends the call, and lets go of the table.
---@return any[] keys that it wrote; of lists there are none
---@return any[] values `NOTHING` for what is not there any more
function Watcher:finish()
	local keys, written = {}, {}
	if self.has_lists then
		self:check_lists()
	else
		keys, written = self:changes()
	end
	self.watched, self.stand_in = nil, nil
	return keys, written
end

return M
