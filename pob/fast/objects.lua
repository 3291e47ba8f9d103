-- Modifier stores are made by the hundred for each calculation. PoB's `new` gives every object a proxy for each class
-- that it inherits from, with three closures; of the stores only the constructors use theirs, so they go without.

local setmetatable = setmetatable

local M = {}

function M.install()
	local db, list, store = common.classes.ModDB, common.classes.ModList, common.classes.ModStore
	local stock = new

	---@type table<string, fun(parent: table?): table>
	local makers = {}

	local function fill(object, parent)
		object.Object = object
		object.parent = parent or false
		object.actor = parent and parent.actor or {}
		object.multipliers = {}
		object.conditions = {}
		return object
	end

	function makers.ModDB(parent)
		local object = fill(setmetatable({}, db), parent)
		object.mods = {}
		return object
	end

	function makers.ModList(parent)
		return fill(setmetatable({}, list), parent)
	end

	function makers.ModStore(parent)
		return fill(setmetatable({}, store), parent)
	end

	function new(class_name, ...)
		local maker = makers[class_name]
		if maker then
			return maker((...))
		end
		return stock(class_name, ...)
	end
end

return M
