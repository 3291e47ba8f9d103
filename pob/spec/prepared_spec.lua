-- The parts of the accelerator `prepared` that know nothing of PoB: recipes, what was asked and answered, shared writes.

local spec = require('spec.spec')
local answers = require('fast.prepared.answers')
local plan = require('fast.prepared.plan')
local recipes = require('fast.prepared.recipes')
local same = require('fast.same')
local sockets = require('fast.prepared.sockets')
local writes = require('fast.prepared.writes')

local describe, it, expect = spec.describe, spec.it, spec.expect

---What all results of a maker have in common.
local data = { name = 'shared' }
local class = { __index = {
	greet = function(self)
		return 'I am ' .. self.name
	end,
} }

---Makes a small environment: cycles, classes, lists, functions, shared data.
---@return table
local function make()
	local env = { data = data, level = 90, list = { 'a', 'b', 'c' }, [false] = 1 }
	env.player = setmetatable({ name = 'player', env = env }, class)
	env.alias = env.player
	env.derived = setmetatable({}, { __index = env.player })
	env.by_shared_key = { [data] = { 1 } }
	function env.pure(x)
		return x + 1
	end
	return env
end

---@param a table
---@param b table
---@param skips table?
---@param lengths table?
---@return Book
local function take_down(a, b, skips, lengths)
	local book = recipes.new()
	recipes.number(book, a, b, 'root')
	recipes.complete(book, skips, lengths)
	return book
end

