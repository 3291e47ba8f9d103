-- The nodes of the loaded build's tree, for those who look for variations: what is allocated, and what one point
-- allocates.

local nodes = require("adapter.apply.nodes")

---@type table<string, PassiveKind>
local KINDS = {
	Normal = "normal",
	Notable = "notable",
	Keystone = "keystone",
	Mastery = "mastery",
	Socket = "socket",
}
local IS_START = { ClassStart = true, AscendClassStart = true }

local M = {}

---By the rules of `PassiveSpec:FindStartFromNode`, as `nodes.connected`.
---@param node table
---@param reached table<table, boolean>
---@return boolean
local function is_next_to(node, reached)
	for _, other in ipairs(node.linked) do
		if
			reached[other]
			and other.type ~= "Mastery"
			and (other.ascendancyName or not node.ascendancyName or IS_START[other.type])
		then
			return true
		end
	end
	return false
end

---@return Passive[] ascending by id
function M.list()
	local spec = build.spec
	local reached = nodes.connected(spec.allocNodes)
	local passives = {}
	for id, node in pairs(spec.nodes) do
		local kind = KINDS[node.type]
		local own = not node.ascendancyName
			or node.ascendancyName == spec.curAscendClassBaseName
			or node.ascendancyName == spec.curAscendClassName
			or node.ascendancyName == spec.curSecondaryAscendClassName
		-- Starts come with their class, and no point leads into the ascendancy of another.
		if kind and own then
			passives[#passives + 1] = {
				id = id,
				name = node.dn or "",
				kind = kind,
				ascendancy = node.ascendancyName,
				allocated = spec.allocNodes[id] ~= nil,
				reachable = spec.allocNodes[id] == nil and is_next_to(node, reached),
			}
		end
	end
	table.sort(passives, function(a, b)
		return a.id < b.id
	end)
	return passives
end

return M
