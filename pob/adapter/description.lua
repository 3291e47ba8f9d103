-- What the loaded build is made of.

local catalogue = require("adapter.catalogue")

local M = {}

---@param number any
---@return integer
local function whole(number)
	return math.max(0, math.floor(tonumber(number) or 0))
end

---@return integer[] nodes, table[] masteries
local function tree(spec)
	local ids, masteries = {}, {}
	for id, node in pairs(spec.allocNodes) do
		if node.type ~= "ClassStart" and node.type ~= "AscendClassStart" then
			ids[#ids + 1] = id
		end
		if spec.masterySelections[id] then
			masteries[#masteries + 1] = { node = id, effect = spec.masterySelections[id] }
		end
	end
	table.sort(ids)
	table.sort(masteries, function(a, b)
		return a.node < b.node
	end)
	return ids, masteries
end

---@return table[] items, table[] slots
local function items()
	local held, worn = {}, {}
	for id, item in pairs(build.itemsTab.items) do
		held[#held + 1] = { id = id, name = item.name or "", text = item:BuildRaw() }
	end
	table.sort(held, function(a, b)
		return a.id < b.id
	end)
	for _, slot in ipairs(build.itemsTab.orderedSlots) do
		if slot.selItemId > 0 and (not slot.nodeId or build.spec.allocNodes[slot.nodeId]) then
			local name = slot.nodeId and "Jewel " .. slot.nodeId or slot.slotName
			worn[#worn + 1] = { slot = name, item = slot.selItemId, active = slot.active == true }
		end
	end
	return held, worn
end

---@return table[]
local function groups()
	local list = {}
	for i, group in ipairs(build.skillsTab.socketGroupList) do
		local gems = {}
		for j, gem in ipairs(group.gemList) do
			gems[j] = {
				name = gem.nameSpec or "",
				level = whole(gem.level),
				quality = whole(gem.quality),
				enabled = gem.enabled == true,
				support = gem.gemData ~= nil and gem.gemData.tags.support == true,
			}
		end
		list[i] = {
			label = group.label or "",
			slot = group.slot or "",
			enabled = group.enabled == true,
			include_in_full_dps = group.includeInFullDPS == true,
			gems = gems,
		}
	end
	return list
end

---Builds keep what versions of long ago called their options; what has no control any more has no effect.
---@return table[]
local function config()
	local settings = {}
	for name, value in pairs(build.configTab.input) do
		if build.configTab.varControls[name] then
			settings[#settings + 1] = { name = name, value = catalogue.config_value(value) }
		end
	end
	table.sort(settings, function(a, b)
		return a.name < b.name
	end)
	return settings
end

function M.build()
	local spec = build.spec
	local nodes, masteries = tree(spec)
	local held, worn = items()
	return {
		class = spec.curClassName,
		ascendancy = spec.curAscendClassId ~= 0 and spec.curAscendClassName or "",
		level = build.characterLevel,
		tree_version = spec.treeVersion,
		nodes = nodes,
		masteries = masteries,
		items = held,
		slots = worn,
		groups = groups(),
		main_socket_group = build.mainSocketGroup,
		config = config(),
	}
end

return M
