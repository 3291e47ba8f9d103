-- A whole calculation: build in, output out. The output is one table that the next calculation overwrites.

local defence = require('sample.calc.defence')
local offence = require('sample.calc.offence')
local pools = require('sample.calc.pools')
local setup = require('sample.calc.setup')
local stats = require('sample.stats')

local M = {}

---@type Output
local out = {}
local list = stats.list

---@param build Build
---@return Output out overwritten by the next call
function M.calculate(build)
	for i = 1, #list do
		out[list[i].name] = nil
	end
	local in_force, conditions = setup.collect(build)
	pools.calculate(build, in_force, conditions, out)
	defence.calculate(build, out)
	offence.calculate(build, in_force, conditions, out)
	return out
end

---@param output Output
---@return Output
function M.copy(output)
	local copy = {}
	for i = 1, #list do
		copy[list[i].name] = output[list[i].name]
	end
	return copy
end

return M
