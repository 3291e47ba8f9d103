-- Facts about the installation: version, tree versions with data on disk, stats with their labels.

local M = {}

---@param native NativeHost
---@return string[] versions oldest first
function M.tree_versions(native)
	local versions = {}
	for _, version in ipairs(treeVersionList) do
		if native.read_file("TreeData/" .. version .. "/tree.lua") then
			versions[#versions + 1] = version
		end
	end
	return versions
end

return M
