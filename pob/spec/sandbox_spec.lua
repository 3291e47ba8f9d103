-- What Lua can reach once an engine is booted, in a VM of its own (`tests/sandbox_lua.rs`): nothing that reads, writes,
-- starts, connects, or makes code of a text. `spec.before` holds what the VM had before it was locked.

local spec = require('spec.spec')
---@type { engine: 'sample'|'pob', forbidden: table<any, string>, getmetatable: fun(value: any): table? }
local before = require('spec.before')

local describe, it, expect = spec.describe, spec.it, spec.expect

---Everything that can be reached from the global table through keys, values and metatables. Locals of functions
---cannot: only `debug` opens them, which is one of the things searched for.
---@param visit fun(value: any, path: string)
---@return integer count of tables
local function walk(visit)
	local seen, paths, stack, count = { [_G] = true }, { [_G] = '_G' }, { _G }, 0
	local function look(value, path, key)
		local kind = type(value)
		if kind == 'function' then
			visit(value, path .. '.' .. key)
		elseif (kind == 'table' or kind == 'userdata') and not seen[value] then
			seen[value] = true
			paths[value] = path .. '.' .. key
			stack[#stack + 1] = value
		end
	end
	for name, example in pairs({ string = '', number = 0, boolean = true, fn = walk, thread = coroutine.create(walk) }) do
		look(before.getmetatable(example), '', 'metatable of a ' .. name)
	end
	look(before.getmetatable(nil), '', 'metatable of nil')
	while #stack > 0 do
		local holder = table.remove(stack)
		local path = paths[holder]
		paths[holder] = nil
		visit(holder, path)
		count = count + 1
		look(before.getmetatable(holder), path, 'metatable')
		if type(holder) == 'table' then
			for key, value in next, holder do
				look(key, path, 'key')
				look(value, path, tostring(key))
			end
		end
	end
	return count
end

---@param names string[]
local function expect_gone(names)
	for _, name in ipairs(names) do
		expect(_G[name], nil, name)
	end
end

---Fails unless the call raises an error or gives nothing.
---@param what string
---@param fn function?
local function expect_refused(what, fn, ...)
	local ok, result = pcall(fn, ...)
	if ok and result then
		error({ message = what .. ' gave ' .. tostring(result) })
	end
end

local function describe_any_engine()
	it('cannot reach anything that was forbidden, by any path', function()
		local found = {}
		local count = walk(function(value, path)
			if before.forbidden[value] then
				found[#found + 1] = before.forbidden[value] .. ' at ' .. path
			end
		end)
		expect(found, {})
		assert(count >= 5, 'the walk has not gone anywhere')
	end)

	it('has none of the libraries that reach outside, and no way to make code', function()
		expect_gone({
			'debug', 'ffi', 'jit', 'package', 'load', 'loadfile', 'dofile', 'module', 'getfenv', 'setfenv', 'newproxy',
			'collectgarbage', 'gcinfo',
		})
	end)

	it('cannot turn a function into bytecode', function()
		expect(string.dump, nil)
		expect(('').dump, nil)
	end)

	it('cannot change the methods of all strings', function()
		expect(getmetatable(''), false)
		assert(not pcall(setmetatable, '', {}))
	end)

	it('can still compute', function()
		expect(('%d'):format(math.floor(bit.bor(40, 2))), '42')
		expect(select(2, pcall(error, 'caught', 0)), 'caught')
		expect(coroutine.wrap(function()
			coroutine.yield(table.concat({ 'a', 'b' }))
		end)(), 'ab')
	end)
end

local function describe_sample()
	it('has no files, no clock, no console and no modules', function()
		expect_gone({ 'io', 'os', 'print', 'require', 'loadstring' })
	end)
end

---Names that `require` would have found before.
local MODULES = {
	'debug', 'ffi', 'io', 'jit', 'jit.opt', 'jit.profile', 'jit.util', 'os', 'package', 'string.buffer', 'table.clear',
	'_G', 'border', 'outcome', 'adapter', 'host', 'host.files', 'host.modules', 'sample',
}

local function describe_pob()
	it('opens no file outside of the installation, and none for writing', function()
		assert(io.open('Launch.lua', 'r'), 'files of the installation can be read')
		for _, path in ipairs({ '/etc/passwd', '/proc/self/environ', '../../../../../../etc/passwd', '/dev/zero' }) do
			expect_refused(path, io.open, path, 'r')
			expect_refused(path, io.lines, path)
			expect_refused(path, NewFileSearch, path)
		end
		for _, mode in ipairs({ 'w', 'a', 'r+', 'w+b' }) do
			expect_refused(mode, io.open, 'Launch.lua', mode)
		end
		expect(io.popen, nil)
		expect(io.output, nil)
		expect(io.tmpfile, nil)
	end)

	it('tells the time and nothing else of the system', function()
		assert(os.time() > 0 and os.clock() > 0)
		for _, name in ipairs({ 'execute', 'exit', 'tmpname', 'setlocale' }) do
			expect(os[name], nil, name)
		end
		expect_refused('getenv', os.getenv, 'PATH')
		expect_refused('remove', os.remove, 'Launch.lua')
		expect_refused('rename', os.rename, 'Launch.lua', 'Launch.old')
		assert(io.open('Launch.lua', 'r'), 'what was to be removed is still there')
	end)

	it('requires nothing but libraries of the installation', function()
		-- The one that PoB has; the specs have one of their own.
		local require = _G.require
		assert(require('xml'), 'a library of the installation')
		for _, name in ipairs(MODULES) do
			expect_refused(name, require, name)
		end
	end)

	it('compiles no text but that of a Lua file it has just opened', function()
		expect_refused('text', loadstring, 'return 1')
		expect_refused('bytecode', loadstring, '\27LJ\2\0')
		expect_refused('no text', loadstring, nil)
		local text = io.open('GameVersions.lua', 'r'):read('*a')
		expect_refused('a changed text', loadstring, text .. ' ')
		text = io.open('GameVersions.lua', 'r'):read('*a')
		expect(type(loadstring(text)), 'function')
		expect_refused('an old text', loadstring, text)
	end)

	it('compiles no text although a file was made to hold it', function()
		local file = io.open('GameVersions.lua', 'r')
		for key, value in pairs(file) do
			if type(value) == 'string' then
				file[key] = 'return 1'
			end
		end
		expect_refused('a forged file', loadstring, file:read('*a'))
	end)

	it('loads no module from outside of the installation', function()
		for _, name in ipairs({ '/etc/passwd', '../../../../../../tmp/module', 'return 1' }) do
			expect_refused(name, LoadModule, name)
			assert(not pcall(PLoadModule, name), name)
		end
	end)

	it('starts no program', function()
		for _, name in ipairs({ 'SpawnProcess', 'LaunchSubScript', 'OpenURL', 'Restart', 'Exit' }) do
			expect_refused(name, _G[name], '/bin/true')
		end
	end)
end

return function()
	describe('a locked VM', function()
		describe_any_engine()
		if before.engine == 'pob' then
			describe_pob()
		else
			describe_sample()
		end
	end)
end
