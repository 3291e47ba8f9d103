-- Reads the active <ConfigSet>: config options and custom modifier lines. Options that the engine does not know stay
-- in the build and are reported; they have no effect.

local config = require('sample.config')
local dom = require('sample.build.dom')
local mods = require('sample.mods')
local texts = require('sample.text')

local M = {}

-- Lines and bytes that custom modifiers may have.
M.MAX_LINES = 500
M.MAX_BYTES = 64 * 1024

---@param element XmlElement
---@return boolean|number|string|nil
local function value_of(element)
	local attrs = element.attrs
	if attrs.boolean then
		return attrs.boolean == 'true'
	end
	return tonumber(attrs.number) or attrs.string
end

---Reads modifier lines; blank ones do not count.
---@param text string
---@return Modifier[]? mods nil: too many lines or bytes
---@return string[] unknown
function M.parse_custom(text)
	if #text > M.MAX_BYTES then
		return nil, {}
	end
	local lines = texts.lines(text)
	if #lines > M.MAX_LINES then
		return nil, {}
	end
	return mods.parse_all(lines)
end

---@param build Build
---@param warn fun(kind: WarningKind, message: string)
---@return EngineError?
function M.read(build, warn)
	local section = dom.child(build.frame, 'Config')
	build.config, build.unknown_inputs = config.defaults(), {}
	for _, element in
		ipairs(dom.children(dom.active(section, 'ConfigSet', 'activeConfigSet') or section, 'Input'))
	do
		local option = config.by_name[element.attrs.name]
		local value = value_of(element)
		if not option then
			build.unknown_inputs[#build.unknown_inputs + 1] = element
			warn(
				'mod_not_understood',
				('there is no config option %s'):format(element.attrs.name or '(none)')
			)
		else
			local taken, wanted = config.check(option, value)
			if taken == nil then
				return {
					kind = 'bad_build',
					message = ('config option %s takes %s'):format(option.name, wanted),
				}
			elseif taken ~= value then
				warn('value_clamped', ('config option %s is taken as %s'):format(option.name, taken))
			end
			build.config[option.name] = taken
		end
	end
	local list, unknown = M.parse_custom(build.config[config.CUSTOM_MODS])
	if not list then
		return {
			kind = 'bad_build',
			message = ('custom modifiers have at most %d lines and %d bytes'):format(
				M.MAX_LINES,
				M.MAX_BYTES
			),
		}
	end
	build.custom = list
	for _, line in ipairs(unknown) do
		warn('mod_not_understood', ('custom modifiers: %s'):format(line))
	end
end

return M
