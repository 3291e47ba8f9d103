-- Switches the JIT on; and evaluates what-ifs of every kind, so that forks of this VM inherit compiled traces.

local alike = require("fast.alike")
local base = require("adapter.base")

-- Taken here because the lock-down removes it from the global table.
local jit = jit

local M = {}

---PoB's own limits overflow, and every overflow throws all traces away. This set was the first good one found.
local JIT_OPTIONS = {
	"maxtrace=16000", "maxrecord=8000", "maxirconst=2000", "maxmcode=131072", "sizemcode=256", "maxside=200",
	"maxsnap=800", "hotexit=30",
}
---How many what-ifs of nodes are computed; the other kinds come to a few dozen, depending on the build.
local NODE_WHAT_IFS = 120
---How many are tried: some turn out to be alike, and are not computed again.
local NODE_TRIES_MAX = 400
local GROUPS_MAX = 4
---So many items are tried, each with a line of its own: items that come to the same are not computed again.
local LINES = { "+10 to maximum Life", "10% increased Damage", "+15 to Strength", "5% increased Armour" }

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

---What-ifs of nodes: each that one point reaches, then two of those at once; between them some that are given up.
---@param evaluate fun(variation: Variation): EvaluateResult?, EngineError?
local function try_nodes(evaluate)
	local outside, inside = frontier(), base.allocated()
	local computed = 0
	for i = 1, NODE_TRIES_MAX do
		if computed >= NODE_WHAT_IFS then
			return
		end
		local variation
		if i % 4 == 0 or not outside[1] then
			variation = { deallocate = { inside[(i * 7) % #inside + 1] } }
		else
			local number = i - math.ceil(i / 4)
			local round = math.floor(number / #outside)
			local first = number % #outside + 1
			local second = (first + round - 1) % #outside + 1
			variation = { allocate = { outside[first], second ~= first and outside[second] or nil } }
		end
		local result = evaluate(variation)
		computed = computed + (result and result.path == "cached" and 0 or 1)
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
		if item and item.raw and count < #LINES then
			count = count + 1
			list[#list + 1] = { items = { { slot = slot.slotName, text = item.raw .. "\n" .. LINES[count] } } }
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

---Has whatever runs from now on compiled. Booting and loading do without: hardly any of their code runs twice.
function M.compile()
	jit.on()
	jit.opt.start(unpack(JIT_OPTIONS))
end

---@param loaded LoadedBase
---@param evaluate fun(variation: Variation): EvaluateResult?, EngineError?
function M.run(loaded, evaluate)
	try_nodes(evaluate)
	local list = {}
	add_skills(list, loaded.groups)
	add_items(list)
	add_config(list)
	for _, variation in ipairs(list) do
		-- Failures do not matter: not every build takes every change.
		evaluate(variation)
	end
	alike.share()
end

return M
