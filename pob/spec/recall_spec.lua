-- Calls that need not be made again, as they would read what a recorded one read.

local spec = require('spec.spec')
local recall = require('fast.recall')

local describe, it, expect = spec.describe, spec.it, spec.expect

---A function that is called through `recall`, and how often it was called.
---@param body fun(input: table, output: table, lists: table<string, table[]>)
local function subject(body)
	local self = { made = 0, calls = recall.new() }
	---@param state { input: table?, output: table?, lists: table<string, table[]>? }
	---@return table output
	function self.call(state)
		state.input, state.output, state.lists = state.input or {}, state.output or {}, state.lists or {}
		local places = {
			{ of = state, field = 'output', is_written = true },
			{ of = state, field = 'lists', has_lists = true },
			{ of = state, field = 'input' },
		}
		local found = self.calls:find(places, function(given, now)
			return given == now
		end, state.given or 'all')
		if not found and self.calls:is_worth_it() then
			self.calls:record(places, function()
				self.made = self.made + 1
				body(state.input, state.output, state.lists)
			end, function()
				return state.given or 'all'
			end)
		end
		return state.output
	end
	return self
end

local function life(value, source, more)
	local mod = { name = 'Life', type = 'BASE', value = value, flags = 0, keywordFlags = 0, source = source }
	for i, tag in ipairs(more or {}) do
		mod[i] = tag
	end
	return mod
end

