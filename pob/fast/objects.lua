-- Modifier stores are made by the hundred for each calculation. PoB's `new` gives every object a proxy for each class
-- that it inherits from, with three closures; of the stores only the constructors use theirs, so they go without.

local setmetatable = setmetatable

local M = {}

function M.install()
	local db, list, store = common.classes.ModDB, common.classes.ModList, common.classes.ModStore
	local stock = new

	---@type table<string, fun(parent: table?): table>
	local makers = {}

	---All fields at once: key by key the table would grow four times.
	---@param class table
	---@param parent table?
	---@param mods table? what a database has in place of being a list
	---@return table
	local function make(class, parent, mods)
		local object = {
			Object = false,
			parent = parent or false,
			actor = parent and parent.actor or {},
			multipliers = {},
			conditions = {},
			mods = mods,
		}
		object.Object = object
		return setmetatable(object, class)
	end

	function makers.ModDB(parent)
		return make(db, parent, {})
	end

	function makers.ModList(parent)
		return make(list, parent)
	end

	function makers.ModStore(parent)
		return make(store, parent)
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
