-- The active `<Spec>` of the `<Tree>`: class, allocated nodes, mastery effects, tattoos, jewels in sockets.
--
-- Nodes are written as a plain set: what the base had, without what is given up, with what is added. PoB itself then
-- drops whatever nothing connects. Starts are never listed for a class that is not chosen: a listed start counts as
-- allocated in PoB and would hold its surroundings.

local document = require('adapter.edit.document')
local graph = require('adapter.edit.graph')
local character = require('adapter.edit.character')

local M = {}

-- Nodes of cluster jewels carry this bit; which of them exist depends on the jewels that are worn.
local CLUSTER_NODES_FROM = 0x10000
local NO_ASCENDANCY = 'None'

---@class (exact) TreeState
---@field class_id integer
---@field ascendancy_id integer
---@field secondary_id integer
---@field nodes table<integer, boolean>
---@field effects table<integer, integer> mastery node -> effect

---The Spec that PoB makes the active one; made if the build has none.
---@param root XmlNode
---@param lookup EditLookup
---@return XmlNode spec
---@return string tree_version
local function active_spec(root, lookup)
	local section = document.section(root, 'Tree')
	if not section then
		-- In the oldest builds the Spec is a section by itself, always of the same tree.
		local alone = document.section(root, 'Spec')
		if alone then
			return alone, lookup.default_tree_version
		end
		section = document.append(root, 'Tree', { activeSpec = '1' })
	end
	local specs = document.children(section, 'Spec')
	if not specs[1] then
		local attrib = { treeVersion = lookup.latest_tree_version, classId = '0', ascendClassId = '0', nodes = '' }
		specs[1] = document.append(section, 'Spec', attrib)
	end
	local spec = specs[math.min(tonumber(section.attrib.activeSpec) or 1, #specs)]
	return spec, spec.attrib.treeVersion or lookup.default_tree_version
end

---@param parent XmlNode
---@param elem string
---@return XmlNode
local function only_child(parent, elem)
	return document.children(parent, elem)[1] or document.append(parent, elem)
end

---@param spec XmlNode
---@param tree EditTree
---@param allocated integer[]? what PoB really had allocated
---@return TreeState
local function read(spec, tree, allocated)
	local attrib = spec.attrib
	local state
	if attrib.nodes then
		state = {
			class_id = tonumber(attrib.classId) or 0,
			ascendancy_id = tonumber(attrib.ascendClassId) or 0,
			secondary_id = tonumber(attrib.secondaryAscendClassId) or 0,
			nodes = {},
			effects = {},
		}
		for id in attrib.nodes:gmatch('%d+') do
			state.nodes[tonumber(id)] = true
		end
		for node, effect in (attrib.masteryEffects or ''):gmatch('{(%d+),(%d+)}') do
			state.effects[tonumber(node)] = tonumber(effect)
		end
	else
		local url = document.children(spec, 'URL')[1]
		state = tree.decode_url(url and type(url[1]) == 'string' and url[1] or '')
	end
	if allocated then
		state.nodes = {}
		for _, id in ipairs(allocated) do
			state.nodes[id] = true
		end
	end
	return state
end

---@param spec XmlNode
---@param state TreeState
local function write(spec, state)
	local nodes, masteries = {}, {}
	for id in pairs(state.nodes) do
		nodes[#nodes + 1] = id
	end
	for id in pairs(state.effects) do
		masteries[#masteries + 1] = id
	end
	table.sort(nodes)
	table.sort(masteries)
	for index, id in ipairs(masteries) do
		masteries[index] = '{' .. id .. ',' .. state.effects[id] .. '}'
	end
	local attrib = spec.attrib
	attrib.nodes, attrib.masteryEffects = table.concat(nodes, ','), table.concat(masteries, ',')
	attrib.classId, attrib.ascendClassId = tostring(state.class_id), tostring(state.ascendancy_id)
	attrib.secondaryAscendClassId = tostring(state.secondary_id)
	-- The link shows the tree of the base. PoB reads it only where there are no `nodes`.
	document.remove(spec, function(child)
		return child.elem == 'URL'
	end)
end

---@param tree EditTree
---@param id integer
---@param field string
---@return EngineError?
local function check_node(tree, id, field)
	if not tree.node(id) and id < CLUSTER_NODES_FROM then
		return { kind = 'unknown_node', field = field, message = 'no passive node ' .. id .. ' in this tree' }
	end
end

---The steps by which a variation changes the tree, in this order. Each returns an error or nothing.
---@type { [1]: string, [2]: fun(state: TreeState, change: any, tree: EditTree, root: XmlNode, spec: XmlNode): EngineError? }[]
local steps = {}

---@param state TreeState
---@param tree EditTree
---@param class_id integer
---@param ascendancy_id integer
local function become(state, tree, class_id, ascendancy_id)
	for _, id in ipairs(tree.starts(state.class_id, state.ascendancy_id, 0)) do
		state.nodes[id] = nil
	end
	state.class_id, state.ascendancy_id = class_id, ascendancy_id
	for _, id in ipairs(tree.starts(class_id, ascendancy_id, 0)) do
		state.nodes[id] = true
	end
end

steps[#steps + 1] = { 'class', function(state, name, tree, root)
	local id = tree.class_id(name)
	if not id then
		return { kind = 'unknown_class', field = 'class', message = "no class '" .. name .. "'" }
	end
	if id ~= state.class_id then
		become(state, tree, id, 0)
		local attrib = character.section(root).attrib
		attrib.className, attrib.ascendClassName = name, NO_ASCENDANCY
	end
end }

steps[#steps + 1] = { 'ascendancy', function(state, name, tree, root)
	local id = name == NO_ASCENDANCY and 0 or tree.ascendancy_id(state.class_id, name)
	if not id then
		return { kind = 'unknown_class', field = 'ascendancy', message = "the class has no ascendancy '" .. name .. "'" }
	end
	if id ~= state.ascendancy_id then
		become(state, tree, state.class_id, id)
		character.section(root).attrib.ascendClassName = name
	end
end }

steps[#steps + 1] = { 'deallocate', function(state, ids, tree)
	for index, id in ipairs(ids) do
		local err = check_node(tree, id, 'deallocate[' .. index - 1 .. ']')
		if err then
			return err
		end
		state.nodes[id], state.effects[id] = nil, nil
	end
end }

steps[#steps + 1] = { 'allocate', function(state, ids, tree)
	for index, id in ipairs(ids) do
		local err = check_node(tree, id, 'allocate[' .. index - 1 .. ']')
		if err then
			return err
		end
		state.nodes[id] = true
	end
end }

steps[#steps + 1] = { 'masteries', function(state, choices, tree)
	for index, choice in ipairs(choices) do
		local field = 'masteries[' .. index - 1 .. ']'
		local node = tree.node(choice.node)
		if not node then
			return { kind = 'unknown_node', field = field .. '.node', message = 'no passive node ' .. choice.node }
		elseif not node.effects then
			return { kind = 'unknown_mastery', field = field .. '.node', message = 'node ' .. choice.node .. ' is no mastery' }
		elseif not node.effects[choice.effect] then
			local message = 'mastery ' .. choice.node .. ' has no effect ' .. choice.effect
			return { kind = 'unknown_mastery', field = field .. '.effect', message = message }
		end
		state.nodes[choice.node], state.effects[choice.node] = true, choice.effect
	end
end }

steps[#steps + 1] = { 'allocate_path', function(state, ids, tree)
	local starts = tree.starts(state.class_id, state.ascendancy_id, state.secondary_id)
	for index, id in ipairs(ids) do
		local field = 'allocate_path[' .. index - 1 .. ']'
		local err = check_node(tree, id, field)
		if err then
			return err
		elseif not tree.node(id) then
			local message = 'the way to cluster jewel node ' .. id .. ' is not known'
			return { kind = 'unsupported', field = field, message = message }
		end
		local connected = graph.connected(tree.node, starts, state.nodes)
		-- Where no way leads, the node has no effect, as with `allocate`.
		for _, step in ipairs(graph.path(tree.node, connected, id) or {}) do
			state.nodes[step] = true
		end
	end
end }

steps[#steps + 1] = { 'tattoos', function(_, changes, tree, _, spec)
	local overrides = only_child(spec, 'Overrides')
	for index, change in ipairs(changes) do
		local field = 'tattoos[' .. index - 1 .. ']'
		local err = check_node(tree, change.node, field .. '.node')
		if err then
			return err
		end
		document.remove(overrides, function(child)
			return tonumber(child.attrib.nodeId) == change.node
		end)
		if change.name then
			local tattoo = tree.tattoo(change.name)
			if not tattoo then
				return { kind = 'unknown_tattoo', field = field .. '.name', message = "no tattoo '" .. change.name .. "'" }
			end
			document.append(overrides, 'Override', {
				nodeId = tostring(change.node), dn = change.name,
				icon = tattoo.icon, activeEffectImage = tattoo.active_effect_image,
			}, unpack(tattoo.lines))
		end
	end
end }

---Whether the variation needs the nodes of the tree written anew. A jewel counts: it may connect nodes that the base
---lists and PoB had dropped, and those must not come back.
---@param variation Variation
---@return boolean
function M.concerns(variation)
	for _, step in ipairs(steps) do
		if variation[step[1]] ~= nil then
			return true
		end
	end
	for _, change in ipairs(variation.items or {}) do
		if change.slot:match('^Jewel %d+$') then
			return true
		end
	end
	return false
end

---@param root XmlNode
---@param variation Variation
---@param lookup EditLookup
---@param allocated integer[]?
---@return true?
---@return EngineError?
function M.change(root, variation, lookup, allocated)
	local spec, version = active_spec(root, lookup)
	local tree = lookup.tree(version)
	if not tree then
		return nil, { kind = 'unknown_tree', message = "no passive tree of version '" .. version .. "'" }
	end
	local state = read(spec, tree, allocated)
	for _, step in ipairs(steps) do
		local field, apply = step[1], step[2]
		if variation[field] ~= nil then
			local err = apply(state, variation[field], tree, root, spec)
			if err then
				return nil, err
			end
		end
	end
	write(spec, state)
	return true
end

---Puts a jewel into a socket of the tree; '0' empties it.
---@param root XmlNode
---@param lookup EditLookup
---@param node integer
---@param item string
function M.socket(root, lookup, node, item)
	local sockets = only_child(active_spec(root, lookup), 'Sockets')
	document.remove(sockets, function(child)
		return tonumber(child.attrib.nodeId) == node
	end)
	if item ~= '0' then
		document.append(sockets, 'Socket', { nodeId = tostring(node), itemId = item })
	end
end

return M
