-- Takes down what the calculations of a base have in common: sets its environment up twice, side by side, in stages, and a
-- third time from what was taken down at the first stage, to see what the part behind the nodes added. Whatever it does
-- not understand it refuses: PoB does it then.

local answers = require("fast.prepared.answers")
local plan = require("fast.prepared.plan")
local recipes = require("fast.prepared.recipes")
local same = require("fast.same")
local sockets = require("fast.prepared.sockets")
local stages = require("fast.prepared.stages")
local writes = require("fast.prepared.writes")

local next, rawequal, rawget = next, rawequal, rawget

local M = {}

---What initEnv says about the tree in `modDB` before it comes to the items.
local COUNTS = {
	["Multiplier:AllocatedNotable"] = true,
	["Multiplier:AllocatedMastery"] = true,
	["Multiplier:AllocatedMasteryType"] = true,
	["Multiplier:AllocatedLifeMastery"] = true,
}
---Fields of the environment that come with the nodes, and with who wants them.
local NOT_TAKEN = {
	allocNodes = true,
	initialNodeModDB = true,
	extraRadiusNodeList = true,
	keystonesAdded = true,
	override = true,
}

---@param what string
local function refuse(what)
	error({ refused = what }, 0)
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
---@param a Run
---@param b Run
---@return Book
local function freeze_before(a, b)
	local book = recipes.new()
	recipes.number(book, a.env, b.env, "env")
	local mods = a.env.modDB.mods
	local skips = { [a.env] = NOT_TAKEN, [mods] = {} }
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
---@param run Run
---@return { id: integer, node: table? }[]
local function decisive_nodes(run)
	local found, counts = {}, run.counts_of_node
	local function discount(id)
		counts[id] = (counts[id] or 0) - 1
	end
	for _, slot in pairs(build.itemsTab.orderedSlots) do
		if slot.nodeId and not build.itemsTab.items[slot.selItemId] then
			discount(slot.nodeId)
		end
	end
	for _, jewel in ipairs(run.env.radiusJewelList) do
		for id in pairs(jewel.type ~= "Self" and jewel.nodes or {}) do
			discount(id)
		end
	end
	for id, count in pairs(counts) do
		if count ~= 0 then
			found[#found + 1] = { id = id, node = run.allocated[id] }
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
				if not same(mod, before[i]) then
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
---@param run Run
---@param env table before that part
local function find_answers(prepared, run, env)
	local items = env.player.itemList
	if not items["Weapon 1"] and not items["Weapon 2"] and not items["Gloves"] then
		-- The one thing that is looked up without a query: Hollow Palm Technique.
		run.asked.Keystone = true
	end
	for name in pairs(run.asked) do
		prepared.reads[#prepared.reads + 1] = name
	end
	prepared.answers = env.modDB.mods
	prepared.conditions, prepared.multipliers = env.modDB.conditions, env.modDB.multipliers
	prepared.node_reads = run.asked_nodes
	prepared.node_answers = answers.named(env.initialNodeModDB, run.asked_nodes)
end

---What can be said when the part about the nodes comes.
---@param a Run
---@param b Run
---@return Prepared
---@return Book
local function prepare(a, b)
	local book = freeze_before(a, b)
	local prepared = {
		plan_before = plan.of(book.recipes, 1, #book.recipes),
		before = #book.recipes,
		tree_conditions = a.conditions,
		tree_multipliers = a.multipliers,
		sources = { unpack(a.env.explodeSources, a.sources + 1) },
		nodes = decisive_nodes(a),
		sockets = sockets.count(build.skillsTab.socketGroupList),
		tattoos = build.spec.allocatedTattooTypes,
		late = {},
		sets = {},
		tails = {},
		reads = {},
	}
	return prepared, book
end

---Refuses unless the nodes come out on the copy as they do for PoB: what the part behind them adds would hide it.
---@param run Run where the part about the nodes ends
---@param env table
local function check_nodes(run, env)
	-- The copy has come to its end, and there it got these two.
	env.grantedSkills, env.requirementsTable = {}, nil
	recipes.compare(run.env, env)
end

---Takes down the base that is loaded.
---@param calcs table
---@param init function `calcs.initEnv`
---@param make_before fun(prepared: Prepared, override: table, varied: Prepares): table[]
---@param reset fun() makes of the build what it is before a calculation
---@return Prepared
function M.run(calcs, init, make_before, reset)
	reset()
	local a, b = stages.begin(init), stages.begin(init)
	stages.go_on(calcs, a)
	stages.go_on(calcs, b)
	if not (a.merged and b.merged) then
		refuse("an order of things that is not known")
	end
	local prepared, book = prepare(a, b)
	stages.go_on(calcs, a)
	stages.go_on(calcs, b)
	if not (a.joined and b.joined) then
		refuse("an order of things that is not known")
	end
	check_nodes(b, make_before(prepared, {}, "nodes")[1])
	local before = writes.look(tables_of_all())
	stages.go_on(calcs, a)
	prepared.writes = writes.since(before)
	reset()
	stages.go_on(calcs, b)
	stages.stop_listening(a)
	stages.stop_listening(b)
	if a.result ~= a.env or b.result ~= b.env then
		refuse("an environment that is set up twice")
	end
	local made = make_before(prepared, {}, "nodes")
	find_sets(prepared, book, made, a.env)
	find_tails(prepared, book, a.env.modDB.mods, b.env.modDB.mods, made[1].modDB.mods)
	recipes.complete(book)
	prepared.plan_behind = plan.of(book.recipes, prepared.before + #prepared.late + 1, #book.recipes)
	find_answers(prepared, a, made[1])
	return prepared
end

return M
