-- Variations of passive nodes, of items, or of config, that come to the same. Two trees whose modifiers differ only in what
-- no question finds, or in who says it, give the same output: the second one is not computed again. Owns the outputs that
-- are kept for trees, for as long as the base is loaded; the runtimes of a base tell each other (`journal.lua`). Those for
-- items are `items.lua`'s, those for config `config.lua`'s.
--
-- While a variation is computed the modifier stores are listened to (`fast/stores.lua`): what they were asked for
-- (`asked.lua`), which of their answers depend on the order of nodes (`order.lua`), and which tags let no modifier pass
-- (`tags.lua`). By induction over the questions, a second calculation goes the way of the first as long as each answer is
-- the same.

local asked = require("fast.alike.asked")
local classes = require("fast.alike.classes")
local config = require("fast.alike.config")
local differences = require("fast.alike.difference")
local items = require("fast.alike.items")
local journal = require("fast.alike.journal")
local order = require("fast.alike.order")
local outputs = require("fast.alike.outputs")
local sources = require("fast.alike.sources")
local stores = require("fast.stores")
local tags = require("fast.alike.tags")
local worn = require("fast.alike.worn")

local M = {}

---Trees that differ from the base in more nodes are hardly ever alike.
local CHANGES_MAX = 12
---Outputs that are kept, each about 40 KB. Memory watermarks replace the runtime before.
local KEPT_MAX = 4096
---What PoB asks for without a query to a database: by the first two it scales items, the third it looks up itself.
local ASKED_UNHEARD = { "EffectOfBonusesFromGloves", "EffectOfBonusesFromBoots", "Keystone" }

---An output of another tree, and what it depends on; with what it has for `output_of`.
---@class (exact) Kept
---@field more table<integer, integer> `Difference.more`
---@field notes OrderNote[]
---@field output Output? nil: another runtime told it, and it was not asked for yet
---@field record JournalRecord? that told it

---@type table<string, Kept[]> by those differences that count
local kept = {}
local count = 0
---At which version of the questions and of the tags the keys were made.
local keyed_at = 0

---Whether the base takes part.
local takes_part = false
---Whether PoB's stores, and its calculator, are those whose questions we know.
local stores_known, installed = false, false

function M.know_stores()
	stores_known = true
	stores.tell()
end

---The loaded build's calculator is one that we know.
---@param calcs table
function M.install(calcs)
	installed = stores_known
	if installed then
		tags.install(calcs)
	end
end

---Modifiers of each class one, by name.
---@param lists table[][] of modifiers
---@return table<string, table[]>
local function by_name(lists)
	local mods, seen = {}, {}
	for _, list in ipairs(lists) do
		for _, mod in ipairs(list) do
			local class = classes.of(mod)
			if not seen[class] then
				seen[class] = true
				mods[mod.name] = mods[mod.name] or {}
				table.insert(mods[mod.name], mod)
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
---@param output Output of the base
---@param calcs table the build's calculator
---@param asked_ahead string[] names that were asked for when nobody listened
---@param of_config { player: table[], enemy: table[] } modifiers that config brings, as far as they are known ahead; all others count
function M.prepare(env, output, calcs, asked_ahead, of_config)
	kept, count = {}, 0
	order.forget()
	differences.forget()
	config.begin()
	items.forget()
	takes_part = false
	if not (installed and env) or grants_in_order(env) or sources.matter(env.modDB.mods) then
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
	differences.begin(env, calcs, granted[1])
	local of_nodes = differences.number_classes()
	asked.reset(by_name({ of_nodes, of_config.player }), by_name({ of_config.enemy }))
	local unheard = tableConcat(ASKED_UNHEARD, asked_ahead)
	-- What opens a tag that is shut counts, too, though nobody asks for it while no modifier stands behind the tag.
	for _, name in ipairs(tableConcat(unheard, tags.begin(of_nodes, unheard))) do
		asked.settle(name)
	end
	tags.look_at(env)
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
	worn.begin(env)
	takes_part = true
	journal.begin(outputs.scalars_of(output))
end

---What is known so far all others know, as the template's forks do, or are told.
function M.share()
	asked.forget_news()
	tags.forget_news()
end

---What counts of a difference, as far as it is known now.
---@param more table<integer, integer> `Difference.more`
---@return string
local function key_of(more)
	return asked.player:key(more, tags.is_behind)
end

---@return integer
local function version()
	return asked.player.version + tags.version
end

