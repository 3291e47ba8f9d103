-- Level, config options and custom modifiers: PoB builds the config's modifiers anew, from what the build file says.

local check = require("adapter.check")
local recorder = require("adapter.recorder")
local trial = require("adapter.trial")

local M = {}

---How PoB's loader rewrites old choices (`ConfigTab:Load`).
local REWRITES = {
	enemyIsBoss = function(text)
		text = text:lower():gsub("(%l)(%w*)", function(first, rest)
			return first:upper() .. rest
		end)
		return (text:gsub("Uber Atziri", "Boss"):gsub("Shaper", "Pinnacle"):gsub("Sirus", "Pinnacle"))
	end,
	presetBossSkills = function(text)
		return (text:gsub("^Uber ", ""))
	end,
}

---@param text string
---@param warnings EngineWarning[]
local function warn_of_custom_mods(text, warnings)
	for line in text:gmatch("[^\n]+") do
		-- The very stripping that PoB's option does.
		local stripped = StripEscapes(line):gsub("^[%s?]+", ""):gsub("[%s?]+$", "")
		if stripped ~= "" then
			local mods, rest = modLib.parseMod(stripped)
			if not mods or rest then
				local message = "Path of Building does not understand '" .. stripped .. "'"
				warnings[#warnings + 1] = { kind = "mod_not_understood", field = "custom_mods", message = message }
			end
		end
	end
end

---@param variation Variation
---@param input table<string, any>
---@param lookup EditLookup
---@return EngineError?
local function set_options(variation, input, lookup)
	local names = {}
	for name in pairs(variation.config or {}) do
		names[#names + 1] = name
	end
	table.sort(names)
	for _, name in ipairs(names) do
		local value = variation.config[name]
		local err = check.config_value(name, lookup.config_option(name), value)
		if err then
			return err
		end
		if type(value) == "string" and REWRITES[name] then
			value = REWRITES[name](value)
		end
		input[name] = value
	end
	if variation.custom_mods then
		input.customMods = variation.custom_mods
	end
end

---Puts inputs in the place of the base's, until the trial ends. Modifiers are yet to be built from them.
---@param input table<string, any>
---@param record ConfigRecord
---@param base LoadedBase
local function set_inputs(input, record, base)
	local tab = build.configTab
	local set, placeholder = tab.configSets[tab.activeConfigSetId], copyTable(record.placeholder)
	for _, owner in ipairs({ set, tab }) do
		trial.set(owner, "input", input)
		trial.set(owner, "placeholder", placeholder)
	end
	for _, field in ipairs({ "modList", "enemyModList", "enemyLevel" }) do
		trial.keep(tab, field)
	end
	trial.keep(build, "buildFlag")
	recorder.set_control_states(record.controls)
	trial.finally(function()
		recorder.set_control_states(base.config_controls)
	end)
end

---Modifiers that config brings: the base's, and those of all check boxes together. Lists and numbers can bring others.
---@param base LoadedBase
---@return { player: table[], enemy: table[] }
function M.mods(base)
	local tab, found = build.configTab, { player = {}, enemy = {} }
	local function take()
		for i = 1, #tab.modList do
			table.insert(found.player, tab.modList[i])
		end
		for i = 1, #tab.enemyModList do
			table.insert(found.enemy, tab.enemyModList[i])
		end
	end
	take()
	local record = base.recording.config
	if not record then
		return found
	end
	local input = copyTable(record.input)
	for name, option in pairs(base.lookup.config_options()) do
		if option.type == "check" then
			input[name] = true
		end
	end
	set_inputs(input, record, base)
	-- Where PoB does not take all of them at once, those that come before are better than none.
	pcall(tab.BuildModList, tab)
	take()
	trial.undo()
	return found
end

---@param variation Variation
---@param base LoadedBase
---@param context EvaluationContext
---@return EngineError?
function M.apply(variation, base, context)
	if not (variation.level or variation.config or variation.custom_mods) then
		return
	end
	local record = base.recording.config
	if not record then
		-- A build without a config section: what PoB does with it depends on the order of its loaders.
		return context.needs_plain("the build has no config section")
	end
	local tab, input = build.configTab, copyTable(record.input)
	local err = set_options(variation, input, context.lookup)
	if err then
		return err
	end
	if variation.level then
		trial.set(build, "characterLevel", variation.level)
		trial.set(build, "characterLevelAutoMode", false)
	end
	set_inputs(input, record, base)
	for name in pairs(variation.config or {}) do
		local control = tab.varControls[name]
		if control and control.SelByValue then
			control:SelByValue(input[name], "val")
		end
	end
	tab:BuildModList()
	if variation.custom_mods then
		warn_of_custom_mods(variation.custom_mods, context.warnings)
	end
end

return M
