-- The environment of a calculation (`calcs.initEnv`) for variations that change passive nodes alone. Nearly all that is
-- in it comes from items, gems and config, and is the same each time: it is taken down once, and copied from then on. Of
-- PoB's function only the part about nodes runs, on a copy of what lies before it; what lies behind is put in.
--
-- What may be copied is found out, not listed: the base's environment is set up twice, side by side. Tables that both
-- have in one place are shared with the rest of PoB, all others belong to the environment. What the part behind the
-- nodes asks the modifiers of the character is taken down too; where a variation changes an answer, PoB does all itself.

local answers = require("fast.prepared.answers")
local recipes = require("fast.prepared.recipes")
local take_down = require("fast.prepared.take_down")

local M = {}

---What `wipeEnv` and `initEnv` are to leave alone.
local ACCELERATE = { requirementsItems = true, requirementsGems = true, skills = true }

---@class (exact) Prepared
---@field recipes TableRecipe[]
---@field before integer so many of them come before the nodes
---@field sources table[] items that make enemies explode
---@field late { at: integer, key: any }[] tables that the part about the nodes makes and later ones refer to
---@field sets { at: integer, key: any, value: any, ref: integer? }[] what the part behind the nodes adds
---@field tails { mod: table?, ref: integer? }[] modifiers that it adds
---@field reads string[] names that it asks the character's modifiers for
---@field answers table<string, table[]> what it found there
---@field node_reads table<string, boolean> names that the part about items asks the nodes for
---@field node_answers table[]
---@field conditions table<string, any>
---@field multipliers table<string, any>

---@type Prepared?
local prepared
---Whether nothing but nodes differs from the base.
local allowed = false
---The environment that is being made from the copy.
---@type table?
local in_hand
---@type table[] its items that make enemies explode
local sources
---@type fun(build: table, mode: string, override: table?, spec_env: table?): table, table, table, table?
local stock_init

---Makes the environment up to where the part about the nodes ends.
---@param from Prepared
---@param override table
---@return table[] made
local function make_before(from, override)
	local made = {}
	recipes.make(from.recipes, 1, from.before, made)
	local env = made[1]
	env.override = override
	in_hand, sources = env, from.sources
	local mods, enemy_mods = env.modDB, env.enemyDB
	stock_init(build, "CALCULATOR", override, {
		env = env,
		accelerate = ACCELERATE,
		cachedPlayerDB = new("ModDB"),
		cachedEnemyDB = new("ModDB"),
	})
	in_hand = nil
	mods.parent, enemy_mods.parent = false, false
	return made
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
				if not answers.same(found[j], known[j]) then
					return false
				end
			end
		end
	end
	return answers.same(env.modDB.conditions, prepared.conditions)
		and answers.same(env.modDB.multipliers, prepared.multipliers)
		and answers.same(answers.named(env.initialNodeModDB, prepared.node_reads), prepared.node_answers)
end

---Adds what the part behind the nodes adds.
---@param made table[]
local function make_behind(made)
	local late, count = prepared.late, prepared.before
	for i = 1, #late do
		made[count + i] = made[late[i].at][late[i].key]
	end
	recipes.make(prepared.recipes, count + #late + 1, #prepared.recipes, made)
	for i = 1, #prepared.sets do
		local set = prepared.sets[i]
		if set.ref then
			made[set.at][set.key] = made[set.ref]
		else
			made[set.at][set.key] = set.value
		end
	end
	local store = made[1].modDB
	for i = 1, #prepared.tails do
		local tail = prepared.tails[i]
		store:AddMod(tail.ref and made[tail.ref] or tail.mod)
	end
end

---Takes down the environment of the base that is loaded.
---@param calcs table
---@return string? problem why it cannot be; then PoB makes it each time
function M.prepare(calcs)
	prepared, allowed = nil, false
	if not stock_init then
		return
	end
	local ok, found = pcall(take_down.run, calcs, stock_init, make_before)
	if not ok then
		return type(found) == "table" and found.refused or tostring(found)
	end
	prepared = found
end

---Says whether nothing but nodes differs from the base in what is calculated now.
---@param value boolean
function M.allow(value)
	allowed = value
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

---Replaces the function in a build's calculator.
---@param calcs table
function M.install(calcs)
	stock_init = calcs.initEnv
	prepared = nil
	local stock_wipe = wipeEnv
	function wipeEnv(env, accelerate)
		if env ~= in_hand then
			return stock_wipe(env, accelerate)
		end
	end
	local stock_list = calcs.buildModListForNodeList
	function calcs.buildModListForNodeList(env, list, finish_jewels)
		local before_items = env == in_hand and not env.initialNodeModDB
		local nodes = stock_list(env, list, finish_jewels)
		if before_items then
			for _, item in ipairs(sources) do
				table.insert(env.explodeSources, item)
			end
		end
		return nodes
	end
	function calcs.initEnv(of_build, mode, override, spec_env)
		if prepared and allowed and mode == "CALCULATOR" and not spec_env and is_plain(override) then
			local given = override or {}
			-- A first attempt that does not count must leave nothing there.
			local had = given.extraJewelFuncs
			local made = make_before(prepared, given)
			if not given.extraJewelFuncs[1] and is_unaffected(made[1]) then
				make_behind(made)
				return made[1]
			end
			given.extraJewelFuncs = had
		end
		return stock_init(of_build, mode, override, spec_env)
	end
end

return M
