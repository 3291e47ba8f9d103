-- While it sets a calculation up PoB copies both modifier databases (`specCopy`), for the pass that adds up the damage of
-- all skills. A build in which no group counts there never uses the copies.

local M = {}

local allowed = false
local wanted = true

---Says whether the calculation that begins now needs the copies.
---@param value boolean
function M.set_wanted(value)
	wanted = value or not allowed
end

---The loaded build's calculator is one that makes the copies for that pass alone.
function M.allow()
	allowed = true
end

function M.install()
	local stock = specCopy
	function specCopy(env)
		if wanted then
			return stock(env)
		end
		-- Only the outermost calculation was meant; what it starts on its way may need its own.
		wanted = true
	end
end

return M