---@param book Book
---@return table
local function made_again(book)
	local made = {}
	plan.make(plan.of(book.recipes, 1, #book.recipes), made)
	return made[1]
end

---@param ... any
---@return string reason why it is refused
local function refusal(...)
	local ok, err = pcall(...)
	assert(not ok, 'it is not refused')
	return type(err) == 'table' and err.refused or err
end

return function()
	describe('recipes', function()
		it('make what was made, with its cycles, classes and what it shares', function()
			local book = take_down(make(), make())
			local env = made_again(book)
			recipes.compare(make(), env)
			assert(env.player.env == env and env.alias == env.player and env.data == data)
			expect(env.player:greet(), 'I am player')
			expect(env.derived.name, 'player')
			expect(env.pure(1), 2)
		end)

		it('make it anew each time', function()
			local book = take_down(make(), make())
			local first = made_again(book)
			first.list[1], first.player.name, first.by_shared_key[data][1] = 'other', 'other', 'other'
			recipes.compare(make(), made_again(book))
		end)

		it('make any value and any key, and nothing of them is taken for a program', function()
			local function strange()
				local t = { 0, -0, 1 / 0, -1 / 0, 0.1, -32768, 40000, 2 ^ 53, true, false }
				for _, text in ipairs({ '', '"', "\\", '\n', '\0\r', '",error("run"),"', ']] .. x', 'end', 'Größe', '%d' }) do
					t[#t + 1], t[text] = text, #text
				end
				t[0], t[-1], t[1.5], t[2 ^ 40], t[true], t[100] = 'zero', 'minus', 'half', 'far', 'true', 'a hole'
				return t
			end
			local t = made_again(take_down(strange(), strange()))
			expect(t, strange())
			expect(1 / t[2], -1 / 0)
		end)

		it('make more tables than one function holds', function()
			local function many()
				local list = {}
				for i = 1, 3000 do
					list[i] = { number = i, name = 'n' .. i, before = list[i - 1], list = list }
				end
				return list
			end
			local list = made_again(take_down(many(), many()))
			recipes.compare(many(), list)
			assert(list[3000].before == list[2999] and list[2999].list == list)
		end)

		it('leave out what is skipped, and the end of lists', function()
			local a, b = make(), make()
			local env = made_again(take_down(a, b, { [a] = { player = true, alias = true, derived = true } }, { [a.list] = 2 }))
			assert(env.player == nil and env.derived == nil)
			expect(env.list, { 'a', 'b' })
		end)

		it('refer to tables that are left to others', function()
			local a, b = { inner = { 1 } }, { inner = { 1 } }
			local outer_a, outer_b = { to = a.inner }, { to = b.inner }
			local book = take_down({}, {})
			recipes.leave(book, a.inner, b.inner, 'inner')
			local number = recipes.number(book, outer_a, outer_b, 'outer')
			recipes.complete(book)
			local made = { {}, { 'somebody else made it' } }
			plan.make(plan.of(book.recipes, number, #book.recipes), made)
			assert(made[number].to == made[2])
		end)

		for what, change in pairs({
			['another value'] = function(env)
				env.level = 91
			end,
			['a missing key'] = function(env)
				env.level = nil
			end,
			['one more key'] = function(env)
				env.more = 1
			end,
			['one more element'] = function(env)
				env.list[4] = 'd'
			end,
			['a copy where one table has two names'] = function(env)
				env.alias = setmetatable({ name = 'player', env = env }, class)
			end,
			['one table where there are two'] = function(env)
				env.list, env.by_shared_key[data] = { 1 }, { 1 }
				env.by_shared_key[data] = env.list
			end,
			['no class'] = function(env)
				setmetatable(env.player, nil)
			end,
			['another function'] = function(env)
				function env.pure(x)
					return x + 2
				end
			end,
			['a function over something of its own'] = function(env)
				function env.pure()
					return env
				end
			end,
		}) do
			it('refuse two that differ by ' .. what, function()
				local env = make()
				change(env)
				refusal(recipes.compare, make(), env)
				refusal(recipes.compare, env, make())
			end)
		end

		it('refuse a function that was made over something of its own', function()
			local function of_its_own()
				local inner = {}
				return { get = function()
					return inner
				end }
			end
			assert(refusal(recipes.compare, of_its_own(), of_its_own()):find('get', 1, true))
		end)
	end)

	describe('answers', function()
		---A store as PoB has them: asked through a method that hands all names on.
		local function store()
			return setmetatable({ asked = 0 }, { __index = {
				SumInternal = function(self)
					self.asked = self.asked + 1
					return 42
				end,
				HasModInternal = function()
					return true
				end,
			} })
		end

		it('hear the names that a store is asked for, and nothing once they stop', function()
			local s, names = store(), {}
			local stop = answers.listen(s, names)
			expect(s:SumInternal(s, 'BASE', nil, 0, 0, nil, 'Life', nil, 'Mana'), 42)
			assert(s:HasModInternal('BASE', 0, 0, nil, 'Rage'))
			stop()
			s:SumInternal(s, 'BASE', nil, 0, 0, nil, 'Armour')
			expect(names, { Life = true, Mana = true, Rage = true })
			expect(s.asked, 2)
			assert(rawget(s, 'SumInternal') == nil and rawget(s, 'FlagInternal') == nil)
		end)

		it('leave a store the methods of its own', function()
			local own = function()
				return 7
			end
			local s = { SumInternal = own }
			answers.listen(s, {})()
			assert(s.SumInternal == own)
		end)

		it('count what a table is asked for', function()
			local counts = {}
			local t = answers.counting({ a = 1 }, counts)
			assert(t.a == 1 and t.a == 1 and t.b == nil)
			expect(counts, { a = 2, b = 1 })
		end)

		it('are the same if all that they hold is', function()
			assert(same({ 1, { x = { 'y' } } }, { 1, { x = { 'y' } } }))
			for _, other in ipairs({ { 1 }, { 1, { x = { 'z' } } }, { 1, { x = { 'y' } }, 3 }, { 1, { x = { 'y' }, w = 1 } } }) do
				assert(not same({ 1, { x = { 'y' } } }, other))
				assert(not same(other, { 1, { x = { 'y' } } }))
			end
			local nan = 0 / 0
			assert(not same({ nan }, { nan }), 'what cannot be compared counts as changed')
			assert(same({ 0 }, { 0 }) and not same({ 0 }, { -0.0 }), 'two zeros of different sign are equal, and not the same')
			assert(same({ 1, x = 2 }, { 1 }, { x = true }) and same({ 1 }, { 1, x = 2 }, { x = true }))
			assert(not same({ { x = 1 } }, { {} }, { x = true }), 'what is left out is left out of these tables alone')
		end)

		it('count as changed if they go too deep, even in a circle', function()
			local function circle()
				local t = {}
				t.t = t
				return t
			end
			assert(not same(circle(), circle()))
		end)

		it('are the modifiers of some names, in order', function()
			local a, b, c = { name = 'Life', value = 1 }, { name = 'Mana' }, { name = 'Life', value = 2 }
			expect(answers.named({ a, b, c }, { Life = true }), { a, c })
		end)
	end)

	describe('shared writes', function()
		it('are found and done again: what is new, other, or gone', function()
			local a, b = { stays = 1, other = 2, gone = 3 }, { flag = false }
			local look = writes.look({ a, b })
			a.other, a.gone, b.flag, b.new = 20, nil, true, 'x'
			local found = writes.since(look)
			expect(#found, 4)
			a.other, a.gone, b.flag, b.new = 2, 3, false, nil
			writes.again(found)
			expect({ a, b }, { { stays = 1, other = 20 }, { flag = true, new = 'x' } })
		end)

		it('refuse a table, but for those of the tooltips', function()
			local t = {}
			local look = writes.look({ t })
			t.displayGemList = {}
			expect(writes.since(look), {})
			t.inner = {}
			assert(refusal(writes.since, look):find('inner', 1, true))
		end)
	end)

	describe('gems in sockets', function()
		it('are counted by slot: those that PoB knows and that are switched on, in groups that are', function()
			local known, unknown, off = { gemData = {}, enabled = true }, { enabled = true }, { gemData = {}, enabled = false }
			expect(
				sockets.count({
					{ enabled = true, slot = 'Helmet', gemList = { known, unknown, off, known } },
					{ enabled = true, slot = 'Helmet', gemList = { known } },
					{ enabled = true, slot = 'Gloves', gemList = { off } },
					{ enabled = false, slot = 'Boots', gemList = { known } },
					{ enabled = true, slot = 'Boots', source = 'Item:1', gemList = { known } },
					{ enabled = true, gemList = { known } },
				}),
				{ Helmet = 3 }
			)
		end)
	end)
end
