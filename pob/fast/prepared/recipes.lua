-- Takes down what a function makes, so that it can be made again without the function: the function has run twice, and
-- its two results are walked side by side. What both have in one place (a string, a table of the data) is shared; tables
-- that differ were made by the function, and are made anew each time, with all that leads from one to the other (`plan.lua`).

-- Taken here because the lock-down removes it from the global table.
local getinfo, getupvalue = debug.getinfo, debug.getupvalue

local type, next, rawequal, rawget, getmetatable = type, next, rawequal, rawget, getmetatable

local M = {}

---How to make a table again.
---@class (exact) TableRecipe
---@field class table? its metatable, if it is shared
---@field class_ref integer? if it is made, too
---@field array integer
---@field hash integer
---@field keys any[] keys of what is shared
---@field values any[]
---@field ref_keys any[] keys of what is made, too
---@field refs integer[] which of them

---@class (exact) Book
---@field recipes TableRecipe[]
---@field first table[] the tables of the first result
---@field second table[] their twins
---@field index_of table<table, integer> numbers of the tables of the first result
---@field twin_of table<table, table> the other way round: of the second result
---@field keys any[] where each was met first

---@return Book
function M.new()
	return { recipes = {}, first = {}, second = {}, index_of = {}, twin_of = {}, keys = {} }
end

---@param what string
---@param key any
local function refuse(what, key)
	error({ refused = what .. " at '" .. tostring(key) .. "'" }, 0)
end

---The number of a table; a table that is met for the first time waits for its recipe.
---@param book Book
---@param a table
---@param b table
---@param key any where it was met
---@return integer
function M.number(book, a, b, key)
	local index = book.index_of[a]
	if not rawequal(book.twin_of[b], index and a) then
		refuse("two ways to one table", key)
	elseif not index then
		index = #book.first + 1
		book.index_of[a], book.twin_of[b] = index, a
		book.first[index], book.second[index], book.keys[index] = a, b, key
	end
	return index
end

---Whether two functions are one that was made twice, over the same values: then either will do.
---@param a any
---@param b any
---@return boolean
local function is_same_function(a, b)
	if type(a) ~= "function" or type(b) ~= "function" then
		return false
	end
	local of_a, of_b = getinfo(a, "S"), getinfo(b, "S")
	if of_a.source ~= of_b.source or of_a.linedefined ~= of_b.linedefined or of_a.what ~= "Lua" then
		return false
	end
	local i = 1
	while true do
		local name, value = getupvalue(a, i)
		local _, other = getupvalue(b, i)
		if not name then
			return true
		elseif not rawequal(value, other) then
			return false
		end
		i = i + 1
	end
end

---Writes the recipe of one table.
---@param book Book
---@param index integer
---@param skip table<any, boolean>? keys that are left out
---@param upto integer? elements of a list that are taken; nil: all
local function write(book, index, skip, upto)
	local a, b = book.first[index], book.second[index]
	local recipe = { array = 0, hash = 0, keys = {}, values = {}, ref_keys = {}, refs = {} }
	local class, twin_class = getmetatable(a), getmetatable(b)
	if rawequal(class, twin_class) then
		recipe.class = class
	elseif class and twin_class then
		recipe.class_ref = M.number(book, class, twin_class, "metatable")
	else
		refuse("a class of one only", "metatable")
	end
	for key, value in next, a do
		if not (skip and skip[key]) and not (upto and key > upto) then
			local twin = rawget(b, key)
			if rawequal(value, twin) or is_same_function(value, twin) then
				recipe.keys[#recipe.keys + 1], recipe.values[#recipe.values + 1] = key, value
			elseif type(value) == "table" and type(twin) == "table" then
				recipe.ref_keys[#recipe.ref_keys + 1] = key
				recipe.refs[#recipe.refs + 1] = M.number(book, value, twin, key)
			else
				refuse("something of its own", key)
			end
			if type(key) == "number" and key >= 1 and key <= #a then
				recipe.array = recipe.array + 1
			else
				recipe.hash = recipe.hash + 1
			end
		end
	end
	for key in next, b do
		if rawget(a, key) == nil then
			refuse("something of one only", key)
		end
	end
	book.recipes[index] = recipe
end

---Numbers a table that is there without a recipe when those that refer to it are made. All others have theirs by now.
---@param book Book
---@param a table
---@param b table
---@param key any where it was met
function M.leave(book, a, b, key)
	book.recipes[M.number(book, a, b, key)] = false
end

---Writes the recipes of all tables that have none, and of those that they lead to.
---@param book Book
---@param skips table<table, table<any, boolean>>? by table of the first result
---@param lengths table<table, integer>? by list of the first result
function M.complete(book, skips, lengths)
	local index = #book.recipes + 1
	while book.first[index] do
		local a = book.first[index]
		write(book, index, skips and skips[a], lengths and lengths[a])
		index = index + 1
	end
end

---Refuses unless two things are the same throughout: the same values, and of the tables the same ones in the same places.
---@param a table
---@param b table
function M.compare(a, b)
	local book = M.new()
	M.number(book, a, b, "root")
	M.complete(book)
end

return M
