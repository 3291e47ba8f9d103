-- The environment of a calculation (`calcs.initEnv`) for variations that change passive nodes or skills alone. Nearly all
-- that is in it comes from items, gems and config, and is the same each time: it is taken down once, and copied from then
-- on. Of PoB's function only the part about nodes runs, on a copy of what lies before it; what lies behind, which is about
-- skills, is put in. Where skills are varied that part runs, too.
--
-- What may be copied is found out, not listed: the base's environment is set up twice, side by side. Tables that both
-- have in one place are shared with the rest of PoB, all others belong to the environment. What the part behind the
-- nodes asks the modifiers of the character is taken down too; where a variation changes an answer, PoB does all itself.

local answers = require("fast.prepared.answers")
local plan = require("fast.prepared.plan")
local recipes = require("fast.prepared.recipes")
local same = require("fast.same")
local sockets = require("fast.prepared.sockets")
local take_down = require("fast.prepared.take_down")
local writes = require("fast.prepared.writes")

local M = {}

---What `initEnv` is to leave alone, by what is varied.
local LEFT_ALONE = {
	nodes = { requirementsItems = true, requirementsGems = true, skills = true },
	skills = { requirementsItems = true },
}

---What is varied: passive nodes; socket groups with their gems and the main skill, or passive nodes, or both.
---@alias Prepares 'nodes'|'skills'

---@class (exact) Prepared
---@field plan_before Plan the tables that are there before the nodes come
---@field before integer how many those are
---@field plan_behind Plan? the tables that the part behind the nodes adds; nil until it is taken down
---@field tree_conditions table<string, any> of the character before the tree
---@field tree_multipliers table<string, any>
---@field sources table[] items that make enemies explode
---@field late { at: integer, key: any }[] tables that the part about the nodes makes and later ones refer to
---@field sets { at: integer, key: any, value: any, ref: integer? }[] what the part behind the nodes adds
---@field tails { mod: table?, source: any, ref: integer? }[] modifiers that it adds
---@field writes Write[] what it writes into tables that all see
---@field nodes { id: integer, node: table? }[] nodes on which the items depend
---@field sockets table<string, integer> how many gems they have in them, by slot
---@field tattoos table<string, integer>? how many there are of each type: from 2.60 on PoB notes it with the character, before the items
---@field reads string[] names that the part behind the nodes asks the character's modifiers for
---@field answers table<string, table[]> what it found there
---@field node_reads table<string, boolean> names that the part about items asks the nodes for
---@field node_answers table[]
---@field conditions table<string, any>
---@field multipliers table<string, any>

---Whether PoB's stores are those whose questions we know.
local stores_known = false
---@type Prepared?
local prepared
---Whether nothing but nodes differs from the base.
local allowed = false
---The environment that is being made from the copy.
---@type table?
local in_hand
---Whether PoB would have set that environment up once more, for what it found in it.
local begun_again = false
---@type table[] its items that make enemies explode
local sources
---The calculator whose function is replaced.
---@type table?
local installed_in
---@type fun(build: table, mode: string, override: table?, spec_env: table?): table, table, table, table?
local stock_init

---The copies that `initEnv` makes of the modifiers before the tree.
---@param from Prepared
---@param env table
---@return table? player
---@return table? enemy
local function copies_of(from, env)
	local mods = { mods = env.modDB.mods, conditions = from.tree_conditions, multipliers = from.tree_multipliers }
	return specCopy({ modDB = mods, enemyDB = env.enemyDB })
end

---Makes the environment up to where the part about the nodes ends; where skills are varied, all of it.
---@param from Prepared
---@param override table
---@param varied Prepares
---@return table[] made
---@return table? player
---@return table? enemy
local function make_before(from, override, varied)
	local made = {}
	plan.make(from.plan_before, made)
	local env = made[1]
	env.override = override
	local player, enemy = copies_of(from, env)
	in_hand, begun_again, sources = env, false, from.sources
	-- PoB begins with what it is given, here with nothing: all is in the copy.
	stock_init(build, "CALCULATOR", override, {
		env = env,
		accelerate = LEFT_ALONE[varied],
		cachedPlayerDB = new("ModDB"),
		cachedEnemyDB = new("ModDB"),
	})
	in_hand = nil
	return made, player, enemy
end

---Whether the items find the nodes and the gems that they found in the base, and PoB as many tattoos.
---@return boolean
local function keeps_items()
	local nodes, allocated = prepared.nodes, build.spec.allocNodes
	for i = 1, #nodes do
		if allocated[nodes[i].id] ~= nodes[i].node then
			return false
		end
	end
	if not same(build.spec.allocatedTattooTypes, prepared.tattoos) then
		return false
	end
	return allowed == "nodes" or same(sockets.count(build.skillsTab.socketGroupList), prepared.sockets)
end

---Whether the items would find what they found in the base of what nodes bring.
---@param env table
---@return boolean
local function finds_nodes(env)
	return same(answers.named(env.initialNodeModDB, prepared.node_reads), prepared.node_answers)
end

---Whether the part behind the nodes would find what it found in the base.
---@param env table
---@return boolean
local function is_unaffected(env)
	local mods, known_mods = env.modDB.mods, prepared.answers
	for i = 1, #prepared.reads do
		local name = prepared.reads[i]
		local found, known = mods[name], known_mods[name]
		if found or known then
			if not found or not known or #found ~= #known then
				return false
			end
			for j = 1, #known do
				if not same(found[j], known[j]) then
					return false
				end
			end
		end
	end
	return same(env.modDB.conditions, prepared.conditions) and same(env.modDB.multipliers, prepared.multipliers)
