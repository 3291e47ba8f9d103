-- Makes tables again by their recipes. For each plan functions are written that have a constructor for every table: what
-- such a constructor says is copied by the VM as one block, keys and all, while a table that is filled key by key is
-- grown, and searched, for each of them. Into the text of a function go numbers, and words without any sign that means
-- something there; all else it finds in a list.

-- Taken here because the lock-down removes them from the global table.
local jit, load = jit, load

local type, setmetatable, floor, match = type, setmetatable, math.floor, string.match

local M = {}

---Keys of the tables that one function makes: far below 65,536, the constants that LuaJIT lets a function have.
local KEYS_PER_MAKER = 4096
---Numbers beyond do not fit into what an instruction of the VM says.
local INTEGER_MAX = 2 ^ 15
local WORD = "^[%w_ .:/%%+-]*$"

---How to make the tables of some numbers.
---@class (exact) Plan
---@field makers (fun(made: table[], shared: any[], set_class: function))[] to be called in order
---@field shared any[] what they find in the list

---A plan that is being written.
---@class (exact) Draft
---@field from integer
---@field shared any[]
---@field place_of table<any, integer> in that list
---@field makers function[]
---@field lines string[] of the next function
---@field keys integer how many keys they have
---@field later string[] what can only be said when all tables are there

---Whether a number is written as it is. Of the two zeros that is one.
---@param value number
---@return boolean
local function is_plain_integer(value)
	return floor(value) == value and value > -INTEGER_MAX and value < INTEGER_MAX and 1 / value ~= -1 / 0
end

---What stands for a value in the text of a function.
---@param draft Draft
---@param value any
---@return string
local function text_of(draft, value)
	local kind = type(value)
	if kind == "boolean" then
		return tostring(value)
	elseif kind == "number" and is_plain_integer(value) then
		return ("%d"):format(value)
	elseif kind == "string" and match(value, WORD) then
		return '"' .. value .. '"'
	end
	-- A number is not looked up: of two zeros one is found for the other.
	local place = kind ~= "number" and draft.place_of[value]
	if not place then
		place = #draft.shared + 1
		draft.shared[place] = value
		if kind ~= "number" then
			draft.place_of[value] = place
		end
	end
	return ("S[%d]"):format(place)
end

---Ends a function.
---@param draft Draft
local function finish_maker(draft)
	local text = "return function(M, S, set_class)\n" .. table.concat(draft.lines, "\n") .. "\nend"
	local maker = assert(load(text, "=plan", "t", {}))()
	-- It runs once in a calculation, from one end to the other: compiled it would only be larger.
	jit.off(maker)
	draft.makers[#draft.makers + 1] = maker
	draft.lines, draft.keys = {}, 0
end

---What is in a table, by key. What is not there yet has its place kept.
---@param draft Draft
---@param at integer
---@param recipe TableRecipe
---@return table<any, string>
local function entries_of(draft, at, recipe)
	local entries = {}
	for i = 1, #recipe.keys do
		entries[recipe.keys[i]] = text_of(draft, recipe.values[i])
	end
	for i = 1, #recipe.refs do
		local key, ref = recipe.ref_keys[i], recipe.refs[i]
		if ref < draft.from or ref > at then
			entries[key] = ("M[%d]"):format(ref)
		else
			entries[key] = "false"
			draft.later[#draft.later + 1] = ("M[%d][%s]=M[%d]"):format(at, text_of(draft, key), ref)
		end
	end
	return entries
end

---@param draft Draft
---@param at integer
---@param recipe TableRecipe
local function add(draft, at, recipe)
	local entries, parts, listed = entries_of(draft, at, recipe), {}, 0
	while entries[listed + 1] do
		listed = listed + 1
		parts[listed] = entries[listed]
	end
	for _, keys in ipairs({ recipe.keys, recipe.ref_keys }) do
		for _, key in ipairs(keys) do
			if not (type(key) == "number" and key >= 1 and key <= listed and floor(key) == key) then
				parts[#parts + 1] = ("[%s]=%s"):format(text_of(draft, key), entries[key])
			end
		end
	end
	draft.lines[#draft.lines + 1] = ("M[%d]={%s}"):format(at, table.concat(parts, ","))
	draft.keys = draft.keys + #parts + 1
	local class = recipe.class and text_of(draft, recipe.class) or recipe.class_ref and ("M[%d]"):format(recipe.class_ref)
	if class then
		draft.later[#draft.later + 1] = ("set_class(M[%d],%s)"):format(at, class)
	end
	if draft.keys >= KEYS_PER_MAKER then
		finish_maker(draft)
	end
end

---Plans the tables of these numbers.
---@param recipes TableRecipe[]
---@param from integer
---@param to integer
---@return Plan
function M.of(recipes, from, to)
	local draft = { from = from, shared = {}, place_of = {}, makers = {}, lines = {}, keys = 0, later = {} }
	-- Most tables refer to such as were met after them.
	for at = to, from, -1 do
		add(draft, at, recipes[at])
	end
	for _, line in ipairs(draft.later) do
		draft.lines[#draft.lines + 1] = line
		draft.keys = draft.keys + 1
		if draft.keys >= KEYS_PER_MAKER then
			finish_maker(draft)
		end
	end
	finish_maker(draft)
	return { makers = draft.makers, shared = draft.shared }
end

---Makes the planned tables.
---@param plan Plan
---@param made table[] those that they refer to and that are not planned are there; these are added
function M.make(plan, made)
	for i = 1, #plan.makers do
		plan.makers[i](made, plan.shared, setmetatable)
	end
end

return M
