-- Evaluates a variation of the loaded base: changes the build in place, calculates, puts everything back.

local alike = require("fast.alike")
local apply_config = require("adapter.apply.config")
local apply_items = require("adapter.apply.items")
local apply_nodes = require("adapter.apply.nodes")
local apply_skills = require("adapter.apply.skills")
local calculate = require("adapter.calculate")
local check = require("adapter.check")
local estimations = require("fast.estimations")
local grants = require("adapter.grants")
local guard = require("host.guard")
local prepared = require("fast.prepared")
local pristine = require("adapter.pristine")
local trial = require("adapter.trial")

local M = {}

---@class (exact) EvaluationContext
---@field warnings EngineWarning[]
---@field lookup EditLookup
---@field tree fun(): EditTree the base's tree
---@field needs_plain fun(reason: string): EngineError
---@field next_item_id integer id of the next item that is not in the build
---@field main_socket_group integer
---@field is_base boolean nothing is varied
---@field only 'nodes'|'items'|'config'|nil nothing else is varied; nil: something else is, or several of them
---@field prepares Prepares? what is varied, if the environment may be prepared for it
---@field node_changes NodeChange[]? in what the allocated nodes differ from the base's
---@field known boolean it was computed before, for a variation that comes to the same
---@field update_grants boolean the groups of granted skills must be brought up to date
---@field computing fun() to be called ahead of all that may take long

---The kinds that change nothing else than which nodes are allocated, what is worn, or config's inputs.
local ONLY = {
	nodes = { allocate = true, allocate_path = true, deallocate = true },
	items = { items = true },
	config = { config = true, custom_mods = true },
}
---The kinds that change skills, and nothing else.
local SKILLS = { gems = true, groups = true, main_socket_group = true }
---The kinds that have no applier of their own: they change the passive tree, or everything.
local PLAIN_KINDS = { "build", "class", "ascendancy", "masteries", "tattoos" }

---In this order: an error in an earlier one is reported first, as the plain way does. No applier sees what another did.
local APPLIERS = { apply_items.apply, apply_nodes.apply, apply_skills.apply, apply_config.apply }

---@param reason string
---@return EngineError
local function needs_plain(reason)
	return { kind = "needs_plain", message = reason }
end

---@param variation Variation
---@param base LoadedBase
---@param context EvaluationContext
---@return EngineError?
local function apply(variation, base, context)
	for _, applier in ipairs(APPLIERS) do
		local err = applier(variation, base, context)
		if err then
			return err
		end
	end
end

---What must be computed and may be kept.
---@class (exact) Keeper
---@field listen fun() lets `alike` listen to what is computed
---@field keep fun(output: Output, env: table)

---@return Output? known
---@return Keeper?
local function find_alike_config()
	local known, state = alike.find_config()
	return known,
		state and {
			listen = function()
				alike.listen_to_config(function(field, watched)
					trial.set(build.configTab, field, watched)
				end)
			end,
			keep = function(output)
				alike.keep_config(state, output)
			end,
		}
end

---@return Output? known
---@return Keeper?
local function find_alike_items()
	local known, difference = alike.find_items()
	local read = false
	return known,
		difference
			and {
				listen = function()
					-- Whoever looks for words in an item's lines sees more of it than its modifiers.
					local item, stock = common.classes.Item, common.classes.Item.FindModifierSubstring
					trial.set(item, "FindModifierSubstring", function(...)
						read = true
						return stock(...)
					end)
					alike.listen_to_items(difference)
				end,
				keep = function(output)
					if not read then
						alike.keep_items(difference, output)
					end
				end,
			}
end

---@param context EvaluationContext
---@return Output? known
---@return Keeper?
local function find_alike_nodes(context)
	local known, difference = alike.find(context.node_changes)
	return known, difference and {
		listen = alike.listen,
		keep = function(output, env)
			alike.keep(difference, output, env)
		end,
	}
end

---What came to the same, or else what keeps what comes of it, by all that varies.
---@type table<string, fun(context: EvaluationContext): Output?, Keeper?>
local FIND_ALIKE = { nodes = find_alike_nodes, items = find_alike_items, config = find_alike_config }

