-- Accelerators: functions that replace PoB's own and compute the same, faster. Each has a name by which it can be switched
-- off. Some replace what PoB has once, at boot; some what each build has of its own.

local base_mods = require("fast.base_mods")
local copies = require("fast.copies")
local mods = require("fast.mods")
local nodes = require("fast.nodes")
local objects = require("fast.objects")
local stores = require("fast.stores")

local M = {}

---@type { name: string, install: fun() }[]
local AT_BOOT = {
	{ name = "stores", install = stores.install },
	{ name = "objects", install = objects.install },
	{ name = "mods", install = mods.install },
	{ name = "copies", install = copies.install },
}

---@type { name: string, install: fun(calcs: table) }[]
local IN_BUILD = {
	{ name = "nodes", install = nodes.install },
	{ name = "base_mods", install = base_mods.install },
}

---@type table<string, boolean>
local disabled = {}

---@param names table<string, boolean> what is switched off
function M.install(names)
	disabled = names
	for _, accelerator in ipairs(AT_BOOT) do
		if not disabled[accelerator.name] then
			accelerator.install()
		end
	end
end

---@param calcs table the loaded build's calculator
function M.install_in_build(calcs)
	for _, accelerator in ipairs(IN_BUILD) do
		if not disabled[accelerator.name] then
			accelerator.install(calcs)
		end
	end
end

return M
