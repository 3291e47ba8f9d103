-- Takes down what the calculations of a base have in common: sets its environment up twice, side by side, in three
-- stages, and a third time from what was taken down at the first, to see what the part behind the nodes added. Owns the
-- knowledge of where in `calcs.initEnv` the stages end. Whatever it does not understand it refuses: PoB does it then.

local answers = require("fast.prepared.answers")
local recipes = require("fast.prepared.recipes")

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

---What one run has shown so far.
---@class (exact) Seen
---@field env table?
---@field result table? what the run gave back
---@field lengths table<string, integer>? modifiers of the character before the tree, by name
---@field nodes table? modifiers of the nodes before the items
---@field node_sources integer? nodes that make enemies explode before the items
---@field merged boolean? the items are done
---@field joined boolean? the nodes are done
---@field asked_nodes table<string, boolean> names that the items ask the nodes for
---@field asked_base table<string, boolean> names that they ask the character for
---@field asked table<string, boolean> names that the part behind the nodes asks the character for

---@param mods table<string, table[]>
---@return table<string, integer>
local function lengths_of(mods)
	local found = {}
	for name, list in pairs(mods) do
		found[name] = #list
	end
	return found
end

---Goes on with setting an environment up: to where the items end, to where the part about the nodes ends, to the end.
---Where that is PoB's helpers tell.
---@param calcs table
---@param run thread
---@param seen Seen
local function go_on(calcs, run, seen)
	local copy, merge, concat, list = specCopy, mergeDB, tableConcat, calcs.buildModListForNodeList
	function specCopy(env)
		seen.env, seen.lengths = seen.env or env, seen.lengths or lengths_of(env.modDB.mods)
		return copy(env)
	end
	function calcs.buildModListForNodeList(env, ...)
		local nodes = list(env, ...)
		if not seen.nodes then
			seen.nodes, seen.node_sources = nodes, #env.explodeSources
			answers.listen(nodes, seen.asked_nodes)
			answers.listen(env.modDB, seen.asked_base)
		end
		return nodes
	end
	function mergeDB(target, from)
		if not seen.merged then
			seen.merged = true
			answers.stop_listening(seen.nodes)
			answers.stop_listening(target)
			coroutine.yield()
		end
		return merge(target, from)
	end
	function tableConcat(...)
		local joined = concat(...)
		if not seen.joined then
			seen.joined = true
			coroutine.yield()
			answers.listen(seen.env.modDB, seen.asked)
		end
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
	local seen = { asked_nodes = {}, asked_base = {}, asked = {} }
	local run = coroutine.create(function()
		seen.result = init(build, "CALCULATOR", {})
	end)
	return run, seen
end

---@param what string
local function refuse(what)
	error({ refused = what }, 0)
end

---Takes down the environment of the base when the part about the nodes comes.
---@param a Seen
---@param b Seen
---@return Book
local function freeze_before(a, b)
	local book = recipes.new()
	recipes.number(book, a.env, b.env, "env")
	local mods = a.env.modDB.mods
	local skips = { [a.env] = { allocNodes = true, initialNodeModDB = true, override = true }, [mods] = {} }
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
					book.index_of[value] = #book.first + 1
					book.first[#book.first + 1], book.second[#book.second + 1] = value, rawget(book.second[i], key)
					book.recipes[#book.recipes + 1] = false
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
			else
				local tail = rawequal(mod, twin) and { mod = mod } or { ref = recipes.number(book, mod, twin, name) }
				prepared.tails[#prepared.tails + 1] = tail
			end
		end
	end
end

---Takes down the base that is loaded.
---@param calcs table
---@param init function `calcs.initEnv`
---@param make_before fun(prepared: Prepared, override: table): table[]
---@return Prepared
function M.run(calcs, init, make_before)
	local run_a, a = begin(init)
	local run_b, b = begin(init)
	go_on(calcs, run_a, a)
	go_on(calcs, run_b, b)
	if not (a.env and a.merged and b.merged) then
		refuse("an order of things that is not known")
	end
	local book = freeze_before(a, b)
	local sources = { unpack(a.env.explodeSources, a.node_sources + 1) }
	for _ = 1, 2 do
		go_on(calcs, run_a, a)
		go_on(calcs, run_b, b)
	end
	if a.result ~= a.env or b.result ~= b.env then
		refuse("an environment that is set up twice")
	end
	answers.stop_listening(a.env.modDB)
	answers.stop_listening(b.env.modDB)
	local prepared = { recipes = book.recipes, before = #book.recipes, late = {}, sets = {}, tails = {}, reads = {} }
	prepared.sources = sources
	local made = make_before(prepared, {})
	local env = made[1]
	find_sets(prepared, book, made, a.env)
	find_tails(prepared, book, a.env.modDB.mods, b.env.modDB.mods, env.modDB.mods)
	recipes.complete(book)
	local items = env.player.itemList
	if not items["Weapon 1"] and not items["Gloves"] then
		-- The one thing that is looked up without a query: Hollow Palm Technique.
		a.asked.Keystone = true
	end
	for name in pairs(a.asked) do
		prepared.reads[#prepared.reads + 1] = name
	end
	prepared.answers, prepared.conditions, prepared.multipliers = env.modDB.mods, env.modDB.conditions, env.modDB.multipliers
	prepared.node_reads = a.asked_nodes
	prepared.node_answers = answers.named(env.initialNodeModDB, a.asked_nodes)
	return prepared
end

return M
