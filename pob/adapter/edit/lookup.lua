-- Answers the questions of `EditLookup` from a booted PoB. Works in a VM that never loaded a build: it asks PoB's data
-- and passive trees only. Loading a tree sets PoB's jewel radii to it; PoB sets them again whenever it loads a build.

local M = {}

-- The newest kind of tree link that `PassiveSpec:DecodeURL` reads.
local NEWEST_LINK_VERSION = 6

---@param node table a node of PoB's tree, or of a spec
---@return PassiveNode
local function view(node, links)
	local effects
	if node.type == 'Mastery' and node.masteryEffects then
		effects = {}
		for _, effect in pairs(node.masteryEffects) do
			effects[effect.effect] = true
		end
	end
	return { id = node.id, kind = node.type, ascendancy = node.ascendancyName, links = links, effects = effects }
end

---The tree's own nodes, without those that PoB leaves out of a spec (`PassiveSpec:Init`). Sockets within cluster
---jewels are nodes of the tree as well, but nothing leads to them before the jewel is there.
---@param tree table
---@param id integer
---@return PassiveNode?
local function tree_node(tree, id)
	local node = tree.nodes[id]
	if node and node.group and not node.isProxy and not node.group.isProxy then
		local nested = node.expansionJewel and node.expansionJewel.parent
		return view(node, nested and {} or node.linkedId)
	end
end

---@param spec table a loaded `PassiveSpec`
---@param id integer
---@return PassiveNode?
local function spec_node(spec, id)
	local node = spec.nodes[id]
	if node then
		local links = {}
		for _, other in ipairs(node.linked) do
			links[#links + 1] = other.id
		end
		return view(node, links)
	end
end

---Bytes `first` to `last` of a link as two-byte numbers.
local function numbers(bytes, first, last)
	local list = {}
	for index = first, math.min(last, #bytes) - 1, 2 do
		list[#list + 1] = bytes:byte(index) * 256 + bytes:byte(index + 1)
	end
	return list
end

---What PoB makes of the link in a build of the oldest kind (`PassiveSpec:DecodeURL`). Nodes of cluster jewels are left
---out: PoB reads the link before it builds the jewels' nodes, and so never allocates them.
---@param tree table
---@param url string
---@return TreeState
local function decode_url(tree, url)
	local state = { class_id = 0, ascendancy_id = 0, secondary_id = 0, nodes = {}, effects = {} }
	local encoded = url:gsub('^.+/', ''):gsub('-', '+'):gsub('_', '/')
	local bytes = common.base64.decode(encoded)
	if not bytes or #bytes < 6 then
		return state
	end
	local version = bytes:byte(4)
	local readable = bytes:sub(1, 3) == '\0\0\0' and version <= NEWEST_LINK_VERSION
	if not readable or not tree.classes[bytes:byte(5)] then
		return state
	end
	local ascendancies = version >= 4 and bytes:byte(6) or 0
	state.class_id, state.ascendancy_id = bytes:byte(5), ascendancies % 4
	state.secondary_id = math.floor(ascendancies / 4) % 4
	local last = version >= 5 and 7 + bytes:byte(7) * 2 or #bytes
	for _, id in ipairs(numbers(bytes, version >= 4 and 8 or 7, last)) do
		if tree_node(tree, id) then
			state.nodes[id] = true
		end
	end
	if version >= 6 then
		local clusters = last + 1
		local masteries = clusters + (bytes:byte(clusters) or 0) * 2 + 1
		local pairs_of = numbers(bytes, masteries + 1, masteries + (bytes:byte(masteries) or 0) * 4)
		for index = 1, #pairs_of - 1, 2 do
			local effect, id = pairs_of[index], pairs_of[index + 1]
			if tree.masteryEffects[effect] then
				state.effects[id] = effect
			else
				state.nodes[id] = nil
			end
		end
	end
	return state
end

---@param tree table
---@param spec table?
---@return EditTree
local function view_tree(tree, spec)
	return {
		node = function(id)
			return spec and spec_node(spec, id) or tree_node(tree, id)
		end,
		class_id = function(name)
			return tree.classNameMap[name]
		end,
		ascendancy_id = function(class_id, name)
			local class = tree.classes[class_id]
			for id, ascendancy in pairs(class and class.classes or {}) do
				if ascendancy.name == name then
					return id
				end
			end
		end,
		starts = function(class_id, ascendancy_id, secondary_id)
			local class = tree.classes[class_id]
			local ascendancy = class and (class.classes[ascendancy_id] or class.classes[0])
			local secondary = tree.alternate_ascendancies and tree.alternate_ascendancies[secondary_id]
			local ids = {}
			for _, owner in pairs({ class = class, ascendancy = ascendancy, secondary = secondary }) do
				ids[#ids + 1] = owner.startNodeId
			end
			return ids
		end,
		tattoo = function(name)
			local node = tree.tattoo.nodes[name]
			return node and {
				icon = tostring(node.icon), active_effect_image = tostring(node.activeEffectImage), lines = node.sd,
			}
		end,
		decode_url = function(url)
			return decode_url(tree, url)
		end,
	}
end

---PoB drops " Support" from most supports' names, and keeps it where an active skill has the same name.
---@param name string
---@return EditGem?
local function find_gem(name)
	local stem = name:match('^(.+) Support$')
	local best_id, best
	for id, gem in pairs(data.gems) do
		local fits = gem.name == name or (stem and gem.name == stem and gem.tags.support)
		-- Two gems of one name: the smaller id, so that every process takes the same.
		if fits and not gem.grantedEffect.unsupported and (not best_id or id < best_id) then
			best_id, best = id, gem
		end
	end
	return best and {
		name = best.name, game_id = best.gameId, variant_id = best.variantId,
		skill_id = best.grantedEffectId, max_level = best.naturalMaxLevel,
	}
end

---@return table<string, ConfigOption>
local function config_options()
	local options = {}
	for _, option in ipairs(LoadModule('Modules/ConfigOptions')) do
		if option.var then
			local values
			for _, choice in ipairs(option.list or {}) do
				values = values or {}
				values[choice.val] = true
			end
			options[option.var] = { type = option.type, values = values }
		end
	end
	return options
end

---@param spec table? the active `PassiveSpec` of the base, if it is loaded in this VM: with it ways through nodes of
---  cluster jewels are found as well
---@return EditLookup
function M.new(spec)
	local options
	local function known_options()
		options = options or config_options()
		return options
	end
	return {
		parse_xml = common.xml.ParseXML,
		default_tree_version = defaultTreeVersion,
		latest_tree_version = latestTreeVersion,
		tree = function(version)
			local tree = treeVersions[version] and main:LoadTree(version)
			return tree and view_tree(tree, spec and spec.treeVersion == version and spec or nil)
		end,
		gem = find_gem,
		config_options = known_options,
		config_option = function(name)
			return known_options()[name]
		end,
		is_jewel_socket = function(id)
			-- PoB makes slots for the sockets of its latest tree, whatever tree the build has.
			local node = main.tree[latestTreeVersion].nodes[id]
			return node ~= nil and node.type == 'Socket'
		end,
		item_text = function(text)
			local item = new('Item', text)
			return item.base and sanitiseText(text)
		end,
	}
end

return M
