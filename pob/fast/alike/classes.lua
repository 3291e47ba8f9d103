-- Classes of modifiers: two of one class say the same, and differ at most in who says it (`source`, and of an item the slot
-- that it is worn in). Owns the numbers that stand for classes, and the lists of what each passive node brings. Numbers are
-- never given anew.

local source_kinds = require("fast.source_kinds")

local M = {}

---Deeper tables than PoB's modifiers have; such a modifier is a class of its own.
local DEPTH_MAX = 8

---What a modifier says -> number of the class.
---@type table<string, integer>
local numbers = {}
---@type table[] a modifier of each class
local examples = {}
---@type table<table, integer>
local class_of = setmetatable({}, { __mode = "k" })

---Fields that are left out of what a modifier says. PoB reads `sourceSlot` of one list alone (`LinkedSupport`).
local BUT_SOURCE = { source = true, sourceSlot = true }
local BUT_FLAGS = { source = true, sourceSlot = true, flags = true, keywordFlags = true }

---@param value any
---@param depth integer
---@param but table<string, boolean> fields that are left out; of inner tables it is the source alone
---@return string
local function text_of(value, depth, but)
	if type(value) == "number" then
		return ("%.17g"):format(value)
	elseif type(value) ~= "table" or depth == 0 then
		return type(value) .. ":" .. tostring(value)
	end
	local parts = {}
	for key, inner in pairs(value) do
		if not but[key] then
			parts[#parts + 1] = ("[%s]=%s"):format(text_of(key, 0, but), text_of(inner, depth - 1, BUT_SOURCE))
		end
	end
	table.sort(parts)
	return "{" .. table.concat(parts, ",") .. "}"
end

---@type table<table, string>
local texts_but_flags = setmetatable({}, { __mode = "k" })

---What a modifier says, whatever its flags and keywords are.
---@param mod table
---@return string
function M.text_but_flags(mod)
	local text = texts_but_flags[mod]
	if not text then
		text = text_of(mod, DEPTH_MAX, BUT_FLAGS)
		texts_but_flags[mod] = text
	end
	return text
end

---@param mod table
---@return integer
function M.of(mod)
	local class = class_of[mod]
	if not class then
		local text = text_of(mod, DEPTH_MAX, BUT_SOURCE)
		class = numbers[text]
		if not class then
			class = #examples + 1
			numbers[text], examples[class] = class, mod
		end
		class_of[mod] = class
	end
	return class
end

---How many there are so far.
---@return integer
function M.count()
	return #examples
end

---@param class integer
---@return table mod
function M.example(class)
	return examples[class]
end

---Stands for a node itself, among what is told apart. No modifier is called so.
local ITSELF = "the node itself"
---@type table<table, integer>
local class_of_node = setmetatable({}, { __mode = "k" })

---A class that only this node has: for one of which more matters than what it says.
---@param node table
---@return integer
function M.of_node(node)
	local class = class_of_node[node]
	if not class then
		class = M.of({ name = ITSELF, value = node.id })
		class_of_node[node] = class
	end
	return class
end

---Whether a passive node says it, or a keystone or jewel in its place.
---@param mod table
---@return boolean
function M.is_of_tree(mod)
	local source = mod.source or ""
	-- Without a node it is not of one.
	return source_kinds.of(source) == "Tree" and source ~= "Tree"
end

---What a node brings, in order.
---@class (exact) Brought
---@field names string[]
---@field classes integer[]

---What nodes bring in place of their own modifiers, by the node's id.
---@type table<integer, table[]>
M.in_place = {}
---@type table<table, Brought> by the list of the node's modifiers
local brought = setmetatable({}, { __mode = "k" })
local NOTHING = { names = {}, classes = {} }

---@param node table
---@return Brought
function M.brought(node)
	local list = M.in_place[node.id] or (node.type == "Keystone" and node.keystoneMod or node.modList)
	if not list then
		return NOTHING
	end
	local found = brought[list]
	if not found then
		found = { names = {}, classes = {} }
		for i, mod in ipairs(node.type == "Keystone" and { list } or list) do
			found.names[i], found.classes[i] = mod.name, M.of(mod)
		end
		brought[list] = found
	end
	return found
end

return M
