-- Takes down what the calculations of a base have in common: sets its environment up twice, side by side, in three
-- stages, and a third time from what was taken down at the first, to see what the part behind the nodes added. Owns the
-- knowledge of where in `calcs.initEnv` the stages end. Whatever it does not understand it refuses: PoB does it then.

local answers = require("fast.prepared.answers")
local recipes = require("fast.prepared.recipes")
local writes = require("fast.prepared.writes")

-- Taken here because the lock-down replaces or removes them.
local coroutine, next, rawequal, rawget = coroutine, next, rawequal, rawget

local M = {}

---What initEnv says about the tree in `modDB` before it comes to the items.
local COUNTS = {
	["Multiplier:AllocatedNotable"] = true,
	["Multiplier:AllocatedMastery"] = true,
	["Multiplier:AllocatedMasteryType"] = true,
	["Multiplier:AllocatedLifeMastery"] = true,
}

---Fields of the environment that the part about the nodes sets.
local MADE_WITH_NODES = { allocNodes = true, initialNodeModDB = true, extraRadiusNodeList = true, override = true }

---What one run has shown so far.
---@class (exact) Seen
---@field env table?
---@field result table? what the run gave back
---@field allocated table<integer, table>? the nodes that are allocated before the items
---@field lengths table<string, integer>? modifiers of the character before the tree, by name
---@field conditions table<string, any>? of the character before the tree
---@field multipliers table<string, any>?
---@field node_sources integer? nodes that make enemies explode before the items
---@field at_items boolean? the part about the items is at work
---@field merged boolean? the items are done
---@field joined boolean? the nodes are done
---@field stop (fun())[] what ends the listening
---@field counts_of_node table<integer, integer> nodes that the items ask about, and how often
---@field asked_nodes table<string, boolean> names that the items ask the nodes for
---@field asked_base table<string, boolean> names that they ask the character for
---@field asked table<string, boolean> names that the part behind the nodes asks the character for

---@param what string
local function refuse(what)
	error({ refused = what }, 0)
end

---@param mods table<string, table[]>
---@return table<string, integer>
local function lengths_of(mods)
	local found = {}
	for name, list in pairs(mods) do
		found[name] = #list
	end
	return found
end

---@param seen Seen
local function stop_listening(seen)
	for _, stop in ipairs(seen.stop) do
		stop()
	end
	seen.stop = {}
end

---@param seen Seen
---@param env table
local function note_tree(seen, env)
	if not seen.env then
		local mods = env.modDB
		seen.env, seen.lengths = env, lengths_of(mods.mods)
		seen.conditions, seen.multipliers = copyTable(mods.conditions), copyTable(mods.multipliers)
	end
end

---@param seen Seen
---@param env table
---@param nodes table the modifiers of the nodes
local function note_items(seen, env, nodes)
	if seen.env == env and not seen.at_items then
		seen.at_items, seen.node_sources, seen.allocated = true, #env.explodeSources, env.allocNodes
		env.allocNodes = answers.counting(env.allocNodes, seen.counts_of_node)
		seen.stop = { answers.listen(nodes, seen.asked_nodes), answers.listen(env.modDB, seen.asked_base) }
	end
end

---@param seen Seen
---@param target table
---@param from table
local function note_merge(seen, target, from)
	local env = seen.env
	if env and not seen.merged and target == env.modDB and from == env.itemModDB then
		stop_listening(seen)
		env.allocNodes = seen.allocated
		seen.merged = true
		coroutine.yield()
	end
end

---@param seen Seen
---@param granted table
local function note_join(seen, granted)
	local env = seen.env
	if env and not seen.joined and granted == env.grantedSkillsNodes then
		seen.joined = true
		coroutine.yield()
		seen.stop = { answers.listen(env.modDB, seen.asked) }
	end
end

---Goes on with setting an environment up: to where the items end, to where the part about the nodes ends, to the end.
---@param calcs table
---@param run thread
---@param seen Seen
local function go_on(calcs, run, seen)
	local copy, merge, concat, list = specCopy, mergeDB, tableConcat, calcs.buildModListForNodeList
	function specCopy(env)
		note_tree(seen, env)
		return copy(env)
	end
	function calcs.buildModListForNodeList(env, ...)
		local nodes = list(env, ...)
		note_items(seen, env, nodes)
		return nodes
	end
	function mergeDB(target, from)
		note_merge(seen, target, from)
		return merge(target, from)
	end
	function tableConcat(granted, ...)
		local joined = concat(granted, ...)
		note_join(seen, granted)
		return joined
	end
	local ok, message = coroutine.resume(run)
	specCopy, mergeDB, tableConcat, calcs.buildModListForNodeList = copy, merge, concat, list
	if not ok then
		error(message, 0)
	end
