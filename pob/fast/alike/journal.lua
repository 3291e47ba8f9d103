-- What the runtimes of one base tell each other of the outputs that they keep. Each appends to one journal
-- (`src/runtime/journal.rs`) and reads what the others appended; all are forks of one template, so numbers of classes and
-- names of stats mean the same to all. Owns the form of the records. Of an output it writes in what it differs from the base's.

-- Taken here because the lock-down removes them.
local buffer = require("string.buffer")
local new_table = require("table.new")

local classes = require("fast.alike.classes")
local same_value = require("fast.same_value")

local M = {}

---A record without content: some runtime's state is not what it should be, and nobody knows since when.
local FORGET = ""

---What a runtime tells the others: an output, with what it depends on, which is of nodes or of items.
---@class (exact) JournalRecord
---@field questions Question[] that its calculations asked and that it did not tell before
---@field tags string[] that its calculations found open and that it did not tell before
---@field more table<integer, integer>? of nodes: `Difference.more`
---@field notes OrderNote[]? of nodes
---@field items ToldItems?
---@field changed table<string, number|boolean|string>? stats that are not the base's; filled in when it is written
---@field gone string[]? stats that only the base has; filled in when it is written

---@type JournalRecord[]
local NO_RECORDS = {}

---@type NativeHost?
local native
---@type Output? of the base; nil: nothing is told
local reference
---How many stats that has.
local reference_count = 0
---Numbers of classes up to this one mean the same to all.
local classes_shared = 0
local encoder, decoder

---@param native_host NativeHost
function M.open(native_host)
	native = native_host
end

---Begins with a base, before any runtime is forked.
---@param output Output of the base, without tables
function M.begin(output)
	local names = {}
	for name in pairs(output) do
		names[#names + 1] = name
	end
	table.sort(names)
	reference, reference_count, classes_shared = output, #names, classes.count()
	encoder, decoder = buffer.new({ dict = names }), buffer.new({ dict = names })
end

---Whether its numbers of classes mean the same to all.
---@param record JournalRecord
---@return boolean
local function is_understood(record)
	for class in pairs(record.more or {}) do
		if class > classes_shared then
			return false
		end
	end
	for _, note in ipairs(record.notes or {}) do
		for class in pairs(note.values) do
			if class > classes_shared then
				return false
			end
		end
	end
	return true
end

---Tells the others.
---@param record JournalRecord
---@param output Output without tables
---@return boolean told
function M.write(record, output)
	if not (native and reference) or not is_understood(record) then
		return false
	end
	local changed, gone, of_both = {}, {}, 0
	for name, value in pairs(output) do
		local of_base = reference[name]
		of_both = of_both + (of_base ~= nil and 1 or 0)
		if not same_value(value, of_base) then
			changed[name] = value
		end
	end
	-- Seldom.
	if of_both < reference_count then
		for name in pairs(reference) do
			if output[name] == nil then
				gone[#gone + 1] = name
			end
		end
	end
	record.changed, record.gone = changed, gone
	return native.append_to_journal(encoder:reset():encode(record):get())
end

---What the others told since the last time.
---@return JournalRecord[] records
---@return integer? trusted of the outputs in them, and known before, those from this record on are to be trusted; nil: all
function M.read()
	local texts = native and reference and native.read_journal()
	if not texts then
		return NO_RECORDS, nil
	end
	local records, trusted = {}, nil
	for _, text in ipairs(texts) do
		if text == FORGET then
			trusted = #records + 1
		else
			records[#records + 1] = decoder:set(text):decode()
		end
	end
	return records, trusted
end

---The output that a record tells.
---@param record JournalRecord
---@return Output
function M.output(record)
	local output = new_table(0, reference_count)
	for name, value in pairs(reference) do
		output[name] = value
	end
	for _, name in ipairs(record.gone) do
		output[name] = nil
	end
	for name, value in pairs(record.changed) do
		output[name] = value
	end
	return output
end

return M
