-- The queries of PoB's modifier stores (`ModDB`, `ModList`): the same steps in the same order, in a form that LuaJIT can
-- compile. The stock functions are variadic and walk their names with `select(i, ...)`; LuaJIT compiles neither, so all
-- that ask a store anything stay in the interpreter. They also make a table of limits for each query, used or not.
-- PoB asks for at most nine names at once; a query for more than ten is refused, never cut short.

local questions = require("fast.alike.asked")
local order = require("fast.alike.order")
local source_kinds = require("fast.source_kinds")

local band, floor, max = bit.band, math.floor, math.max
local kind_of = source_kinds.of

local M = {}

---Whether a modifier applies to what is asked for.
---@param mod table
---@param flags integer
---@param keywords integer
---@param source string?
---@return boolean
local function applies(mod, flags, keywords, source)
	local own, own_keywords = mod.flags, mod.keywordFlags
	return band(flags, own) == own
		and (own_keywords == 0 or MatchKeywordFlags(keywords, own_keywords))
		and (not source or kind_of(mod.source or "") == source)
end

local function too_many()
	error("a query for more than ten names")
end

---A `ModDB` keeps a list for each name.
local function db_list(store, name)
	return store.mods[name]
end

---The same while it is listened to: a name that the store does not have, but whose questions are of interest, stands for an
---empty list.
local function listened_list(store, name)
	return store.mods[name] or questions.wanted[name]
end

---A `ModList` keeps all in one; those of other names are passed over.
local function whole_list(store, name)
	return store, name
end

---@param name string
---@return number? precision to which products of such modifiers are rounded; nil: whole per cents
local function precision_of(name)
	local of_name = data.highPrecisionMods[name]
	return of_name and of_name.MORE
end

---What a modifier contributes to an answer; nil: it is passed over.
---@param mod table
---@param query OrderQuery
---@return number|boolean?
local function contribution(mod, query)
	if (query.kind and mod.type ~= query.kind) or not applies(mod, query.flags, query.keywords, query.source) then
		return nil
	elseif query.operation == "list" then
		return true
	end
	return mod[1] and (query.context:EvalMod(mod, query.cfg) or 0) or mod.value or 0
end

---Takes note of an answer if it depends on the order of nodes.
local function note_order(store, name, operation, start, list, limits, kind, context, cfg, flags, keywords, source)
	order.note(store, name, start, list, contribution, {
		operation = operation,
		limited = limits ~= nil and next(limits) ~= nil,
		kind = kind,
		context = context,
		cfg = cfg,
		flags = flags,
		keywords = keywords,
		source = source,
	})
end

---Whether the order of a list may have to be noted.
---@param list table[]
---@param kind string?
---@return boolean
local function may_depend_on_order(list, kind)
	return order.is_noting() and order.several(list, kind)
end

