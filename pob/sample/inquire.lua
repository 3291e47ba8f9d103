-- Answers to questions about the engine's data and the loaded build, by topic. Evaluates nothing.

local catalogue = require('sample.catalogue')
local explain = require('sample.explain')
local passives = require('sample.passives')

local M = {}

---@type table<string, fun(argument: table, build: Build?): any, EngineError?>
local topics = {
	passives = function(_, build)
		return passives.list(assert(build, 'no base is loaded'))
	end,
	build = function(_, build)
		return catalogue.build(assert(build, 'no base is loaded'))
	end,
	config_options = catalogue.config_options,
	gems = catalogue.gems,
	item_bases = catalogue.item_bases,
	uniques = catalogue.uniques,
	explain = function(argument, build)
		return explain.stat(assert(build, 'no base is loaded'), argument.stat)
	end,
}

---@param topic string
---@param argument table
---@param build Build? the loaded one
---@return any
---@return EngineError?
function M.ask(topic, argument, build)
	local answer = topics[topic]
	if not answer then
		return nil, { kind = 'unsupported', message = "the engine knows nothing of '" .. topic .. "'" }
	end
	return answer(argument, build)
end

return M
