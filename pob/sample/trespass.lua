-- The part of the fault hatch (`sample.faults`) that leaves Lua: what somebody would try who has broken out of the
-- VM. Each act calls the C library and raises an error with the kernel's answer if it is refused. Nothing here exists
-- unless the engine is booted with `faults = true`, which production never does.

local M = {}

-- Of the C library, as x86-64 and arm64 have them.
local DECLARATIONS = [[
	int open(const char *path, int flags, ...);
	intptr_t read(int fd, void *buffer, size_t count);
	intptr_t write(int fd, const void *buffer, size_t count);
	int close(int fd);
	int socket(int domain, int type, int protocol);
	struct pobatch_address { uint16_t family; uint8_t port[2]; uint8_t host[4]; char zero[8]; };
	int connect(int fd, const struct pobatch_address *address, uint32_t size);
	int execv(const char *path, const char *const *arguments);
	int fcntl(int fd, int command, ...);
	int fork(void);
	void _exit(int status);
	int kill(int pid, int signal);
	int pause(void);
	int pthread_create(unsigned long *thread, const void *attributes, void *(*start)(void *), void *argument);
	void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset);
	void abort(void);
	char *strerror(int number);
]]
local O_RDONLY, O_WRITE_NEW = 0, 1 + 64
local F_SETFD, INHERITED_MAX = 2, 15
local AF_INET, SOCK_STREAM, ADDRESS_BYTES = 2, 1, 16
local PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_NORESERVE = 3, 2 + 32 + 16384
-- More than any limit of a runtime allows, and nothing of it is touched.
local MAPPED_BYTES = 256 * 2 ^ 30

local ffi, C

---Raises what the kernel said, if it said no.
---@param result any
---@param number integer? errno, if it was returned instead of set
local function check(result, number)
	if number and number ~= 0 or not number and tonumber(result) < 0 then
		error('refused: ' .. ffi.string(C.strerror(number or ffi.errno())), 0)
	end
	return result
end

---@type table<string, fun(argument: string)>
M.acts = {
	-- Reads the first bytes of a file.
	read_outside = function(path)
		local fd = check(C.open(path, O_RDONLY))
		check(C.read(fd, ffi.new('char[16]'), 16))
		C.close(fd)
	end,
	-- Makes a file and writes into it.
	write_file = function(path)
		local fd = check(C.open(path, O_WRITE_NEW, ffi.new('int', 384)))
		check(C.write(fd, 'trespass', 8))
		C.close(fd)
	end,
	-- Connects to a TCP port of this machine.
	connect = function(port)
		local fd = check(C.socket(AF_INET, SOCK_STREAM, 0))
		local number = tonumber(port)
		local address = ffi.new('struct pobatch_address', { AF_INET, { math.floor(number / 256), number % 256 }, { 127, 0, 0, 1 } })
		check(C.connect(fd, address, ADDRESS_BYTES))
		C.close(fd)
	end,
	-- Becomes a shell that makes a file. If it is let, it keeps the socket: the server would kill it otherwise when
	-- the socket closes, perhaps before the shell has done anything.
	exec = function(path)
		for fd = 3, INHERITED_MAX do
			C.fcntl(fd, F_SETFD, ffi.new('int', 0))
		end
		local arguments = ffi.new('const char *[5]', { '/bin/sh', '-c', ': > "$0"', path })
		check(C.execv('/bin/sh', arguments))
	end,
	-- One fork of the many that a bomb is made of.
	fork_bomb = function()
		if check(C.fork()) == 0 then
			C._exit(0)
		end
	end,
	-- Asks whether it might send a signal to that process.
	signal = function(pid)
		check(C.kill(tonumber(pid), 0))
	end,
	thread = function()
		local start = ffi.cast('void *(*)(void *)', C.pause)
		check(nil, C.pthread_create(ffi.new('unsigned long[1]'), nil, start, nil))
	end,
	map_memory = function()
		local mapped = C.mmap(nil, MAPPED_BYTES, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_NORESERVE, -1, 0)
		check(ffi.cast('intptr_t', mapped))
	end,
	-- How the C library ends a process that can only be ended.
	abort = function()
		C.abort()
	end,
}

---@type string[]
M.names = { 'read_outside', 'write_file', 'connect', 'exec', 'fork_bomb', 'signal', 'thread', 'map_memory', 'abort' }

---Gets hold of the C library; afterwards the host may lock the global table down.
function M.enable()
	if not ffi then
		ffi = require('ffi')
		C = ffi.C
		ffi.cdef(DECLARATIONS)
	end
end

return M