return function()
	describe('a recorded call', function()
		it('is not made again for what it did not read', function()
			local s = subject(function(input, output)
				output.double = 2 * input.a
			end)
			expect(s.call({ input = { a = 1, b = 1 } }), { double = 2 })
			expect(s.call({ input = { a = 1, b = 2 }, output = { other = 1 } }), { double = 2, other = 1 })
			expect(s.made, 1)
			expect(s.call({ input = { a = 2 } }), { double = 4 })
			expect(s.call({ input = { a = 1 } }), { double = 2 })
			expect(s.made, 2)
		end)

		it('is made again where something is there that was not, or is no more', function()
			local s = subject(function(input, output)
				output.found = input.a ~= nil
			end)
			expect(s.call({}), { found = false })
			expect(s.call({ input = { a = false } }), { found = true })
			expect(s.call({}), { found = false })
			expect(s.made, 2)
		end)

		it('may look for what has no name', function()
			local s = subject(function(_, output, lists)
				output.found = lists[nil] ~= nil
			end)
			expect(s.call({}), { found = false })
			expect(s.call({}), { found = false })
			expect(s.made, 1)
		end)

		it('is made again for the other zero', function()
			local s = subject(function(input, output)
				output.sign = 1 / input.a
			end)
			expect(s.call({ input = { a = 0 } }), { sign = math.huge })
			expect(s.call({ input = { a = -0.0 } }), { sign = -math.huge })
			expect(s.made, 2)
		end)

		it('takes what it wrote itself for its own, and writes over what was there', function()
			local s = subject(function(_, output)
				output.a = 1
				output.b = output.a + 1
				output.gone = nil
				output.a = nil
				output.was_a = output.a == nil
			end)
			expect(s.call({ output = { a = 5, b = 7, gone = 3 } }), { b = 2, was_a = true })
			expect(s.call({ output = { a = 6, b = 2, gone = 4 } }), { b = 2, was_a = true })
			expect(s.made, 1)
		end)

		it('depends on what it read before it wrote it', function()
			local s = subject(function(_, output)
				output.count = (output.count or 0) + 1
			end)
			expect(s.call({}), { count = 1 })
			expect(s.call({ output = { count = 1 } }), { count = 2 })
			expect(s.call({ output = { count = 1 } }), { count = 2 })
			expect(s.made, 2)
		end)

		it('depends on what only another one read, too', function()
			local s = subject(function(input, output)
				output.sum = input.a + (input.a > 1 and input.b or 0)
			end)
			expect(s.call({ input = { a = 1, b = 1 } }), { sum = 1 })
			expect(s.call({ input = { a = 2, b = 1 } }), { sum = 3 })
			expect(s.call({ input = { a = 1, b = 2 } }), { sum = 1 })
			expect(s.call({ input = { a = 2, b = 2 } }), { sum = 4 })
			expect(s.made, 3)
		end)

		it('is not kept if it read or wrote a table', function()
			local s = subject(function(input, output)
				output.list = input.list or {}
			end)
			s.call({})
			s.call({})
			s.call({ input = { list = { 1 } } })
			s.call({ input = { list = { 1 } } })
			expect(s.made, 4)
		end)

		it('counts only for what was given with it', function()
			local s = subject(function(_, output)
				output.a = 1
			end)
			s.call({ given = 'one' })
			s.call({ given = 'other' })
			s.call({ given = 'one' })
			expect(s.made, 2)
		end)

		it('leaves the tables as they were, but for what it writes', function()
			local s = subject(function(input, output, lists)
				output.a = input.a and #(lists.Life or {})
			end)
			local state = { input = { a = 1 }, output = {}, lists = { Mana = {} } }
			local input, output, lists = state.input, state.output, state.lists
			s.call(state)
			expect({ state.input == input, state.output == output, state.lists == lists }, { true, true, true })
			expect({ input, output, lists }, { { a = 1 }, { a = 0 }, { Mana = {} } })
		end)
	end)

	describe('lists of modifiers that a call read', function()
		local function summing()
			return subject(function(_, output, lists)
				output.life = 0
				for _, mod in ipairs(lists.Life or {}) do
					output.life = output.life + mod.value
				end
			end)
		end

		it('are the same if all say the same, whoever of a kind says it', function()
			local s = summing()
			local tag = { type = 'Condition', varList = { 'LowLife' } }
			s.call({ lists = { Life = { life(5, 'Tree:1', { tag }), life(1, 'Base') } } })
			s.call({ lists = { Life = { life(5, 'Tree:2', { { type = 'Condition', varList = { 'LowLife' } } }), life(1, 'Base') } } })
			expect(s.made, 1)
			s.call({ lists = { Life = { life(5, 'Item:2', { tag }), life(1, 'Base') } } })
			s.call({ lists = { Life = { life(5, 'Tree:1', { { type = 'Condition', varList = { 'FullLife' } } }), life(1, 'Base') } } })
			s.call({ lists = { Life = { life(1, 'Base'), life(5, 'Tree:1', { tag }) } } })
			s.call({ lists = { Life = { life(5, 'Tree:1', { tag }) } } })
			s.call({})
			expect(s.made, 6)
		end)

		it('are those of the time of the call, whatever becomes of a modifier', function()
			local s = summing()
			local mod = life(5, 'Tree:1')
			expect(s.call({ lists = { Life = { mod } } }), { life = 5 })
			mod.value = 6
			expect(s.call({ lists = { Life = { mod } } }), { life = 6 })
			expect(s.call({ lists = { Life = { life(5, 'Tree:1') } } }), { life = 5 })
			expect(s.made, 2)
		end)

		it('must not be added to', function()
			local s = subject(function(_, _, lists)
				table.insert(lists.Life, life(1))
			end)
			expect(pcall(s.call, { lists = { Life = {} } }), false)
			expect(pcall(s.call, {}), false)
			local other = subject(function(_, _, lists)
				lists.Life = { life(1) }
			end)
			expect(pcall(other.call, {}), false)
		end)
	end)

	describe('recording', function()
		it('ends where hardly any call is found again', function()
			local s = subject(function(input, output)
				output.a = input.a
			end)
			for i = 1, 63 do
				s.call({ input = { a = i } })
			end
			expect(s.calls:is_worth_it(), true)
			s.call({ input = { a = 64 } })
			expect(s.calls:is_worth_it(), false)
			for _ = 1, 65 do
				s.call({ input = { a = 64 } })
			end
			expect(s.calls:is_worth_it(), true)
		end)

		it('keeps those that were found last', function()
			local s = subject(function(input, output)
				output.a = input.a
			end)
			for i = 1, 200 do
				s.call({ input = { a = i } })
				s.call({ input = { a = 1 } })
				s.call({ input = { a = 1 } })
			end
			expect(s.made, 200)
			s.call({ input = { a = 2 } })
			expect(s.made, 201)
		end)
	end)
end