---@param entry Kept
local function put(entry)
	local key = key_of(entry.more)
	local entries = kept[key]
	if not entries then
		entries = {}
		kept[key] = entries
	end
	entries[#entries + 1] = entry
end

---New questions, and tags that are open after all, tell apart what was alike before them.
local function bring_up_to_date()
	if keyed_at == version() then
		return
	end
	keyed_at = version()
	local old = kept
	kept = {}
	for _, entries in pairs(old) do
		for _, entry in ipairs(entries) do
			put(entry)
		end
	end
end

---@param entry Kept
local function keep(entry)
	if count >= KEPT_MAX then
		return
	end
	order.follow(entry.notes)
	bring_up_to_date()
	put(entry)
	count = count + 1
end

---Keeps what other runtimes told, too.
local function learn()
	local records, trusted = journal.read()
	if trusted then
		kept, count = {}, 0
		config.forget()
		items.forget()
	end
	-- What a runtime asked lies ahead of the outputs that depend on it, and holds whatever became of the runtime.
	for _, record in ipairs(records) do
		asked.learn(record.questions)
		tags.learn(record.tags)
	end
	for i = trusted or 1, #records do
		local record = records[i]
		if record.items then
			items.learn(record.items, record)
		else
			keep({ more = record.more, notes = record.notes, record = record })
		end
	end
end

---@param entry Kept|KeptItems
---@return Output
local function output_of(entry)
	entry.output = entry.output or journal.output(entry.record)
	return entry.output
end

---Tells the other runtimes of an output, with all that was asked for so far.
---@param record JournalRecord but for the questions and tags
---@param output Output without tables
local function tell(record, output)
	record.questions, record.tags = asked.news(), tags.news()
	if journal.write(record, output) then
		M.share()
	end
end

---Looks for the output of the tree that is allocated now.
---@param changes NodeChange[]? in what it differs from the base
---@return Output?
---@return Difference? difference if it must be computed and may be kept
function M.find(changes)
	if not takes_part or not changes or not changes[1] or #changes > CHANGES_MAX then
		return nil, nil
	end
	local difference = differences.of(changes)
	if not difference then
		return nil, nil
	end
	learn()
	bring_up_to_date()
	local entries = kept[key_of(difference.more)]
	if entries then
		local sequences = order.matters() and order.sequences(differences.nodes_in_order()) or {}
		for i = 1, #entries do
			if order.same(entries[i].notes, sequences, asked.player) then
				return output_of(entries[i]), nil
			end
		end
	end
	return nil, difference
end

---Looks for the output of the items that are worn now, if nothing else differs from the base.
---@return Output?
---@return ItemDifference? difference if it must be computed and may be kept
function M.find_items()
	local difference = takes_part and worn.difference()
	if not difference then
		return nil, nil
	end
	learn()
	local entry = items.find(difference)
	if entry then
		return output_of(entry), nil
	end
	return nil, difference
end

---Looks for the output of the config that is set now, if nothing else differs from the base.
---@return Output?
---@return ConfigState? state if it must be computed and may be kept
function M.find_config()
	if not takes_part then
		return nil, nil
	end
	learn()
	bring_up_to_date()
	local state = config.state(build.configTab)
	local output = config.find(state)
	return output, not output and state or nil
end

---@alias Listened 'nodes'|'items'|'config'

---To variations of what it listens now; nil: to none.
---@type Listened?
local listened

---@return Listened?
function M.listens_to()
	return listened
end

---Listens, until `stop`.
function M.listen()
	listened = "nodes"
	order.begin()
	asked.listen(true)
	tags.look(true)
end

---Listens to a calculation of other items. The nodes are the base's.
---@param difference ItemDifference
function M.listen_to_items(difference)
	listened = "items"
	order.begin_with_names(difference.names)
	asked.listen(true)
end

---Listens to a calculation of another config. The nodes are the base's, and come in the same order.
---@param watch fun(field: string, watched: table) puts a table in place of one of the config's, until `stop`
function M.listen_to_config(watch)
	listened = "config"
	for _, field in ipairs(config.INPUTS) do
		watch(field, config.watched(field, build.configTab[field]))
	end
	asked.listen(true)
end

function M.stop()
	listened = nil
	order.stop()
	asked.listen(false)
	tags.look(false)
end

---Whether a node that is not plain leaves the order of nodes, or who says what, to matter in ways that nobody listens to:
---several nodes that grant something, or several modifiers of a name of which nobody expected more than one.
---@param env table
---@return boolean
local function surprises(env)
	local found = grants_in_order(env) or sources.matter(env.modDB.mods)
	for name, list in pairs(env.modDB.mods) do
		if not order.may_be_several[name] and order.several(list) then
			order.may_be_several[name] = true
			found = true
		end
	end
	return found
end

---Keeps what was computed while listening; the tree is still the one that was looked for.
---@param difference Difference
---@param output Output
---@param env table
function M.keep(difference, output, env)
	if difference.special and surprises(env) then
		return
	end
	local notes = order.finish(differences.nodes_in_order())
	if not notes then
		return
	end
	outputs.strip(output)
	keep({ more = difference.more, notes = notes, output = output })
	tell({ more = difference.more, notes = notes }, output)
end

---Keeps what was computed while listening to other items.
---@param difference ItemDifference
---@param output Output
function M.keep_items(difference, output)
	outputs.strip(output)
	tell({ items = items.keep(difference, order.depends_on_names(), output) }, output)
end

---Keeps what was computed while listening to another config.
---@param state ConfigState
---@param output Output
function M.keep_config(state, output)
	config.keep(state, outputs.strip(output))
end

return M
