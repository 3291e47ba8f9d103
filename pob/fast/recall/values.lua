-- What a recorded call found in a table, and whether another call would find the same: plain values to the bit, and lists of
-- modifiers by what they say. Pure.

local same = require("fast.same")
local same_value = require("fast.same_value")
local source_kinds = require("fast.source_kinds")

local rawequal, type = rawequal, type
local kind_of = source_kinds.of

local M = {}

---Stands for what is not there.
local NOTHING = {}
M.NOTHING = NOTHING

---@param value any
---@return any
function M.or_nothing(value)
	if value == nil then
		return NOTHING
	end
	return value
end

---Whether a value is what it says, and nothing else.
---@param value any
---@return boolean
function M.is_plain(value)
	return rawequal(value, NOTHING) or (type(value) ~= "table" and type(value) ~= "function")
end

---A modifier as it is now. What it holds in tables is not copied.
---@param mod table
---@return table
local function copy_of(mod)
	local copy = {
		original = mod,
		name = mod.name,
		type = mod.type,
		value = mod.value,
		flags = mod.flags,
		keywordFlags = mod.keywordFlags,
		kind = kind_of(mod.source or ""),
	}
	for i = 1, #mod do
		copy[i] = mod[i]
	end
	return copy
end

---The modifiers of a list as they are now.
---@param list table[]
---@return table[]
function M.copies_of(list)
	local copies = {}
	for i = 1, #list do
		copies[i] = copy_of(list[i])
	end
	return copies
end

---Whether a modifier says what another one said when it was copied. Who says it need only be of the same kind, as no
---question sees more of it.
---@param copy table
---@param mod table
---@return boolean
local function says_the_same(copy, mod)
	if
		copy.name ~= mod.name
		or copy.type ~= mod.type
		or copy.flags ~= mod.flags
		or copy.keywordFlags ~= mod.keywordFlags
		or not same_value(copy.value, mod.value)
		or #copy ~= #mod
		or (not rawequal(copy.original, mod) and copy.kind ~= kind_of(mod.source or ""))
	then
		return false
	end
	for i = 1, #copy do
		if not same(copy[i], mod[i]) then
			return false
		end
	end
	return true
end

---Whether a list says what another one said when it was copied.
---@param was table[]|table copies, or `NOTHING`
---@param list table[]?
---@return boolean
function M.is_same_list(was, list)
	if not list or rawequal(was, NOTHING) then
		return not list and rawequal(was, NOTHING)
	elseif #was ~= #list then
		return false
	end
	for i = 1, #was do
		if not says_the_same(was[i], list[i]) then
			return false
		end
	end
	return true
end

return M
