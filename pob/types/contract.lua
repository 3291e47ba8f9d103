---@meta
-- The engine contract: what Rust asks of a Lua module, and all that it knows of it.
-- An engine is one module (`pob/adapter/init.lua`, `pob/sample/init.lua`) that returns `Engine`.
-- Expected failures are returned (`nil, err`), bugs are raised; `err.field` is a path into the variation with
-- lists counted from 0, as in JSON (`items[0].slot`, `gems[2].level`, `config.enemyIsBoss`, `allocate[1]`).

---@alias FailureKind
---| 'invalid_variation'   contradicts itself, or a value is out of range
---| 'unknown_node'        no such passive node in the base's tree
---| 'unknown_mastery'     the node is no mastery, or has no such effect
---| 'unknown_tattoo'
---| 'unknown_slot'
---| 'unknown_item'        no item of that id in the build
---| 'item_not_parsed'     the text is no item
---| 'unknown_group'       no such socket group
---| 'unknown_gem'         no gem at that index, or no gem of that name
---| 'unknown_config'      no such option, or the option takes no such value
---| 'unknown_class'       no such class or ascendancy
---| 'unknown_stat'
---| 'bad_build'           the XML is broken, is no build, or did not load
---| 'unknown_tree'        the build's tree version is not among the engine's
---| 'unsupported'         the engine does not know this kind of change
---| 'strict_warning'      a warning, made a failure by `strict` (Rust sets it)
---| 'engine_error'        a Lua error
---| 'memory_limit'        the Lua allocator refused (Rust sets it)

---@alias WarningKind
---| 'node_not_connected'   a node has no effect because nothing connects it
---| 'node_dropped'         a node of the base, given up because nothing connects it
---| 'node_unchanged'       allocated already, or not allocated
---| 'mod_not_understood'   the engine ignores (part of) a modifier line
---| 'requirement_not_met'  level or attributes are too low
---| 'item_misplaced'       the item does not fit the slot
---| 'value_clamped'        the engine took another value

---@class (exact) EngineError
---@field kind FailureKind
---@field field string? path into the variation
---@field message string one line

---@class (exact) EngineWarning
---@field kind WarningKind
---@field field string?
---@field message string

---A variation: the decoded form of `build/variation.rs`; its field names and meanings are written there.
---Absent fields are nil; lists are arrays.
---@class (exact) Variation
---@field build string?
---@field class string?
---@field ascendancy string?
---@field level integer?
---@field allocate integer[]?
---@field allocate_path integer[]?
---@field deallocate integer[]?
---@field masteries { node: integer, effect: integer }[]?
---@field tattoos { node: integer, name: string? }[]?
---@field items { slot: string, text: string?, item: integer?, empty: boolean? }[]?
---@field flasks { slot: string, active: boolean }[]?
---@field gems GemChange[]?
---@field groups { group: integer, enabled: boolean?, main_active_skill: integer?, include_in_full_dps: boolean? }[]?
---@field main_socket_group integer?
---@field config table<string, boolean|number|string>?
---@field custom_mods string?

---@class (exact) GemChange
---@field group integer
---@field gem integer?
---@field replace string?
---@field add string?
---@field remove boolean?
---@field level integer?
---@field quality integer?
---@field variant string?
---@field enabled boolean?
---@field count integer?

---@class (exact) EngineInfo
---@field name string 'pob' or 'sample'
---@field version string
---@field tree_versions string[] oldest first
---@field notice string? one sentence for people
---@field stats StatInfo[] in display order
---@field self_check { xml: string, expected: table<string, integer> }? a build, and stats that it must have

---@class (exact) StatInfo
---@field name string
---@field label string
---@field unit string?
---@field better integer? 1 more is better, -1 less is better
---@field main boolean? part of the preset of main stats

---@class (exact) BaseInfo
---@field warnings EngineWarning[]
---@field hints string? what `evaluate_plain` is to be told of this base; opaque to everybody else

