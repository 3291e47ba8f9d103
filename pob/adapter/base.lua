-- Loads a base from a clean state, and checks that PoB really took it: after a bad load PoB keeps the build before.

local fast = require("fast")
local apply_config = require("adapter.apply.config")
local apply_nodes = require("adapter.apply.nodes")
local calculate = require("adapter.calculate")
local document = require("adapter.edit.document")
local grants = require("adapter.grants")
local lookup = require("adapter.edit.lookup")
local pristine = require("adapter.pristine")
local recorder = require("adapter.recorder")

local M = {}

---What is known of the base that is loaded.
---@class (exact) LoadedBase
---@field recording Recording
---@field groups { node: table, group: table }[] socket groups of the active set, in order of the file
---@field config_controls ControlState[] the config tab's controls after loading
---@field grants string signature of the skills that items and nodes grant
---@field main_socket_group integer as the file says
---@field next_item_id integer
---@field starts integer[] the class's starts in the tree
---@field ordered_ids integer[] allocated nodes that are no starts, ascending
---@field unconnected table<table, boolean> allocated nodes that only a jewel holds
---@field measures_distances boolean a jewel's effect depends on its distance to the class's start
---@field jewels_hold_nodes boolean a jewel lets nodes be allocated that nothing connects
---@field lookup EditLookup
---@field tree fun(): EditTree

---Name that PoB shows for the build; never saved anywhere.
local BUILD_NAME = "base"

---@param kind FailureKind
---@param message string
---@return nil, EngineError
local function refuse(kind, message)
	return nil, { kind = kind, message = (StripEscapes(message):gsub("%s+", " ")) }
end

---@param xml string
---@return table? root the parsed `PathOfBuilding` element
---@return EngineError?
local function parse(xml)
	local parsed, message = common.xml.ParseXML(xml)
	if not parsed then
		return refuse("bad_build", "the XML is broken: " .. message)
	end
	local root = parsed[1]
	if type(root) ~= "table" then
		return refuse("bad_build", "the text is no XML")
	elseif root.elem ~= "PathOfBuilding" then
		return refuse("bad_build", "the root element is <" .. tostring(root.elem) .. ">, not <PathOfBuilding>")
	elseif not document.children(root, "Build")[1] then
		return refuse("bad_build", "there is no <Build> element")
	end
	return root
end

---@param root table
---@param available table<string, boolean> tree versions that lie on disk
---@return true?, EngineError?
local function check_trees(root, available)
	local tree = document.section(root, "Tree")
	for _, spec in ipairs(tree and document.children(tree, "Spec") or {}) do
		local version = spec.attrib.treeVersion or defaultTreeVersion
		if not available[version] then
			return refuse("unknown_tree", "the build's passive tree has version '" .. version .. "', which is not installed")
		end
	end
	return true
end

---PoB's entry fields take two digits; with a quality of 1e308 its calculation does not come to an end.
local GEM_NUMBER_MAX = 1000

---@param node table an element and all below it
---@return true?, EngineError?
local function check_gems(node)
	for _, child in ipairs(node) do
		if type(child) == "table" then
			for _, name in ipairs(child.elem == "Gem" and { "level", "quality", "count" } or {}) do
				local number = tonumber(child.attrib[name])
				if number and not (math.abs(number) <= GEM_NUMBER_MAX) then
					return refuse("bad_build", "a gem has the " .. name .. " " .. child.attrib[name])
				end
			end
			local known, err = check_gems(child)
			if not known then
				return nil, err
			end
		end
	end
	return true
end

