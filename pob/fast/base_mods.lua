-- The modifiers that every character and every enemy begins with (`calcs.initModDB`): some hundred and twenty, made anew
-- for both in each calculation though they are always the same. They are made once and shared from then on, as the
-- modifiers of items and nodes are.

local M = {}

---Takes down what a function adds to a store.
---@return table store
local function recorder()
	local store = { added = {}, conditions = {}, multipliers = {} }
	function store:AddMod(mod)
		self.added[#self.added + 1] = mod
	end
	function store:NewMod(...)
		self:AddMod(modLib.createMod(...))
	end
	return store
end

---Replaces the function in a build's calculator.
---@param calcs table
function M.install(calcs)
	local stock = calcs.initModDB
	local recorded
	function calcs.initModDB(env, store)
		if not recorded then
			recorded = recorder()
			stock(env, recorded)
		end
		local added = recorded.added
		for i = 1, #added do
			store:AddMod(added[i])
		end
		local conditions = store.conditions
		conditions.Buffed = env.mode_buffs
		conditions.Combat = env.mode_combat
		conditions.Effective = env.mode_effective
	end
end

return M
