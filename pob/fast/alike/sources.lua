-- Modifiers of which it matters who says them. Classes leave that out, so what brings or takes away one of these is told
-- apart by nobody, and computed. Pure.

local classes = require("fast.alike.classes")

local M = {}

---PoB goes by the source of each, or of the first.
local BY_SOURCE = {
	CanNotUseItem = true,
	MaximumFrenzyChargesIsMaximumPowerCharges = true,
	MaximumEnduranceChargesIsMaximumFrenzyCharges = true,
}
---Overrides that the latter two replace if they are of that source.
local REPLACED = { FrenzyChargesMax = true, EnduranceChargesMax = true }
---While one of these holds, PoB turns a modifier into another and takes for it the first of the same source.
local CONVERTING = { AllAddedDamageAsCold = true, AllAddedDamageAsLightning = true }

---@param mod table
---@return boolean
function M.matter_to(mod)
	local name = mod.name
	return BY_SOURCE[name] or CONVERTING[name] or (mod.type == "OVERRIDE" and REPLACED[name]) or false
end

---@param list table[]
---@return integer count
local function of_tree(list)
	local count = 0
	for i = 1, #list do
		count = count + (classes.is_of_tree(list[i]) and 1 or 0)
	end
	return count
end

---Whether it matters to a character who says what is the same in all trees: PoB converts by source, or goes by the first of
---several nodes, which another node may make another.
---@param mods table<string, table[]> the character's, by name
---@return boolean
function M.matter(mods)
	for name in pairs(CONVERTING) do
		if mods[name] and mods[name][1] then
			return true
		end
	end
	for name in pairs(BY_SOURCE) do
		if mods[name] and of_tree(mods[name]) > 1 then
			return true
		end
	end
	return false
end

return M
