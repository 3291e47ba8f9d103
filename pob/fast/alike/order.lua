-- Answers of modifier stores that depend on the order in which PoB goes through the allocated nodes. That order is that of
-- a hash table: another node may change it for all. Adding whole numbers gives the same in any order; what does not is
-- noted here while a calculation runs, and compared with the order that another tree would have.
--
-- For items, whose slots have an order, it is enough to know whether anything depends on it: then they are compared with
-- such as have the same in the same place.

local actors = require("fast.alike.actors")
local classes = require("fast.alike.classes")
local lists = require("fast.alike.lists")

local floor = math.floor

local M = {}

---Answers that are noted for one calculation. Beyond that it is not compared with any other.
local NOTES_MAX = 64
---Multiples of 1/1024 below this add up without rounding: more than 2^53/1024 of them do not come together.
local EXACT_BELOW = 2 ^ 30
local EXACT_STEP = 1024

---An answer that depends on the order.
---@class (exact) OrderNote
---@field name string of the modifiers
---@field operation 'sum'|'product'|'list'
---@field start number what lies before the nodes adds up to
---@field values table<integer, number|boolean> what each class contributes; nil: nothing
---@field sequence integer[] the classes as they were met

---Names of which the character may have modifiers of several nodes.
---@type table<string, boolean>
M.may_be_several = {}
local NOTHING = {}
---The same, or names with types, during a calculation whose answers are noted, otherwise nothing. Read by `stores.lua`.
---@type table<string, boolean|table<string, boolean>>
M.wanted = NOTHING
---What keystones bring: PoB adds it behind all that nodes bring, in an order that the note of their list tells.
---@type table<table, boolean>
M.of_keystones = {}

---@type OrderNote[]
local notes = {}
---Whether something was met that cannot be compared.
local hopeless = false
---Whether any modifier of the wanted names may stand elsewhere, and not those of nodes alone.
local of_names = false
---Whether an answer was met that then depends on the order.
local depends_on_names = false

---Begins a calculation.
function M.begin()
	notes, hopeless = {}, false
	M.wanted = M.may_be_several
end

---Begins a calculation in which modifiers of these names and types may stand elsewhere.
---@param names table<string, table<string, boolean>>
function M.begin_with_names(names)
	M.wanted, of_names, depends_on_names = names, true, false
end

---Nothing is noted any more.
function M.stop()
	M.wanted, of_names = NOTHING, false
end

---Where the notes of the calculation end now.
---@return integer
function M.mark()
	return #notes
end

