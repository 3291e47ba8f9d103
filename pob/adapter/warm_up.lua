-- Switches the JIT on and evaluates what-ifs of every kind, so that forks of this VM inherit compiled traces.

local base = require("adapter.base")

-- Taken here because the lock-down removes it from the global table.
local jit = jit

local M = {}

---PoB's own limits overflow, and every overflow throws all traces away. This set was the first good one found.
local JIT_OPTIONS = {
	"maxtrace=16000", "maxrecord=8000", "maxirconst=2000", "maxmcode=131072", "sizemcode=256", "maxside=200",
	"maxsnap=800", "hotexit=30",
}
---How many what-ifs of nodes; the other kinds come to a few dozen, depending on the build.
local NODE_WHAT_IFS = 120
local GROUPS_MAX, ITEMS_MAX = 4, 4

---@return integer[] ids of unallocated nodes next to allocated ones, ascending
local function frontier()
	local ids, seen = {}, {}
	for _, node in pairs(build.spec.allocNodes) do
		for _, other in ipairs(node.linked) do
			if not build.spec.allocNodes[other.id] and not seen[other.id] then
				seen[other.id] = true
				ids[#ids + 1] = other.id
			end
		end
	end
	table.sort(ids)
	return ids
end

---@param list Variation[]
local function add_nodes(list)
	local outside, inside = frontier(), base.allocated()
	for i = 1, NODE_WHAT_IFS do
		if i % 4 == 0 then
			list[#list + 1] = { deallocate = { inside[(i * 7) % #inside + 1] } }
		elseif outside[1] then
			list[#list + 1] = { allocate = { outside[(i - 1) % #outside + 1] } }
		end
	end
end

---@param list Variation[]
---@param groups { node: table, group: table }[]
local function add_skills(list, groups)
	for group = 1, math.min(#groups, GROUPS_MAX) do
		for gem in ipairs(groups[group].group.gemList) do
			list[#list + 1] = { gems = { { group = group, gem = gem, level = 15 } } }
			list[#list + 1] = { gems = { { group = group, gem = gem, enabled = false } } }
		end
		list[#list + 1] = { groups = { { group = group, enabled = false } } }
	end
end

---@param list Variation[]
local function add_items(list)
	local count = 0
	for _, slot in ipairs(build.itemsTab.orderedSlots) do
		local item = not slot.nodeId and build.itemsTab.items[slot.selItemId]
		if item and item.raw and count < ITEMS_MAX then
			count = count + 1
			list[#list + 1] = { items = { { slot = slot.slotName, text = item.raw } } }
			list[#list + 1] = { items = { { slot = slot.slotName, empty = true } } }
		end
	end
end

---@param list Variation[]
local function add_config(list)
	list[#list + 1] = { config = { conditionLowLife = true } }
	list[#list + 1] = { config = { enemyIsBoss = "Pinnacle" } }
	list[#list + 1] = { config = { multiplierNearbyEnemies = 3 } }
	list[#list + 1] = { custom_mods = "+100 to maximum Life\n20% increased Damage" }
	list[#list + 1] = { level = 90 }
end

---@param loaded LoadedBase
---@param evaluate fun(variation: Variation): EvaluateResult?, EngineError?
function M.run(loaded, evaluate)
	jit.on()
	jit.opt.start(unpack(JIT_OPTIONS))
	local list = {}
	add_nodes(list)
	add_skills(list, loaded.groups)
	add_items(list)
	add_config(list)
	for _, variation in ipairs(list) do
		-- Failures do not matter: not every build takes every change.
		evaluate(variation)
	end
end

return M
