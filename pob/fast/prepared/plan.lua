-- Makes tables again by their recipes. Most of them have one of three shapes: nothing in it, a list of one, a modifier
-- without tags. Those are made by constructors whose keys the compiler knows; going through a recipe key by key takes
-- several times as long.

local new_table = require("table.new")

local type, setmetatable = type, setmetatable

local M = {}

---Keys of a modifier without tags, as PoB's `modLib.createMod` makes them.
local MOD_KEYS = { name = true, type = true, value = true, flags = true, keywordFlags = true, source = true }
local MOD_KEY_COUNT = 6

---How to make the tables of some numbers.
---@class (exact) Plan
---@field empty integer[] numbers of tables without anything
---@field single integer[] lists of one
---@field single_values any[] what is in them
---@field mod integer[] modifiers without tags
---@field mod_values table[] what they are
---@field plain integer[] all others
---@field recipes TableRecipe[] theirs
---@field holder integer[] tables that refer to others
---@field holder_keys any[] where
---@field held integer[] to which
---@field of_class integer[] tables with a metatable
---@field classes (table|integer)[] which; a number: that of one that is made, too

---@param recipe TableRecipe
---@return boolean
local function is_mod(recipe)
	if #recipe.keys ~= MOD_KEY_COUNT then
		return false
	end
	for i = 1, MOD_KEY_COUNT do
		if not MOD_KEYS[recipe.keys[i]] then
			return false
		end
	end
	return true
end

---@param recipe TableRecipe
---@return table<any, any>
local function shared_of(recipe)
	local found = {}
	for i = 1, #recipe.keys do
		found[recipe.keys[i]] = recipe.values[i]
	end
	return found
end

---@param plan Plan
---@param at integer
---@param recipe TableRecipe
local function add(plan, at, recipe)
	local shared, refs = #recipe.keys, #recipe.refs
	if shared == 0 and refs == 0 then
		plan.empty[#plan.empty + 1] = at
	elseif shared + refs == 1 and (recipe.keys[1] or recipe.ref_keys[1]) == 1 then
		plan.single[#plan.single + 1] = at
		-- What is made, too, takes the place of `false` below.
		plan.single_values[#plan.single] = shared == 1 and recipe.values[1]
	elseif refs == 0 and is_mod(recipe) then
		plan.mod[#plan.mod + 1] = at
		plan.mod_values[#plan.mod] = shared_of(recipe)
	else
		plan.plain[#plan.plain + 1] = at
		plan.recipes[#plan.plain] = recipe
	end
	for i = 1, refs do
		plan.holder[#plan.holder + 1] = at
		plan.holder_keys[#plan.holder], plan.held[#plan.holder] = recipe.ref_keys[i], recipe.refs[i]
	end
	local class = recipe.class or recipe.class_ref
	if class then
		plan.of_class[#plan.of_class + 1] = at
		plan.classes[#plan.of_class] = class
	end
end

---Plans the tables of these numbers.
---@param recipes TableRecipe[]
---@param from integer
---@param to integer
---@return Plan
function M.of(recipes, from, to)
	local plan = {
		empty = {},
		single = {},
		single_values = {},
		mod = {},
		mod_values = {},
		plain = {},
		recipes = {},
		holder = {},
		holder_keys = {},
		held = {},
		of_class = {},
		classes = {},
	}
	for at = from, to do
		add(plan, at, recipes[at])
	end
	return plan
end

---@param plan Plan
---@param made table[]
local function make_shared(plan, made)
	local empty, single, values = plan.empty, plan.single, plan.single_values
	for i = 1, #empty do
		made[empty[i]] = {}
	end
	for i = 1, #single do
		made[single[i]] = { values[i] }
	end
	local mods, mod_values = plan.mod, plan.mod_values
	for i = 1, #mods do
		local of = mod_values[i]
		made[mods[i]] = {
			name = of.name,
			type = of.type,
			value = of.value,
			flags = of.flags,
			keywordFlags = of.keywordFlags,
			source = of.source,
		}
	end
	local plain = plan.plain
	for i = 1, #plain do
		local recipe = plan.recipes[i]
		local t, keys, shared = new_table(recipe.array, recipe.hash), recipe.keys, recipe.values
		for j = 1, #keys do
			t[keys[j]] = shared[j]
		end
		made[plain[i]] = t
	end
end

---Makes the planned tables.
---@param plan Plan
---@param made table[] those that they refer to and that are not planned are there; these are added
function M.make(plan, made)
	make_shared(plan, made)
	local holder, keys, held = plan.holder, plan.holder_keys, plan.held
	for i = 1, #holder do
		made[holder[i]][keys[i]] = made[held[i]]
	end
	local of_class, classes = plan.of_class, plan.classes
	for i = 1, #of_class do
		local class = classes[i]
		setmetatable(made[of_class[i]], type(class) == "number" and made[class] or class)
	end
end

return M
