-- Records what a build file says while PoB loads it, before PoB adapts it to the build as it is: a variation of the
-- build must start from there. Hooks into PoB's loaders; what they do is not changed, but for one order.

local pristine = require("adapter.pristine")

local M = {}

---@class (exact) ConfigRecord
---@field input table<string, any>
---@field placeholder table<string, any>
---@field controls ControlState[]

---@class (exact) ControlState
---@field control table
---@field placeholder any
---@field selIndex any
---@field enabled any

---@class (exact) Recording
---@field skills table<integer, { node: table, group: table }[]> skill set -> groups in order of the file
---@field slots table<string, integer>? slot -> item id, before PoB empties what does not fit
---@field config ConfigRecord? the config as loaded, before its modifiers are built

---@type Recording
local recording = { skills = {} }
local loading = false
local loading_config = false

---@param controls table<string, table>
---@return ControlState[]
local function control_states(controls)
	local states = {}
	for _, control in pairs(controls) do
		states[#states + 1] = {
			control = control,
			placeholder = control.placeholder,
			selIndex = control.selIndex,
			enabled = control.enabled,
		}
	end
	return states
end

---The states of the config tab's controls, which PoB reads while it builds modifiers.
---@param tab table
---@return ControlState[]
function M.control_states(tab)
	return control_states(tab.varControls)
end

---@param states ControlState[]
function M.set_control_states(states)
	for i = 1, #states do
		local state = states[i]
		local control = state.control
		control.placeholder, control.selIndex, control.enabled = state.placeholder, state.selIndex, state.enabled
	end
end

---Wraps a method of a PoB class.
---@param class_name string
---@param method string
---@param wrap fun(stock: function): function
local function hook(class_name, method, wrap)
	local class = common.classes[class_name]
	class[method] = wrap(class[method])
end

---Installs the hooks, once per VM.
function M.install()
	hook("SkillsTab", "LoadSkill", function(stock)
		return function(tab, node, set_id)
			stock(tab, node, set_id)
			if node.elem ~= "Skill" then
				return
			end
			local groups = tab.skillSets[set_id].socketGroupList
			local group = groups[#groups]
			pristine.record_group(group)
			if loading then
				local of_set = recording.skills[set_id] or {}
				recording.skills[set_id] = of_set
				of_set[#of_set + 1] = { node = node, group = group }
			end
		end
	end)
	hook("ItemsTab", "PopulateSlots", function()
		return function(tab)
			if loading and not recording.slots and next(tab.items) then
				recording.slots = {}
				for name, slot in pairs(tab.slots) do
					if not slot.nodeId then
						recording.slots[name] = slot.selItemId
					end
				end
			end
			-- PoB goes through the slots in no fixed order, and whether something fits the second hand depends on what is
			-- in the first: an item of the wrong kind there even makes it crash, or not. In order of display, it never does.
			for _, slot in ipairs(tab.orderedSlots) do
				slot:Populate()
			end
		end
	end)
	hook("ConfigTab", "Load", function(stock)
		return function(tab, ...)
			loading_config = true
			local failed = stock(tab, ...)
			loading_config = false
			return failed
		end
	end)
	hook("ConfigTab", "BuildModList", function(stock)
		return function(tab)
			if loading_config then
				recording.config = {
					input = copyTable(tab.input),
					placeholder = copyTable(tab.placeholder),
					controls = control_states(tab.varControls),
				}
			end
			return stock(tab)
		end
	end)
end

function M.start()
	recording = { skills = {} }
	loading, loading_config = true, false
end

---@return Recording
function M.stop()
	loading = false
	return recording
end

return M
