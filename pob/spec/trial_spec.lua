-- Putting back what a trial changed; packing outputs; finding what is connected.

local spec = require('spec.spec')
local nodes = require('adapter.apply.nodes')
local outcome = require('outcome')
local trial = require('adapter.trial')

local describe, it = spec.describe, spec.it

---@param id integer
---@param kind string
---@param ascendancy string?
local function node(id, kind, ascendancy)
	return { id = id, type = kind, ascendancyName = ascendancy, linked = {} }
end

local function link(a, b)
	a.linked[#a.linked + 1], b.linked[#b.linked + 1] = b, a
end

return function()
	describe('a trial', function()
		it('puts back in reverse order, absent fields too', function()
			local t = { a = 1 }
			trial.set(t, 'a', 2)
			trial.set(t, 'a', 3)
			trial.set(t, 'b', 4)
			trial.keep(t, 'c')
			t.c = 5
			trial.undo()
			assert(t.a == 1 and t.b == nil and t.c == nil)
		end)

		it('runs what is to be done finally, once', function()
			local times = 0
			trial.finally(function()
				times = times + 1
			end)
			trial.undo()
			trial.undo()
			assert(times == 1)
		end)
	end)

	describe('packing', function()
		it('aligns kinds with the names and puts texts beside', function()
			outcome.select({ 'number', 'yes', 'text', 'table', 'absent' })
			local output = { number = 1.5, yes = true, text = 'words', table = {}, more = 2 }
			local kinds, values, extras = outcome.pack(output, false)
			assert(kinds == 'nbx--' and #values == 40)
			assert(table.concat(extras, ' ') == 'text twords')
		end)

		it('adds what was not selected when everything is wanted', function()
			outcome.select({ 'a' })
			local _, _, extras = outcome.pack({ a = 1, b = false, c = {} }, true)
			assert(table.concat(extras, ' ') == 'b b0')
		end)
	end)

	describe('connected nodes', function()
		local start, ascendancy_start = node(1, 'ClassStart'), node(2, 'AscendClassStart', 'Deadeye')
		local a, b, mastery, beyond = node(3, 'Normal'), node(4, 'Notable'), node(5, 'Mastery'), node(6, 'Normal')
		local far, of_ascendancy = node(7, 'Normal'), node(8, 'Normal', 'Deadeye')
		link(start, a)
		link(a, b)
		link(b, mastery)
		link(mastery, beyond)
		link(ascendancy_start, of_ascendancy)
		link(beyond, node(9, 'Normal', 'Other'))
		local allocated = {}
		for _, each in ipairs({ start, ascendancy_start, a, b, mastery, beyond, far, of_ascendancy }) do
			allocated[each.id] = each
		end

		it('are reached from the starts, not through masteries', function()
			local reached = nodes.connected(allocated)
			assert(reached[a] and reached[b] and reached[mastery] and reached[of_ascendancy])
			assert(not reached[beyond] and not reached[far])
		end)

		it('are not reached through what is not allocated', function()
			local without = {}
			for id, each in pairs(allocated) do
				without[id] = each ~= a and each or nil
			end
			assert(not nodes.connected(without)[b])
		end)
	end)

	describe('tattoos', function()
		local function tattooed(kind)
			return { isTattoo = true, overrideType = kind }
		end

		it('are counted by type, and a type of which none is left is not there', function()
			local counts = { Ngamahu = 2, Tukohama = 1 }
			local found = nodes.count_tattoos(counts, {
				{ node = tattooed('Ngamahu'), add = true },
				{ node = tattooed('Tukohama'), add = false },
				{ node = tattooed('Arohongui'), add = true },
				{ node = tattooed('Rongokurai'), add = true },
				{ node = tattooed('Rongokurai'), add = false },
				{ node = tattooed(nil), add = true },
				{ node = node(3, 'Normal'), add = true },
			})
			assert(found.Ngamahu == 3 and found.Arohongui == 1)
			assert(found.Tukohama == nil and found.Rongokurai == nil)
			assert(counts.Ngamahu == 2 and counts.Tukohama == 1)
		end)
	end)
end
