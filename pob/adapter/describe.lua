-- Facts about the installation: version, tree versions with data on disk, stats with their labels.

local M = {}

---@param native NativeHost
---@return string[] versions oldest first
function M.tree_versions(native)
	local versions = {}
	for _, version in ipairs(treeVersionList) do
		if native.read_file("TreeData/" .. version .. "/tree.lua") then
			versions[#versions + 1] = version
		end
	end
	return versions
end

---@param native NativeHost
---@return string
local function version(native)
	local number = launch.versionNumber
	if number and number ~= "?" then
		return number
	end
	local log = native.read_file("changelog.txt") or native.read_file("../changelog.txt") or ""
	return log:match("VERSION%[([%d%.]+)%]") or "unknown"
end

---@param prefix string
---@param list table[] a list of PoB's `BuildDisplayStats`
---@param main boolean
---@param infos StatInfo[]
---@param seen table<string, boolean>
local function add_stats(prefix, list, main, infos, seen)
	for _, stat in ipairs(list) do
		-- Stats of stats (`childStat`) and lists are no scalars.
		local name = stat.stat and not stat.childStat and stat.stat ~= "SkillDPS" and prefix .. stat.stat
		if name and not seen[name] then
			seen[name] = true
			infos[#infos + 1] = {
				name = name,
				label = StripEscapes(stat.label or stat.stat),
				unit = stat.fmt and (stat.fmt:match("%%%%$") and "%" or stat.fmt:match("s$") and "seconds") or nil,
				better = stat.lowerIsBetter and -1 or 1,
				main = main,
			}
		end
	end
end

---A level 10 character with nothing. Life is 38 and 12 a level, mana 34 and 6 a level, and half an attribute each; every
---attribute of a Scion begins at 20; resistances begin at -60 (https://www.poewiki.net/wiki/Character_class).
local SELF_CHECK = {
	xml = [[
<PathOfBuilding>
	<Build level="10" targetVersion="3_0" bandit="None" className="Scion" ascendClassName="None" mainSocketGroup="1"/>
</PathOfBuilding>
]],
	expected = { Life = 168, Mana = 104, Str = 20, FireResist = -60 },
}

---@param native NativeHost
---@param tree_versions string[]
---@return EngineInfo
function M.info(native, tree_versions)
	local display, minion, extra = LoadModule("Modules/BuildDisplayStats")
	local infos, seen = {}, {}
	add_stats("", display, true, infos, seen)
	add_stats("Minion.", minion, true, infos, seen)
	for _, name in ipairs(extra) do
		if not seen[name] then
			seen[name] = true
			infos[#infos + 1] = { name = name, label = name, better = 1, main = false }
		end
	end
	return {
		name = "pob",
		version = version(native),
		tree_versions = tree_versions,
		stats = infos,
		self_check = SELF_CHECK,
	}
end

return M
