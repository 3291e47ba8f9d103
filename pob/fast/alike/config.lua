-- Variations of config that come to the same. What config says reaches a calculation in two ways: as modifiers, of which only
-- those count that some question finds, and as inputs that PoB reads itself, of which only those count that were read.
-- Their order is that of PoB's options, and the nodes are the base's: unlike with nodes, order needs no notes.
--
-- Owns the outputs that are kept for such variations. Other runtimes are not told: there are few.

local asked = require("fast.alike.asked")
local classes = require("fast.alike.classes")
local watch = require("fast.watch")

local M = {}

---Outputs that are kept, each about 40 KB.
local KEPT_MAX = 512
---Fields of PoB's tab: tables of inputs that calculations read.
M.INPUTS = { "input", "placeholder" }

---Modifiers in order.
---@class (exact) ConfigMods
---@field of Questions to those that hold them
---@field classes integer[]
---@field sources string[] who says each, which PoB asks for in places

---What a config comes to.
---@class (exact) ConfigState
---@field level number? the enemy's
---@field lists ConfigMods[] for the player and for the enemy
---@field input table<string, any>
---@field placeholder table<string, any>
---@field output Output? once it is computed

---@type ConfigState[]
local kept = {}
---@type table<string, ConfigState> by what counts of them
local by_key = {}
---Inputs that some calculation read, in the order in which they were met.
---@type { of: string, name: string }[]
local reads = {}
---@type table<string, table<string, boolean>>
local is_read = {}
---At which version of the questions, and after how many reads, the keys were made.
local keyed_at, keyed_after = 0, 0

---Keeps nothing any more. What was read holds.
function M.forget()
	kept, by_key = {}, {}
end

---Begins with a base.
function M.begin()
	M.forget()
	reads, is_read = {}, {}
	for _, of in ipairs(M.INPUTS) do
		is_read[of] = {}
	end
end

---@param of Questions
---@param list table[] modifiers
---@return ConfigMods
local function mods_of(of, list)
	local found = { of = of, classes = {}, sources = {} }
	for i = 1, #list do
		found.classes[i], found.sources[i] = classes.of(list[i]), tostring(list[i].source)
	end
	return found
end

---@param tab table PoB's tab, whose modifiers are built
---@return ConfigState
function M.state(tab)
	return {
		level = tab.enemyLevel,
		lists = { mods_of(asked.player, tab.modList), mods_of(asked.others, tab.enemyModList) },
		input = tab.input,
		placeholder = tab.placeholder,
	}
end

---@param value any
---@return string
local function text_of(value)
	if type(value) == "number" then
		return ("%.17g"):format(value)
	end
	local text = tostring(value)
	return type(value) .. #text .. ":" .. text
end

---@param state ConfigState
---@return string
local function key_of(state)
	local parts = { text_of(state.level) }
	for _, list in ipairs(state.lists) do
		parts[#parts + 1] = "list"
		for i = 1, #list.classes do
			local class = list.of:stand_in(list.classes[i])
			if class then
				parts[#parts + 1] = class .. "@" .. list.sources[i]
			end
		end
	end
	for _, read in ipairs(reads) do
		parts[#parts + 1] = text_of(state[read.of][read.name])
	end
	return table.concat(parts, ",")
end

---@param state ConfigState
local function put(state)
	by_key[key_of(state)] = state
end

---Looks for what comes to the same.
---@param state ConfigState
---@return Output?
function M.find(state)
	-- Versions only count up.
	local version = asked.player.version + asked.others.version
	if keyed_at ~= version or keyed_after ~= #reads then
		keyed_at, keyed_after, by_key = version, #reads, {}
		for _, one in ipairs(kept) do
			put(one)
		end
	end
	local same = by_key[key_of(state)]
	return same and same.output
end

---A table that answers as one of inputs and takes note of what is read. It cannot be walked, which calculations do not do.
---@param of string field of PoB's tab
---@param t table<string, any>
---@return table<string, any>
function M.watched(of, t)
	local seen = is_read[of]
	return watch.table(t, function(name)
		if not seen[name] then
			seen[name] = true
			reads[#reads + 1] = { of = of, name = name }
		end
	end)
end

---Keeps what was computed while questions were noted and inputs watched.
---@param state ConfigState
---@param output Output without tables
function M.keep(state, output)
	if #kept < KEPT_MAX then
		state.output = output
		kept[#kept + 1] = state
		-- If it asked or read anything new, the next search makes all keys anew.
		put(state)
	end
end

return M
