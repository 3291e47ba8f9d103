-- The parts of the accelerator `alike` that know little of PoB: classes of modifiers, questions, the order of nodes.

local spec = require('spec.spec')
local asked = require('fast.alike.asked')
local classes = require('fast.alike.classes')
local config = require('fast.alike.config')
local journal = require('fast.alike.journal')
local order = require('fast.alike.order')

local describe, it, expect = spec.describe, spec.it, spec.expect

-- PoB's own, as far as it is needed here: all keywords that a modifier names must be asked for.
MatchKeywordFlags = MatchKeywordFlags
	or function(keywords, wanted)
		return wanted == 0 or require('bit').band(keywords, wanted) ~= 0
	end

---@param name string
---@param kind string
---@param value any
---@param fields table?
---@return table
local function mod(name, kind, value, fields)
	local made = { name = name, type = kind, value = value, flags = 0, keywordFlags = 0, source = 'Tree:1' }
	for key, field in pairs(fields or {}) do
		made[key] = field
	end
	return made
end

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
			asked.reset({})
			expect(asked.finds(classes.example(classes.of_node(one))), true)
		end)

		it('know which come from the tree', function()
			expect(classes.is_of_tree(mod('Life', 'INC', 5)), true)
			expect(classes.is_of_tree(mod('Life', 'INC', 5, { source = 'Item:3:Treefall' })), false)
			expect(classes.is_of_tree({ name = 'Life' }), false)
		end)
	end)

	describe('questions', function()
		local axe, sword, any = mod('Damage', 'INC', 9, { flags = 2 }), mod('Damage', 'INC', 9, { flags = 4 }), mod('Mana', 'BASE', 1)

		it('are noted while somebody wants to know', function()
			asked.reset({ Damage = { axe, sword } })
			asked.note('INC', 'Damage', 3, 0)
			expect(asked.finds(axe), false)
			expect(asked.wanted.Damage, nil)
			asked.listen(true)
			expect(type(asked.wanted.Damage), 'table')
		end)

		it('find what they would have found, and nothing else', function()
			asked.reset({ Damage = { axe, sword }, Mana = { any } })
			expect(asked.finds(axe), false)
			asked.note('INC', 'Damage', 3, 0)
			expect(asked.finds(axe), true)
			expect(asked.finds(sword), false)
			expect(asked.finds(mod('Damage', 'MORE', 9)), false)
			expect(asked.finds(any), false)
		end)

		it('for any type find every type', function()
			asked.reset({ Damage = { axe, sword } })
			asked.note(nil, 'Damage', 2, 0)
			expect(asked.finds(axe), true)
			expect(asked.finds(sword), false)
		end)

		it('are counted once, and not any more when all is found', function()
			asked.reset({ Damage = { axe, sword } })
			local version = asked.version
			asked.note('INC', 'Damage', 2, 0)
			asked.note('INC', 'Damage', 2, 0)
			expect(asked.version, version + 1)
			asked.note('INC', 'Damage', 4, 0)
			expect(asked.wanted.Damage, nil)
			expect(asked.finds(sword), true)
		end)

		it('are handed on to others, who then know them as well, and do not hand them on again', function()
			asked.reset({ Damage = { axe, sword }, Mana = { any } })
			asked.note('INC', 'Damage', 3, 0)
			asked.note(nil, 'Mana', 0, 0)
			asked.note('INC', 'Damage', 3, 0)
			local news = asked.news()
			expect(#news, 2)
			asked.reset({ Damage = { axe, sword }, Mana = { any } })
			expect(asked.finds(axe), false)
			asked.learn(news)
			expect(asked.finds(axe), true)
			expect(asked.finds(sword), false)
			expect(asked.wanted.Mana, nil)
			expect(#asked.news(), 0)
		end)

		it('that nobody hears are taken as asked', function()
			asked.reset({ Damage = { axe, sword }, Mana = { any } })
			asked.settle('Damage')
			expect(asked.finds(sword), true)
			expect(asked.finds(any), false)
		end)
	end)

	describe('the order of nodes', function()
		local a, b, c = mod('Regen', 'BASE', 0.1), mod('Regen', 'BASE', 0.2), mod('Regen', 'BASE', 0.3)

		---@param ... table
		---@return table<string, integer[]>
		local function sequences(...)
			return order.sequences({ ... }, { Regen = true })
		end

		it('makes no difference to whole numbers', function()
			order.begin()
			ask('Regen', 'sum', { mod('Regen', 'BASE', 10), mod('Regen', 'BASE', 0.5), mod('Regen', 'BASE', -3) })
			expect(#assert(order.finish({})), 0)
		end)

		it('makes one where a sum is rounded on its way', function()
			order.begin()
			ask('Regen', 'sum', { a, b, c })
			local notes = assert(order.finish(sequences(node(a), node(b), node(c))))
			expect(#notes, 1)
			expect(order.same(notes, sequences(node(b), node(a), node(c))), true)
			expect(order.same(notes, sequences(node(b), node(c), node(a))), false)
		end)

		it('begins with what lies before the nodes', function()
			local item = mod('Regen', 'BASE', 0.3, { source = 'Item:1' })
			order.begin()
			ask('Regen', 'sum', { item, mod('Regen', 'BASE', 1), mod('Regen', 'BASE', 2) })
			local notes = assert(order.finish(sequences(node(mod('Regen', 'BASE', 1)), node(mod('Regen', 'BASE', 2)))))
			expect(notes[1].start, 0.3)
			expect(notes[1].answer, 0.3 + 1 + 2)
		end)

		it('makes one in products and lists', function()
			order.begin()
			ask('Regen', 'product', { a, b })
			ask('Regen', 'list', { a, b })
			local notes = assert(order.finish(sequences(node(a, b))))
			expect(#notes, 2)
			expect(order.same(notes, sequences(node(b), node(a))), false)
		end)

		it('cannot be compared where something came another way, or depends on what came before it', function()
			order.begin()
			ask('Regen', 'sum', { a, b })
			expect(order.finish(sequences(node(a), node(c))), nil)
			order.begin()
			ask('Regen', 'sum', { a, b }, 0, true)
			expect(order.finish(sequences(node(a), node(b))), nil)
		end)

		it('does not concern what keystones bring, which comes behind', function()
			order.begin()
			order.of_keystones = { [c] = true }
			ask('Regen', 'sum', { a, b, c })
			order.of_keystones = {}
			local notes = assert(order.finish(sequences(node(a), node(b))))
			expect(notes[1].answer, 0.1 + 0.2)
		end)

		it('among what is said of enemies is that of one name', function()
			local function of(name, value)
				return mod('EnemyModifier', 'LIST', { mod = mod(name, 'INC', value) })
			end
			local x, y, z = of('Damage', 1), of('Damage', 2), of('ColdResist', 1)
			local function in_order(...)
				return order.sequences({ ... }, { EnemyModifier = true })
			end
			order.begin()
			ask('EnemyModifier', 'list', { x, y, z })
			local notes = assert(order.finish(in_order(node(x), node(y), node(z))))
			expect(order.same(notes, in_order(node(z), node(x), node(y))), true)
			expect(order.same(notes, in_order(node(y), node(x), node(z))), false)
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
		local note = { name = 'Life', operation = 'sum', start = 0.1, values = { [known] = 0.2 }, sequence = { known }, answer = 0.1 + 0.2 }

		---@param output table
		local function told(output)
			written = {}
			journal.open(native)
			journal.begin(base)
			expect(journal.write({ [known] = 2 }, { note }, output, asked.news()), true)
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
			expect(record.notes[1].answer, 0.1 + 0.2)
			expect(record.notes[1].values[known], 0.2)
		end)

		it('does not tell what others would take for something else', function()
			journal.open(native)
			journal.begin(base)
			local late = classes.of(mod('Life', 'INC', 5 + 2 ^ -20))
			expect(journal.write({ [late] = 1 }, {}, base, {}), false)
			local of_late = { name = 'Life', operation = 'sum', start = 0, values = { [late] = 1 }, sequence = {} }
			expect(journal.write({ [known] = 1 }, { of_late }, base, {}), false)
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

	describe('config that comes to the same', function()
		local asked_for = {}

		---@param class integer
		local function counts(class)
			return asked_for[classes.example(class).name] == true
		end

		---@param mods table[]
		---@param fields table?
		---@return table
		local function tab(mods, fields)
			local made = { modList = mods, enemyModList = {}, input = {}, placeholder = {}, enemyLevel = 84 }
			for key, field in pairs(fields or {}) do
				made[key] = field
			end
			return made
		end

		---@param of table
		---@return table? output
		local function found(of)
			return config.find(config.state(of), counts, 1)
		end

		---@param of table
		---@return table output
		local function computed(of)
			local output = {}
			config.keep(config.state(of), output, counts)
			return output
		end

		local low_life, leeching = mod('Condition:LowLife', 'FLAG', true), mod('Condition:Leeching', 'FLAG', true)
		local life, mana = mod('Life', 'BASE', 1), mod('Mana', 'BASE', 1)

		it('is told apart by modifiers that a question finds, and by their order', function()
			config.begin()
			asked_for = { Life = true, Mana = true, ['Condition:LowLife'] = true }
			local output = computed(tab({ life, mana }))
			expect(found(tab({ life, leeching, mana })), output)
			expect(found(tab({ mana, life })), nil)
			expect(found(tab({ life, mana, low_life })), nil)
			expect(found(tab({ life, mana }, { enemyLevel = 83 })), nil)
			expect(found(tab({ life }, { enemyModList = { mana } })), nil)
			expect(found(tab({ life, mod('Mana', 'BASE', 1, { source = 'Custom' }) })), nil)
		end)

		it('is told apart by inputs that were read, and by no others', function()
			config.begin()
			local of = tab({}, { input = { boss = 'None', bandit = 'Oak' } })
			local output = computed(of)
			local other = tab({}, { input = { boss = 'Pinnacle', bandit = 'Oak' } })
			expect(found(other), output)
			expect(config.watched('input', of.input).boss, 'None')
			expect(found(other), nil)
			expect(found(tab({}, { input = { boss = 'None', bandit = 'Alira' } })), output)
			expect(found(tab({}, { input = { boss = false } })), nil)
			expect(config.watched('placeholder', of.placeholder).boss, nil)
			expect(found(tab({}, { input = { boss = 'None' }, placeholder = { boss = 1 } })), nil)
		end)

		it('is told apart anew when a question is new', function()
			config.begin()
			asked_for = {}
			local output = computed(tab({ life }))
			expect(found(tab({ mana })), output)
			asked_for = { Life = true }
			expect(config.find(config.state(tab({ mana })), counts, 2), nil)
			expect(config.find(config.state(tab({ life, leeching })), counts, 2), output)
		end)

		it('is forgotten when told', function()
			config.begin()
			computed(tab({ life }))
			config.forget()
			expect(found(tab({ life })), nil)
		end)
	end)
end
