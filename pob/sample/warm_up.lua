-- Switches the compiler on and evaluates until what evaluating needs is compiled. Its variations come from the base
-- and the engine's own data, so nothing has to be given.

local config = require('sample.config')
local tree = require('sample.tree')

-- Taken here, so that a host may lock the global table down.
local jit, unpack = jit, unpack

local M = {}

-- Room for every trace: a full trace cache is flushed, and all work is lost.
local ROOM = {
	'maxtrace=16000',
	'maxrecord=8000',
	'maxirconst=2000',
	'maxmcode=131072',
	'sizemcode=256',
	'maxside=200',
	'maxsnap=800',
}
-- A loop compiles after some 60 turns, a side exit after some 10: with a few dozen variations of each kind, enough.
local ROUNDS = 6

---@param build Build
---@return Variation[]
local function variations(build)
	local list, allocated = { {} }, {}
	for _, id in ipairs(build.nodes) do
		allocated[id] = true
	end
	for _, id in ipairs(tree.ids) do
		if tree.is_allocatable(id) then
			list[#list + 1] = allocated[id] and { deallocate = { id } } or { allocate = { id } }
			list[#list + 1] = not allocated[id] and { allocate_path = { id } } or nil
		end
	end
	for _, option in ipairs(config.options) do
		if option.type == 'check' then
			list[#list + 1] = { config = { [option.name] = not build.config[option.name] } }
		end
	end
	for i, group in ipairs(build.groups) do
		list[#list + 1] = { main_socket_group = i }
		for j in ipairs(group.gems) do
			for level = 1, 20 do
				list[#list + 1] = { gems = { { group = i, gem = j, level = level } } }
			end
			list[#list + 1] = { gems = { { group = i, gem = j, enabled = false } } }
		end
	end
	for _, entry in ipairs(build.items) do
		if entry.item then
			list[#list + 1] = { items = { { slot = 'Ring 1', text = entry.text } } }
		end
	end
	return list
end

---Has whatever runs from now on compiled, where there is a compiler.
function M.compile()
	if jit then
		jit.on()
		if jit.opt then
			jit.opt.start(unpack(ROOM))
		end
	end
end

---@param build Build
---@param evaluate fun(variation: Variation)
function M.run(build, evaluate)
	local list = variations(build)
	for _ = 1, ROUNDS do
		for _, variation in ipairs(list) do
			evaluate(variation)
		end
	end
end

return M
