-- Why a stat of the loaded build is what it is: PoB's own breakdown, as its Calcs tab shows it to people.
--
-- It calculates in PoB's CALCS mode, which keeps notes, with the choices of MAIN mode, and has the tab's own code make
-- sections of them. This changes the loaded build: it happens in a VM that evaluates nothing afterwards.

local calculate = require("adapter.calculate")

local M = {}

---What the Calcs tab lets its user choose apart from the rest of the program: fields of gems.
local GEM_CHOICES = {
	"skillPart", "skillMineCount", "skillStageCount", "skillMinion", "skillMinionItemSet", "skillMinionSkill",
}
---The accelerated queries take so many names (`fast/stores.lua`); the Calcs tab asks for more at once.
local QUERY_NAMES_MAX = 9
---Numbers of `ModifierKind` in `proto/pobatch/v1/explain.proto`.
local MODIFIER_KINDS = { BASE = 1, INC = 2, MORE = 3, OVERRIDE = 4, FLAG = 5 }

---@param value any
---@return string
local function plain(value)
	return value and StripEscapes(tostring(value)) or ""
end

---Has the Calcs tab look at what the build itself looks at.
---@param tab table
---@param of_minion boolean
local function choose_as_main(tab, of_minion)
	for _, group in ipairs(build.skillsTab.socketGroupList) do
		group.mainActiveSkillCalcs = group.mainActiveSkill
		for _, gem in ipairs(group.gemList) do
			for _, choice in ipairs(GEM_CHOICES) do
				gem[choice .. "Calcs"] = gem[choice]
			end
		end
	end
	tab.input.skill_number = build.mainSocketGroup
	tab.input.misc_buffMode = "EFFECTIVE"
	tab.input.showMinion = of_minion
end

---@param a any
---@param b any
local function same(a, b)
	return a == b or (a ~= a and b ~= b)
end

---Whether a part of a cell's explanation is about the stat by name.
---@param entry table
---@param name string
local function is_about(entry, name)
	return entry.breakdown == name or entry.modName == name
end

---Calls back for each cell of the tab that explains the stat: those that show it, and others' parts that are about it.
---@param tab table
---@param name string
---@param found fun(title: string, entries: table)
local function each_cell(tab, name, found)
	local shown = "output:" .. name .. "}"
	for _, section in ipairs(tab.sectionList) do
		for _, part in ipairs(tab:CheckFlag(section) and section.subSection or {}) do
			for _, row in ipairs(tab:CheckFlag(part.data) and part.data or {}) do
				for _, cell in ipairs(tab:CheckFlag(row) and row or {}) do
					local title = part.label .. (row.label and ": " .. row.label or "")
					if cell.format and cell.format:find(shown, 1, true) then
						found(title, cell)
					else
						for _, entry in ipairs(cell) do
							if is_about(entry, name) then
								found(title, { entry })
							end
						end
					end
				end
			end
		end
	end
end

---The parts of a cell, with lists of modifiers that are asked for by no more names than a query takes.
---@param entries table[]
---@return table[]
local function within_queries(entries)
	local parts = {}
	for _, entry in ipairs(entries) do
		local names = type(entry.modName) == "table" and entry.modName or {}
		for first = 1, math.max(#names, 1), QUERY_NAMES_MAX do
			local part = copyTable(entry, true)
			if names[1] then
				part.modName = { unpack(names, first, math.min(first + QUERY_NAMES_MAX - 1, #names)) }
			end
			parts[#parts + 1] = part
		end
	end
	return parts
end

---@param row table of a list of modifiers, as the tab shows it
local function modifier(row)
	local mod = row.mod
	local node = mod.source and mod.source:match("^Tree:(%d+)")
	local item = mod.source and mod.source:match("^Item:(%d+)")
	return {
		stat = mod.name,
		kind = MODIFIER_KINDS[mod.type] or 0,
		number = type(row.value) == "number" and row.value or nil,
		value = plain(row.displayValue),
		source = mod.source and mod.source:match("[^:]+") or "",
		source_name = plain(row.sourceName),
		node = tonumber(node),
		item = tonumber(item),
		applies_to = plain(row.flags),
		conditions = plain(row.tags),
	}
end

---@param shown table a section of the tab's own making
---@param title string
---@return table? section nil: it is a picture, or there is nothing in it
local function section_of(shown, title)
	if shown.type == "TEXT" then
		local lines = {}
		for i, line in ipairs(shown.lines) do
			lines[i] = plain(line)
		end
		return { title = title, lines = lines }
	elseif shown.type ~= "TABLE" or not shown.rowList[1] then
		return nil
	end
	title = shown.label and title .. " (" .. plain(shown.label) .. ")" or title
	if shown.rowList[1].mod then
		local modifiers = {}
		for i, row in ipairs(shown.rowList) do
			modifiers[i] = modifier(row)
		end
		return { title = title, modifiers = modifiers }
	end
	local columns, rows = {}, {}
	for i, column in ipairs(shown.colList) do
		columns[i] = plain(column.label)
	end
	for i, row in ipairs(shown.rowList) do
		local cells = {}
		for j, column in ipairs(shown.colList) do
			cells[j] = plain(row[column.key])
		end
		rows[i] = { cells = cells }
	end
	return { title = title, table = { columns = columns, rows = rows, footer = plain(shown.footer) } }
end

---@param argument { stat: string }
---@return table[] sections
function M.stat(argument)
	local tab = build.calcsTab
	local value = calculate.flatten(tab.mainOutput)[argument.stat]
	local of_minion = argument.stat:match("^Minion%.(.+)$")
	local name = of_minion or argument.stat
	choose_as_main(tab, of_minion ~= nil)
	wipeGlobalCache()
	tab.calcsEnv = tab.calcs.buildOutput(build, "CALCS")
	tab.calcsOutput = tab.calcsEnv.player.output
	local actor = tab.calcsEnv[of_minion and "minion" or "player"]
	local sections = {}
	-- What led to another value explains nothing.
	if value == nil or not actor or not same(actor.output[name], value) then
		return sections
	end
	local control = tab.controls.breakdown
	local function show(title, entries)
		control:SetBreakdownData(nil)
		control:SetBreakdownData(within_queries(entries))
		for _, shown in ipairs(control.sectionList or {}) do
			local section, last = section_of(shown, title), sections[#sections]
			if section and section.modifiers and last and last.modifiers and last.title == section.title then
				for _, one in ipairs(section.modifiers) do
					last.modifiers[#last.modifiers + 1] = one
				end
			else
				sections[#sections + 1] = section
			end
		end
	end
	each_cell(tab, name, show)
	if not sections[1] and actor.breakdown and actor.breakdown[name] then
		show("", { { breakdown = name } })
	end
	return sections
end

return M
