-- Trimming and splitting of texts that strangers wrote: each takes time in proportion to the text, whatever is in it
-- (the usual `^%s*(.-)%s*$` does not).

local M = {}

---@param text string
---@return string
function M.trim(text)
	local first = text:find('%S')
	return first and text:match('^.*%S', first) or ''
end

---Lines, trimmed, without blank ones.
---@param text string
---@return string[]
function M.lines(text)
	local lines = {}
	for line in text:gmatch('[^\r\n]+') do
		line = M.trim(line)
		if line ~= '' then
			lines[#lines + 1] = line
		end
	end
	return lines
end

return M
