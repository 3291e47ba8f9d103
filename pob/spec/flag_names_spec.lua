-- The names of flags in one text, made once for each combination.

local spec = require('spec.spec')
local flag_names = require('fast.flag_names')

local describe, it, expect = spec.describe, spec.it, spec.expect

return function()
	describe('the names of flags', function()
		it('are asked for once, of each list of its own, and each time of any other list', function()
			local asked = 0
			local before = {}
			for _, name in ipairs({ 'ModFlag', 'KeywordFlag', 'modLib' }) do
				before[name] = rawget(_G, name)
			end
			local of_mods, of_keywords, other = { Attack = 1 }, { Aura = 1 }, { Other = 1 }
			rawset(_G, 'ModFlag', of_mods)
			rawset(_G, 'KeywordFlag', of_keywords)
			rawset(_G, 'modLib', { formatFlags = function(flags, of)
				asked = asked + 1
				return next(of) .. flags
			end })
			flag_names.install()
			local found = {}
			for _ = 1, 2 do
				for _, of in ipairs({ of_mods, of_keywords, other }) do
					found[#found + 1] = modLib.formatFlags(1, of)
				end
			end
			found[#found + 1] = modLib.formatFlags(2, of_mods)
			for _, name in ipairs({ 'ModFlag', 'KeywordFlag', 'modLib' }) do
				rawset(_G, name, before[name])
			end
			expect(found, { 'Attack1', 'Aura1', 'Other1', 'Attack1', 'Aura1', 'Other1', 'Attack2' })
			expect(asked, 5)
		end)
	end)
end
