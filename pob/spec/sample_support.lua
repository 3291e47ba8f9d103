-- What the specs of the sample engine share: a build to vary, a generator of random variations, equality to the bit.

local M = {}

local HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'

---A build of a witch that has a bit of everything.
M.WITCH = HEAD
	.. [[
<PathOfBuilding>
	<Build level="80" className="Witch" ascendClassName="Frostweaver" mainSocketGroup="1"><PlayerStat stat="Life" value="1"/></Build>
	<Skills activeSkillSet="1"><SkillSet id="1">
		<Skill enabled="true" mainActiveSkill="1" includeInFullDPS="true">
			<Gem nameSpec="Frost Shard" level="20" quality="20" enabled="true"/>
			<Gem nameSpec="Focused Mind" level="18" quality="0" enabled="true"/>
			<Gem nameSpec="Flame Orb" level="12" quality="0" enabled="true"/>
			<Gem nameSpec="Split Shot" level="10" quality="0" enabled="false"/>
		</Skill>
		<Skill enabled="true" includeInFullDPS="true">
			<Gem nameSpec="Blight Ring" level="18" quality="0" enabled="true" count="2"/>
			<Gem nameSpec="Long Ruin" level="18" quality="0" enabled="true"/>
		</Skill>
		<Skill enabled="true"><Gem nameSpec="Inner Light" level="20" quality="0" enabled="true"/></Skill>
		<Skill enabled="true"><Gem nameSpec="Twin Cut" level="5" quality="0" enabled="true"/></Skill>
	</SkillSet><SkillSet id="2" title="other"/></Skills>
	<Tree activeSpec="1">
		<Spec treeVersion="sample_1" classId="2" ascendClassId="1" masteryEffects="{307,3072}"
			nodes="300,540,301,302,303,304,305,306,307,309,310,314,315,319,320,405,541,542">
			<Sockets><Socket nodeId="315" itemId="3"/></Sockets>
			<Overrides><Override nodeId="319" dn="Tattoo of the Moth"/></Overrides>
		</Spec>
	</Tree>
	<Items activeItemSet="1">
		<Item id="1">
Rarity: RARE
Icicle Verse
Silver Wand
Quality: 20
Implicits: 1
28% increased Spell Damage
Adds 10 to 20 Cold Damage to Spells
		</Item>
		<Item id="2">
Rarity: RARE
Cold Promise
Aquamarine Ring
Implicits: 1
+25% to Cold Resistance
+41 to maximum Life
		</Item>
		<Item id="3">
Rarity: RARE
Clear Thought
Glass Jewel
12% increased Spell Damage
		</Item>
		<Item id="4">
Rarity: NORMAL
Iron Draught
		</Item>
		<Item id="5">
Rarity: NORMAL
Swift Draught
		</Item>
		<ItemSet id="1">
			<Slot name="Weapon 1" itemId="1"/><Slot name="Ring 1" itemId="2"/><Slot name="Flask 1" itemId="4"/>
			<Slot name="Flask 2" itemId="5" active="true"/>
		</ItemSet>
	</Items>
	<Config activeConfigSet="1"><ConfigSet id="1">
		<Input name="enemyIsBoss" string="Boss"/><Input name="enemyShock" number="12.5"/>
		<Input name="customMods" string="+10 to maximum Life&#10;4% increased Cast Speed per Power Charge"/>
	</ConfigSet></Config>
	<Notes>Kept &amp; carried.</Notes>
</PathOfBuilding>
]]

---A build of level 1 with nothing on: what formulas give by themselves.
M.BARE = HEAD
	.. [[
<PathOfBuilding>
	<Build level="1" className="Marauder" ascendClassName="None"/>
	<Tree activeSpec="1"><Spec treeVersion="sample_1" classId="0" ascendClassId="0" nodes=""/></Tree>
</PathOfBuilding>
]]

---Equal to the bit: NaN equals itself, and the two zeros differ.
---@param a any
---@param b any
---@return boolean
function M.same(a, b)
	if a ~= a and b ~= b then
		return true
	end
	return a == b and (a ~= 0 or 1 / a == 1 / b)
end

---Fails with the name of the first stat that differs.
---@param list StatInfo[]
---@param expected Output
---@param got Output
---@param case string
function M.assert_outputs(list, expected, got, case)
	for _, info in ipairs(list) do
		local a, b = expected[info.name], got[info.name]
		assert(M.same(a, b), ('%s: %s is %s, expected %s'):format(case, info.name, tostring(b), tostring(a)))
	end
	for name in pairs(got) do
		assert(expected[name] ~= nil, ('%s: %s should not be there'):format(case, name))
	end
end

---@param warnings EngineWarning[]?
---@return string all of them, a line each
function M.warnings_text(warnings)
	local lines = {}
	for i, warning in ipairs(warnings or {}) do
		lines[i] = ('%s %s %s'):format(warning.kind, warning.field or '-', warning.message)
	end
	return table.concat(lines, '\n')
end