end

---Adds what the part behind the nodes adds.
---@param from Prepared
---@param made table[]
local function make_behind(from, made)
	local late, count = from.late, from.before
	for i = 1, #late do
		made[count + i] = made[late[i].at][late[i].key]
	end
	plan.make(from.plan_behind, made)
	for i = 1, #from.sets do
		local set = from.sets[i]
		if set.ref then
			made[set.at][set.key] = made[set.ref]
		else
			made[set.at][set.key] = set.value
		end
	end
	local store = made[1].modDB
	for i = 1, #from.tails do
		local tail = from.tails[i]
		store:AddMod(tail.ref and made[tail.ref] or modLib.setSource(tail.mod, tail.source))
	end
	writes.again(from.writes)
end

---Refuses unless what is made is what PoB makes.
---@param from Prepared
---@param reset fun()
local function verify(from, reset)
	reset()
	local stock = stock_init(build, "CALCULATOR", {})
	reset()
	local of_skills = make_before(from, {}, "skills")
	recipes.compare(stock, of_skills[1])
	reset()
	local of_nodes = make_before(from, {}, "nodes")
	make_behind(from, of_nodes)
	recipes.compare(stock, of_nodes[1])
end

---Takes down the environment of the base that is loaded.
---@param calcs table
---@param reset fun() makes of the build what it is before a calculation
---@return string? problem why it cannot be; then PoB makes it each time
function M.prepare(calcs, reset)
	prepared, allowed = nil, nil
	if installed_in ~= calcs then
		return
	end
	local ok, found = pcall(function()
		local taken = take_down.run(calcs, stock_init, make_before, reset)
		verify(taken, reset)
		return taken
	end)
	if not ok then
		return type(found) == "table" and found.refused or tostring(found)
	end
	prepared = found
end

---Names that the part of `initEnv` which is not run asks the modifiers of character and nodes for.
---@return string[]
function M.names_asked()
	local names = {}
	for _, name in ipairs(prepared and prepared.reads or {}) do
		names[#names + 1] = name
	end
	for name in pairs(prepared and prepared.node_reads or {}) do
		names[#names + 1] = name
	end
	return names
end

---Says what differs from the base in what is calculated now.
---@param varied Prepares? nil: anything
function M.allow(varied)
	allowed = varied
end

---@param override table?
---@return boolean
local function is_plain(override)
	for key, value in pairs(override or {}) do
		if key ~= "extraJewelFuncs" or value[1] then
			return false
		end
	end
	return true
end

---PoB's stores are those whose questions we know.
function M.know_stores()
	stores_known = true
end

---Goes without jewels for the first list of nodes, as `initEnv` does, which finds the jewels after it.
---@param list fun(env: table, nodes: table, finish_jewels: boolean): table
---@param env table
---@param nodes table
---@param finish_jewels boolean
---@return table
local function list_before_items(list, env, nodes, finish_jewels)
	local jewels = env.radiusJewelList
	env.radiusJewelList, env.extraRadiusNodeList = {}, {}
	local found = list(env, nodes, finish_jewels)
	env.radiusJewelList = jewels
	-- What PoB was given to begin with is not asked for anything.
	env.modDB.parent, env.enemyDB.parent = false, false
	env.extraRadiusNodeList = take_down.extra_nodes(env)
	for _, item in ipairs(sources) do
		table.insert(env.explodeSources, item)
	end
	return found
end

---Makes the environment of what is calculated now.
---@param override table
---@return table? env nil: PoB has to
---@return table? player
---@return table? enemy
local function make(override)
	local jewels, conditions = override.extraJewelFuncs, override.conditions
	local made, player, enemy = make_before(prepared, override, allowed)
	if not begun_again and finds_nodes(made[1]) and (allowed == "skills" or is_unaffected(made[1])) then
		if allowed == "nodes" then
			make_behind(prepared, made)
		end
		return made[1], player, enemy
	end
	-- An attempt that does not count must leave nothing there.
	override.extraJewelFuncs, override.conditions = jewels, conditions
end

---Replaces the function in a build's calculator.
---@param calcs table
function M.install(calcs)
	if not stores_known then
		return
	end
	installed_in, stock_init = calcs, calcs.initEnv
	local stock_wipe = wipeEnv
	function wipeEnv(env, accelerate)
		if env ~= in_hand then
			return stock_wipe(env, accelerate)
		end
	end
	local stock_list = calcs.buildModListForNodeList
	function calcs.buildModListForNodeList(env, nodes, finish_jewels)
		if env == in_hand and not env.initialNodeModDB then
			return list_before_items(stock_list, env, nodes, finish_jewels)
		end
		return stock_list(env, nodes, finish_jewels)
	end
	function calcs.initEnv(of_build, mode, override, spec_env)
		if in_hand and spec_env and spec_env.env == in_hand then
			-- With what it has found by now PoB would go on in a copy that is made already.
			begun_again = true
			return in_hand
		end
		if
			prepared
			and allowed
			and mode == "CALCULATOR"
			and not spec_env
			and of_build == build
			and is_plain(override)
			and keeps_items()
		then
			local env, player, enemy = make(override or {})
			if env then
				return env, player, enemy
			end
		end
		return stock_init(of_build, mode, override, spec_env)
	end
end

return M
