-- What every applier works with: the base, the copy that is being changed, warnings, and which field touched what.

---@class (exact) Applying
---@field base Build never written to
---@field build Build the copy; its lists are the base's until an applier puts a new one in place
---@field warnings EngineWarning[]
---@field touched table<Item|GemEntry, string> what the variation brought in -> its field

local M = {}

---@param base Build
---@return Applying
function M.new(base)
	return {
		base = base,
		build = {
			frame = base.frame,
			level = base.level,
			class = base.class,
			ascendancy = base.ascendancy,
			main_group = base.main_group,
			nodes = base.nodes,
			masteries = base.masteries,
			tattoos = base.tattoos,
			items = base.items,
			slots = base.slots,
			flasks = base.flasks,
			groups = base.groups,
			config = base.config,
			unknown_inputs = base.unknown_inputs,
			custom = base.custom,
		},
		warnings = {},
		touched = {},
	}
end

---@param applying Applying
---@param kind WarningKind
---@param field string?
---@param message string
function M.warn(applying, kind, field, message)
	local warnings = applying.warnings
	warnings[#warnings + 1] = { kind = kind, field = field, message = message }
end

---@param kind FailureKind
---@param field string
---@param message string
---@return EngineError
function M.fail(kind, field, message)
	return { kind = kind, field = field, message = message }
end

---The path of a list element's field, counted from 0 as in JSON.
---@param list string
---@param index integer from 1
---@param name string?
---@return string
function M.path(list, index, name)
	return name and ('%s[%d].%s'):format(list, index - 1, name) or ('%s[%d]'):format(list, index - 1)
end

---@generic T
---@param list T[]
---@return T[]
function M.copy_list(list)
	local copy = {}
	for i = 1, #list do
		copy[i] = list[i]
	end
	return copy
end

return M
