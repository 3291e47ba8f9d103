-- Applies config options and custom modifier lines.

local config = require('sample.config')
local context = require('sample.apply.context')
local options = require('sample.build.options')

local M = {}

-- What no XML can hold.
local CONTROL = '[%z\1-\8\11\12\14-\31]'

---@param applying Applying
local function own_config(applying)
	local list, old, new = config.options, applying.base.config, {}
	if applying.build.config == old then
		for i = 1, #list do
			new[list[i].name] = old[list[i].name]
		end
		applying.build.config = new
	end
end

---@param values table<string, boolean|number|string>
---@return EngineError?
local function check_names(values)
	local unknown
	for name in pairs(values) do
		-- The first by name, so that the order in which a table is walked never shows.
		if not config.by_name[name] and (not unknown or name < unknown) then
			unknown = name
		end
	end
	return unknown
		and context.fail(
			'unknown_config',
			'config.' .. unknown,
			('there is no config option %s'):format(unknown)
		)
end

---@param applying Applying
---@param values table<string, boolean|number|string>
---@return EngineError?
function M.config(applying, values)
	local err = check_names(values)
	if err then
		return err
	end
	own_config(applying)
	local list = config.options
	for i = 1, #list do
		local option = list[i]
		local value = values[option.name]
		if value ~= nil then
			local field = 'config.' .. option.name
			local taken, wanted = config.check(option, value)
			if taken == nil then
				return context.fail(
					'unknown_config',
					field,
					('config option %s takes %s'):format(option.name, wanted)
				)
			elseif taken ~= value then
				context.warn(
					applying,
					'value_clamped',
					field,
					('config option %s is taken as %s'):format(option.name, taken)
				)
			end
			applying.build.config[option.name] = taken
			err = option.name == config.CUSTOM_MODS and M.custom_mods(applying, taken, field)
			if err then
				return err
			end
		end
	end
end

---@param applying Applying
---@param text string
---@param field string?
---@return EngineError?
function M.custom_mods(applying, text, field)
	field = field or 'custom_mods'
	if text:find(CONTROL) then
		return context.fail('invalid_variation', field, 'modifier lines cannot hold control characters')
	end
	local mods, unknown = options.parse_custom(text)
	if not mods then
		return context.fail(
			'invalid_variation',
			field,
			('custom modifiers have at most %d lines and %d bytes'):format(
				options.MAX_LINES,
				options.MAX_BYTES
			)
		)
	end
	for i = 1, #unknown do
		context.warn(applying, 'mod_not_understood', field, unknown[i])
	end
	own_config(applying)
	applying.build.config[config.CUSTOM_MODS] = text
	applying.build.custom = mods
end

return M
