-- A build: what the engine calculates with, read from PoB's XML and written back. A build is never written to once
-- it is read; a variation is a copy whose changed lists are new (see `sample.variation`).

local character = require('sample.build.character')
local gear = require('sample.build.gear')
local options = require('sample.build.options')
local skills = require('sample.build.skills')
local write = require('sample.build.write')
local xml = require('sample.xml')
local xml_writer = require('sample.xml_writer')

---@class (exact) Build
---@field frame XmlElement the XML that it was read from: what it does not own is written back from here
---@field level integer
---@field class integer index in `data/classes.lua`
---@field ascendancy integer index within the class, 0: none
---@field main_group integer
---@field nodes integer[] allocated and connected, ascending, without starts
---@field masteries { node: integer, effect: integer }[] ascending by node
---@field tattoos { node: integer, name: string }[] ascending by node
---@field items ItemEntry[]
---@field slots (ItemEntry|false)[] by slot index
---@field flasks boolean[] by slot index: switched on
---@field groups SocketGroup[]
---@field config table<string, boolean|number|string> every option
---@field unknown_inputs XmlElement[]
---@field custom Modifier[] of the custom modifier lines

---@class (exact) ItemEntry
---@field id integer
---@field text string
---@field item Item? nil: it could not be read

---@class (exact) SocketGroup
---@field enabled boolean
---@field full_dps boolean
---@field main_active integer
---@field slot string?
---@field label string?
---@field gems GemEntry[]

---@class (exact) GemEntry
---@field gem GemData? nil: not known
---@field name string
---@field level integer
---@field quality integer
---@field enabled boolean
---@field count integer

local M = {}

-- Warnings of one build; a hostile one could have a million.
M.MAX_WARNINGS = 200

local READERS = { character.read, gear.read, skills.read, options.read }

---Reads a build.
---@param text string
---@return Build?
---@return EngineWarning[]|EngineError warnings or, without a build, the error
function M.read(text)
	local root, problem = xml.read(text)
	if not root then
		return nil, { kind = 'bad_build', message = 'the XML is broken: ' .. problem }
	elseif root.name ~= 'PathOfBuilding' then
		return nil,
			{
				kind = 'bad_build',
				message = ('this is no build: its root is <%s>, not <PathOfBuilding>'):format(root.name),
			}
	end
	---@type EngineWarning[]
	local warnings = {}
	local function warn(kind, message)
		if #warnings < M.MAX_WARNINGS then
			warnings[#warnings + 1] = { kind = kind, message = message }
		end
	end
	local build = { frame = root }
	for _, read in ipairs(READERS) do
		local err = read(build, warn)
		if err then
			return nil, err
		end
	end
	return build, warnings
end

---Writes a build.
---@param build Build
---@return string
function M.write(build)
	return xml_writer.write(write.write(build))
end

return M
