-- The host environment: order of iteration, files, text functions, error messages.

local spec = require('spec.spec')
local brief = require('host.brief')
local files = require('host.files')
local guard = require('host.guard')
local order = require('host.order')
local utf8 = require('host.utf8')

local describe, it = spec.describe, spec.it

---Files that exist only here.
local TEXTS = { ['a.txt'] = 'one\ntwo 3\n', ['empty.txt'] = '' }

---@type NativeHost
local native = {
	read_file = function(path)
		return TEXTS[path]
	end,
	search_files = function(pattern)
		return pattern == 'a*' and { { name = 'a.txt', bytes = 10, modified_seconds = 7 } } or {}
	end,
}

---@return string keys in the order in which `pairs` visits them
local function visited(t)
	local keys = {}
	for key in order.pairs(t) do
		keys[#keys + 1] = tostring(key)
	end
	return table.concat(keys, ' ')
end

return function()
	describe('words on their way out', function()
		it('stay as they are up to 500 bytes and end within no character', function()
			local edge = ('x'):rep(500)
			assert(brief.text(nil) == nil)
			assert(brief.text('a\nb\0c') == 'a b c')
			assert(brief.text(edge) == edge)
			assert(brief.text(edge .. 'x') == edge .. '...')
			local umlauts = ('\195\164'):rep(300)
			assert(brief.text('x' .. umlauts) == 'x' .. umlauts:sub(1, 498) .. '...')
			assert(brief.text(('\128'):rep(600)) == '...')
		end)

		it('are 200 warnings and the number of the others', function()
			local warnings = {}
			for index = 1, 200 do
				warnings[index] = { kind = 'node_dropped', message = tostring(index) }
			end
			assert(#brief.warnings(warnings) == 200)
			warnings[201] = { kind = 'node_dropped', message = 'x' }
			local short = brief.warnings(warnings)
			assert(#short == 201 and short[201].message == 'and 1 more warnings', short[201].message)
			assert(short[200].message == '200' and short[201].kind == 'other')
		end)
	end)

	describe('pairs while PoB boots', function()
		it('visits numbers, then strings, ascending', function()
			order.set_sorting(true)
			local seen = visited({ z = 1, b = 1, [10] = 1, [2] = 1, a = 1, [-1] = 1 })
			order.set_sorting(false)
			assert(seen == '-1 2 10 a b z', seen)
		end)

		it('does not visit what the loop has removed', function()
			order.set_sorting(true)
			local t, seen = { a = 1, b = 2, c = 3 }, {}
			for key in order.pairs(t) do
				seen[#seen + 1] = key
				t.b = nil
			end
			order.set_sorting(false)
			assert(table.concat(seen) == 'ac')
		end)

		it('is the plain one afterwards', function()
			local iterate, t = order.pairs({ 1 })
			assert(iterate == next and t[1] == 1)
		end)
	end)

	describe('files', function()
		local io = files.io(native)

		it('are read whole, by line and by length', function()
			local file = assert(io.open('a.txt', 'r'))
			assert(file:read('*l') == 'one')
			assert(file:read(3) == 'two')
			assert(file:read('*n') == 3)
			assert(file:read('*a') == '\n' and file:read('*l') == nil and file:read('*a') == '')
			assert(file:seek('set') == 0 and file:read('*a') == TEXTS['a.txt'])
			assert(file:close())
		end)

		it('give their lines', function()
			local lines = {}
			for line in io.lines('a.txt') do
				lines[#lines + 1] = line
			end
			assert(table.concat(lines, '|') == 'one|two 3')
		end)

		it('say that they do not exist in the words that PoB looks for', function()
			local file, message = io.open('b.txt')
			assert(file == nil and message:find('No such file or directory', 1, true))
		end)

		it('are never written', function()
			for _, mode in ipairs({ 'w', 'a', 'wb+', 'r+' }) do
				assert(io.open('a.txt', mode) == nil)
			end
			assert(io.open('a.txt'):write('x') == nil)
		end)

		it('are found by pattern', function()
			local search = files.search(native)
			local found = search('a*')
			assert(found:GetFileName() == 'a.txt' and found:GetFileModifiedTime() == 7 and found:GetFileSize() == 10)
			assert(not found:NextFile())
			assert(search('b*') == nil)
		end)
	end)

	describe('lua-utf8', function()
		it('counts code points', function()
			assert(utf8.len('aßc') == 3 and utf8.reverse('aßc') == 'cßa')
			assert(utf8.sub('aßcd', 2, 3) == 'ßc' and utf8.sub('aßcd', 3) == 'cd' and utf8.sub('aßcd', -2, -2) == 'c')
			assert(utf8.sub('abc', 3, 2) == '' and utf8.sub('abc', 5) == '')
			assert(utf8.offset('aßc', 3) == 4 and utf8.offset('a', 3) == nil)
			assert(utf8.next('aßc', 2) == 4 and utf8.next('aßc', 4, -1) == 2 and utf8.next('a', 1, -1) == nil)
		end)
	end)

	describe('the guard', function()
		it('gives the first line of an error without directories, and a traceback', function()
			local ok, crash = guard.call(function()
				error('/somewhere/pob/src/Modules/Calcs.lua:7: no such thing\nand more', 0)
			end)
			assert(not ok and crash.message == 'Calcs.lua:7: no such thing', crash.message)
			assert(crash.traceback:find('and more', 1, true))
		end)

		it('keeps the first traceback of an error that was caught and raised again', function()
			local _, first = guard.call(error, 'deep')
			local ok, second = guard.call(error, first)
			assert(not ok and second == first)
		end)

		it('passes results on', function()
			local ok, a, b = guard.call(function(...)
				return ...
			end, 1, 2)
			assert(ok and a == 1 and b == 2)
		end)
	end)
end
