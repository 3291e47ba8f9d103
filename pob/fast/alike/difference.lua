-- In what a tree differs from the base's: of which class it has how many modifiers more, as far as that is all there is to
-- the nodes in which it differs; all other nodes are told apart by themselves. Owns what is known of the base's nodes.

local classes = require("fast.alike.classes")
local jewels = require("fast.alike.jewels")
local nodes = require("fast.nodes")
local order = require("fast.alike.order")
local sources = require("fast.alike.sources")

local M = {}

---How many notables are allocated is a modifier, too.
local NOTABLES = { name = "Multiplier:AllocatedNotable", type = "BASE", flags = 0, keywordFlags = 0, value = 1 }

---In what a tree differs from the base.
---@class (exact) Difference
---@field more table<integer, integer> class of modifiers -> how many more of it there are
---@field special boolean some node is not plain: it is told apart from all others

---Nodes that jewels reach.
---@type table<integer, boolean>
local reached = {}
---A node that an item grants.
---@type table?
local granted

---Knows of no base any more.
function M.forget()
	reached, granted, classes.in_place = {}, nil, {}
end

---Begins with a base.
---@param env table its environment, after its calculation
---@param calcs table the build's calculator
---@param granted_node table? a node that an item grants
function M.begin(env, calcs, granted_node)
	reached, granted = jewels.reached(env), granted_node
	classes.in_place = jewels.lists(calcs, env, reached)
end

---Numbers all classes that a tree can differ in, for forks to mean the same by them.
---@return table[] mods of each class one, or several
function M.number_classes()
	local mods = { NOTABLES }
	for _, node in pairs(build.spec.nodes) do
		classes.of_node(node)
		for _, class in ipairs(classes.brought(node).classes) do
			mods[#mods + 1] = classes.example(class)
		end
	end
	return mods
end

---The nodes as the part of `calcs.initEnv` that adds their modifiers goes through them.
---@return table<integer, table>
function M.nodes_in_order()
	local allocated = copyTable(build.spec.allocNodes, true)
	if granted then
		allocated[granted.id] = granted
	end
	return allocated
end

---Whether a node brings the same modifiers whatever else is allocated, and nothing else happens with it. From 2.60 on PoB
---counts tattoos by itself.
---@param node table
---@return boolean
local function is_plain(node)
	return (node.type == "Normal" or node.type == "Notable")
		and node.modList ~= nil
		and not (node.isTattoo and build.spec.allocatedTattooTypes)
		and (classes.in_place[node.id] ~= nil or not reached[node.id])
		and not (granted and granted.id == node.id)
		and not nodes.changes_itself(node.modList)
end

---Whether a node brings what its class does not tell: it changes what jewels do, and with it what others of the changed nodes
---bring, or it matters who brings it.
---@param node table
---@return boolean
local function cannot_be_told(node)
	for _, class in ipairs(classes.brought(node).classes) do
		local mod = classes.example(class)
		if mod.name == "ExtraJewelFunc" or sources.matter_to(mod) then
			return true
		end
	end
	return false
end

---@param changes NodeChange[]
---@return Difference? difference nil: it cannot be told
function M.of(changes)
	local difference, names = { more = {}, special = false }, {}
	local function add(class, more)
		difference.more[class] = (difference.more[class] or 0) + more
	end
	for i = 1, #changes do
		local node, more = changes[i].node, changes[i].add and 1 or -1
		if cannot_be_told(node) then
			return nil
		elseif is_plain(node) then
			if node.type == "Notable" then
				add(classes.of(NOTABLES), more)
			end
			local brought = classes.brought(node)
			for j = 1, #brought.classes do
				local name = brought.names[j]
				if names[name] then
					order.may_be_several[name] = true
				end
				names[name] = true
				add(brought.classes[j], more)
			end
		else
			difference.special = true
			add(classes.of_node(node), more)
		end
	end
	return difference
end

return M
