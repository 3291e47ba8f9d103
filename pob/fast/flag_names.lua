-- The names of flags in one text (`modLib.formatFlags`). PoB goes through all flags that there are and sorts those that are
-- set; each calculation asks for it two dozen times, to tell flasks apart by what they say. Its two lists of flags are
-- the data's, and never change.

local M = {}

---Texts that are kept of each list. Modifiers have some hundred combinations of flags.
local KEPT_MAX = 4096

function M.install()
	local stock = modLib.formatFlags
	local kept, counts = { [ModFlag] = {}, [KeywordFlag] = {} }, { [ModFlag] = 0, [KeywordFlag] = 0 }
	function modLib.formatFlags(flags, of)
		local known = kept[of]
		local text = known and known[flags]
		if text then
			return text
		end
		text = stock(flags, of)
		if known and counts[of] < KEPT_MAX then
			known[flags], counts[of] = text, counts[of] + 1
		end
		return text
	end
end

return M
