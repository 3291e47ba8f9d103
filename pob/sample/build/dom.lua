-- Small questions to an XML tree, for the section readers: children by name, the active one of several sets, typed
-- attributes. Absent or nonsensical attributes give the default; a reader that must not guess asks for the raw one.

local M = {}

---@param parent XmlElement?
---@param name string
---@return XmlElement?
function M.child(parent, name)
	for _, child in ipairs(parent and parent.children or {}) do
		if type(child) == 'table' and child.name == name then
			return child
		end
	end
end

---@param parent XmlElement?
---@param name string
---@return XmlElement[]
function M.children(parent, name)
	local found = {}
	for _, child in ipairs(parent and parent.children or {}) do
		if type(child) == 'table' and child.name == name then
			found[#found + 1] = child
		end
	end
	return found
end

---The set whose `id` is the active one; the first where none is.
---@param parent XmlElement?
---@param name string of the set's element
---@param active_attribute string
---@return XmlElement?
function M.active(parent, name, active_attribute)
	local sets = M.children(parent, name)
	for _, set in ipairs(sets) do
		if set.attrs.id == parent.attrs[active_attribute] then
			return set
		end
	end
	return sets[1]
end

---@param element XmlElement
---@return string
function M.text(element)
	local parts = {}
	for _, child in ipairs(element.children) do
		if type(child) == 'string' then
			parts[#parts + 1] = child
		end
	end
	return table.concat(parts)
end

---@param element XmlElement
---@param name string
---@param default integer
---@return integer
function M.integer(element, name, default)
	local text = element.attrs[name]
	return text and text:find('^%-?%d+$') and #text <= 15 and tonumber(text) or default
end

---@param element XmlElement
---@param name string
---@param default boolean
---@return boolean
function M.boolean(element, name, default)
	local text = element.attrs[name]
	if text == 'true' or text == 'false' then
		return text == 'true'
	end
	return default
end

return M