---A scalar table: name -> number, boolean or string. Minion output carries the prefix `Minion.`.
---@alias Output table<string, number|boolean|string>

---@class (exact) EvaluateResult
---@field output Output every scalar; a fresh table or one that the next call may overwrite
---@field warnings EngineWarning[]? nil or empty: none
---@field path 'fast'|'cached'|'plain' which path computed it

---@alias PassiveKind 'normal'|'notable'|'keystone'|'mastery'|'socket'

---A node that points can be spent on.
---@class (exact) Passive
---@field id integer
---@field name string
---@field kind PassiveKind
---@field ascendancy string? the ascendancy whose points it takes
---@field allocated boolean
---@field reachable boolean the base lacks it and one point allocates it
---@field removable boolean the base has it and giving it up disconnects nothing
---@field distance integer? points that the shortest way takes; nil: allocated, or no way leads there
---@field toward integer? the node before it on that way
---@field stats string[] its modifier lines
---@field links integer[] ids of its neighbours in the list, ascending
---@field x number?
---@field y number?
---@field effects MasteryEffect[]? of a mastery
---@field root boolean a start that the base has is its neighbour

---@class (exact) MasteryEffect
---@field id integer
---@field stats string[]
---@field chosen boolean

---@class (exact) PassiveTree
---@field tree_version string
---@field passives Passive[] ascending by id
---@field points { used: integer, available: integer, ascendancy_used: integer, ascendancy_available: integer }

---What can be asked, with the answer. Answers are plain data, which leaves as JSON (`host/json.lua`).
---@alias Topic
---| 'passives'        PassiveTree of the loaded base
---| 'build'           `BuildDescription` of `proto/pobatch/v1/description.proto`, of the loaded base
---| 'config_options'  a list of `ConfigOption` of `data.proto`; kinds are the enum's numbers
---| 'gems'            a list of `Gem`, ascending by name
---| 'item_bases'      a list of `ItemBase`, ascending by name
---| 'uniques'         a list of `Unique`, ascending by name
---| 'explain'         a list of `ExplanationSection` of `explain.proto`, of the loaded base's stat `argument.stat`; empty where
---                    the engine has no breakdown that leads to that very value. The VM evaluates nothing afterwards.

---@class (exact) Engine
---@field boot fun(options: { directory: string?, tree_versions: string[], faults: boolean?, accelerators: string? }): boolean?, EngineError?
---  Boots the engine and parses the passive trees. Once per VM. Ends with the JIT off. `accelerators` says which of an
---  engine's run (`all`, `none`, or names; empty: all). `faults` opens a hatch for tests
---  of the server (sample engine only; see pob/sample/README.md).
---@field describe fun(): EngineInfo
---@field load_base fun(xml: string): BaseInfo?, EngineError?
---  Loads a base from a clean state, whatever was loaded before, and builds its calculators.
---@field base_output fun(): Output
---  Every scalar of the loaded base.
---@field inquire fun(topic: Topic, argument: table): any, EngineError?
---  Answers a question about the engine's data or the loaded base. Evaluates nothing.
---@field warm_up fun(): nil
---  Switches the JIT on with room and evaluates enough to compile what evaluating needs. Ends with the base intact.
---@field evaluate fun(variation: Variation, computing: fun()?): EvaluateResult?, EngineError?
---  Evaluates a variation and leaves no trace of it. Returns kind 'needs_plain' (see `Plain`) where only
---  `evaluate_plain` gives the right answer. An engine that gives outcomes of the path 'cached' calls `computing` ahead of
---  all that may take long: outcomes before it may be held back until then.
---@field evaluate_plain fun(xml: string, variation: Variation, hints: string): EvaluateResult?, EngineError?
---  The slow way, in a VM that never loaded a build: writes the varied build as XML, loads that, reads the output.
---@field export fun(xml: string, variation: Variation): string?, EngineError?
---  The varied build as XML. Needs no loaded base where the engine can do without.
---@field trim fun(): nil
---  Optional: drops what caches hold beyond what the base needs.
