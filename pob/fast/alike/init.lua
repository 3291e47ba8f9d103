-- Variations of passive nodes that come to the same. Two trees whose modifiers differ only in what no question finds, or in
-- who says it, give the same output: the second one is not computed again. Owns the outputs that are kept, for as long as
-- the base is loaded.
--
-- While a variation is computed the modifier stores are listened to (`fast/stores.lua`): what they were asked for
-- (`asked.lua`), and which of their answers depend on the order of nodes (`order.lua`). By induction over the questions, a
-- second calculation goes the way of the first as long as each answer is the same.

local asked = require("fast.alike.asked")
local classes = require("fast.alike.classes")
local nodes = require("fast.nodes")
local order = require("fast.alike.order")
local stores = require("fast.stores")

local M = {}

---Trees that differ from the base in more nodes are hardly ever alike.
local CHANGES_MAX = 12
---Outputs that are kept, each about 40 KB. Memory watermarks replace the runtime before.
local KEPT_MAX = 4096
---What PoB asks for without a query to a database: by the first two it scales items, the third it looks up itself.
local ASKED_UNHEARD = { "EffectOfBonusesFromGloves", "EffectOfBonusesFromBoots", "Keystone" }
---How many notables are allocated is a modifier, too.
local NOTABLES = { name = "Multiplier:AllocatedNotable", type = "BASE", flags = 0, keywordFlags = 0, value = 1 }

---Keeps classes and how many more there are of them apart: of one there are never so many.
local KEY_STEP = 2 ^ 16

---An output, and what it depends on.
---@class (exact) Kept
---@field difference table<integer, integer> from the base: class of modifiers -> how many more
---@field notes OrderNote[]
---@field output Output

---@type table<string, Kept[]> by those differences that count
local kept = {}
local count = 0
---At which version of the questions the keys were made.
local keyed_at = 0
---@type table<string, integer> names of modifiers on whose order something kept depends
local ordered_names = {}
---@type table<integer, boolean> by class, at that version
local is_asked_for = {}

---@type { reached: table<integer, boolean>, granted: table? }? what is known of the base; nil: it takes no part
local base
---Whether PoB's stores, and its calculator, are those whose questions we know.
local stores_known, installed = false, false

function M.know_stores()
	stores_known = true
end

---The loaded build's calculator is one that we know.
function M.install()
	installed = stores_known
end

---@return table<string, table[]> by name
local function mods_of_nodes()
	local mods, seen = { [NOTABLES.name] = { NOTABLES } }, {}
	for _, node in pairs(build.spec.nodes) do
		local brought = classes.brought(node)
		for i, name in ipairs(brought.names) do
			local class = brought.classes[i]
			if not seen[class] then
				seen[class] = true
				mods[name] = mods[name] or {}
				table.insert(mods[name], classes.example(class))
			end
		end
	end
	return mods
end

---Whether what nodes grant comes in an order that another node may change.
---@param env table
---@return boolean
local function grants_in_order(env)
	local granting, exploding = 0, {}
	for _, source in ipairs(env.explodeSources) do
		exploding[source] = true
	end
	for _, node in pairs(env.allocNodes) do
		if exploding[node] or (node.grantedSkills and node.grantedSkills[1]) then
			granting = granting + 1
		end
	end
	return granting > 1
end

