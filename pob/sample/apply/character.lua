-- Applies level, class and ascendancy. What that does to the passive tree is the tree applier's affair.

local classes = require('sample.data.classes')
local context = require('sample.apply.context')

local M = {}

---@param applying Applying
---@param level integer
---@return EngineError?
function M.level(applying, level)
	if level < 1 or level > 100 or level % 1 ~= 0 then
		return context.fail('invalid_variation', 'level', ('level %s is not between 1 and 100'):format(level))
	end
	applying.build.level = level
end

---@param applying Applying
---@param name string
---@return EngineError?
function M.class(applying, name)
	for i = 1, #classes do
		if classes[i].name == name then
			if i ~= applying.base.class then
				applying.build.class, applying.build.ascendancy = i, 0
			end
			return nil
		end
	end
	return context.fail('unknown_class', 'class', ('there is no class %s'):format(name))
end

---@param applying Applying
---@param name string
---@return EngineError?
function M.ascendancy(applying, name)
	local class = classes[applying.build.class]
	if name == 'None' then
		applying.build.ascendancy = 0
		return nil
	end
	for i = 1, #class.ascendancies do
		if class.ascendancies[i].name == name then
			applying.build.ascendancy = i
			return nil
		end
	end
	return context.fail('unknown_class', 'ascendancy', ('%s has no ascendancy %s'):format(class.name, name))
end

return M
