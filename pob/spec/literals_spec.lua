-- Patterns that may match a text, found by what they spell out (`fast/literals.lua`).

local spec = require('spec.spec')
local literals = require('fast.literals')

local describe, it, expect = spec.describe, spec.it, spec.expect

---The patterns that are tried on a text, sorted.
---@param patterns string[]
---@param text string
---@param plain boolean?
---@return string[]
local function tried(patterns, text, plain)
	local list = {}
	for _, pattern in ipairs(patterns) do
		list[pattern] = true
	end
	local found = {}
	literals.each(literals.index(list, plain or false), text, function(filed)
		found[filed.pattern] = true
	end)
	local names = {}
	for name in pairs(found) do
		names[#names + 1] = name
	end
	table.sort(names)
	return names
end

return function()
	describe('what a pattern spells out', function()
		local CASES = {
			['^([%+%-]?%d+)%% increased'] = { '% increased' },
			['increased? effect'] = { 'increase', ' effect' },
			['enem[yi]e?s? hit'] = { 'enem', ' hit' },
			['a+bc'] = { 'a', 'bc' },
			['ab*c-d'] = { 'a', 'd' },
			['you(r) (minions)$'] = { 'your minions' },
			['costs $5'] = { 'costs $5' },
			['%f[%a]the%b() end'] = { 'the', ' end' },
			['[]x]abc[^]]def'] = { 'abc', 'def' },
			['(.+) of %1 and (%w-) x'] = { ' of ', ' and ', ' x' },
			['^'] = {},
			['%d+'] = {},
		}
		for pattern, wanted in pairs(CASES) do
			it(('is known of %q'):format(pattern), function()
				expect(literals.of(pattern), wanted)
			end)
		end

		it('is in every text that the pattern matches', function()
			for _, text in ipairs({ '12% increased effect of your minions', 'aabc (x) the(y) end', 'adjacent enemies hit', ']abcxdef' }) do
				for pattern in pairs(CASES) do
					for _, literal in ipairs(text:find(pattern) and literals.of(pattern) or {}) do
						assert(text:find(literal, 1, true), pattern .. ' matches ' .. text .. ' without ' .. literal)
					end
				end
			end
		end)
	end)

	describe('an index of patterns', function()
		it('gives those whose characters are there, and those that spell out too little', function()
			expect(tried({ 'increased', 'reduced', '%d+', 'to', 'maximum %w+' }, '5% increased maximum life'), {
				'%d+', 'increased', 'maximum %w+', 'to',
			})
		end)

		it('takes plain texts as they are', function()
			expect(tried({ '%w+', 'life', 'a.c' }, '100%w+ abc', true), { '%w+' })
		end)

		it('ranks patterns as `pairs` goes through them', function()
			local list, ranks = { aaa = 1, bbb = 2, ccc = 3, ddd = 4 }, {}
			for pattern in pairs(list) do
				ranks[#ranks + 1] = pattern
			end
			literals.each(literals.index(list, true), 'aaa bbb ccc ddd', function(filed)
				expect(filed.pattern, ranks[filed.rank])
			end)
		end)
	end)
end