---Nodes that the build lists and PoB gave up.
---@param root table
---@return EngineWarning[]
local function dropped_nodes(root)
	local warnings = {}
	local tree = document.section(root, "Tree")
	local specs = tree and document.children(tree, "Spec") or {}
	local spec = specs[build.treeTab.activeSpec]
	for id in (spec and spec.attrib.nodes or ""):gmatch("%d+") do
		if not build.spec.allocNodes[tonumber(id)] then
			local message = "node " .. id .. " of the build is given up: nothing connects it"
			warnings[#warnings + 1] = { kind = "node_dropped", message = message }
		end
	end
	return warnings
end

---@return string?
local function failed_load()
	if launch.promptMsg then
		return launch.promptMsg
	elseif main.newMode or main.popups[1] then
		return "Path of Building refused it"
	elseif not build.targetVersion then
		return "it was made for another version of the game"
	elseif not build.calcsTab or not build.calcsTab.mainOutput or not build.spec or not build.spec.allocNodes then
		return "Path of Building did not compute it"
	elseif not next(build.spec.allocNodes) then
		return "no passive node is allocated, not even the class's own"
	end
end

---The highest item id of the file, and one more: what an item added to the file would get.
---@param root table
---@return integer
local function next_item_id(root)
	local highest = 0
	local section = document.section(root, "Items")
	for _, item in ipairs(section and document.children(section, "Item") or {}) do
		highest = math.max(highest, tonumber(item.attrib.id) or 0)
	end
	return highest + 1
end

---Whether a jewel in a socket of the tree has one of these properties.
---@param ... string keys of PoB's `jewelData`
---@return boolean
local function jewels_have(...)
	for _, id in pairs(build.spec.jewels) do
		local item = build.itemsTab.items[id]
		for _, property in ipairs({ ... }) do
			local value = item and item.jewelData and item.jewelData[property]
			-- PoB gives every jewel some of these as empty tables.
			if value and (type(value) ~= "table" or next(value)) then
				return true
			end
		end
	end
	return false
end

---Remembers answers, for as long as the base is loaded.
---@param ask fun(key: any): any
local function remembering(ask)
	local answers = {}
	return function(key)
		local answer = answers[key]
		if answer == nil then
			answer = ask(key) or false
			answers[key] = answer
		end
		return answer or nil
	end
end

---@param root table
---@param recording Recording
---@return LoadedBase
local function describe(root, recording)
	local spec = build.spec
	local build_attributes = document.children(root, "Build")[1].attrib
	local questions = lookup.new(spec)
	questions.gem = remembering(questions.gem)
	local tree
	local starts, ordered_ids, unconnected = {}, {}, {}
	local reached = apply_nodes.connected(spec.allocNodes)
	for id, node in pairs(spec.allocNodes) do
		if node.type == "ClassStart" or node.type == "AscendClassStart" then
			starts[#starts + 1] = id
		else
			ordered_ids[#ordered_ids + 1] = id
		end
		if not reached[node] then
			unconnected[node] = true
		end
	end
	table.sort(ordered_ids)
	return {
		recording = recording,
		groups = recording.skills[build.skillsTab.activeSkillSetId] or {},
		config_controls = recorder.control_states(build.configTab),
		grants = "",
		main_socket_group = tonumber(build_attributes.mainSkillIndex) or tonumber(build_attributes.mainSocketGroup) or 1,
		next_item_id = next_item_id(root),
		starts = starts,
		ordered_ids = ordered_ids,
		unconnected = unconnected,
		measures_distances = jewels_have("jewelIncEffectFromClassStart"),
		jewels_hold_nodes = next(unconnected) ~= nil
			or jewels_have("intuitiveLeapLike", "impossibleEscapeKeystone", "impossibleEscapeKeystones"),
		lookup = questions,
		tree = function()
			if not tree then
				tree = questions.tree(spec.treeVersion)
				tree.node = remembering(tree.node)
			end
			return tree
		end,
	}
end

---Ids of the nodes that the loaded build has allocated, ascending.
---@return integer[]
function M.allocated()
	local ids = {}
	for id in pairs(build.spec.allocNodes) do
		ids[#ids + 1] = id
	end
	table.sort(ids)
	return ids
end

---Loads a build from a clean state, whatever was loaded before.
---@param xml string
---@param available table<string, boolean> tree versions that lie on disk
---@return LoadedBase?
---@return EngineError?
---@return EngineWarning[]? warnings
function M.load(xml, available)
	local root, err = parse(xml)
	if not root then
		return nil, err
	end
	local known
	known, err = check_trees(root, available)
	if not known then
		return nil, err
	end
	known, err = check_gems(root)
	if not known then
		return nil, err
	end

	-- PoB's caches and dialogs survive a load; what another build left there would go into this one.
	wipeGlobalCache()
	pristine.before_load(main.modes.BUILD)
	launch.promptMsg = nil
	main.popups = {}
	main.newMode = nil
	main.mode = "BUILD"
	-- A global of PoB's own wrapper; parts of PoB look for it.
	build = main.modes.BUILD

	-- This is what PoB's first frame with a build does, without drawing it: drawing changes the level of builds with
	-- automatic level after their output was computed.
	recorder.start()
	local message = PCall(build.Init, build, false, BUILD_NAME, xml)
	local recording = recorder.stop()
	message = message and "Path of Building fails to load it: " .. tostring(message) or failed_load()
	if message then
		pristine.after_failed_load()
		return refuse("bad_build", message)
	end
	-- With the tree in view PoB computes the full DPS in every what-if.
	build.viewMode = "CALCS"
	pristine.after_load()
	return describe(root, recording), nil, dropped_nodes(root)
end

---Makes a loaded base ready for variations; its output must have been read before.
---@param base LoadedBase
function M.prepare(base)
	calculate.stand_in_for(fast.version_of(build.calcsTab.calcs, "buildOutput"))
	fast.install_in_build(build.calcsTab.calcs)
	local env = calculate.begin()
	base.grants = grants.signature(env)
	local function reset()
		calculate.clean_up(env)
		build.mainSocketGroup = base.main_socket_group
		pristine.reset_groups(build.skillsTab.socketGroupList)
	end
	local output = calculate.flatten(build.calcsTab.mainOutput)
	fast.prepare(build.calcsTab.calcs, reset, env, output, apply_config.mods(base))
	reset()
end

return M
