-- The hatch for tests of the server: closed unless asked for, and the faults that can be shown without harm.

local spec = require('spec.spec')
local config = require('sample.config')
local engine = require('sample')
local faults = require('sample.faults')
local support = require('spec.sample_support')

local describe, it = spec.describe, spec.it

return function()
	describe('the option fault', function()
		it('does not exist unless the engine is booted for it', function()
			assert(engine.boot({ tree_versions = {} }))
			assert(engine.load_base(support.BARE))
			local result, err = engine.evaluate({ config = { fault = 'error' } })
			assert(result == nil and err.kind == 'unknown_config' and err.field == 'config.fault')
		end)

		it('exists, with every fault, once it is', function()
			assert(engine.boot({ tree_versions = {}, faults = true }))
			assert(engine.load_base(support.BARE))
			assert(engine.evaluate({ config = { fault = 'none' } }))
			assert(not pcall(engine.evaluate, { config = { fault = 'error' } }))
			assert(engine.evaluate({}))
			assert(#config.by_name.fault.values == #faults.names + 1)
			-- The other specs of this VM want it closed.
			config.remove('fault')
			config.remove('faultArgument')
			assert(not engine.evaluate({ config = { fault = 'none' } }))
		end)
	end)
end