---@param warnings EngineWarning[]?
---@param kind WarningKind
---@param field string?
---@return boolean
function M.has_warning(warnings, kind, field)
	for _, warning in ipairs(warnings or {}) do
		if warning.kind == kind and warning.field == field then
			return true
		end
	end
	return false
end

---A generator of numbers that is the same everywhere.
---@param seed integer
---@return fun(n: integer): integer from 1 to n
function M.random(seed)
	local state = seed
	return function(n)
		state = (state * 16807) % 2147483647
		return state % n + 1
	end
end

local TEXTS = {
	'Rarity: RARE\nSnow Loop\nAquamarine Ring\nImplicits: 1\n+25% to Cold Resistance\n+55 to maximum Life\nAdds 3 to 7 Cold Damage',
	'Rarity: RARE\nFirst Light\nOpal Amulet\n+31 to Intelligence\n17% increased Damage per 10 Intelligence\nSings to itself',
	'Rarity: RARE\nOak Heart\nAnvil Maul\nQuality: 17\n83% increased Physical Damage\n7% increased Attack Speed',
	'Rarity: MAGIC\nSturdy Pine Shield of <Ice> & "Fog"\n+13% to Cold Resistance\n37% increased Armour',
	'Rarity: RARE\nThird Eye\nGlass Jewel\n9% increased Cast Speed\n+3% to all maximum Elemental Resistances',
	'Rarity: MAGIC\nLong Salt Draught\n11% increased Movement Speed during any Flask Effect',
	'Rarity: UNIQUE\nThe Last Word\nStarlight Robe\nQuality: 20\n93% increased Energy Shield\nMaximum Life becomes 1\nImmune to Chaos Damage',
}
local LINES = {
	'+37 to maximum Life',
	'13% more Damage while on Full Life',
	'7% increased Spell Damage per Power Charge',
	'Gain 19% of Physical Damage as Extra Fire Damage',
	'this is no modifier',
	'1.5% of Damage Leeched as Life',
	'',
}

---Makes a random variation with `kinds` kinds of change in it.
---@param random fun(n: integer): integer
---@param kinds integer
---@param engine { tree: table, items: table, gems: table, config: table, classes: table } data to choose from
---@return Variation
function M.variation(random, kinds, engine)
	local variation = {}
	local function pick(list)
		return list[random(#list)]
	end
	local function node()
		return pick(engine.tree.ids)
	end
	local makers = {
		function()
			variation.level = random(100)
		end,
		function()
			variation.allocate = { node(), node() }
		end,
		function()
			variation.allocate_path = { node(), node() }
		end,
		function()
			variation.deallocate = { node(), pick({ 301, 304, 309, 320 }) }
		end,
		function()
			variation.class = pick(engine.classes).name
		end,
		function()
			variation.ascendancy = pick({ 'None', 'Frostweaver', 'Hexbinder', 'Bloodsworn' })
		end,
		function()
			variation.masteries = { { node = pick({ 307, 311 }), effect = pick({ 3071, 3072, 3111, 3112 }) } }
		end,
		function()
			variation.tattoos = {
				{
					node = pick({ 301, 303, 319 }),
					name = pick({ 'Tattoo of the Owl', 'Tattoo of the Seal' }),
				},
			}
		end,
		function()
			variation.tattoos = { { node = pick({ 301, 319 }) } }
		end,
		function()
			variation.items =
				{ { slot = pick(engine.items.slots), text = pick(TEXTS) }, { slot = 'Belt', empty = true } }
		end,
		function()
			variation.items = { { slot = pick(engine.items.slots), item = random(6) } }
		end,
		function()
			variation.items =
				{ { slot = 'Weapon 1', text = TEXTS[3] }, { slot = 'Weapon 2', text = TEXTS[4] } }
		end,
		function()
			variation.flasks = { { slot = 'Flask ' .. random(5), active = random(2) == 1 } }
		end,
		function()
			variation.gems = {
				{
					group = random(4),
					gem = random(3),
					level = random(40),
					quality = random(30),
					enabled = random(3) > 1,
				},
			}
		end,
		function()
			variation.gems = { { group = random(2), gem = random(3), replace = pick(engine.gems).name } }
		end,
		function()
			variation.gems = {
				{ group = random(4), add = pick(engine.gems).name, level = random(40), count = random(5) },
				{ group = 1, gem = random(4), remove = true },
			}
		end,
		function()
			variation.groups =
				{ { group = random(4), enabled = random(2) == 1, include_in_full_dps = random(2) == 1 } }
		end,
		function()
			variation.groups = { { group = 1, main_active_skill = random(2) } }
		end,
		function()
			variation.main_socket_group = random(4)
		end,
		function()
			local option = pick(engine.config)
			local values = { check = random(2) == 1, number = random(1000) / 7, text = pick(LINES) }
			local value = values[option.type]
			if option.type == 'list' then
				value = pick(option.values)
			end
			variation.config = { [option.name] = value }
		end,
		function()
			variation.custom_mods = pick(LINES) .. '\n' .. pick(LINES)
		end,
		function()
			variation.build = M.BARE
		end,
	}
	for _ = 1, kinds do
		makers[random(#makers)]()
	end
	return variation
end

return M
