-- Accelerators: functions that replace PoB's own and compute the same, faster. Each has a name by which it can be switched
-- off, says what it replaces and relies on, and steps aside if that is not what it was written for. Some replace what
-- PoB has once, at boot; some what each build has of its own.

local alike = require("fast.alike")
local alike_journal = require("fast.alike.journal")
local base_mods = require("fast.base_mods")
local copies = require("fast.copies")
local estimations = require("fast.estimations")
local flag_names = require("fast.flag_names")
local gem_names = require("fast.gem_names")
local lines = require("fast.lines")
local mods = require("fast.mods")
local node_lists = require("fast.node_lists")
local nodes = require("fast.nodes")
local objects = require("fast.objects")
local prepared = require("fast.prepared")
local source = require("fast.source")
local stores = require("fast.stores")

local M = {}

---@class (exact) Accelerator
---@field name string
---@field classes table<string, string[]>? methods of classes that it replaces or relies on
---@field functions (fun(): table<string, function>)? other functions
---@field calcs string[]? functions of a build's calculator
---@field together boolean? whether it must be one version that all of them are of, as it relies on how they work together
---@field install fun(calcs: table?)

local QUERIES = { "SumInternal", "MoreInternal", "FlagInternal", "OverrideInternal", "ListInternal", "TabulateInternal" }
local FRONT = { "Sum", "More", "Flag", "Override", "List", "Tabulate", "EvalMod" }