---Forgets everything; begins with a base, or with none.
---@param env table? the environment of the base
---@param asked_ahead string[] names that were asked for when nobody listened
function M.prepare(env, asked_ahead)
	kept, count, ordered_names, is_asked_for = {}, 0, {}, {}
	base = nil
	if not (installed and env) or grants_in_order(env) then
		return
	end
	local granted = {}
	for id, node in pairs(env.allocNodes) do
		if not build.spec.allocNodes[id] then
			granted[#granted + 1] = node
		end
	end
	-- In which order several are put in is not known.
	if granted[2] then
		return
	end
	local reached, extra = {}, env.modDB.mods.ExtraJewelFunc
	for _, jewel in ipairs(env.radiusJewelList) do
		-- One that brings no function gets one from PoB that counts attributes, for tooltips.
		local functions = extra or not jewel.item.jewelData or jewel.item.jewelData.funcList
		for id in pairs(functions and jewel.nodes or {}) do
			reached[id] = true
		end
	end
	asked.reset(mods_of_nodes())
	for _, names in ipairs({ ASKED_UNHEARD, asked_ahead }) do
		for _, name in ipairs(names) do
			asked.settle(name)
		end
	end
	order.may_be_several, order.of_keystones = {}, {}
	for _, keystone in pairs(build.spec.tree.keystoneMap) do
		for _, mod in ipairs(keystone.modList or {}) do
			order.of_keystones[mod] = true
		end
	end
	for name, list in pairs(env.modDB.mods) do
		for _, mod in ipairs(list) do
			order.may_be_several[name] = order.may_be_several[name] or classes.is_of_tree(mod) or nil
		end
	end
	base = { reached = reached, granted = granted[1] }
end

---Whether a node brings its own modifiers, and nothing else happens with it.
---@param node table
---@return boolean
local function is_plain(node)
	return (node.type == "Normal" or node.type == "Notable")
		and node.modList ~= nil
		and not base.reached[node.id]
		and not (base.granted and base.granted.id == node.id)
		and not nodes.changes_itself(node.modList)
end

---@param changes NodeChange[]
---@return table<integer, integer>? difference
local function difference_of(changes)
	local difference, names = {}, {}
	local function add(class, more)
		difference[class] = (difference[class] or 0) + more
	end
	for i = 1, #changes do
		local node, more = changes[i].node, changes[i].add and 1 or -1
		if not is_plain(node) then
			return nil
		end
		if node.type == "Notable" then
			add(classes.of(NOTABLES), more)
		end
		local brought = classes.brought(node)
		for j = 1, #brought.classes do
			local name = brought.names[j]
			if names[name] then
				order.may_be_several[name] = true
			end
			names[name] = true
			add(brought.classes[j], more)
		end
	end
	return difference
end

---@param class integer
---@return boolean
local function counts(class)
	local answer = is_asked_for[class]
	if answer == nil then
		answer = asked.finds(classes.example(class))
		is_asked_for[class] = answer
	end
	return answer
end

---@param difference table<integer, integer>
---@return string
local function key_of(difference)
	local parts = {}
	for class, more in pairs(difference) do
		if more ~= 0 and counts(class) then
			parts[#parts + 1] = class * KEY_STEP + more
		end
	end
	table.sort(parts)
	return table.concat(parts, ",")
end

---@param entry Kept
local function put(entry)
	local key = key_of(entry.difference)
	local entries = kept[key]
	if not entries then
		entries = {}
		kept[key] = entries
	end
	entries[#entries + 1] = entry
end

---New questions tell apart what was alike before them.
local function bring_up_to_date()
	if keyed_at == asked.version then
		return
	end
	keyed_at, is_asked_for = asked.version, {}
	local old = kept
	kept = {}
	for _, entries in pairs(old) do
		for _, entry in ipairs(entries) do
			put(entry)
		end
	end
end

---The nodes as the part of `calcs.initEnv` that adds their modifiers goes through them.
---@return table<integer, table>
local function nodes_in_order()
	local allocated = copyTable(build.spec.allocNodes, true)
	if base.granted then
		allocated[base.granted.id] = base.granted
	end
	return allocated
end

---Looks for the output of the tree that is allocated now.
---@param changes NodeChange[]? in what it differs from the base
---@return Output?
---@return table<integer, integer>? difference from the base, if it must be computed and may be kept
function M.find(changes)
	if not base or not changes or not changes[1] or #changes > CHANGES_MAX then
		return nil, nil
	end
	local difference = difference_of(changes)
	if not difference then
		return nil, nil
	end
	bring_up_to_date()
	local entries = kept[key_of(difference)]
	if entries then
		local sequences = next(ordered_names) and order.sequences(nodes_in_order(), ordered_names) or {}
		for i = 1, #entries do
			if order.same(entries[i].notes, sequences) then
				return entries[i].output, nil
			end
		end
	end
	return nil, difference
end

---Listens, until `stop`.
function M.listen()
	order.begin()
	stores.listen(true)
end

function M.stop()
	stores.listen(false)
end

---@param output Output
---@return Output
local function scalars_of(output)
	local copy = {}
	for name, value in pairs(output) do
		if type(value) ~= "table" then
			copy[name] = value
		end
	end
	return copy
end

---Keeps what was computed while listening; the tree is still the one that was looked for.
---@param difference table<integer, integer>
---@param output Output
function M.keep(difference, output)
	local names = order.names()
	local notes = order.finish(order.sequences(nodes_in_order(), names))
	if not notes or count >= KEPT_MAX then
		return
	end
	for name in pairs(names) do
		ordered_names[name] = true
	end
	bring_up_to_date()
	put({ difference = difference, notes = notes, output = scalars_of(output) })
	count = count + 1
end

return M
