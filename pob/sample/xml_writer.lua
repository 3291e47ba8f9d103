-- Writes XML: the counterpart of `sample.xml`. What it writes, that reads back as the same elements and attributes.

local trim = require('sample.text').trim

local M = {}

local ESCAPES = {
	['&'] = '&amp;',
	['<'] = '&lt;',
	['>'] = '&gt;',
	['"'] = '&quot;',
	['\n'] = '&#10;',
	['\t'] = '&#9;',
	['\r'] = '&#13;',
}

---@param out string[]
---@param element XmlElement
---@param indent string
local function write_element(out, element, indent)
	out[#out + 1] = indent .. '<' .. element.name
	for _, name in ipairs(element.order) do
		out[#out + 1] = (' %s="%s"'):format(name, (element.attrs[name]:gsub('[&<>"\n\t\r]', ESCAPES)))
	end
	if #element.children == 0 then
		out[#out + 1] = '/>\n'
		return
	end
	out[#out + 1] = '>\n'
	for _, child in ipairs(element.children) do
		if type(child) == 'string' then
			out[#out + 1] = (trim(child):gsub('[&<>]', ESCAPES)) .. '\n'
		else
			write_element(out, child, indent .. '\t')
		end
	end
	out[#out + 1] = indent .. '</' .. element.name .. '>\n'
end

---Writes a document. White space around text is not kept: no text of a build means anything by it.
---@param root XmlElement
---@return string
function M.write(root)
	local out = { '<?xml version="1.0" encoding="UTF-8"?>\n' }
	write_element(out, root, '')
	return table.concat(out)
end

---A new element; an attribute whose value is nil is left out.
---@param name string
---@param attributes { [1]: string, [2]: any }[]
---@return XmlElement
function M.element(name, attributes)
	local element = { name = name, attrs = {}, order = {}, children = {}, line = 0 }
	for _, attribute in ipairs(attributes) do
		if attribute[2] ~= nil then
			element.attrs[attribute[1]] = tostring(attribute[2])
			element.order[#element.order + 1] = attribute[1]
		end
	end
	return element
end

return M