---@param names string[]
---@param ... string
---@return string[] both
local function with(names, ...)
	local all = { unpack(names) }
	for _, name in ipairs({ ... }) do
		all[#all + 1] = name
	end
	return all
end

---What asks the stores, and what puts into them, for accelerators that must know every question.
local STORES = {
	ModStore = with(FRONT, "HasMod", "GetCondition", "GetMultiplier"),
	ModDB = with(QUERIES, "HasModInternal", "AddMod", "AddList", "AddDB"),
	ModList = QUERIES,
}

---@type Accelerator[]
local AT_BOOT = {
	{
		name = "stores",
		classes = { ModStore = FRONT, ModDB = QUERIES, ModList = QUERIES },
		functions = function()
			return { ["calcLib.mod"] = calcLib.mod, ["calcLib.mods"] = calcLib.mods, MatchKeywordFlags = MatchKeywordFlags }
		end,
		install = stores.install,
	},
	{
		name = "objects",
		classes = { ModStore = { "_constructor" }, ModDB = { "_constructor" }, ModList = { "_constructor" } },
		functions = function()
			return { new = new }
		end,
		install = objects.install,
	},
	{
		name = "mods",
		classes = { ModStore = { "NewMod" } },
		functions = function()
			return { ["modLib.createMod"] = modLib.createMod }
		end,
		install = mods.install,
	},
	{ name = "lines", functions = lines.functions, install = lines.install },
	{
		name = "flag_names",
		functions = function()
			return { ["modLib.formatFlags"] = modLib.formatFlags }
		end,
		install = flag_names.install,
	},
	{ name = "gem_names", classes = { SkillsTab = { "FindSkillGem" } }, install = gem_names.install },
	{
		name = "copies",
		functions = function()
			return { specCopy = specCopy }
		end,
		install = copies.install,
	},
	{
		name = "prepared",
		classes = STORES,
		functions = function()
			return { specCopy = specCopy, ["modLib.setSource"] = modLib.setSource }
		end,
		install = prepared.know_stores,
	},
	{
		name = "estimations",
		classes = { ModStore = with(STORES.ModStore, "GetStat", "Max"), ModDB = STORES.ModDB },
		install = estimations.know_stores,
	},
	{
		name = "alike",
		together = true,
		classes = STORES,
		functions = function()
			return { MatchKeywordFlags = MatchKeywordFlags, ["modLib.setSource"] = modLib.setSource }
		end,
		install = alike.know_stores,
	},
}

---@type Accelerator[]
local IN_BUILD = {
	{ name = "nodes", calcs = { "buildModListForNode", "buildModListForNodeList" }, install = nodes.install },
	{
		name = "node_lists",
		calcs = { "initEnv", "buildModListForNode", "buildModListForNodeList" },
		install = node_lists.install,
	},
	{ name = "base_mods", calcs = { "initModDB" }, install = base_mods.install },
	{
		name = "prepared",
		calcs = {
			"initEnv", "buildModListForNodeList", "createActiveSkill", "buildActiveSkillModList", "mergeSkillInstanceMods",
		},
		functions = function()
			return {
				wipeEnv = wipeEnv,
				mergeDB = mergeDB,
				tableConcat = tableConcat,
				-- From 2.60 on.
				["modLib.mergeKeystones"] = modLib.mergeKeystones,
			}
		end,
		install = prepared.install,
	},
	{
		name = "alike",
		together = true,
		calcs = {
			"initEnv", "buildModListForNode", "buildModListForNodeList", "createActiveSkill", "buildActiveSkillModList",
			"perform", "defence", "buildDefenceEstimations", "offence", "triggers", "mirages", "calcFullDPS",
			-- From 2.60 on.
			"defenceForConditionals", "resistances",
		},
		install = alike.install,
	},
	{
		name = "estimations",
		calcs = {
			"buildDefenceEstimations", "actionSpeedMod", "armourReduction", "armourReductionF", "reducePoolsByDamage",
			"takenHitFromDamage",
		},
		install = estimations.install,
	},
	-- Who makes the copies, and what for, is up to these.
	{
		name = "copies",
		calcs = { "initEnv", "calcFullDPS" },
		install = function()
			copies.allow()
		end,
	},
}

---What was chosen; nil: all.
---@type table<string, boolean>?
local chosen
---@type NativeHost
local native

---@param accelerator Accelerator
---@param calcs table?
---@return table<string, function>
local function relied_on(accelerator, calcs)
	local found = accelerator.functions and accelerator.functions() or {}
	for class, methods in pairs(accelerator.classes or {}) do
		for _, method in ipairs(methods) do
			found[class .. "." .. method] = common.classes[class][method]
		end
	end
	for _, name in ipairs(accelerator.calcs or {}) do
		found["calcs." .. name] = calcs[name]
	end
	return found
end

---@param accelerators Accelerator[]
---@param calcs table?
local function install(accelerators, calcs)
	local ready = {}
	-- All are looked at before any is installed: one may replace what another relies on.
	for _, accelerator in ipairs(accelerators) do
		local known, unknown = source.all_known(native, relied_on(accelerator, calcs), accelerator.together)
		if chosen and not chosen[accelerator.name] then
			native.log("info", "accelerator " .. accelerator.name .. " is switched off")
		elseif known then
			ready[#ready + 1] = accelerator
		else
			native.log("warn", "accelerator " .. accelerator.name .. " steps aside: it does not know " .. unknown)
		end
	end
	source.forget()
	for _, accelerator in ipairs(ready) do
		accelerator.install(calcs)
	end
end

---@return string[] names of all, in order
local function names()
	local list, seen = {}, {}
	for _, accelerators in ipairs({ AT_BOOT, IN_BUILD }) do
		for _, accelerator in ipairs(accelerators) do
			if not seen[accelerator.name] then
				seen[accelerator.name] = true
				list[#list + 1] = accelerator.name
			end
		end
	end
	return list
end

---Chooses which of them run, before anything is installed.
---@param text string `all`, `none` or names, separated by commas; empty: all
---@return string? problem
function M.choose(text)
	chosen = nil
	if text == "" or text == "all" then
		return
	end
	local known = {}
	for _, name in ipairs(names()) do
		known[name] = true
	end
	chosen = {}
	for name in (text == "none" and "" or text):gmatch("[^,]+") do
		name = name:match("^%s*(.-)%s*$")
		if not known[name] then
			return "there is no accelerator '" .. name .. "'; there are: " .. table.concat(names(), ", ")
		end
		chosen[name] = true
	end
end

---@param native_host NativeHost
function M.install(native_host)
	native = native_host
	alike_journal.open(native_host)
	install(AT_BOOT)
end

---@param calcs table the loaded build's calculator
function M.install_in_build(calcs)
	install(IN_BUILD, calcs)
end

---Takes down what calculations of the loaded base have in common.
---@param calcs table
---@param reset fun() makes of the build what it is before a calculation
---@param env table the environment of such a calculation
---@param output Output
---@param of_config { player: table[], enemy: table[] } modifiers that config brings
function M.prepare(calcs, reset, env, output, of_config)
	local problem = prepared.prepare(calcs, reset)
	if problem then
		native.log("info", "the base's environment is set up for each variation: " .. problem)
	end
	alike.prepare(env, output, calcs, prepared.names_asked(), of_config)
end

---The version in which a function of a build's calculator was read, for those who do its work in another way.
---@param calcs table
---@param name string
---@return string? version nil: it is not known
function M.version_of(calcs, name)
	local version = source.version(native, "calcs." .. name, calcs[name])
	source.forget()
	if not version then
		native.log("warn", "calcs." .. name .. " is not known, and computes itself: exact, but slower")
	end
	return version
end

---Hashes of all that accelerators rely on, for `known.lua`.
---@param native_host NativeHost
---@param calcs table
---@return string[] lines
function M.digests(native_host, calcs)
	local lines = {}
	for _, list in ipairs({ AT_BOOT, IN_BUILD }) do
		for _, accelerator in ipairs(list) do
			for name, fn in pairs(relied_on(accelerator, calcs)) do
				lines[#lines + 1] = name .. " " .. tostring(source.digest(native_host, fn))
			end
		end
	end
	table.sort(lines)
	return lines
end

return M
