-- Making modifiers: PoB's `createMod` is variadic and looks with `select` for the parameters that may be left out, which
-- LuaJIT does not compile. Calculations make some hundred modifiers each, most of them with few or no tags.

local type = type

local M = {}

---Up to this many tags are handled here; nothing in PoB's calculations has more than five.
local function too_many()
	error("a modifier with more than eight parameters behind its value")
end

---The parameters behind the value are: source? flags? keyword flags? tags... Each of the first three is looked for at
---its own place only, and the tags begin behind the last that was found.
local function create(name, kind, value, a, b, c, d, e, f, g, h, i)
	if i ~= nil then
		too_many()
	end
	local source
	local flags, keywords = 0, 0
	local from = 1
	if type(a) == "string" then
		source, from = a, 2
	end
	if type(b) == "number" then
		flags, from = b, 3
	end
	if type(c) == "number" then
		keywords, from = c, 4
	end
	if from == 2 then
		a, b, c, d, e, f, g, h = b, c, d, e, f, g, h, nil
	elseif from == 3 then
		a, b, c, d, e, f, g, h = c, d, e, f, g, h, nil, nil
	elseif from == 4 then
		a, b, c, d, e, f, g, h = d, e, f, g, h, nil, nil, nil
	end
	local mod = { name = name, type = kind, value = value, flags = flags, keywordFlags = keywords, source = source }
	if a ~= nil then mod[1] = a end
	if b ~= nil then mod[2] = b end
	if c ~= nil then mod[3] = c end
	if d ~= nil then mod[4] = d end
	if e ~= nil then mod[5] = e end
	if f ~= nil then mod[6] = f end
	if g ~= nil then mod[7] = g end
	if h ~= nil then mod[8] = h end
	return mod
end

local function new_mod(self, name, kind, value, a, b, c, d, e, f, g, h, i)
	self:AddMod(create(name, kind, value, a, b, c, d, e, f, g, h, i))
end

function M.install()
	modLib.createMod = create
	for _, name in ipairs({ "ModStore", "ModDB", "ModList" }) do
		common.classes[name].NewMod = new_mod
	end
end

return M
