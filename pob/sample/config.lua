-- Config options: what there is, which values each takes. Knows nothing of what they mean to the calculation.

local data = require('sample.data.config')

local M = {}

---@type ConfigOption[] in display order
M.options = {}
---@type table<string, ConfigOption>
M.by_name = {}
-- The option that holds modifier lines; a variation sets it by `custom_mods`.
M.CUSTOM_MODS = 'customMods'

---@param option ConfigOption
function M.add(option)
	if not M.by_name[option.name] then
		M.options[#M.options + 1] = option
		M.by_name[option.name] = option
	end
end

---@param name string
function M.remove(name)
	for i, option in ipairs(M.options) do
		if option.name == name then
			table.remove(M.options, i)
			M.by_name[name] = nil
			return
		end
	end
end

for _, option in ipairs(data) do
	M.add(option)
end

---@return table<string, boolean|number|string>
function M.defaults()
	local values = {}
	for _, option in ipairs(M.options) do
		values[option.name] = option.default
	end
	return values
end

-- How a value of each type is checked: value, clamped or an explanation of what the option takes.
local checks = {
	check = function(_, value)
		if type(value) == 'boolean' then
			return value
		end
		return nil, 'yes or no'
	end,
	number = function(option, value)
		if type(value) ~= 'number' or value ~= value then
			return nil, 'a number'
		end
		return math.min(math.max(value, option.min), option.max)
	end,
	list = function(option, value)
		for _, allowed in ipairs(option.values) do
			if allowed == value then
				return value
			end
		end
		return nil, 'one of ' .. table.concat(option.values, ', ')
	end,
	text = function(_, value)
		if type(value) == 'string' then
			return value
		end
		return nil, 'a text'
	end,
}

---The value that the option takes for this one, or nil and what it would take.
---@param option ConfigOption
---@param value any
---@return boolean|number|string|nil taken another number than the given one: it was clamped
---@return string? wanted
function M.check(option, value)
	return checks[option.type](option, value)
end

return M
