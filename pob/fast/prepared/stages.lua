-- Runs PoB's `calcs.initEnv` in three stages: to where the items end, to where the part about the nodes ends, to the end,
-- and listens to what each asks for. Owns the knowledge of where in that function the stages end; PoB's helpers tell.

local answers = require("fast.prepared.answers")

-- Taken here because the lock-down replaces or removes it.
local coroutine = coroutine

local M = {}

---One run, and what it has shown so far.
---@class (exact) Run
---@field thread thread
---@field result table? what it gave back
---@field env table?
---@field lengths table<string, integer>? modifiers of the character before the tree, by name
---@field conditions table<string, any>? of the character before the tree
---@field multipliers table<string, any>?
---@field allocated table<integer, table>? the nodes that are allocated when the items come
---@field sources integer? how many nodes make enemies explode by then
---@field merged boolean the items are done
---@field joined boolean the nodes are done
---@field stop (fun())[] what ends the listening
---@field counts_of_node table<integer, integer> nodes that the items ask about, and how often
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

---@param run Run
function M.stop_listening(run)
	for _, stop in ipairs(run.stop) do
		stop()
	end
	run.stop = {}
end

---What is before the tree is copied.
---@param run Run
---@param env table
local function note_copy(run, env)
	if not run.env then
		local store = env.modDB
		run.env, run.lengths = env, lengths_of(store.mods)
		run.conditions, run.multipliers = copyTable(store.conditions), copyTable(store.multipliers)
	end
end

---The first list of nodes is made, from 2.60 on with what its keystones bring: the items come next.
---@param run Run
---@param env table
---@param nodes table the modifiers of the nodes
local function note_list(run, env, nodes)
	if run.env == env and not run.allocated then
		run.allocated, run.sources = env.allocNodes, #env.explodeSources
		env.allocNodes = answers.counting(run.allocated, run.counts_of_node)
		run.stop = { answers.listen(nodes, run.asked_nodes), answers.listen(env.modDB, run.asked_base) }
	end
end

---The modifiers of the items are added to the character's: the nodes come next.
---@param run Run
---@param target table
---@param from table
local function note_merge(run, target, from)
	local env = run.env
	if env and run.allocated and not run.merged and target == env.modDB and from == env.itemModDB then
		run.merged = true
		M.stop_listening(run)
		env.allocNodes = run.allocated
		coroutine.yield()
	end
end

---The skills that nodes and items grant are put together: the nodes are done.
---@param run Run
---@param granted table
local function note_join(run, granted)
	local env = run.env
	if env and run.merged and not run.joined and granted == env.grantedSkillsNodes then
		run.joined = true
		coroutine.yield()
		run.stop = { answers.listen(env.modDB, run.asked) }
	end
end

---@param init function `calcs.initEnv`
---@return Run
function M.begin(init)
	local run = { merged = false, joined = false, stop = {} }
	run.counts_of_node, run.asked_nodes, run.asked_base, run.asked = {}, {}, {}, {}
	run.thread = coroutine.create(function()
		run.result = init(build, "CALCULATOR", {})
	end)
	return run
end

---Goes on to the end of the next stage.
---@param calcs table
---@param run Run
function M.go_on(calcs, run)
	local copy, merge, concat, list = specCopy, mergeDB, tableConcat, calcs.buildModListForNodeList
	function specCopy(env)
		note_copy(run, env)
		return copy(env)
	end
	local keystones = modLib.mergeKeystones
	function calcs.buildModListForNodeList(env, ...)
		local nodes, sources = list(env, ...)
		if not keystones then
			note_list(run, env, nodes)
		end
		return nodes, sources
	end
	modLib.mergeKeystones = keystones
		and function(env, nodes)
			keystones(env, nodes)
			note_list(run, env, nodes)
		end
	function mergeDB(target, from)
		note_merge(run, target, from)
		return merge(target, from)
	end
	function tableConcat(granted, more)
		local joined = concat(granted, more)
		note_join(run, granted)
		return joined
	end
	local ok, message = coroutine.resume(run.thread)
	specCopy, mergeDB, tableConcat, calcs.buildModListForNodeList = copy, merge, concat, list
	modLib.mergeKeystones = keystones
	if not ok then
		error(message, 0)
	end
end

return M