end

---@param init function `calcs.initEnv`
---@return thread
---@return Seen
local function begin(init)
	local seen = { stop = {}, counts_of_node = {}, asked_nodes = {}, asked_base = {}, asked = {} }
	local run = coroutine.create(function()
		seen.result = init(build, "CALCULATOR", {})
	end)
	return run, seen
end

---Tables of the build and of the data that the part behind the nodes may write into.
---@return table[]
local function tables_of_all()
	local list = { build }
	for _, group in ipairs(build.skillsTab.socketGroupList) do
		list[#list + 1] = group
		for _, gem in ipairs(group.gemList) do
			list[#list + 1] = gem
		end
	end
	for _, skill in pairs(data.skills) do
		list[#list + 1] = skill
	end
	return list
end

---Takes down the environment of the base when the part about the nodes comes.
---@param a Seen
---@param b Seen
---@return Book
local function freeze_before(a, b)
	local book = recipes.new()
	recipes.number(book, a.env, b.env, "env")
	local mods = a.env.modDB.mods
	local skips = { [a.env] = MADE_WITH_NODES, [mods] = {} }
	local lengths = {}
	for name, list in pairs(mods) do
		local length = a.lengths[name]
		if #list ~= (length or 0) and not COUNTS[name] then
			refuse("an item that adds '" .. name .. "' itself")
		elseif length then
			lengths[list] = length
		else
			skips[mods][name] = true
		end
	end
	-- Nodes that make enemies explode are added by the part about the nodes, those before the items too.
	lengths[a.env.explodeSources] = 0
	for name in pairs(a.asked_base) do
		if COUNTS[name] then
			refuse("an item that depends on '" .. name .. "'")
		end
	end
	recipes.complete(book, skips, lengths)
	return book
end

---The nodes on which the items depend. Two kinds of questions do not count: a socket asks whether it is allocated, and
---without a jewel does nothing with the answer; a jewel asks about each node in its radius, to list those that are not
---allocated, and that list is made again (`M.extra_nodes`).
---@param seen Seen
---@return { id: integer, node: table? }[]
local function decisive_nodes(seen)
	local found, counts = {}, seen.counts_of_node
	local function discount(id)
		counts[id] = (counts[id] or 0) - 1
	end
	for _, slot in pairs(build.itemsTab.orderedSlots) do
		if slot.nodeId and not build.itemsTab.items[slot.selItemId] then
			discount(slot.nodeId)
		end
	end
	for _, jewel in ipairs(seen.env.radiusJewelList) do
		for id in pairs(jewel.type ~= "Self" and jewel.nodes or {}) do
			discount(id)
		end
	end
	for id, count in pairs(counts) do
		if count ~= 0 then
			found[#found + 1] = { id = id, node = seen.allocated[id] }
		end
	end
	return found
end

---What jewels reach without it being allocated.
---@param env table
---@return table<integer, table>
function M.extra_nodes(env)
	local found = {}
	for _, jewel in ipairs(env.radiusJewelList) do
		if jewel.type ~= "Self" then
			for id in pairs(jewel.nodes) do
				if not env.allocNodes[id] then
					found[id] = env.spec.nodes[id]
				end
			end
		end
	end
	return found
end

---Whether two tables were made by the same part of PoB: as far as one can see without going into them.
---@param a table
---@param b table
---@return boolean
local function alike(a, b)
	for key, value in pairs(a) do
		local other = b[key]
		if not rawequal(value, other) and not (type(value) == "table" and type(other) == "table") then
			return false
		end
	end
	for key in pairs(b) do
		if a[key] == nil then
			return false
		end
	end
	return true
end

---What the part behind the nodes changed in the tables that were there before it.
---@param prepared Prepared
---@param book Book
---@param made table[] the same tables without it
---@param env table
local function find_sets(prepared, book, made, env)
	local late, sets, pending, is_list = prepared.late, prepared.sets, {}, {}
	for _, list in pairs(env.modDB.mods) do
		is_list[list] = true
	end
	for i = 1, prepared.before do
		local with, without = book.first[i], made[i]
		if with ~= env.modDB.mods and not is_list[with] then
			for key, value in next, with do
				local other, number = rawget(without, key), book.index_of[value]
				if i == 1 and key == "override" or rawequal(value, other) then
					-- Nothing to do.
				elseif type(value) ~= "table" then
					sets[#sets + 1] = { at = i, key = key, value = value }
				elseif number then
					if made[number] ~= other then
						sets[#sets + 1] = { at = i, key = key, ref = number }
					end
				elseif type(other) == "table" and alike(value, other) then
					late[#late + 1] = { at = i, key = key }
					recipes.leave(book, value, rawget(book.second[i], key), key)
				else
					pending[#pending + 1] = { at = i, key = key, value = value }
				end
			end
			for key in next, without do
				if rawget(with, key) == nil then
					refuse("something that is gone: " .. tostring(book.keys[i]) .. "." .. tostring(key))
				end
			end
		end
	end
	for _, set in ipairs(pending) do
		local twin = rawget(book.second[set.at], set.key)
		if not rawequal(set.value, twin) then
			set.ref, set.value = recipes.number(book, set.value, twin, set.key), nil
		end
		sets[#sets + 1] = set
	end
end

---The modifiers that the part behind the nodes added.
---@param prepared Prepared
---@param book Book
---@param a table<string, table[]> with them
---@param b table<string, table[]> their twins
---@param without table<string, table[]>
local function find_tails(prepared, book, a, b, without)
	for name, list in pairs(a) do
		local before = without[name] or {}
		for i = 1, #list do
			local mod, twin = list[i], b[name][i]
			if before[i] then
				if not answers.same(mod, before[i]) then
					refuse("another modifier of '" .. name .. "'")
				end
			elseif rawequal(mod, twin) then
				-- PoB writes into such a modifier where it comes from; another calculation may write something else.
				prepared.tails[#prepared.tails + 1] = { mod = mod, source = mod.source }
			else
				prepared.tails[#prepared.tails + 1] = { ref = recipes.number(book, mod, twin, name) }
			end
		end
	end
end

---Takes down what the part behind the nodes asks for, and the answers.
---@param prepared Prepared
---@param seen Seen
---@param env table before that part
local function find_answers(prepared, seen, env)
	local items = env.player.itemList
	if not items["Weapon 1"] and not items["Weapon 2"] and not items["Gloves"] then
		-- The one thing that is looked up without a query: Hollow Palm Technique.
		seen.asked.Keystone = true
	end
	for name in pairs(seen.asked) do
		prepared.reads[#prepared.reads + 1] = name
	end
	prepared.answers = env.modDB.mods
	prepared.conditions, prepared.multipliers = env.modDB.conditions, env.modDB.multipliers
	prepared.node_reads = seen.asked_nodes
	prepared.node_answers = answers.named(env.initialNodeModDB, seen.asked_nodes)
end

---Takes down the base that is loaded.
---@param calcs table
---@param init function `calcs.initEnv`
---@param make_before fun(prepared: Prepared, override: table): table[]
---@param reset fun() makes of the build what it is before a calculation
---@return Prepared
function M.run(calcs, init, make_before, reset)
	reset()
	local run_a, a = begin(init)
	local run_b, b = begin(init)
	go_on(calcs, run_a, a)
	go_on(calcs, run_b, b)
	if not (a.merged and b.merged) then
		refuse("an order of things that is not known")
	end
	local book = freeze_before(a, b)
	local prepared = { recipes = book.recipes, before = #book.recipes, late = {}, sets = {}, tails = {}, reads = {} }
	prepared.sources = { unpack(a.env.explodeSources, a.node_sources + 1) }
	prepared.tree_conditions, prepared.tree_multipliers = a.conditions, a.multipliers
	prepared.nodes = decisive_nodes(a)
	go_on(calcs, run_a, a)
	go_on(calcs, run_b, b)
	local look = writes.look(tables_of_all())
	go_on(calcs, run_a, a)
	prepared.writes = writes.since(look)
	reset()
	go_on(calcs, run_b, b)
	if a.result ~= a.env or b.result ~= b.env or not (a.joined and b.joined) then
		refuse("an environment that is set up twice")
	end
	stop_listening(a)
	stop_listening(b)
	local made = make_before(prepared, {})
	find_sets(prepared, book, made, a.env)
	find_tails(prepared, book, a.env.modDB.mods, b.env.modDB.mods, made[1].modDB.mods)
	recipes.complete(book)
	find_answers(prepared, a, made[1])
	return prepared
end

return M
