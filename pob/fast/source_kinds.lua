-- Kinds of sources of modifiers: whoever asks for those of one source asks for its kind. Owns those that are kept.

local match = string.match

local M = {}

---Sources whose kinds are kept. A build has some hundred, each item, node and gem one.
local SOURCES_MAX = 16384

---@type table<string, string|false>
local kinds = {}
local count = 0

---The word before the first colon of a source; false: it has none.
---@param source string
---@return string|false
function M.of(source)
	local kind = kinds[source]
	if kind == nil then
		kind = match(source, "[^:]+") or false
		if count < SOURCES_MAX then
			kinds[source], count = kind, count + 1
		end
	end
	return kind
end

return M
