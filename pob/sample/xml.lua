-- A small strict XML reader for the subset that builds are saved in: elements, attributes, text, CDATA,
-- comments and the five named entities. It owns the bounds on depth and size; it knows nothing of builds, and it
-- never guesses: what it does not understand is an error with a line number.

---@class (exact) XmlElement
---@field name string
---@field attrs table<string, string>
---@field order string[] attribute names as they were written
---@field children (XmlElement|string)[]
---@field line integer

local M = {}

M.MAX_BYTES = 4 * 1024 * 1024
M.MAX_DEPTH = 32
M.MAX_ELEMENTS = 50000

local ENTITIES = { amp = '&', lt = '<', gt = '>', quot = '"', apos = "'" }

---@param code integer?
---@return string? utf8 nil when no character has that code
local function utf8_char(code)
	if not code or code ~= math.floor(code) or code > 0x10FFFF or (code >= 0xD800 and code <= 0xDFFF) then
		return nil
	end
	if code < 0x20 and code ~= 9 and code ~= 10 and code ~= 13 then
		return nil
	end
	local char, floor = string.char, math.floor
	if code < 0x80 then
		return char(code)
	elseif code < 0x800 then
		return char(0xC0 + floor(code / 64), 0x80 + code % 64)
	elseif code < 0x10000 then
		return char(0xE0 + floor(code / 4096), 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
	end
	return char(
		0xF0 + floor(code / 262144),
		0x80 + floor(code / 4096) % 64,
		0x80 + floor(code / 64) % 64,
		0x80 + code % 64
	)
end

---@param raw string
---@return string? text
---@return string? problem
local function unescape(raw)
	if not raw:find('&', 1, true) then
		return raw
	end
	local bad
	local text = raw:gsub('&([^;&]*);?', function(name)
		local hex, decimal = name:match('^#x(%x+)$'), name:match('^#(%d+)$')
		local char = ENTITIES[name] or utf8_char(hex and tonumber(hex, 16) or tonumber(decimal))
		if not char then
			bad = bad or name
		end
		return char
	end)
	-- An ampersand without its semicolon would pass the pattern above.
	if not bad and select(2, raw:gsub('&[^;&]*;', '')) ~= select(2, raw:gsub('&', '')) then
		bad = 'without a semicolon'
	end
	if bad then
		return nil, ('unknown entity &%s'):format(bad:sub(1, 20))
	end
	return text
end

---@class (exact) XmlReader
---@field text string
---@field at integer
---@field elements integer
---@field line integer of `line_at`
---@field line_at integer where lines are counted up to

---The line of where the reader is. Counts on from the last time: counting from the start would be quadratic.
---@param reader XmlReader
---@return integer
local function line_of(reader)
	for _ in reader.text:sub(reader.line_at, reader.at - 1):gmatch('\n') do
		reader.line = reader.line + 1
	end
	reader.line_at = math.max(reader.line_at, reader.at)
	return reader.line
end

---@param reader XmlReader
---@param element XmlElement
---@return string? end_mark '>' or '/>'
---@return string? problem
local function read_attributes(reader, element)
	while true do
		local spaces, at = reader.text:match('^(%s*)()', reader.at)
		local mark = reader.text:match('^/?>', at)
		if mark then
			reader.at = at + #mark
			return mark
		end
		local name, quote, after = reader.text:match('^([%a_][%w_.:-]*)%s*=%s*(["\'])()', at)
		if not name or spaces == '' then
			return nil, ('broken tag <%s>'):format(element.name)
		end
		local close = reader.text:find(quote, after, true)
		local raw = close and reader.text:sub(after, close - 1)
		if not raw or raw:find('<', 1, true) then
			return nil, ('attribute %s of <%s> has no end'):format(name, element.name)
		end
		if element.attrs[name] then
			return nil, ('attribute %s of <%s> is there twice'):format(name, element.name)
		end
		local value, problem = unescape(raw)
		if not value then
			return nil, problem
		end
		element.attrs[name] = value
		element.order[#element.order + 1] = name
		reader.at = close + 1
	end
end

-- What may stand between tags and means nothing to a build: opening mark -> closing mark.
local SKIPPED = { { '<!--', '-->' }, { '<?', '?>' } }

---@param reader XmlReader
---@return boolean? skipped
---@return string? problem
local function skip_markup(reader)
	for _, marks in ipairs(SKIPPED) do
		if reader.text:sub(reader.at, reader.at + #marks[1] - 1) == marks[1] then
			local _, close = reader.text:find(marks[2], reader.at + #marks[1], true)
			if not close then
				return nil, ('%s has no end'):format(marks[1])
			end
			reader.at = close + 1
			return true
		end
	end
	return false
end

---@param reader XmlReader
---@param parent XmlElement
---@return string? problem
local function read_text(reader, parent)
	local raw, cdata
	if reader.text:sub(reader.at, reader.at + 8) == '<![CDATA[' then
		local open, close = reader.text:find(']]>', reader.at + 9, true)
		if not open then
			return '<![CDATA[ has no end'
		end
		raw, cdata = reader.text:sub(reader.at + 9, open - 1), true
		reader.at = close + 1
	else
		raw = reader.text:match('^[^<]+', reader.at)
		reader.at = reader.at + #raw
	end
	local text, problem = raw, nil
	if not cdata then
		text, problem = unescape(raw)
	end
	if not text then
		return problem
	end
	-- Indentation is no content.
	if text:find('%S') then
		parent.children[#parent.children + 1] = text
	end
end

---@param reader XmlReader
---@param stack XmlElement[]
---@return boolean? done the root element is closed
---@return string? problem
local function read_piece(reader, stack)
	local text, top = reader.text, stack[#stack]
	local closing, after = text:match('^</([%a_][%w_.:-]*)%s*>()', reader.at)
	if closing then
		if closing ~= top.name then
			return nil, ('</%s> closes <%s>, opened in line %d'):format(closing, top.name, top.line)
		end
		reader.at, stack[#stack] = after, nil
		return #stack == 1
	end
	local name, attributes_at = text:match('^<([%a_][%w_.:-]*)()', reader.at)
	if not name then
		local skipped, problem = skip_markup(reader)
		if skipped or problem then
			return false, problem
		end
		if text:sub(reader.at, reader.at) == '<' and text:sub(reader.at, reader.at + 8) ~= '<![CDATA[' then
			return nil, 'this is no tag'
		end
		return false, read_text(reader, top)
	end
	reader.elements = reader.elements + 1
	if reader.elements > M.MAX_ELEMENTS then
		return nil, ('more than %d elements'):format(M.MAX_ELEMENTS)
	elseif #stack > M.MAX_DEPTH then
		return nil, ('more than %d levels deep'):format(M.MAX_DEPTH)
	end
	reader.at = attributes_at
	local element = { name = name, attrs = {}, order = {}, children = {}, line = line_of(reader) }
	local mark, problem = read_attributes(reader, element)
	if not mark then
		return nil, problem
	end
	top.children[#top.children + 1] = element
	if mark == '>' then
		stack[#stack + 1] = element
	end
	return #stack == 1
end

---Reads one document. The problem is one line and begins with the line number.
---@param text string
---@return XmlElement? root
---@return string? problem
function M.read(text)
	if #text > M.MAX_BYTES then
		return nil, ('larger than %d bytes'):format(M.MAX_BYTES)
	end
	---@type XmlReader
	local reader =
		{ text = text, at = text:sub(1, 3) == '\239\187\191' and 4 or 1, elements = 0, line = 1, line_at = 1 }
	local document = { name = '', attrs = {}, order = {}, children = {}, line = 1 }
	local stack, root = { document }, nil
	while true do
		if #stack == 1 then
			reader.at = text:match('^%s*()', reader.at)
			if reader.at > #text then
				break
			end
		elseif reader.at > #text then
			return nil, ('line %d: <%s> has no end'):format(stack[#stack].line, stack[#stack].name)
		end
		local outside = #stack == 1
		local done, problem = read_piece(reader, stack)
		if not problem and outside and #document.children > (root and 1 or 0) then
			root = document.children[1]
			if type(root) == 'string' or #document.children > 1 then
				problem = 'there must be one root element and nothing beside it'
			end
		end
		if done == nil or problem then
			return nil, ('line %d: %s'):format(line_of(reader), problem)
		end
	end
	if not root then
		return nil, 'line 1: there is no element'
	end
	return root
end

return M
