-- Reads <Build> and the active <Spec>: level, class, nodes, masteries, tattoos, jewels. Nodes that nothing connects
-- are dropped here, with a warning: they are no part of the base.

local classes = require('sample.data.classes')
local dom = require('sample.build.dom')
local tree = require('sample.tree')

local M = {}

---@param build Build
---@param spec XmlElement
---@return EngineError?
local function read_class(build, spec)
	local class_name = dom.child(build.frame, 'Build').attrs.className
	local class = dom.integer(spec, 'classId', -1) + 1
	for i, data in ipairs(classes) do
		if not spec.attrs.classId and data.name == class_name then
			class = i
		end
	end
	if not classes[class] then
		return {
			kind = 'bad_build',
			message = ('there is no class %s'):format(spec.attrs.classId or class_name or 'given'),
		}
	end
	build.class, build.ascendancy = class, dom.integer(spec, 'ascendClassId', 0)
	if build.ascendancy ~= 0 and not classes[class].ascendancies[build.ascendancy] then
		return {
			kind = 'bad_build',
			message = ('%s has no ascendancy %s'):format(classes[class].name, spec.attrs.ascendClassId),
		}
	end
end

---@param build Build
---@param spec XmlElement
---@param warn fun(kind: WarningKind, message: string)
local function read_nodes(build, spec, warn)
	local wanted, order = {}, {}
	for text in (spec.attrs.nodes or ''):gmatch('%d+') do
		-- Longer numbers are no ids, and need not even be integers any more.
		local id = tonumber(text:sub(1, 10))
		-- PoB lists the starts among the nodes; they come with the class here.
		local is_start = tree.nodes[id] and not tree.is_allocatable(id)
		if not is_start and not wanted[id] then
			order[#order + 1] = id
			wanted[id] = true
		end
	end
	for i = 1, #order do
		if not tree.nodes[order[i]] then
			warn('node_dropped', ('there is no node %d'):format(order[i]))
			wanted[order[i]] = nil
		end
	end
	local connected, reached = tree.connected(build.class, build.ascendancy, wanted)
	for _, id in ipairs(order) do
		if wanted[id] and not reached[id] then
			warn('node_dropped', ('nothing connects node %d (%s)'):format(id, tree.nodes[id].name))
		end
	end
	build.nodes = connected
end

---@param build Build
---@param spec XmlElement
---@param warn fun(kind: WarningKind, message: string)
local function read_masteries(build, spec, warn)
	local chosen = {}
	for node_text, effect_text in (spec.attrs.masteryEffects or ''):gmatch('{(%d+),(%d+)}') do
		local node, effect = tonumber(node_text), tonumber(effect_text)
		local effects = tree.nodes[node] and tree.nodes[node].effects
		if effects and effects[effect] then
			chosen[node] = effect
		else
			warn('mod_not_understood', ('node %d has no mastery effect %d'):format(node, effect))
		end
	end
	build.masteries = {}
	for _, id in ipairs(tree.ids) do
		if chosen[id] then
			build.masteries[#build.masteries + 1] = { node = id, effect = chosen[id] }
		end
	end
end

---@param build Build
---@param spec XmlElement
---@param warn fun(kind: WarningKind, message: string)
local function read_tattoos(build, spec, warn)
	local put = {}
	for _, override in ipairs(dom.children(dom.child(spec, 'Overrides'), 'Override')) do
		local node, name = dom.integer(override, 'nodeId', 0), override.attrs.dn or ''
		local tattoo = tree.tattoos[name]
		if tattoo and tree.nodes[node] and tree.nodes[node].kind == tattoo.fits then
			put[node] = name
		else
			warn('mod_not_understood', ('node %d takes no %s'):format(node, name))
		end
	end
	build.tattoos = {}
	for _, id in ipairs(tree.ids) do
		if put[id] then
			build.tattoos[#build.tattoos + 1] = { node = id, name = put[id] }
		end
	end
end

---@param root XmlElement
---@return XmlElement? spec
function M.spec(root)
	local trees = dom.child(root, 'Tree')
	local specs = dom.children(trees, 'Spec')
	return specs[trees and dom.integer(trees, 'activeSpec', 1) or 1] or specs[1]
end

---@param build Build
---@param warn fun(kind: WarningKind, message: string)
---@return EngineError?
function M.read(build, warn)
	local character, spec = dom.child(build.frame, 'Build'), M.spec(build.frame)
	if not character then
		return { kind = 'bad_build', message = 'the build has no <Build>' }
	elseif not spec then
		return { kind = 'bad_build', message = 'the build has no passive tree (<Tree> with a <Spec>)' }
	elseif spec.attrs.treeVersion ~= tree.VERSION then
		return {
			kind = 'unknown_tree',
			message = ('tree version %s is not known; the sample engine has %s'):format(
				spec.attrs.treeVersion or '(none)',
				tree.VERSION
			),
		}
	end
	build.level = dom.integer(character, 'level', 1)
	if build.level < 1 or build.level > 100 then
		return { kind = 'bad_build', message = ('level %d is not between 1 and 100'):format(build.level) }
	end
	build.main_group = dom.integer(character, 'mainSocketGroup', 1)
	local problem = read_class(build, spec)
	if problem then
		return problem
	end
	read_nodes(build, spec, warn)
	read_masteries(build, spec, warn)
	read_tattoos(build, spec, warn)
end

return M
