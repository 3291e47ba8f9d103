-- The promise of the contract: evaluating on the loaded base equals, to the bit, writing the varied build as XML and
-- loading that from scratch; and the base never notices.

local spec = require('spec.spec')
local engine = require('sample')
local support = require('spec.sample_support')

local describe, it = spec.describe, spec.it
local data = {
	tree = require('sample.tree'),
	items = require('sample.items'),
	gems = require('sample.data.gems'),
	config = require('sample.config').options,
	classes = require('sample.data.classes'),
}
local stats = engine.describe().stats

-- Seeds of one run; each makes one variation.
local VARIATIONS = 1500

---Evaluates both ways and compares outputs, warnings and failures.
---@param variation Variation
---@param case string
---@return boolean evaluated
local function compare(variation, case)
	local fast, fast_err = engine.evaluate(variation)
	if not fast then
		local plain, plain_err = engine.evaluate_plain(support.WITCH, variation)
		assert(
			not plain
				and plain_err.kind == fast_err.kind
				and plain_err.field == fast_err.field
				and plain_err.message == fast_err.message,
			case
		)
		return false
	end
	local output = {}
	for name, value in pairs(fast.output) do
		output[name] = value
	end
	local plain = assert(engine.evaluate_plain(support.WITCH, variation))
	support.assert_outputs(stats, plain.output, output, case)
	assert(support.warnings_text(plain.warnings) == support.warnings_text(fast.warnings), case)
	assert(fast.path == 'fast' and plain.path == 'plain', case)
	return true
end

return function()
	describe('the plain path', function()
		it('gives the same bits and warnings as the fast one, for random variations of every kind', function()
			assert(engine.load_base(support.WITCH))
			local evaluated = 0
			for seed = 1, VARIATIONS do
				local random = support.random(seed * 7919)
				random(2)
				local variation = support.variation(random, 1 + seed % 4, data)
				evaluated = evaluated + (compare(variation, 'seed ' .. seed) and 1 or 0)
			end
			-- Most must be variations that work: a generator of failures would prove nothing.
			assert(evaluated > VARIATIONS * 0.6, evaluated)
		end)

		it('is left by the base as it was', function()
			assert(engine.load_base(support.WITCH))
			local before = engine.base_output()
			for seed = 1, 300 do
				engine.evaluate(support.variation(support.random(seed * 104729), 3, data))
			end
			support.assert_outputs(stats, before, engine.evaluate({}).output, 'empty variation')
			support.assert_outputs(stats, before, engine.base_output(), 'base output')
		end)

		it('gives the same bits with the compiler on', function()
			assert(engine.load_base(support.WITCH))
			local variation = { allocate = { 316, 317 }, level = 91, config = { usePowerCharges = true } }
			local function read()
				local copy = {}
				for name, value in pairs(assert(engine.evaluate(variation)).output) do
					copy[name] = value
				end
				return copy
			end
			local before = read()
			engine.compile()
			engine.warm_up()
			for _ = 1, 200 do
				support.assert_outputs(stats, before, read(), 'compiled')
			end
			if jit then
				jit.off()
				jit.flush()
			end
		end)

		it('exports what it evaluates', function()
			for seed = 1, 200 do
				local variation = support.variation(support.random(seed * 15485863), 2, data)
				local xml, err = engine.export(support.WITCH, variation)
				local plain, plain_err = engine.evaluate_plain(support.WITCH, variation)
				assert((xml == nil) == (plain == nil), seed)
				if xml then
					local expected = {}
					for name, value in pairs(plain.output) do
						expected[name] = value
					end
					assert(engine.load_base(xml))
					support.assert_outputs(stats, expected, engine.base_output(), 'seed ' .. seed)
				else
					assert(err.kind == plain_err.kind and err.field == plain_err.field, seed)
				end
			end
		end)
	end)
end