---@param base LoadedBase
---@param context EvaluationContext
---@return Output
local function compute(base, context)
	local env, databases
	trial.finally(function()
		prepared.allow(nil)
		if env then
			calculate.clean_up(env)
		end
	end)
	build.mainSocketGroup = context.main_socket_group
	-- The base by itself shows whether variations left anything behind.
	estimations.allow(not context.is_base)
	local update = context.update_grants or grants.depend_on_main(build.skillsTab.socketGroupList)
	local known, keeper = nil, nil
	if context.only and not update and calculate.is_fast() then
		known, keeper = FIND_ALIKE[context.only](context)
	end
	if known then
		context.known = true
		return known
	end
	context.computing()
	if keeper then
		trial.finally(alike.stop)
		keeper.listen()
	end
	prepared.allow(not update and context.prepares or nil)
	if not update then
		env, databases = calculate.begin()
		update = grants.signature(env) ~= base.grants
	end
	if update then
		prepared.allow(nil)
		grants.update(context.main_socket_group)
		env, databases = calculate.begin()
		keeper = nil
	end
	local output = calculate.finish(env, databases)
	if keeper then
		keeper.keep(output, env)
	end
	return output
end

---Puts the base back, whatever happened.
---@param base LoadedBase
local function restore(base)
	trial.undo()
	build.mainSocketGroup = base.main_socket_group
	pristine.reset_groups(build.skillsTab.socketGroupList)
end

---Whether the base by itself is computed from what is prepared when it is asked for next. The two ways take turns: what a
---variation left behind may lie in what is prepared, or in what PoB goes through itself, and is to be found in both.
local base_from_prepared = true

---@param variation Variation
---@param kinds table<string, boolean>
---@param more table<string, boolean>? other kinds that it may vary, too
---@return boolean
local function varies_only(variation, kinds, more)
	for kind in pairs(variation) do
		if not kinds[kind] and not (more and more[kind]) then
			return false
		end
	end
	return true
end

---@param variation Variation
---@return 'nodes'|'items'|'config'|nil
local function all_that_varies(variation)
	if next(variation) == nil then
		base_from_prepared = not base_from_prepared
		return not base_from_prepared and "nodes" or nil
	end
	for only, kinds in pairs(ONLY) do
		if varies_only(variation, kinds) then
			return only
		end
	end
end

---@param variation Variation
---@param only 'nodes'|'items'|'config'|nil as of `all_that_varies`
---@return Prepares?
local function what_to_prepare(variation, only)
	if only == "nodes" then
		return "nodes"
	end
	return next(variation) ~= nil and varies_only(variation, SKILLS, ONLY.nodes) and "skills" or nil
end

local function nobody_waits() end

---@param variation Variation
---@param base LoadedBase
---@param computing fun()? as in the contract
---@return EvaluateResult?, EngineError?
function M.run(variation, base, computing)
	local err = check.structure(variation)
	if err then
		return nil, err
	end
	for _, kind in ipairs(PLAIN_KINDS) do
		if variation[kind] then
			return nil, needs_plain("'" .. kind .. "' has no fast path")
		end
	end
	local only = all_that_varies(variation)
	---@type EvaluationContext
	local context = {
		warnings = {},
		lookup = base.lookup,
		tree = base.tree,
		needs_plain = needs_plain,
		next_item_id = base.next_item_id,
		main_socket_group = base.main_socket_group,
		is_base = next(variation) == nil,
		only = only,
		prepares = what_to_prepare(variation, only),
		known = false,
		update_grants = false,
		computing = computing or nobody_waits,
	}
	if context.only ~= "nodes" and (context.only ~= "config" or variation.custom_mods) then
		-- What a client writes is parsed while it is applied.
		context.computing()
	end
	local ok, output = guard.call(function()
		err = apply(variation, base, context)
		return not err and compute(base, context) or nil
	end)
	restore(base)
	if not ok then
		-- The border reports it; here it was only held until the base was back.
		error(output, 0)
	elseif err then
		return nil, err
	end
	return { output = output, warnings = context.warnings, path = context.known and "cached" or "fast" }
end

return M
