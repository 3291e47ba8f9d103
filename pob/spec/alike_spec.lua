-- The parts of the accelerator `alike` that know little of PoB: classes of modifiers, questions, the order of nodes.

local spec = require('spec.spec')
local asked = require('fast.alike.asked')
local classes = require('fast.alike.classes')
local journal = require('fast.alike.journal')
local mod = require('spec.alike_support').mod
local order = require('fast.alike.order')
local questions = require('fast.alike.questions')
local sources = require('fast.alike.sources')

local describe, it, expect = spec.describe, spec.it, spec.expect

---@param ... table
---@return table
local function node(...)
	return { type = 'Normal', modList = { ... } }
end

---A store of the player.
local player = { itemList = {} }
local store = { actor = player }
player.modDB = store

---Notes a question about modifiers that all apply.
---@param name string
---@param operation string
---@param list table[]
---@param start number?
---@param limited boolean?
local function ask(name, operation, list, start, limited)
	local query = { operation = operation, limited = limited or false }
	order.note(store, name, start or 0, list, function(one)
		return one.value
	end, query)
end

return function()
	describe('classes of modifiers', function()
		it('do not tell apart who says a thing', function()
			local a = mod('Life', 'INC', 5, { value = { mod = mod('Mana', 'BASE', 0.1) } })
			local b = mod('Life', 'INC', 5, { source = 'Tree:2', value = { mod = mod('Mana', 'BASE', 0.1, { source = 'x' }) } })
			expect(classes.of(a), classes.of(b))
		end)

		it('tell apart all that is said', function()
			local tag = { type = 'Condition', var = 'LowLife' }
			local list = {
				mod('Life', 'INC', 5),
				mod('Life', 'BASE', 5),
				mod('Life', 'INC', 5 + 2 ^ -40),
				mod('Life', 'INC', '5'),
				mod('Life', 'INC', 5, { flags = 1 }),
				mod('Life', 'INC', 5, { keywordFlags = 1 }),
				mod('Life', 'INC', 5, { tag }),
				mod('Life', 'INC', 5, { tag, tag }),
			}
			local seen = {}
			for _, one in ipairs(list) do
				expect(seen[classes.of(one)], nil)
				seen[classes.of(one)] = true
			end
		end)

		it('stand for single nodes, too, which are like no other and always count', function()
			local one, other = { id = 1 }, { id = 2 }
			expect(classes.of_node(one), classes.of_node({ id = 1 }))
			expect(classes.of_node(one) ~= classes.of_node(other), true)
			asked.reset({}, {})
			local class = classes.of_node(one)
			expect(asked.player:stand_in(class), class)
		end)

		it('know which come from the tree', function()
			expect(classes.is_of_tree(mod('Life', 'INC', 5)), true)
			expect(classes.is_of_tree(mod('Life', 'INC', 5, { source = 'Item:3:Treefall' })), false)
			expect(classes.is_of_tree({ name = 'Life' }), false)
		end)
	end)

	describe('who says a thing', function()
		local function unusable(source)
			return mod('CanNotUseItem', 'Flag', 1, { source = source })
		end

		it('matters of a few modifiers', function()
			expect(sources.matter_to(unusable('Tree:1')), true)
			expect(sources.matter_to(mod('AllAddedDamageAsCold', 'FLAG', true)), true)
			expect(sources.matter_to(mod('FrenzyChargesMax', 'OVERRIDE', 3)), true)
			expect(sources.matter_to(mod('FrenzyChargesMax', 'BASE', 1)), false)
			expect(sources.matter_to(mod('Life', 'BASE', 1)), false)
		end)

		it('matters to a character whose modifiers are converted, or come first among those of several nodes', function()
			expect(sources.matter({ Life = { mod('Life', 'BASE', 1), mod('Life', 'BASE', 1, { source = 'Tree:2' }) } }), false)
			expect(sources.matter({ AllAddedDamageAsCold = { mod('AllAddedDamageAsCold', 'FLAG', true) } }), true)
			expect(sources.matter({ CanNotUseItem = { unusable('Tree:1'), unusable('Item:1:Helmet') } }), false)
			expect(sources.matter({ CanNotUseItem = { unusable('Tree:1'), unusable('Tree:2') } }), true)
		end)
	end)

	describe('questions', function()
		local axe, sword, any = mod('Damage', 'INC', 9, { flags = 2 }), mod('Damage', 'INC', 9, { flags = 4 }), mod('Mana', 'BASE', 1)

		---@return Questions
		local function begun()
			local set = questions.new()
			set:reset({ Damage = { axe, sword }, Mana = { any } })
			return set
		end

		---@param set Questions
		---@param a table
		---@param b table
		---@return boolean
		local function told_apart(set, a, b)
			return set:stand_in(classes.of(a)) ~= set:stand_in(classes.of(b))
		end

		it('find what they would have found, and nothing else', function()
			local set = begun()
			expect(set:finds(axe), false)
			expect(set:take('INC', 'Damage', 3, 0, false), true)
			expect(set:finds(axe), true)
			expect(set:finds(sword), false)
			expect(set:finds(mod('Damage', 'MORE', 9)), false)
			expect(set:finds(any), false)
		end)

		it('for any type find every type', function()
			local set = begun()
			set:take(questions.ANY, 'Damage', 2, 0, false)
			expect(set:finds(axe), true)
			expect(set:finds(sword), false)
		end)

		it('tell apart what only some of them find', function()
			local set = begun()
			expect(set:stand_in(classes.of(axe)), false)
			expect(told_apart(set, axe, sword), false)
			set:take('INC', 'Damage', 7, 0, false)
			expect(set:stand_in(classes.of(axe)) ~= false, true)
			expect(told_apart(set, axe, sword), false)
			expect(told_apart(set, axe, mod('Damage', 'INC', 8, { flags = 2 })), true)
			expect(told_apart(set, axe, mod('Damage', 'INC', 9, { flags = 2, { type = 'Condition', var = 'LowLife' } })), true)
			set:take('INC', 'Damage', 4, 0, false)
			expect(told_apart(set, axe, sword), true)
		end)

		it('tell apart everything that was shown, and what nobody knows', function()
			local set = begun()
			set:take('INC', 'Damage', 7, 0, false)
			expect(set:take('INC', 'Damage', 7, 0, true), true)
			expect(told_apart(set, axe, sword), true)
			local unknown = { mod('Other', 'INC', 9, { flags = 2 }), mod('Other', 'INC', 9, { flags = 4 }) }
			expect(told_apart(set, unknown[1], unknown[2]), true)
			expect(set:stand_in(classes.of(unknown[1])), classes.of(unknown[1]))
		end)

		it('are counted once, and not any more when there is nothing left to find out', function()
			local set = begun()
			local version = set.version
			expect(set:take('INC', 'Damage', 6, 0, false), true)
			expect(set:take('INC', 'Damage', 6, 0, false), false)
			expect(set.version, version + 1)
			-- Another one may still find an axe and no sword.
			expect(set:take('INC', 'Damage', 2, 0, false), true)
			expect(set:take('BASE', 'Mana', 0, 0, false), true)
			expect(set.unsettled.Mana, nil)
			expect(set:take('BASE', 'Mana', 1, 0, false), false)
			expect(set:finds(any), true)
		end)

		it('that nobody hears are taken as asked', function()
			local set = begun()
			set:settle('Damage')
			expect(set:finds(sword), true)
			expect(told_apart(set, axe, sword), true)
			expect(set:finds(any), false)
		end)
	end)

	describe('what was asked', function()
		local life, mana = mod('Life', 'INC', 5), mod('Mana', 'BASE', 1)
		local enemy = {}
		local of_enemy = { actor = enemy }
		enemy.modDB = of_enemy

		it('is noted while somebody wants to know', function()
			asked.reset({ Life = { life } }, {})
			asked.note(store, 'INC', 'Life', 0, 0)
			expect(asked.player:finds(life), false)
			asked.listen(true)
			expect(type(asked.wanted.Life), 'table')
			asked.note(store, 'INC', 'Life', 0, 0)
			expect(asked.player:finds(life), true)
			expect(asked.wanted.Life, nil)
		end)

		it('of an enemy is another matter than what was asked of the player', function()
			asked.reset({ Life = { life } }, { Life = { life }, Mana = { mana } })
			asked.note(of_enemy, 'INC', 'Life', 0, 0)
			asked.note(of_enemy, 'BASE', 'Mana', 0, 0)
			expect(asked.others:finds(life), true)
			expect(asked.others:finds(mana), true)
			expect(asked.player:finds(life), false)
			expect(type(asked.wanted.Life), 'table')
			expect(asked.wanted.Mana, nil)
			expect(#asked.news(), 0)
		end)

		it('is noted once, whatever was asked in between, and again if it is shown', function()
			asked.reset({ Life = { life, mod('Life', 'MORE', 1) } }, {})
			for _ = 1, 2 do
				for keywords = 1, 2 do
					asked.note(store, 'INC', 'Life', 1, keywords)
					asked.note(store, 'INC', 'Life', 2, keywords)
					asked.note(store, 'BASE', 'Life', 1, keywords)
				end
			end
			expect(#asked.news(), 6)
			expect(asked.player.shown.Life, nil)
			asked.note(store, 'INC', 'Life', 1, 2, true)
			expect(asked.player.shown.Life, true)
			asked.reset({ Life = { life } }, {})
			expect(asked.player:finds(life), false)
			asked.note(store, 'INC', 'Life', 1, 2)
			expect(asked.player:finds(life), true)
		end)

		it('is handed on to others, who then know it as well, and do not hand it on again', function()
			asked.reset({ Life = { life }, Mana = { mana } }, {})
			asked.note(store, 'INC', 'Life', 0, 0)
			asked.note(store, nil, 'Mana', 0, 0, true)
			asked.note(store, 'INC', 'Life', 0, 0)
			local news = asked.news()
			expect(#news, 2)
			asked.reset({ Life = { life }, Mana = { mana } }, {})
			expect(asked.player:finds(life), false)
			asked.learn(news)
			expect(asked.player:finds(life), true)
			expect(asked.player.shown.Mana, true)
			expect(asked.wanted.Mana, nil)
			expect(#asked.news(), 0)
		end)
	end)

	describe('the order of nodes', function()
		local a, b, c = mod('Regen', 'BASE', 0.1), mod('Regen', 'BASE', 0.2), mod('Regen', 'BASE', 0.3)

		---Whether another order gives the same answers.
		---@param notes OrderNote[]
		---@param of table<string, integer[]>
		---@param stand_ins table<integer, integer>?
		---@return boolean
		local function same(notes, of, stand_ins)
			local questions = { version = stand_ins and 1 or 0 }
			function questions.stand_in(_, class)
				return (stand_ins or {})[class] or class
			end
			return order.same(notes, of, questions)
		end

		---@param ... table
		---@return table<string, integer[]>
		local function sequences(...)
			order.follow({ { name = 'Regen' } })
			return order.sequences({ ... })
		end

		it('makes no difference to whole numbers', function()
			order.begin()
			ask('Regen', 'sum', { mod('Regen', 'BASE', 10), mod('Regen', 'BASE', 0.5), mod('Regen', 'BASE', -3) })
			expect(#assert(order.finish({})), 0)
		end)

		it('makes one where a sum is rounded on its way', function()
			order.begin()
			ask('Regen', 'sum', { a, b, c })
			local notes = assert(order.finish({ node(a), node(b), node(c) }))
			expect(#notes, 1)
			expect(same(notes, sequences(node(b), node(a), node(c))), true)
			expect(same(notes, sequences(node(b), node(c), node(a))), false)
		end)

		it('begins with what lies before the nodes', function()
			local item = mod('Regen', 'BASE', 0.3, { source = 'Item:1' })
			order.begin()
			ask('Regen', 'sum', { item, mod('Regen', 'BASE', 1), mod('Regen', 'BASE', 2) })
			local notes = assert(order.finish({ node(mod('Regen', 'BASE', 1)), node(mod('Regen', 'BASE', 2)) }))
			expect(notes[1].start, 0.3)
			expect(#notes[1].sequence, 2)
		end)

		it('makes one in products and lists', function()
			order.begin()
			ask('Regen', 'product', { a, b })
			ask('Regen', 'list', { a, b })
			local notes = assert(order.finish({ node(a, b) }))
			expect(#notes, 2)
			expect(same(notes, sequences(node(b), node(a))), false)
		end)

		it('of two modifiers that make the same difference makes none', function()
			local d = mod('Regen', 'BASE', 0.1, { flags = 4 })
			order.begin()
			ask('Regen', 'sum', { a, b, c })
			local notes = assert(order.finish({ node(a), node(b), node(c) }))
			local for_d = { [classes.of(d)] = classes.of(a) }
			expect(same(notes, sequences(node(d), node(b), node(c))), false)
			expect(same(notes, sequences(node(d), node(b), node(c)), for_d), true)
			expect(same(notes, sequences(node(b), node(c), node(d)), for_d), false)
		end)

		it('cannot be compared where something came another way, or depends on what came before it', function()
			order.begin()
			ask('Regen', 'sum', { a, b })
			expect(order.finish({ node(a), node(c) }), nil)
			order.begin()
			ask('Regen', 'sum', { a, b }, 0, true)
			expect(order.finish({ node(a), node(b) }), nil)
		end)

		it('does not concern what keystones bring, which comes behind', function()
			order.begin()
			order.of_keystones = { [c] = true }
			ask('Regen', 'sum', { a, b, c })
			order.of_keystones = {}
			local notes = assert(order.finish({ node(a), node(b) }))
			expect(#notes[1].sequence, 2)
		end)

		it('among what is said of enemies is that of one name', function()
			local function of(name, value)
				return mod('EnemyModifier', 'LIST', { mod = mod(name, 'INC', value) })
			end
			local x, y, z = of('Damage', 1), of('Damage', 2), of('ColdResist', 1)
			local function in_order(...)
				order.follow({ { name = 'EnemyModifier' } })
				return order.sequences({ ... })
			end
			order.begin()
			ask('EnemyModifier', 'list', { x, y, z })
			local notes = assert(order.finish({ node(x), node(y), node(z) }))
			expect(same(notes, in_order(node(z), node(x), node(y))), true)
			expect(same(notes, in_order(node(y), node(x), node(z))), false)
		end)
	end)

	describe('the journal', function()
		local base = { Life = 100, Mana = 0, Zero = 0, Name = 'x', Flag = true, Infinite = 1 / 0 }
		local written, to_read = {}, nil
		local native = {
			append_to_journal = function(record)
				written[#written + 1] = record
				return true
			end,
			read_journal = function()
				return to_read
			end,
		}
		local known = classes.of(mod('Life', 'INC', 5))
		local note = { name = 'Life', operation = 'sum', start = 0.1, values = { [known] = 0.2 }, sequence = { known } }

		---@param output table
		local function told(output)
			written = {}
			journal.open(native)
			journal.begin(base)
			expect(journal.write({ more = { [known] = 2 }, notes = { note }, questions = asked.news() }, output), true)
			to_read = written
			return assert(journal.read()[1])
		end

		it('tells an output to the last bit', function()
			local output = { Life = 0.1 + 0.2, Mana = -0.0, Zero = 0, Name = 'y', Flag = false, More = 0 / 0 }
			local found = journal.output(told(output))
			for name, value in pairs(output) do
				if value == value then
					expect(('%s %.17g'):format(name, tonumber(found[name]) or 0), ('%s %.17g'):format(name, tonumber(value) or 0))
					expect(found[name], value)
				end
			end
			expect(1 / found.Mana, -1 / 0)
			expect(found.More ~= found.More, true)
			expect(found.Infinite, nil)
		end)

		it('tells what it depends on', function()
			local record = told(base)
			expect(record.more[known], 2)
			expect(record.notes[1].start, 0.1)
			expect(record.notes[1].values[known], 0.2)
		end)

		it('does not tell what others would take for something else', function()
			journal.open(native)
			journal.begin(base)
			local late = classes.of(mod('Life', 'INC', 5 + 2 ^ -20))
			expect(journal.write({ more = { [late] = 1 }, notes = {}, questions = {} }, base), false)
			local of_late = { name = 'Life', operation = 'sum', start = 0, values = { [late] = 1 }, sequence = {} }
			expect(journal.write({ more = { [known] = 1 }, notes = { of_late }, questions = {} }, base), false)
		end)

		it('says from where on it is to be trusted', function()
			local _ = told(base)
			local record = written[1]
			to_read = { record, '', record, record }
			local records, trusted = journal.read()
			expect(#records, 3)
			expect(trusted, 2)
			to_read = { record }
			expect(select(2, journal.read()), nil)
			to_read = nil
			expect(#journal.read(), 0)
			journal.open({ append_to_journal = function() return false end, read_journal = function() end })
		end)
	end)
end
