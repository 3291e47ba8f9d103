-- Keeps words short on their way out: failures and warnings repeat what the client sent, which may be a megabyte of
-- modifiers that nobody understands, and an answer that is too large would take the whole runtime with it.

local M = {}

---More warnings than a person reads.
local WARNINGS_MAX = 200
---Longest text, in bytes: a modifier line has less than 200.
local TEXT_BYTES_MAX = 500

---@param text string
---@return string
local function one_line(text)
	return (text:gsub("%c", " "))
end

---@param text string?
---@return string?
function M.text(text)
	if not text then
		return nil
	elseif #text <= TEXT_BYTES_MAX then
		return one_line(text)
	end
	local last = TEXT_BYTES_MAX
	-- Never within a character: its later bytes begin with the bits 10.
	while last > 0 and text:byte(last + 1) >= 0x80 and text:byte(last + 1) < 0xC0 do
		last = last - 1
	end
	return one_line(text:sub(1, last)) .. "..."
end

---@param failure EngineError
---@return EngineError
function M.failure(failure)
	failure.message, failure.field = M.text(failure.message), M.text(failure.field)
	return failure
end

---@param warnings EngineWarning[]?
---@return EngineWarning[]?
function M.warnings(warnings)
	if not warnings then
		return nil
	end
	local short = {}
	for index = 1, math.min(#warnings, WARNINGS_MAX) do
		local warning = warnings[index]
		short[index] = { kind = warning.kind, field = M.text(warning.field), message = M.text(warning.message) }
	end
	if #warnings > WARNINGS_MAX then
		local message = ("and %d more warnings"):format(#warnings - WARNINGS_MAX)
		short[#short + 1] = { kind = "other", message = message }
	end
	return short
end

return M
