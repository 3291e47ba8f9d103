-- A hatch for tests of the server: the config option `fault` makes a calculation misbehave in a chosen way. It does
-- not exist unless the engine is booted with `faults = true`, and production never does that.

local config = require('sample.config')
local trespass = require('sample.trespass')

local M = {}

-- Long enough that no test outlasts it, and that C code alone is busy with it.
local PATHOLOGICAL_TEXT, PATHOLOGICAL_PATTERN = ('a'):rep(100000), ('a-'):rep(60) .. 'b'

local function eat_tables()
	local held = {}
	while true do
		local piece = {}
		for i = 1, 256 do
			piece[i] = i
		end
		held[#held + 1] = piece
	end
end

local function eat_text()
	local text, held = ('x'):rep(1024 * 1024), {}
	while true do
		held[#held + 1] = text .. #held
	end
end

-- How often `leak` was asked for: state that outlives a calculation, which nothing may have.
local leaked = 0

---@type table<string, fun(argument: string)>
local FAULTS = {
	-- An endless loop that compiles, so that no hook and no check ever comes up.
	loop = function()
		local n = 0
		while n >= 0 do
			n = (n + 1) % 1000
		end
	end,
	-- Endless within one C function: no hook reaches it.
	string = function()
		return PATHOLOGICAL_TEXT:find(PATHOLOGICAL_PATTERN)
	end,
	-- Swallows whatever is raised into it, and goes on.
	pcall = function()
		while true do
			pcall(function()
				while true do
					tostring({})
				end
			end)
		end
	end,
	-- Every later calculation of this runtime is wrong.
	leak = function()
		leaked = leaked + 1
	end,
	error = function()
		error('this is the fault that was asked for')
	end,
	memory = eat_tables,
	memory_string = eat_text,
	-- Runs into the limit, swallows the refusal and returns as if nothing had been.
	memory_caught = function()
		pcall(eat_tables)
	end,
}

---@type string[]
M.names = { 'loop', 'string', 'pcall', 'leak', 'error', 'memory', 'memory_string', 'memory_caught' }
for _, name in ipairs(trespass.names) do
	M.names[#M.names + 1] = name
	FAULTS[name] = trespass.acts[name]
end

---Makes the options exist.
function M.enable()
	trespass.enable()
	local values = { 'none' }
	for _, name in ipairs(M.names) do
		values[#values + 1] = name
	end
	config.add({ name = 'fault', label = 'What goes wrong', type = 'list', default = 'none', values = values })
	config.add({ name = 'faultArgument', label = 'At what', type = 'text', default = '' })
end

---Misbehaves, if the build says so.
---@param build Build
function M.trigger(build)
	local fault = FAULTS[build.config.fault]
	if fault then
		fault(build.config.faultArgument)
	end
end

---Makes a calculation wrong, if there has been a leak.
---@param output Output
---@return Output
function M.taint(output)
	if leaked > 0 then
		output.Life = output.Life + leaked
	end
	return output
end

return M
