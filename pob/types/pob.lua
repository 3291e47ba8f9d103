---@meta
-- What our code uses of Path of Building, and what PoB uses of us: the honest list of the coupling.
-- Names are PoB's own. Only `pob/adapter/` and `pob/host/` may use any of it.

---What Rust gives to Lua (`src/runtime/host.rs`).
---@class (exact) NativeHost
---@field now_ms fun(): number milliseconds since the VM began, monotonic
---@field log fun(level: 'debug'|'info'|'warn', text: string)
---@field inflate fun(packed: string): string?
---@field deflate fun(text: string): string?
---@field sha256 fun(text: string): string hexadecimal
---@field read_file fun(path: string): string? relative to PoB's own files
---@field read_library fun(name: string): string? a library of PoB's runtime, by module name
---@field append_to_journal fun(record: string): boolean whether there was a journal, with room in it
---@field read_journal fun(): string[]? what other runtimes of the base appended since the last time; nil: nothing
---@field search_files fun(pattern: string, directories: boolean): { name: string, bytes: integer, modified_seconds: integer }[]

-- Globals of PoB's program, and the file that sets each.

---@type table Launch.lua: promptMsg, devMode, versionNumber
launch = {}
---@type table Modules/Main.lua: modes, mode, newMode, popups, tree, onFrameFuncs, LoadTree
main = {}
---@type table Modules/Data.lua: skills, gems, itemBases, misc
data = {}
---@type table Modules/Common.lua: classes, xml, base64
common = {}
---@type table Modules/ModTools.lua: parseMod, parseModCache
modLib = {}
---@type table<string, { display: string, num: number, url: string }> GameVersions.lua
treeVersions = {}
---@type string[] GameVersions.lua
treeVersionList = {}
---@type string GameVersions.lua
latestTreeVersion = ""
---@type string GameVersions.lua
defaultTreeVersion = ""

---The loaded build, PoB's `buildMode` (Modules/Build.lua): spec, calcsTab, configTab, itemsTab, skillsTab, treeTab,
---characterLevel, characterLevelAutoMode, mainSocketGroup, viewMode, buildFlag. Set by us (`adapter/base.lua`).
---@type table
build = {}

---Modules/Common.lua. Makes an object of a class.
---@param class string
---@return table
function new(class, ...) end

---Modules/Common.lua. Empties PoB's cache of calculated skills.
function wipeGlobalCache() end

---Modules/Common.lua
---@generic T: table
---@param t T
---@param no_recurse boolean?
---@return T
function copyTable(t, no_recurse) end

-- Modules/Common.lua and Modules/CalcSetup.lua. Helpers of `calcs.initEnv`, which accelerators call, replace or listen to.

---@param env table
---@return table? player
---@return table? enemy
---@return table? minion
function specCopy(env) end

---@param env table
---@param accelerate table<string, boolean> what is kept
function wipeEnv(env, accelerate) end

---@param target table
---@param from table?
function mergeDB(target, from) end

---@param first any[]
---@param second any[]
---@return any[]
function tableConcat(first, second) end

---Modules/Common.lua. What PoB makes of pasted text.
---@param text string
---@return string
function sanitiseText(text) end

-- Methods that our hooks wrap or replace (`adapter/pristine.lua`, `adapter/recorder.lua`, `adapter/boot.lua`):
-- SkillsTab.LoadSkill, SkillsTab.ProcessSocketGroup, ItemsTab.PopulateSlots, ConfigTab.Load, ConfigTab.BuildModList,
-- launch.CheckForUpdate.
--
-- Methods that we call: build.Init; calcs.initEnv, calcs.perform, calcs.calcFullDPS; SkillsTab.LoadSkill;
-- ItemsTab.IsItemValidForSlot; Item.ParseRaw, Item.BuildModList, Item.CheckModLineVariant; ConfigTab.BuildModList;
-- DropDownControl.SelByValue; ModDB.Flag, ModDB.Sum; main.LoadTree.
