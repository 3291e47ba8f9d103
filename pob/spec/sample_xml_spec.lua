-- The XML reader: strict, bounded, and exact about lines.

local spec = require('spec.spec')
local xml = require('sample.xml')
local xml_writer = require('sample.xml_writer')

local describe, it = spec.describe, spec.it

---@param text string
---@param expected string
local function fails(text, expected)
	local root, problem = xml.read(text)
	assert(root == nil and problem == expected, tostring(problem))
end

return function()
	describe('xml.read', function()
		it('reads attributes, text, CDATA and entities', function()
			local root = assert(
				xml.read(
					'<?xml version="1.0"?><!-- c --><a x=\'1\' y="&lt;&#65;&#x20AC;&quot;"><b/>t &amp; u<![CDATA[<&]]></a>\n'
				)
			)
			assert(root.name == 'a' and root.attrs.x == '1' and root.attrs.y == '<A\226\130\172"')
			assert(root.children[1].name == 'b' and root.children[2] == 't & u' and root.children[3] == '<&')
		end)

		it('keeps new lines in attributes through writing and reading', function()
			local root = assert(xml.read('<a x="one&#10;two&#9;&amp;"/>'))
			assert(root.attrs.x == 'one\ntwo\t&')
			assert(xml.read(xml_writer.write(root)).attrs.x == 'one\ntwo\t&')
		end)

		it('names the line of what is broken', function()
			fails('<a>\n<b>\n</a>', 'line 3: </a> closes <b>, opened in line 2')
			fails('<a>\n\n<b x="1>', 'line 3: attribute x of <b> has no end')
			fails('<a>\n<b>', 'line 2: <b> has no end')
			fails('<a>&nope;</a>', 'line 1: unknown entity &nope')
			fails('<a>\n& b</a>', 'line 2: unknown entity & b')
			fails('<a x="1" x="2"/>', 'line 1: attribute x of <a> is there twice')
			fails('<a x="1"y="2"/>', 'line 1: broken tag <a>')
			fails('<a/>\n<b/>', 'line 2: there must be one root element and nothing beside it')
			fails('text', 'line 1: there must be one root element and nothing beside it')
			fails('', 'line 1: there is no element')
			fails('<!DOCTYPE a><a/>', 'line 1: this is no tag')
			fails('<a><!-- </a>', 'line 1: <!-- has no end')
			fails('<a>&#0;</a>', 'line 1: unknown entity &#0')
		end)

		it('refuses what is too deep, too large or has too many elements', function()
			local deep = xml.MAX_DEPTH + 1
			fails(
				('<a>'):rep(deep) .. ('</a>'):rep(deep),
				('line 1: more than %d levels deep'):format(xml.MAX_DEPTH)
			)
			assert(xml.read(('<a>'):rep(xml.MAX_DEPTH) .. ('</a>'):rep(xml.MAX_DEPTH)))
			fails((' '):rep(xml.MAX_BYTES + 1), ('larger than %d bytes'):format(xml.MAX_BYTES))
			fails(
				'<a>' .. ('<b/>'):rep(xml.MAX_ELEMENTS) .. '</a>',
				('line 1: more than %d elements'):format(xml.MAX_ELEMENTS)
			)
		end)
	end)
end
