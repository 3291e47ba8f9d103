-- The order in which buffs are gone through.

local spec = require('spec.spec')
local buffs = require('adapter.buffs')

local describe, it, expect = spec.describe, spec.it, spec.expect

---What PoB's calculator is made of, as far as it matters here: a function that goes through tables with `pairs`.
local function calculator()
	local pairs = pairs
	return {
		perform = function(t)
			local names = {}
			for name in pairs(t) do
				names[#names + 1] = tostring(name)
			end
			return table.concat(names, ' ')
		end,
	}
end

return function()
	describe('the order of buffs', function()
		local before = rawget(_G, 'common')
		local ModList = {}
		local CalcsTab = {
			_constructor = function(self, made)
				self.calcs, self.made = calculator(), made
			end,
		}
		rawset(_G, 'common', { classes = { ModList = ModList, CalcsTab = CalcsTab } })
		buffs.install()
		rawset(_G, 'common', before)
		local tab = {}
		CalcsTab._constructor(tab, 'something')
		local perform = tab.calcs.perform

		---@param names string[]
		---@param class table?
		local function by_name(names, class)
			local t = {}
			for _, name in ipairs(names) do
				t[name] = setmetatable({}, class)
			end
			return t
		end

		it('is that of their names, however they came', function()
			expect(perform(by_name({ 'Steelskin', 'Molten Shell', 'Arctic Armour' }, ModList)), 'Arctic Armour Molten Shell Steelskin')
			expect(perform(by_name({ 'Arctic Armour', 'Steelskin', 'Molten Shell' }, ModList)), 'Arctic Armour Molten Shell Steelskin')
			expect(perform(by_name({}, ModList)), '')
			expect(perform(by_name({ 'Haste' }, ModList)), 'Haste')
		end)

		it('leaves other tables alone, and other keys', function()
			local other = by_name({ 'b', 'a', 'c' })
			local found = {}
			for name in pairs(other) do
				found[#found + 1] = name
			end
			expect(perform(other), table.concat(found, ' '))
			expect(perform({ setmetatable({}, ModList), setmetatable({}, ModList) }), '1 2')
		end)

		it('makes of the calculator what PoB makes of it', function()
			expect(tab.made, 'something')
		end)
	end)
end
