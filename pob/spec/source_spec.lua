-- Which of PoB's functions are known: by the hash of their lines, and by the version in which they were read.

local spec = require('spec.spec')
local known = require('fast.known')
local source = require('fast.source')

local describe, it, expect = spec.describe, spec.it, spec.expect

local PATH, NAME = 'Modules/CalcSetup.lua', 'calcs.initEnv'
local TEXT = 'local function set_up()\nend'
local OTHER_TEXT = 'local function perform()\nend'

---@param text string that defines a function
---@param name string
---@param above integer? lines above it
---@return function
local function defined(text, name, above)
	return assert(loadstring(('\n'):rep(above or 0) .. text .. '\nreturn ' .. name, '@' .. PATH))()
end

---@param version string
---@param name string? of the function; nil: that above
---@return string hash of the function in that version
local function hash_of(version, name)
	for hash, of in pairs(known[name or NAME]) do
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
		local functions = { [NAME] = defined(TEXT, 'set_up') }

		it('is known by its hash, in any version that was read', function()
			for _, version in ipairs({ '2.55.5', '2.60.0' }) do
				expect(source.all_known(installation(hash_of(version)), functions), true)
				source.forget()
			end
			local ok, unknown = source.all_known(installation('other'), functions)
			expect(ok, false)
			expect(unknown, NAME)
			source.forget()
		end)

		it('must be of the same version as others where they work together', function()
			local other = 'calcs.perform'
			local both = { [NAME] = functions[NAME], [other] = defined(OTHER_TEXT, 'perform', 2) }
			---An installation in which `initEnv` is of one version, and `perform` of another.
			local function mixed(set_up, perform)
				local hashes = { [TEXT] = hash_of(set_up, NAME), [OTHER_TEXT] = hash_of(perform, other) }
				return {
					read_file = function()
						return TEXT .. '\n' .. OTHER_TEXT
					end,
					sha256 = function(text)
						return hashes[text]
					end,
				}
			end
			expect(source.all_known(mixed('2.60.0', '2.60.0'), both, true), true)
			source.forget()
			expect(source.all_known(mixed('2.55.5', '2.60.0'), both), true)
			source.forget()
			local ok, unknown = source.all_known(mixed('2.55.5', '2.60.0'), both, true)
			expect(ok, false)
			expect(unknown, other)
			source.forget()
		end)
	end)
end
