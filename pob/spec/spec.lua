-- A tiny spec runner: `describe`, `it`, `expect`. Plain Lua without files or clock, so that it runs under luajit and
-- inside the VM of a runtime alike. `run.lua` lists the spec files.

local M = {}

---@class (exact) SpecReport
---@field passed integer
---@field failures string[]

local report, context

---@param value any
---@return string
local function show(value)
	if type(value) ~= 'table' then
		return type(value) == 'string' and ('%q'):format(value) or tostring(value)
	end
	local keys, parts = {}, {}
	for key in pairs(value) do
		keys[#keys + 1] = key
	end
	table.sort(keys, function(a, b)
		return tostring(a) < tostring(b)
	end)
	for _, key in ipairs(keys) do
		parts[#parts + 1] = tostring(key) .. ' = ' .. show(value[key])
	end
	return '{ ' .. table.concat(parts, ', ') .. ' }'
end

---Equal in value, tables by their contents.
---@param a any
---@param b any
---@return boolean
function M.same(a, b)
	if type(a) ~= 'table' or type(b) ~= 'table' then
		return a == b
	end
	for key, value in pairs(a) do
		if not M.same(value, b[key]) then
			return false
		end
	end
	for key in pairs(b) do
		if a[key] == nil then
			return false
		end
	end
	return true
end

---@param title string
---@param body fun()
function M.describe(title, body)
	local outer = context
	context = (outer and outer .. ' ' or '') .. title
	body()
	context = outer
end

---@param title string
---@param body fun()
function M.it(title, body)
	local ok, message = xpcall(body, function(reason)
		if type(reason) == 'table' and reason.message then
			return reason.message
		end
		-- A locked VM has no `debug`.
		return debug and debug.traceback(tostring(reason), 2) or tostring(reason)
	end)
	if ok then
		report.passed = report.passed + 1
	else
		table.insert(report.failures, (context and context .. ': ' or '') .. title .. '\n    ' .. message)
	end
end

---Fails the running spec unless both are the same.
---@param got any
---@param wanted any
---@param what string?
function M.expect(got, wanted, what)
	if not M.same(got, wanted) then
		error({ message = (what and what .. ': ' or '') .. 'got ' .. show(got) .. ', wanted ' .. show(wanted) })
	end
end

---Runs the bodies (each a function that calls `describe`) and reports.
---@param bodies fun()[]
---@return SpecReport
function M.run(bodies)
	report, context = { passed = 0, failures = {} }, nil
	for _, body in ipairs(bodies) do
		body()
	end
	return report
end

return M
