-- Which items and gems ask for more than the character has. They still count: the engine warns and leaves it at that.

local gems = require('sample.gems')
local items = require('sample.items')

local M = {}

---@class (exact) Unmet
---@field thing Item|GemEntry
---@field message string

---@param list Unmet[]
---@param thing Item|GemEntry
---@param what string
---@param has integer
---@param needs integer?
local function check(list, thing, what, has, needs)
	if needs and has < needs then
		list[#list + 1] = {
			thing = thing,
			message = ('%s needs %d %s, there is %d'):format(thing.name, needs, what, has),
		}
	end
end

---@param build Build
---@param output Output of that build
---@return Unmet[]
function M.unmet(build, output)
	local list, level = {}, build.level
	for slot = 1, #items.slots do
		local item = items.at(build.slots, slot)
		if item then
			check(list, item, 'level', level, item.level)
			check(list, item, 'strength', output.Str, item.base.str)
			check(list, item, 'dexterity', output.Dex, item.base.dex)
			check(list, item, 'intelligence', output.Int, item.base.int)
		end
	end
	for i = 1, #build.groups do
		local group = build.groups[i]
		for j = 1, group.enabled and #group.gems or 0 do
			local entry = group.gems[j]
			if entry.enabled and entry.gem then
				local needs_level, needs = gems.requirement(entry.gem, entry.level)
				local attribute = entry.gem.attribute
				check(list, entry, 'level', level, needs_level)
				if attribute == 'str' then
					check(list, entry, 'strength', output.Str, needs)
				elseif attribute == 'dex' then
					check(list, entry, 'dexterity', output.Dex, needs)
				else
					check(list, entry, 'intelligence', output.Int, needs)
				end
			end
		end
	end
	return list
end

return M
