-- Calls of one function that need not be made again. While a call is recorded the tables that it reads are watched; a
-- later call that would read the same writes the same, and that is written without a call. By induction over what is read
-- it would go the way of the recorded one. Owns the calls that are kept. What a function reads or writes beside the watched
-- tables is for whoever records it to know, and that it does not walk them.

local same_value = require("fast.same_value")
local values = require("fast.recall.values")
local watchers = require("fast.recall.watcher")

local rawequal, setmetatable = rawequal, setmetatable
local NOTHING, is_plain, is_same_list, or_nothing = values.NOTHING, values.is_plain, values.is_same_list, values.or_nothing

local M = {}

---Calls that are kept, each some 10 KB. What is recorded beyond takes the place of what was found the longest ago.
local CALLS_MAX = 128
---After so many recorded calls it must have been worth it: recording one takes longer than making it.
local TRIED = 64
---Keys of one place that are watched. Beyond that nothing is recorded any more.
local KEYS_MAX = 4096

---A table that may be watched: a field of another one.
---@class (exact) RecallPlace
---@field of table
---@field field string
---@field has_lists boolean? lists of modifiers by name, otherwise plain values
---@field is_written boolean? whether the function may write into it; one place

---@param target table
---@param keys any[]
---@param written any[] as of `Watcher:finish`
local function write(target, keys, written)
	for i = 1, #keys do
		local value = written[i]
		if rawequal(value, NOTHING) then
			value = nil
		end
		target[keys[i]] = value
	end
end

---@param list any[]
---@return boolean
local function are_plain(list)
	for _, value in ipairs(list) do
		if not is_plain(value) then
			return false
		end
	end
	return true
end

---@class (exact) RecalledCall
---@field given any what the caller compares by itself
---@field read any[][] by place: values of the first of its keys
---@field written_keys any[]
---@field written_values any[] `NOTHING` for what is not there in the end
---@field telling integer the place that told it from another call last; 0: none
---@field telling_key any
---@field telling_value any

---@class Recall
---@field private calls RecalledCall[] those found last come first
---@field private watchers Watcher[] by place
---@field private recorded integer
---@field private found integer
local Recall = {}
Recall.__index = Recall

---@return Recall
function M.new()
	return setmetatable({ calls = {}, watchers = {}, recorded = 0, found = 0 }, Recall)
end

---Whether a place has what a call read of it.
---@param call RecalledCall
---@param index integer of the place
---@param keys any[]
---@param place RecallPlace
---@return boolean
local function has_what_was_read(call, index, keys, place)
	local found, now = call.read[index], place.of[place.field]
	if place.has_lists then
		for i = 1, #found do
			if not is_same_list(found[i], now[keys[i]]) then
				return false
			end
		end
		return true
	end
	for i = 1, #found do
		if not same_value(found[i], or_nothing(now[keys[i]])) then
			call.telling, call.telling_key, call.telling_value = index, keys[i], found[i]
			return false
		end
	end
	return true
end

---@private
---@param call RecalledCall
---@param places RecallPlace[]
---@return boolean
function Recall:would_read_the_same(call, places)
	local telling = places[call.telling]
	if telling and not same_value(call.telling_value, or_nothing(telling.of[telling.field][call.telling_key])) then
		return false
	end
	for i = 1, #places do
		if not has_what_was_read(call, i, self.watchers[i].keys, places[i]) then
			return false
		end
	end
	return true
end

---Looks for a call that read what one would read now, and writes what that wrote.
---@generic T
---@param places RecallPlace[] as for `record`
---@param accepts fun(given: T, now: T): boolean whether a call comes into question, by what was given to `record`
---@param now T
---@return T? given of the call that was found
function Recall:find(places, accepts, now)
	local calls = self.calls
	for i = 1, #calls do
		local call = calls[i]
		if accepts(call.given, now) and self:would_read_the_same(call, places) then
			table.remove(calls, i)
			table.insert(calls, 1, call)
			self.found = self.found + 1
			for _, place in ipairs(places) do
				if place.is_written then
					write(place.of[place.field], call.written_keys, call.written_values)
				end
			end
			return call.given
		end
	end
end

---Whether calls are worth being recorded: enough of those so far were found again.
---@return boolean
function Recall:is_worth_it()
	for _, watcher in ipairs(self.watchers) do
		if #watcher.keys > KEYS_MAX then
			return false
		end
	end
	return self.recorded < TRIED or self.found > self.recorded
end

---Makes a call, and keeps what it read and wrote if a later one can be compared with it.
---@generic T
---@param places RecallPlace[] all that the function reads and writes, in one order for all calls
---@param call fun()
---@param given_by fun(read: any[][]): T? by place, what was read; gives what the caller compares by itself; nil: it is not to be kept
function Recall:record(places, call, given_by)
	local tables = {}
	for i, place in ipairs(places) do
		self.watchers[i] = self.watchers[i] or watchers.new(place.has_lists or false)
		tables[i] = place.of[place.field]
		place.of[place.field] = self.watchers[i]:watch(tables[i])
	end
	-- If it fails all stay watched: they are a calculation's own, and go with it.
	call()
	self.recorded = self.recorded + 1
	local read, keeps = {}, true
	local written_keys, written_values
	for i, place in ipairs(places) do
		local watcher = self.watchers[i]
		local keys, written = watcher:finish()
		place.of[place.field] = tables[i]
		write(tables[i], keys, written)
		if place.is_written then
			written_keys, written_values = keys, written
		end
		keeps = keeps and not watcher.fails and (place.is_written or #keys == 0) and are_plain(written)
		read[i] = watcher.found
	end
	local given = keeps and given_by(read) or nil
	if given ~= nil then
		self.calls[CALLS_MAX] = nil
		table.insert(self.calls, 1, {
			given = given,
			read = read,
			written_keys = written_keys,
			written_values = written_values,
			telling = 0,
		})
	end
end

return M
