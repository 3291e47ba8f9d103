-- The `<Config>` section: options and custom modifiers of the active config set.

local check = require('adapter.check')
local document = require('adapter.edit.document')
local character = require('adapter.edit.character')

local M = {}

-- Choices that very old builds keep in <Build>; PoB reads them there only while there is no <Config>.
local LEGACY_OPTIONS = { 'bandit', 'pantheonMajorGod', 'pantheonMinorGod' }

---@param value number
---@return string that reads back as the same number
local function number_text(value)
	local text = ('%.14g'):format(value)
	return tonumber(text) == value and text or ('%.17g'):format(value)
end

local ATTRIBUTE = {
	boolean = function(value) return 'boolean', tostring(value) end,
	number = function(value) return 'number', number_text(value) end,
	string = function(value) return 'string', value end,
}

---@param set XmlNode
---@param name string
---@param value boolean|number|string
local function put(set, name, value)
	document.remove(set, function(child)
		return child.elem == 'Input' and child.attrib.name == name
	end)
	local attribute, text = ATTRIBUTE[type(value)](value)
	-- Last, since PoB reads a <Placeholder> that holds a string as an input too, and the last one counts.
	document.append(set, 'Input', { name = name, [attribute] = text })
end

---@param root XmlNode
---@return XmlNode
local function active_set(root)
	local section = document.section(root, 'Config')
	if not section then
		section = document.append(root, 'Config')
		local legacy = character.section(root).attrib
		for _, name in ipairs(LEGACY_OPTIONS) do
			put(section, name, legacy[name] or 'None')
		end
	end
	return document.active_set(section, 'ConfigSet', 'activeConfigSet', 'Input')
end

---@param root XmlNode
---@param options table<string, boolean|number|string>
---@param lookup EditLookup
---@return true?
---@return EngineError?
function M.set_options(root, options, lookup)
	local names = {}
	for name in pairs(options) do
		names[#names + 1] = name
	end
	table.sort(names)
	local set = active_set(root)
	for _, name in ipairs(names) do
		local err = check.config_value(name, lookup.config_option(name), options[name])
		if err then
			return nil, err
		end
		put(set, name, options[name])
	end
	return true
end

---@param root XmlNode
---@param lines string
function M.set_custom_mods(root, lines)
	put(active_set(root), 'customMods', lines)
end

return M
