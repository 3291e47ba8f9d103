-- Answers to questions about the engine's data and the loaded base, by topic. Evaluates nothing; behind an
-- explanation the VM must not either.

local catalogue = require("adapter.catalogue")
local description = require("adapter.description")
local explain = require("adapter.explain")
local passives = require("adapter.passives")

local M = {}

---@type table<string, fun(argument: table): any, EngineError?>
local topics = {
	passives = passives.list,
	build = description.build,
	config_options = catalogue.config_options,
	gems = catalogue.gems,
	item_bases = catalogue.item_bases,
	uniques = catalogue.uniques,
	explain = explain.stat,
}

---@param topic string
---@param argument table
---@return any
---@return EngineError?
function M.ask(topic, argument)
	local answer = topics[topic]
	if not answer then
		return nil, { kind = "unsupported", message = "the engine knows nothing of '" .. topic .. "'" }
	end
	return answer(argument)
end

return M
