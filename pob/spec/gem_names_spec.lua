-- The accelerator `gem_names`, with a class in PoB's place.

local spec = require('spec.spec')
local gem_names = require('fast.gem_names')

local describe, it, expect = spec.describe, spec.it, spec.expect

return function()
	describe('the gem that a name means', function()
		local asked

		---@return table tab with the accelerator
		local function installed()
			asked = 0
			local class = {}
			function class:FindSkillGem(name)
				asked = asked + 1
				if name == 'Arc' then
					return nil, self.arc
				end
				return "Unrecognised gem name '" .. name .. "'"
			end
			local before = common
			common = { classes = { SkillsTab = class } }
			gem_names.install()
			common = before
			return setmetatable({ arc = {} }, { __index = class })
		end

		it('is looked up once', function()
			local tab = installed()
			for _ = 1, 3 do
				local problem, gem = tab:FindSkillGem('Arc')
				expect(problem, nil)
				expect(gem, tab.arc)
			end
			expect(asked, 1)
		end)

		it('is as unknown the second time as the first', function()
			local tab = installed()
			for _ = 1, 2 do
				local problem, gem = tab:FindSkillGem('Ark')
				expect(problem, "Unrecognised gem name 'Ark'")
				expect(gem, nil)
			end
			expect(asked, 1)
		end)

		it('is remembered for so many names', function()
			local tab = installed()
			for i = 1, 2000 do
				tab:FindSkillGem('Arc ' .. i)
			end
			tab:FindSkillGem('Arc 1')
			expect(asked, 2000)
			tab:FindSkillGem('Arc 2000')
			expect(asked, 2001)
		end)
	end)
end
