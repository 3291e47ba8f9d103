-- Boots Path of Building inside the host environment, the same way in every process.

local buffs = require("adapter.buffs")
local fast = require("fast")
local host = require("host")
local order = require("host.order")
local pristine = require("adapter.pristine")
local recorder = require("adapter.recorder")

-- Taken here because the lock-down removes them from the global table.
local collectgarbage, jit = collectgarbage, jit

local M = {}

---The heap that the last collection left, in per cent, at which the next one begins. Of what a boot makes much stays: with 200,
---as is usual, it collects in vain on its way. What is loaded later is about to be shared by forks, one lot for each base.
local PAUSE_OF_BOOT, PAUSE_OF_LOADS = 300, 150

---@param message string
---@return EngineError
local function boot_error(message)
	local plain = StripEscapes(message):gsub("%s+", " ")
	return { kind = "engine_error", message = "Path of Building does not boot: " .. plain }
end

---Called before each module of PoB's own.
---@param name string
local function on_load(name)
	if name == "Modules/Main" then
		-- A checkout turns developer mode on: it would write into its own directory. Results do not depend on it.
		launch.devMode = false
		launch.installedMode = true
		-- No update check: there is no network, and the installation is not ours to change.
		launch.CheckForUpdate = function() end
	end
end

---Boots and parses the passive trees of the given versions; none given: the newest.
---@param native NativeHost
---@param tree_versions string[]
---@param accelerators string which of them run
---@return boolean?, EngineError?
function M.run(native, tree_versions, accelerators)
	local problem = fast.choose(accelerators)
	if problem then
		return nil, { kind = "engine_error", message = problem }
	end
	jit.off()
	collectgarbage("setpause", PAUSE_OF_BOOT)
	host.install(native, on_load)
	order.set_sorting(true)
	dofile("Launch.lua")
	host.run_callback("OnInit")
	if launch.promptMsg or not main or not main.modes then
		return nil, boot_error(launch.promptMsg or "its main module is missing")
	end
	-- The databases of unique and rare items feed search lists in the window, nothing else.
	main.onFrameFuncs["LoadItems"] = nil
	pristine.note_build(main.modes.BUILD)
	-- One frame brings the empty build up, as it does when a user starts the program.
	host.run_callback("OnFrame")
	if launch.promptMsg then
		return nil, boot_error(launch.promptMsg)
	end
	for _, version in ipairs(tree_versions) do
		if treeVersions[version] then
			main:LoadTree(version)
		end
	end
	order.set_sorting(false)
	fast.install(native)
	pristine.install()
	recorder.install()
	buffs.install()
	host.lock_down(native)
	collectgarbage("setpause", PAUSE_OF_LOADS)
	return true
end

return M
