-- Answers to questions about the engine's data and the loaded build, by topic. Evaluates nothing.

local passives = require('sample.passives')

local M = {}

---@type table<string, fun(argument: table, build: Build?): any, EngineError?>
local topics = {
	passives = function(_, build)
		return passives.list(assert(build, 'no base is loaded'))
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