---What was noted behind a mark.
---@param mark integer
---@return OrderNote[]? notes nil: something was met that cannot be compared
function M.since(mark)
	if hopeless then
		return nil
	end
	local later = {}
	for i = mark + 1, #notes do
		later[#later + 1] = notes[i]
	end
	return later
end

---Takes the notes of another calculation as this one's: somebody knows that it would be given the same answers.
---@param of OrderNote[]
function M.repeat_notes(of)
	for _, note in ipairs(of) do
		if #notes >= NOTES_MAX then
			hopeless = true
			return
		end
		notes[#notes + 1] = note
	end
end

---Whether an answer of the calculation depended on where modifiers of the names stand.
---@return boolean
function M.depends_on_names()
	return depends_on_names
end

---Whether a number adds up without rounding, in any order.
---@param value number
---@return boolean
function M.is_exact(value)
	local steps = value * EXACT_STEP
	return floor(steps) == steps and value < EXACT_BELOW and value > -EXACT_BELOW
end

---Whether a node brings a modifier, and not a keystone's name in its place.
---@param mod table
---@return boolean
local function is_of_node(mod)
	return classes.is_of_tree(mod) and not M.of_keystones[mod]
end

---Whether a modifier may stand elsewhere among those of its name.
---@param mod table
---@return boolean
function M.may_move(mod)
	if of_names then
		return M.wanted[mod.name] ~= nil
	end
	return is_of_node(mod)
end

---Whether several modifiers of a list may stand elsewhere.
---@param list table[]
---@param kind string? their type; nil: any
---@return boolean
function M.several(list, kind)
	local count = 0
	for i = 1, #list do
		local mod = list[i]
		if (not kind or mod.type == kind) and M.may_move(mod) then
			count = count + 1
		end
	end
	return count > 1
end

---Whether a calculation's answers are noted now.
---@return boolean
function M.is_noting()
	return M.wanted ~= NOTHING
end

---A question whose answer may depend on the order.
---@class (exact) OrderQuery
---@field operation 'sum'|'product'|'list'
---@field limited boolean whether what a modifier contributes depends on those before it
---@field kind string? the type of modifiers; nil: all
---@field context table
---@field cfg table?
---@field flags integer
---@field keywords integer
---@field source string?

---Takes note of an answer if it depends on the order of nodes: if several of their modifiers contribute to it, and those
---and what lies before them are not whole numbers that add up.
---@param store table
---@param name string
---@param start number what was there before
---@param list table[] the modifiers that were gone through
---@param value_of fun(mod: table, query: OrderQuery): number|boolean? what one contributed; nil: it was passed over
---@param query OrderQuery
function M.note(store, name, start, list, value_of, query)
	-- What nodes say of others comes through lists of the player's store, in the order that was noted there.
	if actors.is_of_another(store) then
		return
	end
	if of_names then
		depends_on_names = depends_on_names or not query.kind or M.wanted[name][query.kind] ~= nil
		return
	end
	local operation = query.operation
	local note = { name = name, operation = operation, start = start, values = {}, sequence = {} }
	local result, exact, depends = start, M.is_exact(start), false
	for i = 1, #list do
		local mod = list[i]
		local value = value_of(mod, query)
		if value ~= nil then
			exact = exact and operation == "sum" and M.is_exact(value)
			if is_of_node(mod) then
				local class, count = classes.of(mod), #note.sequence + 1
				note.values[class], note.sequence[count] = value, class
				note.start = count == 1 and result or note.start
				depends = depends or (count > 1 and not exact)
			end
			if operation == "sum" then
				result = result + value
			elseif operation == "product" then
				result = result * (1 + value / 100)
			end
		end
	end
	if depends and (query.limited or #notes >= NOTES_MAX or not actors.is_of_player(store)) then
		hopeless = true
	elseif depends then
		notes[#notes + 1] = note
	end
end

---What comes of a sequence.
---@param note OrderNote
---@param values table<integer, number|boolean> as in the note, by stand-in
---@param sequence integer[] classes of all modifiers of that name, in order
---@param questions Questions which tell what stands for a class
---@return number|string
local function answer(note, values, sequence, questions)
	if note.operation == "list" then
		local counted = {}
		for _, class in ipairs(sequence) do
			local one = questions:stand_in(class) or class
			if values[one] ~= nil then
				counted[#counted + 1] = one
			end
		end
		return lists.text(note.name, counted)
	end
	local result = note.start
	for i = 1, #sequence do
		local value = values[questions:stand_in(sequence[i]) or sequence[i]]
		if value and note.operation == "sum" then
			result = result + value
		elseif value then
			result = result * (1 + value / 100)
		end
	end
	return result
end

---A note as if all classes were those that stand for them.
---@class (exact) NoteView
---@field version integer of the questions
---@field values table<integer, number|boolean>
---@field answer number|string

---@type table<OrderNote, NoteView>
local views = setmetatable({}, { __mode = "k" })

---@param note OrderNote
---@param questions Questions
---@return NoteView
local function view_of(note, questions)
	local view = views[note]
	if not view or view.version ~= questions.version then
		local values = {}
		for class, value in pairs(note.values) do
			values[questions:stand_in(class) or class] = value
		end
		view = { version = questions.version, values = values, answer = answer(note, values, note.sequence, questions) }
		views[note] = view
	end
	return view
end

---Names on whose order something depends that may be compared.
---@type table<string, boolean>
local followed = {}
---What a node brings of those names; false: nothing. It brings the same in all variations of nodes.
---@type table<table, Brought|false>
local followed_of = {}

---Nothing that is known depends on any order.
function M.forget()
	followed, followed_of = {}, {}
end

---From now on `sequences` has the names of these notes.
---@param of OrderNote[]
function M.follow(of)
	for _, note in ipairs(of) do
		if not followed[note.name] then
			followed[note.name] = true
			followed_of = {}
		end
	end
end

---Whether anything is known that depends on some order.
---@return boolean
function M.matters()
	return next(followed) ~= nil
end

---@param node table
---@return Brought|false
local function followed_part(node)
	local part = followed_of[node]
	if part == nil then
		local brought = classes.brought(node)
		part = { names = {}, classes = {} }
		for i, name in ipairs(brought.names) do
			if followed[name] then
				part.names[#part.names + 1], part.classes[#part.classes + 1] = name, brought.classes[i]
			end
		end
		part = part.names[1] ~= nil and part
		followed_of[node] = part
	end
	return part
end

---The classes of all modifiers of the names that are followed, in the order in which PoB goes through the nodes.
---@param nodes table<integer, table> the allocated ones, in a table filled as PoB fills it
---@return table<string, integer[]>
function M.sequences(nodes)
	local found = {}
	for name in pairs(followed) do
		found[name] = {}
	end
	for _, node in pairs(nodes) do
		local part = followed_part(node)
		if part then
			for i = 1, #part.names do
				local sequence = found[part.names[i]]
				sequence[#sequence + 1] = part.classes[i]
			end
		end
	end
	return found
end

---Whether those that count among the nodes' modifiers are those that were met. Those that a jewel changed or made are not.
---@param sequence integer[]
---@param values table<integer, any>
---@param met integer[]
---@return boolean
local function is_what_was_met(sequence, values, met)
	local count = 0
	for _, class in ipairs(sequence) do
		if values[class] ~= nil then
			count = count + 1
			if met[count] ~= class then
				return false
			end
		end
	end
	return met[count + 1] == nil
end

---Ends a calculation. The names of its notes are followed from now on.
---@param nodes table<integer, table> of its tree, as for `sequences`
---@return OrderNote[]? notes nil: it cannot be compared with others
function M.finish(nodes)
	M.follow(notes)
	local sequences = M.sequences(nodes)
	for _, note in ipairs(notes) do
		hopeless = hopeless or not is_what_was_met(sequences[note.name], note.values, note.sequence)
	end
	return not hopeless and notes or nil
end

---Whether another tree would have got the same answers.
---@param of OrderNote[]
---@param sequences table<string, integer[]> of the other tree
---@param questions Questions which tell what stands for a class
---@return boolean
function M.same(of, sequences, questions)
	for i = 1, #of do
		local note = of[i]
		local view = view_of(note, questions)
		if answer(note, view.values, sequences[note.name], questions) ~= view.answer then
			return false
		end
	end
	return true
end

return M
