-- Which of PoB's functions are known: by the hash of their lines, and by the version in which they were read.

local spec = require('spec.spec')
local known = require('fast.known')
local source = require('fast.source')

local describe, it, expect = spec.describe, spec.it, spec.expect

local PATH, NAME = 'Modules/CalcSetup.lua', 'calcs.initEnv'
local TEXT = 'local function set_up()\nend\nreturn set_up'

---@param version string
---@return string hash of the function in that version
local function hash_of(version)
	for hash, of in pairs(known[NAME]) do
		if of == version then
			return hash
		end
	end
	error('no hash of ' .. version)
end

---An installation whose one file has that function, with the hash of one that was read.
---@param hash string
local function installation(hash)
	return {
		read_file = function()
			return TEXT
		end,
		sha256 = function()
			return hash
		end,
	}
end

return function()
	describe('a function of Path of Building', function()
		local functions = { [NAME] = assert(loadstring(TEXT, '@' .. PATH))() }

		it('is known by its hash, in any version that was read', function()
			for _, version in ipairs({ '2.55.5', '2.60.0' }) do
				expect(source.all_known(installation(hash_of(version)), functions), true)
				source.forget()
			end
			local ok, unknown = source.all_known(installation('other'), functions)
			expect(ok, false)
			expect(unknown, NAME)
		end)

		it('is not known to what was written for another version', function()
			expect(source.all_known(installation(hash_of('2.55.5')), functions, '2.55.5'), true)
			local ok, unknown = source.all_known(installation(hash_of('2.60.0')), functions, '2.55.5')
			expect(ok, false)
			expect(unknown, NAME)
		end)
	end)
end