---The queries of one kind of store.
---@param list_of fun(store: table, name: string): table?, string?
---@param has_limits boolean whether limits hold across the modifiers of a query
---@param listens boolean whether questions, and answers that depend on the order of nodes, are noted for `alike`
---@return table<string, function>
local function queries(list_of, has_limits, listens)
	local Q = {}

	local function sum(store, name, result, limits, context, kind, cfg, flags, keywords, source)
		local list, only = list_of(store, name)
		if list then
			local start, several, exact = result, false, true
			if listens then
				if questions.wanted[name] then
					questions.note(store, kind, name, flags, keywords)
				end
				several = order.wanted[name]
				exact = several and order.is_exact(result)
			end
			for i = 1, #list do
				local mod = list[i]
				if mod.type == kind and (not only or mod.name == only) and applies(mod, flags, keywords, source) then
					local value = mod.value
					if mod[1] then
						if has_limits and not limits then
							limits = {}
						end
						value = context:EvalMod(mod, cfg, limits) or 0
					end
					if several then
						exact = exact and order.is_exact(value)
					end
					result = result + value
				end
			end
			if several and not exact then
				note_order(store, name, "sum", start, list, limits, kind, context, cfg, flags, keywords, source)
			end
		end
		return result, limits
	end

	function Q.SumInternal(self, context, kind, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		local r, l = sum(self, a, 0, nil, context, kind, cfg, flags, keywords, source)
		if b ~= nil then r, l = sum(self, b, r, l, context, kind, cfg, flags, keywords, source) end
		if c ~= nil then r, l = sum(self, c, r, l, context, kind, cfg, flags, keywords, source) end
		if d ~= nil then r, l = sum(self, d, r, l, context, kind, cfg, flags, keywords, source) end
		if e ~= nil then r, l = sum(self, e, r, l, context, kind, cfg, flags, keywords, source) end
		if f ~= nil then r, l = sum(self, f, r, l, context, kind, cfg, flags, keywords, source) end
		if g ~= nil then r, l = sum(self, g, r, l, context, kind, cfg, flags, keywords, source) end
		if h ~= nil then r, l = sum(self, h, r, l, context, kind, cfg, flags, keywords, source) end
		if i ~= nil then r, l = sum(self, i, r, l, context, kind, cfg, flags, keywords, source) end
		if j ~= nil then r, l = sum(self, j, r, l, context, kind, cfg, flags, keywords, source) end
		local parent = self.parent
		if parent then
			r = r + parent:SumInternal(context, kind, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		end
		return r
	end

	local function more(store, name, result, precision, limits, context, cfg, flags, keywords, source)
		local product = 1
		local list, only = list_of(store, name)
		if list then
			local noting, movable = listens and order.is_noting(), 0
			if listens and questions.wanted[name] then
				questions.note(store, "MORE", name, flags, keywords)
			end
			for i = 1, #list do
				local mod = list[i]
				if mod.type == "MORE" and (not only or mod.name == only) and applies(mod, flags, keywords, source) then
					local value
					if mod[1] then
						if has_limits and not limits then
							limits = {}
						end
						value = context:EvalMod(mod, cfg, limits) or 0
					else
						value = mod.value or 0
					end
					product = product * (1 + value / 100)
					if noting and order.may_move(mod) then
						movable = movable + 1
					end
					local own = precision_of(mod.name)
					precision = precision and max(precision, own or precision) or own
				end
			end
			if movable > 1 then
				note_order(store, name, "product", 1, list, limits, "MORE", context, cfg, flags, keywords, source)
			end
		end
		if precision then
			local power = 10 ^ precision
			return floor(result * product * power) / power, precision, limits
		end
		return result * round(product, 2), precision, limits
	end

	function Q.MoreInternal(self, context, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		local r, p, l = more(self, a, 1, nil, nil, context, cfg, flags, keywords, source)
		if b ~= nil then r, p, l = more(self, b, r, p, l, context, cfg, flags, keywords, source) end
		if c ~= nil then r, p, l = more(self, c, r, p, l, context, cfg, flags, keywords, source) end
		if d ~= nil then r, p, l = more(self, d, r, p, l, context, cfg, flags, keywords, source) end
		if e ~= nil then r, p, l = more(self, e, r, p, l, context, cfg, flags, keywords, source) end
		if f ~= nil then r, p, l = more(self, f, r, p, l, context, cfg, flags, keywords, source) end
		if g ~= nil then r, p, l = more(self, g, r, p, l, context, cfg, flags, keywords, source) end
		if h ~= nil then r, p, l = more(self, h, r, p, l, context, cfg, flags, keywords, source) end
		if i ~= nil then r, p, l = more(self, i, r, p, l, context, cfg, flags, keywords, source) end
		if j ~= nil then r, p, l = more(self, j, r, p, l, context, cfg, flags, keywords, source) end
		local parent = self.parent
		if parent then
			r = r * parent:MoreInternal(context, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		end
		return r
	end

	---The first value that counts: of a flag, of an override.
	local function first(store, name, kind, context, cfg, flags, keywords, source)
		local list, only = list_of(store, name)
		if list then
			if listens and questions.wanted[name] then
				questions.note(store, kind, name, flags, keywords)
			end
			-- Which of several flags is the first makes no difference.
			if listens and kind ~= "FLAG" and may_depend_on_order(list, kind) then
				note_order(store, name, "list", 0, list, nil, kind, context, cfg, flags, keywords, source)
			end
			for i = 1, #list do
				local mod = list[i]
				if mod.type == kind and (not only or mod.name == only) and applies(mod, flags, keywords, source) then
					local value = mod.value
					if mod[1] then
						value = context:EvalMod(mod, cfg)
					end
					if value then
						return value
					end
				end
			end
		end
	end

	local function first_of(self, kind, context, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		local v = first(self, a, kind, context, cfg, flags, keywords, source)
		if not v and b ~= nil then v = first(self, b, kind, context, cfg, flags, keywords, source) end
		if not v and c ~= nil then v = first(self, c, kind, context, cfg, flags, keywords, source) end
		if not v and d ~= nil then v = first(self, d, kind, context, cfg, flags, keywords, source) end
		if not v and e ~= nil then v = first(self, e, kind, context, cfg, flags, keywords, source) end
		if not v and f ~= nil then v = first(self, f, kind, context, cfg, flags, keywords, source) end
		if not v and g ~= nil then v = first(self, g, kind, context, cfg, flags, keywords, source) end
		if not v and h ~= nil then v = first(self, h, kind, context, cfg, flags, keywords, source) end
		if not v and i ~= nil then v = first(self, i, kind, context, cfg, flags, keywords, source) end
		if not v and j ~= nil then v = first(self, j, kind, context, cfg, flags, keywords, source) end
		return v
	end

	function Q.FlagInternal(self, context, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		if first_of(self, "FLAG", context, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j) then
			return true
		end
		local parent = self.parent
		if parent then
			return parent:FlagInternal(context, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		end
	end

	function Q.OverrideInternal(self, context, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		local value = first_of(self, "OVERRIDE", context, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		if value then
			return value
		end
		local parent = self.parent
		if parent then
			return parent:OverrideInternal(context, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		end
	end

	local function add_to_list(store, name, result, context, cfg, flags, keywords, source)
		local list, only = list_of(store, name)
		if list then
			if listens and questions.wanted[name] then
				questions.note(store, "LIST", name, flags, keywords)
			end
			if listens and may_depend_on_order(list, "LIST") then
				note_order(store, name, "list", 0, list, nil, "LIST", context, cfg, flags, keywords, source)
			end
			for i = 1, #list do
				local mod = list[i]
				if mod.type == "LIST" and (not only or mod.name == only) and applies(mod, flags, keywords, source) then
					local value = mod.value
					if mod[1] then
						value = context:EvalMod(mod, cfg) or nullValue
					end
					if value then
						result[#result + 1] = value
					end
				end
			end
		end
	end

	function Q.ListInternal(self, context, result, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		add_to_list(self, a, result, context, cfg, flags, keywords, source)
		if b ~= nil then add_to_list(self, b, result, context, cfg, flags, keywords, source) end
		if c ~= nil then add_to_list(self, c, result, context, cfg, flags, keywords, source) end
		if d ~= nil then add_to_list(self, d, result, context, cfg, flags, keywords, source) end
		if e ~= nil then add_to_list(self, e, result, context, cfg, flags, keywords, source) end
		if f ~= nil then add_to_list(self, f, result, context, cfg, flags, keywords, source) end
		if g ~= nil then add_to_list(self, g, result, context, cfg, flags, keywords, source) end
		if h ~= nil then add_to_list(self, h, result, context, cfg, flags, keywords, source) end
		if i ~= nil then add_to_list(self, i, result, context, cfg, flags, keywords, source) end
		if j ~= nil then add_to_list(self, j, result, context, cfg, flags, keywords, source) end
		local parent = self.parent
		if parent then
			parent:ListInternal(context, result, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		end
	end

	local function add_to_table(store, name, result, limits, kind, context, cfg, flags, keywords, source)
		local list, only = list_of(store, name)
		if list then
			if listens and questions.wanted[name] then
				questions.note(store, kind, name, flags, keywords, true)
			end
			if listens and may_depend_on_order(list, kind) then
				note_order(store, name, "list", 0, list, limits, kind, context, cfg, flags, keywords, source)
			end
			for i = 1, #list do
				local mod = list[i]
				if
					(mod.type == kind or not kind)
					and (not only or mod.name == only)
					and applies(mod, flags, keywords, source)
				then
					local value = mod.value
					if mod[1] then
						if has_limits and not limits then
							limits = {}
						end
						value = context:EvalMod(mod, cfg, limits)
					end
					if value and (value ~= 0 or mod.type == "OVERRIDE") then
						result[#result + 1] = { value = value, mod = mod }
					end
				end
			end
		end
		return limits
	end

	function Q.TabulateInternal(self, context, result, kind, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		local l = add_to_table(self, a, result, nil, kind, context, cfg, flags, keywords, source)
		if b ~= nil then l = add_to_table(self, b, result, l, kind, context, cfg, flags, keywords, source) end
		if c ~= nil then l = add_to_table(self, c, result, l, kind, context, cfg, flags, keywords, source) end
		if d ~= nil then l = add_to_table(self, d, result, l, kind, context, cfg, flags, keywords, source) end
		if e ~= nil then l = add_to_table(self, e, result, l, kind, context, cfg, flags, keywords, source) end
		if f ~= nil then l = add_to_table(self, f, result, l, kind, context, cfg, flags, keywords, source) end
		if g ~= nil then l = add_to_table(self, g, result, l, kind, context, cfg, flags, keywords, source) end
		if h ~= nil then l = add_to_table(self, h, result, l, kind, context, cfg, flags, keywords, source) end
		if i ~= nil then l = add_to_table(self, i, result, l, kind, context, cfg, flags, keywords, source) end
		if j ~= nil then l = add_to_table(self, j, result, l, kind, context, cfg, flags, keywords, source) end
		local parent = self.parent
		if parent then
			parent:TabulateInternal(context, result, kind, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
		end
	end

	return Q
end

---What the outside asks: reads the flags of the configuration, then asks the store.
---@type table<string, function>
local front = {}

---@param cfg table?
---@return integer flags
---@return integer keywords
---@return string? source
local function asked(cfg)
	if cfg then
		return cfg.flags or 0, cfg.keywordFlags or 0, cfg.source
	end
	return 0, 0, nil
end

function front.More(self, cfg, a, b, c, d, e, f, g, h, i, j, k)
	if k ~= nil then
		too_many()
	end
	local flags, keywords, source = asked(cfg)
	return self:MoreInternal(self, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
end

function front.Flag(self, cfg, a, b, c, d, e, f, g, h, i, j, k)
	if k ~= nil then
		too_many()
	end
	local flags, keywords, source = asked(cfg)
	return self:FlagInternal(self, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
end

function front.Override(self, cfg, a, b, c, d, e, f, g, h, i, j, k)
	if k ~= nil then
		too_many()
	end
	local flags, keywords, source = asked(cfg)
	return self:OverrideInternal(self, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
end

function front.Sum(self, kind, cfg, a, b, c, d, e, f, g, h, i, j, k)
	if k ~= nil then
		too_many()
	end
	local flags, keywords, source = asked(cfg)
	return self:SumInternal(self, kind, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
end

function front.List(self, cfg, a, b, c, d, e, f, g, h, i, j, k)
	if k ~= nil then
		too_many()
	end
	local flags, keywords, source = asked(cfg)
	local result = {}
	self:ListInternal(self, result, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
	return result
end

function front.Tabulate(self, kind, cfg, a, b, c, d, e, f, g, h, i, j, k)
	if k ~= nil then
		too_many()
	end
	local flags, keywords, source = asked(cfg)
	local result = {}
	self:TabulateInternal(self, result, kind, cfg, flags, keywords, source, a, b, c, d, e, f, g, h, i, j)
	return result
end

---`calcLib.mod` and `calcLib.mods`: the same two queries for every product.
local function install_products()
	function calcLib.mod(store, cfg, a, b, c, d, e, f, g, h, i, j, k)
		return (1 + (store:Sum("INC", cfg, a, b, c, d, e, f, g, h, i, j, k)) / 100) * store:More(cfg, a, b, c, d, e, f, g, h, i, j, k)
	end

	function calcLib.mods(store, cfg, a, b, c, d, e, f, g, h, i, j, k)
		local increased = 1 + store:Sum("INC", cfg, a, b, c, d, e, f, g, h, i, j, k) / 100
		return increased, store:More(cfg, a, b, c, d, e, f, g, h, i, j, k)
	end
end

---@param class table
---@param replacements table<string, function>
local function put(class, replacements)
	for name, replacement in pairs(replacements) do
		class[name] = replacement
	end
end

---Makes databases of modifiers tell `alike` what they are asked, for good: compiled code knows which of two functions it
---calls, and would have to be compiled for both. Nothing is noted unless somebody wants it (`asked`, `order`).
function M.tell()
	local db = common.classes.ModDB
	local has = db.HasModInternal
	put(db, queries(listened_list, true, true))
	function db.HasModInternal(self, kind, flags, keywords, source, ...)
		for i = 1, select("#", ...) do
			questions.note(self, kind, (select(i, ...)), flags, keywords)
		end
		return has(self, kind, flags, keywords, source, ...)
	end
end

function M.install()
	local stock = common.classes
	put(stock.ModDB, queries(db_list, true, false))
	put(stock.ModList, queries(whole_list, false, false))
	-- A class copies what it inherits when it is first asked for it, so each needs its own.
	for _, name in ipairs({ "ModStore", "ModDB", "ModList" }) do
		put(stock[name], front)
	end
	install_products()
end

return M
