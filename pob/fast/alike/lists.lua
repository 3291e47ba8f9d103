-- Which orders of a list of modifiers come to the same. Pure, but for the keystones of the build's tree.

local classes = require("fast.alike.classes")

local M = {}

---Whether two keystones bring modifiers of one name, whose order then matters.
---@param a string
---@param b string
---@return boolean
local function overlap(a, b)
	local keystones = build.spec.tree.keystoneMap
	local names = {}
	for _, mod in ipairs(keystones[a] and keystones[a].modList or {}) do
		names[mod.name] = true
	end
	for _, mod in ipairs(keystones[b] and keystones[b].modList or {}) do
		if names[mod.name] then
			return true
		end
	end
	return false
end

---@param sequence integer[] classes of keystones
---@return boolean
local function any_overlap(sequence)
	for i = 1, #sequence do
		for j = 1, i - 1 do
			if overlap(classes.example(sequence[i]).value, classes.example(sequence[j]).value) then
				return true
			end
		end
	end
	return false
end

---Whose order a modifier of a list keeps to. PoB adds what `EnemyModifier` and `Keystone` hold to a store, and there only
---the order among modifiers of one name is seen.
---@param name string
---@param class integer
---@param keystones_overlap boolean
---@return string
local function group_of(name, class, keystones_overlap)
	if name == "EnemyModifier" then
		local inner = classes.example(class).value.mod
		return inner and inner.name or ""
	elseif name == "Keystone" and not keystones_overlap then
		return tostring(class)
	end
	return ""
end

---The same for two lists if whoever goes through them ends up with the same.
---@param name string
---@param sequence integer[]
---@return string
function M.text(name, sequence)
	local groups, found = {}, {}
	local keystones_overlap = name == "Keystone" and any_overlap(sequence)
	for _, class in ipairs(sequence) do
		local group = group_of(name, class, keystones_overlap)
		if not groups[group] then
			groups[group] = {}
			found[#found + 1] = group
		end
		table.insert(groups[group], class)
	end
	table.sort(found)
	for i, group in ipairs(found) do
		found[i] = group .. ":" .. table.concat(groups[group], ",")
	end
	return table.concat(found, ";")
end

return M
