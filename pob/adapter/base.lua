-- Loads a base from a clean state, and checks that PoB really took it: after a bad load PoB keeps the build before.

local M = {}

---Name that PoB shows for the build; never saved anywhere.
local BUILD_NAME = "base"

---@param kind FailureKind
---@param message string
---@return nil, EngineError
local function refuse(kind, message)
	return nil, { kind = kind, message = (message:gsub("%^x%x%x%x%x%x%x", ""):gsub("%^%d", ""):gsub("%s+", " ")) }
end

---@param parent table a parsed element
---@param name string
---@return table? element
local function child(parent, name)
	for _, element in ipairs(parent) do
		if type(element) == "table" and element.elem == name then
			return element
		end
	end
end

---@param xml string
---@return table? root the parsed `PathOfBuilding` element
---@return EngineError?
local function parse(xml)
	local document, message = common.xml.ParseXML(xml)
	if not document then
		return refuse("bad_build", "the XML is broken: " .. message)
	end
	local root = document[1]
	if type(root) ~= "table" then
		return refuse("bad_build", "the text is no XML")
	elseif root.elem ~= "PathOfBuilding" then
		return refuse("bad_build", "the root element is <" .. tostring(root.elem) .. ">, not <PathOfBuilding>")
	elseif not child(root, "Build") then
		return refuse("bad_build", "there is no <Build> element")
	end
	return root
end

---@param root table
---@param available table<string, boolean> tree versions that lie on disk
---@return true?, EngineError?
local function check_trees(root, available)
	local tree = child(root, "Tree")
	for _, spec in ipairs(tree or {}) do
		local version = type(spec) == "table" and spec.elem == "Spec" and (spec.attrib.treeVersion or defaultTreeVersion)
		if version and not available[version] then
			return refuse("unknown_tree", "the build has a passive tree of version '" .. version .. "', which this engine does not have")
		end
	end
	return true
end

---Nodes that the build lists and PoB gave up.
---@param root table
---@return EngineWarning[]
local function dropped_nodes(root)
	local warnings = {}
	local spec_index = 0
	for _, spec in ipairs(child(root, "Tree") or {}) do
		if type(spec) == "table" and spec.elem == "Spec" then
			spec_index = spec_index + 1
			if spec_index == build.treeTab.activeSpec then
				for id in (spec.attrib.nodes or ""):gmatch("%d+") do
					if not build.spec.allocNodes[tonumber(id)] then
						local message = "node " .. id .. " of the build is given up: nothing connects it"
						warnings[#warnings + 1] = { kind = "node_dropped", message = message }
					end
				end
			end
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

---@param xml string
---@param available table<string, boolean>
---@return BaseInfo?, EngineError?
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

	-- PoB's caches and dialogs survive a load; what another build left there would go into this one.
	wipeGlobalCache()
	launch.promptMsg = nil
	main.popups = {}
	main.newMode = nil
	main.mode = "BUILD"
	-- A global of PoB's own wrapper; parts of PoB look for it.
	build = main.modes.BUILD
	for _, part in ipairs({ "calcsTab", "spec", "importLink", "latestTree" }) do
		build[part] = nil
	end

	-- This is what PoB's first frame with a build does, without drawing it: drawing changes the level of builds with
	-- automatic level after their output was computed.
	local message = PCall(build.Init, build, false, BUILD_NAME, xml)
	if message then
		return refuse("bad_build", "Path of Building fails to load it: " .. tostring(message))
	end
	message = failed_load()
	if message then
		return refuse("bad_build", message)
	end
	-- With the tree in view PoB computes the full DPS in every what-if.
	build.viewMode = "CALCS"
	return { warnings = dropped_nodes(root) }
end

return M
