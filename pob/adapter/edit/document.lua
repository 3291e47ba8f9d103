-- A build's XML as a tree of tables, in the shape that PoB's parser gives: `{ elem, attrib, [1..n] = child or text }`.
-- Owns finding the parts of it that PoB will read, and writing it. What a part means is decided by its owner
-- (`tree`, `items`, `skills`, `config`, `character`). Reading is PoB's own parser, since a build file means what PoB makes of it.

local M = {}

---@class XmlNode
---@field elem string
---@field attrib table<string, string>
---@field [integer] XmlNode|string

local ENTITY = { ['<'] = '&lt;', ['>'] = '&gt;', ['&'] = '&amp;', ["'"] = '&apos;', ['"'] = '&quot;' }

local function escape(text)
	return (text:gsub('[<>&\'"]', ENTITY))
end

---@param out string[]
---@param node XmlNode
---@param depth integer
local function write(out, node, depth)
	local indent = ('\t'):rep(depth)
	out[#out + 1] = indent .. '<' .. node.elem
	local names = {}
	for name in pairs(node.attrib or {}) do
		names[#names + 1] = name
	end
	-- Sorted, so that equal builds have equal text (PoB's own writer leaves the order to chance).
	table.sort(names)
	for _, name in ipairs(names) do
		out[#out + 1] = ' ' .. name .. '="' .. escape(node.attrib[name]) .. '"'
	end
	if not node[1] then
		out[#out + 1] = '/>\n'
		return
	end
	out[#out + 1] = '>\n'
	for _, child in ipairs(node) do
		if type(child) == 'string' then
			out[#out + 1] = indent .. '\t' .. escape(child) .. '\n'
		else
			write(out, child, depth + 1)
		end
	end
	out[#out + 1] = indent .. '</' .. node.elem .. '>\n'
end

---@param root XmlNode
---@return string
function M.compose(root)
	local out = { '<?xml version="1.0" encoding="UTF-8"?>\n' }
	write(out, root, 0)
	return table.concat(out)
end

---@param parse fun(text: string): XmlNode[]?, string?
---@param text string
---@param field string? where the text came from
---@return XmlNode? root
---@return EngineError?
function M.parse(parse, text, field)
	local parsed, message = parse(text)
	if not parsed then
		return nil, { kind = 'bad_build', field = field, message = tostring(message) }
	end
	local root = parsed[1]
	if type(root) ~= 'table' or root.elem ~= 'PathOfBuilding' then
		return nil, { kind = 'bad_build', field = field, message = 'the root element is not PathOfBuilding' }
	end
	return root
end

---Children that are elements of that name, in order.
---@param parent XmlNode
---@param elem string
---@return XmlNode[]
function M.children(parent, elem)
	local found = {}
	for _, child in ipairs(parent) do
		if type(child) == 'table' and child.elem == elem then
			found[#found + 1] = child
		end
	end
	return found
end

---@param parent XmlNode
---@param elem string
---@param attrib table<string, string>?
---@param ... XmlNode|string children
---@return XmlNode
function M.append(parent, elem, attrib, ...)
	local child = { elem = elem, attrib = attrib or {}, ... }
	parent[#parent + 1] = child
	return child
end

---Removes the children that `unwanted` says yes to.
---@param parent XmlNode
---@param unwanted fun(child: XmlNode): boolean?
function M.remove(parent, unwanted)
	for index = #parent, 1, -1 do
		if type(parent[index]) == 'table' and unwanted(parent[index]) then
			table.remove(parent, index)
		end
	end
end

---The section that PoB ends up with: it loads one after the other, and each load starts afresh.
---@param root XmlNode
---@param elem string
---@return XmlNode?
function M.section(root, elem)
	local found = M.children(root, elem)
	return found[#found]
end

---The active one of a section's sets. Builds from before PoB had sets hold the contents in the section itself.
---@param section XmlNode
---@param set_elem string for example `SkillSet`
---@param active_attrib string for example `activeSkillSet`
---@param direct_elem string what lies in the section itself in an old build
---@return XmlNode
function M.active_set(section, set_elem, active_attrib, direct_elem)
	local active = tonumber(section.attrib[active_attrib]) or 1
	local sets = M.children(section, set_elem)
	for index = #sets, 1, -1 do
		if tonumber(sets[index].attrib.id) == active then
			return sets[index]
		end
	end
	-- PoB falls back to the first set when there is none of that number.
	if sets[1] and not M.children(section, direct_elem)[1] then
		return sets[1]
	end
	return section
end

return M
