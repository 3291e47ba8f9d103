-- Writes a build as PoB's XML. What the engine does not own (notes, other sets, attributes that mean nothing here)
-- is kept as it was read; stats that PoB saves for its build list are left out, since they would be another build's.

local character = require('sample.build.character')
local classes = require('sample.data.classes')
local config = require('sample.config')
local dom = require('sample.build.dom')
local gems = require('sample.gems')
local items = require('sample.items')
local tree = require('sample.tree')
local xml = require('sample.xml_writer')

local M = {}

local STALE = { PlayerStat = true, MinionStat = true, FullDPSSkill = true }

---A copy of an element with some attributes set anew and other children.
---@param old XmlElement
---@param attributes { [1]: string, [2]: any }[]
---@param children (XmlElement|string)[]
---@return XmlElement
local function changed(old, attributes, children)
	local element = xml.element(old.name, {})
	element.children = children
	for _, name in ipairs(old.order) do
		element.attrs[name] = old.attrs[name]
		element.order[#element.order + 1] = name
	end
	for _, attribute in ipairs(attributes) do
		if element.attrs[attribute[1]] == nil then
			element.order[#element.order + 1] = attribute[1]
		end
		element.attrs[attribute[1]] = tostring(attribute[2])
	end
	return element
end

---The children of an element, one of them exchanged (put last where there was none).
---@param parent XmlElement
---@param old XmlElement?
---@param new XmlElement
---@return (XmlElement|string)[]
local function exchanged(parent, old, new)
	local children = {}
	for i, child in ipairs(parent.children) do
		children[i] = child == old and new or child
	end
	if not old then
		children[#children + 1] = new
	end
	return children
end

---@param element XmlElement
---@param names table<string, boolean>
---@return (XmlElement|string)[] children of other names
local function without(element, names)
	local children = {}
	for _, child in ipairs(element.children) do
		if type(child) == 'string' or not names[child.name] then
			children[#children + 1] = child
		end
	end
	return children
end

---@param build Build
---@param old XmlElement
---@return XmlElement
local function write_build(build, old)
	local class = classes[build.class]
	local ascendancy = class.ascendancies[build.ascendancy]
	return changed(old, {
		{ 'level', build.level },
		{ 'className', class.name },
		{ 'ascendClassName', ascendancy and ascendancy.name or 'None' },
		{ 'mainSocketGroup', build.main_group },
		{ 'characterLevelAutoMode', false },
	}, without(old, STALE))
end

---@param build Build
---@return XmlElement sockets
---@return XmlElement overrides
local function write_node_content(build)
	local sockets, overrides = xml.element('Sockets', {}), xml.element('Overrides', {})
	for slot = items.LAST_FLASK + 1, #items.slots do
		local entry, node = build.slots[slot], items.socket_node[slot]
		if entry then
			local socket = xml.element('Socket', { { 'nodeId', node }, { 'itemId', entry.id } })
			sockets.children[#sockets.children + 1] = socket
		end
	end
	for i, tattoo in ipairs(build.tattoos) do
		overrides.children[i] = xml.element('Override', { { 'nodeId', tattoo.node }, { 'dn', tattoo.name } })
	end
	return sockets, overrides
end

---@param build Build
---@param old XmlElement
---@return XmlElement
local function write_spec(build, old)
	local effects = {}
	for i, choice in ipairs(build.masteries) do
		effects[i] = ('{%d,%d}'):format(choice.node, choice.effect)
	end
	local children = without(old, { Sockets = true, Overrides = true })
	children[#children + 1], children[#children + 2] = write_node_content(build)
	return changed(old, {
		{ 'treeVersion', tree.VERSION },
		{ 'classId', build.class - 1 },
		{ 'ascendClassId', build.ascendancy },
		{ 'nodes', table.concat(build.nodes, ',') },
		{ 'masteryEffects', table.concat(effects, ',') },
	}, children)
end

---@param gem GemEntry
---@return XmlElement
local function write_gem(gem)
	return xml.element('Gem', {
		{ 'nameSpec', gem.gem and gems.saved_name(gem.gem) or gem.name },
		{ 'level', gem.level },
		{ 'quality', gem.quality },
		{ 'qualityId', 'Default' },
		{ 'enabled', gem.enabled },
		{ 'count', gem.count },
	})
end

---@param build Build
---@return XmlElement[]
local function write_groups(build)
	local list = {}
	for i, group in ipairs(build.groups) do
		list[i] = xml.element('Skill', {
			{ 'enabled', group.enabled },
			{ 'mainActiveSkill', group.main_active },
			{ 'includeInFullDPS', group.full_dps },
			{ 'slot', group.slot },
			{ 'label', group.label },
		})
		for j, gem in ipairs(group.gems) do
			list[i].children[j] = write_gem(gem)
		end
	end
	return list
end

---@param build Build
---@return XmlElement[]
local function write_slots(build)
	local list = {}
	for slot = 1, items.LAST_FLASK do
		local entry, active = build.slots[slot], build.flasks[slot]
		if entry or active then
			list[#list + 1] = xml.element('Slot', {
				{ 'name', items.slots[slot] },
				{ 'itemId', entry and entry.id or 0 },
				{ 'active', active or nil },
			})
		end
	end
	return list
end

---@param build Build
---@return XmlElement[]
local function write_inputs(build)
	local list, defaults = {}, config.defaults()
	for _, option in ipairs(config.options) do
		local value = build.config[option.name]
		if value ~= defaults[option.name] then
			local kind = type(value)
			-- 17 digits bring every number back as it was.
			local text = kind == 'number' and ('%.17g'):format(value) or value
			list[#list + 1] = xml.element('Input', { { 'name', option.name }, { kind, text } })
		end
	end
	for _, element in ipairs(build.unknown_inputs) do
		list[#list + 1] = element
	end
	return list
end

---A section that holds sets: the active one gets new children, the others stay.
---@param root XmlElement
---@param section_name string
---@param set_name string
---@param active string
---@param children XmlElement[]
---@return XmlElement? old
---@return XmlElement new
local function write_set(root, section_name, set_name, active, children)
	local old = dom.child(root, section_name)
	local section = old or xml.element(section_name, {})
	local set = dom.active(section, set_name, active)
	if set then
		return old, changed(section, {}, exchanged(section, set, changed(set, {}, children)))
	end
	local new_set = xml.element(set_name, { { 'id', 1 } })
	new_set.children = children
	return old, changed(section, { { active, 1 } }, { new_set })
end

---@param build Build
---@return XmlElement
function M.write(build)
	local root = build.frame
	local function put(old, new)
		root = changed(root, {}, exchanged(root, old, new))
	end
	local old_build, old_tree = dom.child(root, 'Build'), dom.child(root, 'Tree')
	local spec = character.spec(root)
	put(old_build, write_build(build, old_build))
	put(old_tree, changed(old_tree, {}, exchanged(old_tree, spec, write_spec(build, spec))))
	put(write_set(root, 'Skills', 'SkillSet', 'activeSkillSet', write_groups(build)))
	local old_items, new_items = write_set(root, 'Items', 'ItemSet', 'activeItemSet', write_slots(build))
	local entries = {}
	for i, entry in ipairs(build.items) do
		entries[i] = xml.element('Item', { { 'id', entry.id } })
		entries[i].children[1] = entry.text
	end
	for _, child in ipairs(without(new_items, { Item = true, Slot = true })) do
		entries[#entries + 1] = child
	end
	put(old_items, changed(new_items, {}, entries))
	put(write_set(root, 'Config', 'ConfigSet', 'activeConfigSet', write_inputs(build)))
	return root
end

return M
