-- Which gem a name in a build file means (`SkillsTab:FindSkillGem`). PoB tries patterns on the names of all gems, half a
-- millisecond for one that the first pattern finds. A variation of gems loads its group anew, and with it every gem whose id
-- PoB does not know; the names are the same each time, and so are the gems.

local M = {}

---Names that are remembered. A build has some dozens; what variations name is looked up by id.
local KEPT_MAX = 1024

function M.install()
	local class = common.classes.SkillsTab
	local stock = class.FindSkillGem
	---@type table<string, { problem: string?, gem: table? }>
	local kept, count = {}, 0
	function class:FindSkillGem(name)
		local found = kept[name]
		if not found then
			found = {}
			found.problem, found.gem = stock(self, name)
			if count < KEPT_MAX then
				kept[name], count = found, count + 1
			end
		end
		return found.problem, found.gem
	end
end

return M
