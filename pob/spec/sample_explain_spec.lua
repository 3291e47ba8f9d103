-- Explanations: they arrive at the evaluated value, add up what was added up, and leave no trace.

local engine = require('sample')
local spec = require('spec.spec')
local support = require('spec.sample_support')

local describe, it = spec.describe, spec.it

---@param stat string
local function explain(stat)
	return (assert(engine.inquire('explain', { stat = stat })))
end

return function()
	describe('explanations', function()
		it('arrive at the value that an evaluation has', function()
			assert(engine.load_base(support.WITCH))
			local output, explained = engine.base_output(), 0
			for _, info in ipairs(engine.describe().stats) do
				local sections = explain(info.name)
				if sections[1] then
					explained = explained + 1
					local last = sections[1].lines[#sections[1].lines]
					assert(last:match('^= ([^%%]+)') == ('%g'):format(output[info.name]), info.name .. ': ' .. last)
				end
			end
			assert(explained >= 15, explained)
		end)

		it('name every modifier that was added, and where it is from', function()
			local ring = 'Rarity: RARE\nTide Loop\nAquamarine Ring\n+61 to maximum Life\n+18 to Strength'
			local varied = { items = { { slot = 'Ring 1', text = ring } }, custom_mods = '7% increased maximum Life' }
			assert(engine.load_base(assert(engine.export(support.WITCH, varied))))
			local sections, added, increased, sources = explain('Life'), 0, 0, {}
			for _, modifier in ipairs(sections[2].modifiers) do
				assert(modifier.stat == 'Life')
				sources[modifier.source] = modifier.source_name
				added = added + (modifier.kind == 1 and modifier.number or 0)
				increased = increased + (modifier.kind == 2 and modifier.number or 0)
			end
			assert(increased == engine.base_output().LifeInc and increased >= 7, increased)
			assert(sections[1].lines[2] == ('+ %g (added)'):format(added), sections[1].lines[2])
			assert(sources.Item == 'Tide Loop' and sources.Config and sources.Base == 'Str')
		end)

		it('leave no trace', function()
			assert(engine.load_base(support.WITCH))
			local before = engine.base_output()
			explain('Life')
			explain('TotalDPS')
			for name, value in pairs(engine.evaluate({}).output) do
				assert(support.same(before[name], value), name)
			end
		end)

		it('are none where there is no formula, or it leads elsewhere', function()
			assert(engine.load_base(support.WITCH))
			assert(#explain('CritChance') == 0)
			assert(#explain('Lief') == 0)
			-- A keystone makes life one, whatever is added up.
			local xml = assert(engine.export(support.WITCH, { allocate_path = { 313 } }))
			assert(engine.load_base(xml))
			assert(engine.base_output().LifeIsOne and #explain('Life') == 0)
		end)
	end)
end
