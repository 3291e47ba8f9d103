-- A variation as an edit of XML, on small builds of our own and with invented data in place of PoB's.

local edit = require('adapter.edit')
local spec = require('spec.spec')

-- A reader for the XML written here, in the shape of PoB's parser. No comments, no CDATA.
local ENTITY = { lt = '<', gt = '>', amp = '&', apos = "'", quot = '"' }

local function decode(text)
	return (text:gsub('&(%a+);', ENTITY))
end

local function parse(text)
	local stack = { {} }
	for before, close, elem, attribs, empty in text:gmatch('([^<]*)<([/?]?)(%w+)([^>]-)([/?]?)>') do
		local top = stack[#stack]
		local content = before:match('^%s*(.-)%s*$')
		if content ~= '' then
			top[#top + 1] = decode(content)
		end
		if close == '/' then
			if #stack == 1 or top.elem ~= elem then
				return nil, 'misplaced end of ' .. elem
			end
			stack[#stack] = nil
		elseif close == '' then
			local node = { elem = elem, attrib = {} }
			for name, value in attribs:gmatch('(%w+)="(.-)"') do
				node.attrib[name] = decode(value)
			end
			top[#top + 1] = node
			if empty == '' then
				stack[#stack + 1] = node
			end
		end
	end
	if #stack > 1 then
		return nil, 'no end of ' .. stack[#stack].elem
	end
	return stack[1]
end

-- 1 Duelling start - 10 - 11 - 12; 2 Singing start - 20; 13 mastery at 11; 50 socket; ascendancy Soloist: 30 start - 31.
local NODES = {
	[1] = { kind = 'ClassStart', links = { 10 } },
	[2] = { kind = 'ClassStart', links = { 20 } },
	[10] = { kind = 'Normal', links = { 1, 11 } },
	[11] = { kind = 'Normal', links = { 10, 12, 13 } },
	[12] = { kind = 'Notable', links = { 11 } },
	[13] = { kind = 'Mastery', links = { 11 }, effects = { [700] = true, [701] = true } },
	[20] = { kind = 'Normal', links = { 2 } },
	[30] = { kind = 'AscendClassStart', ascendancy = 'Soloist', links = { 31 } },
	[31] = { kind = 'Normal', ascendancy = 'Soloist', links = { 30 } },
	[50] = { kind = 'Socket', links = {} },
}
for id, node in pairs(NODES) do
	node.id = id
end

local TREE = {
	node = function(id) return NODES[id] end,
	class_id = function(name) return ({ Duelling = 0, Singing = 1 })[name] end,
	ascendancy_id = function(class, name) return class == 1 and name == 'Soloist' and 1 or nil end,
	starts = function(class, ascendancy)
		return ascendancy == 1 and { class + 1, 30 } or { class + 1 }
	end,
	tattoo = function(name)
		return name == 'Spiral' and { icon = 'i.png', active_effect_image = 'a.png', lines = { '+5 to Style' } } or nil
	end,
	decode_url = function(url)
		return { class_id = url == 'singing' and 1 or 0, ascendancy_id = 0, secondary_id = 0, nodes = { [2] = true }, effects = {} }
	end,
}

local LOOKUP = {
	parse_xml = parse,
	default_tree_version = 'old',
	latest_tree_version = 'new',
	tree = function(version) return (version == 'new' or version == 'old') and TREE or nil end,
	gem = function(name)
		return name == 'Echo' and { name = 'Echo', game_id = 'G/Echo', variant_id = 'Echo', skill_id = 'EchoSkill', max_level = 7 } or nil
	end,
	config_option = function(name)
		return ({
			loud = { type = 'check' }, crowd = { type = 'count' }, customMods = { type = 'text' },
			boss = { type = 'list', values = { None = true, Big = true } },
		})[name]
	end,
	is_jewel_socket = function(id) return id == 50 end,
	item_text = function(text) return text:match('^Rarity') and text or nil end,
}

local BASE = [[
<PathOfBuilding>
	<Build level="90" characterLevelAutoMode="true" mainSocketGroup="1" className="Duelling" ascendClassName="None">
		<PlayerStat stat="Life" value="1"/>
		<Spectre id="s"/>
	</Build>
	<Skills activeSkillSet="2">
		<SkillSet id="1"><Skill enabled="true"><Gem nameSpec="Other" level="1"/></Skill></SkillSet>
		<SkillSet id="2">
			<Skill active="true" mainActiveSkill="1">
				<Gem nameSpec="A" level="20" quality="10" qualityId="Alternate1" enabled="true" skillPart="2" gemId="G/A"/>
				<Gem nameSpec="B" level="19"/>
				<Gem nameSpec="C" level="18"/>
			</Skill>
			<Skill enabled="false"/>
		</SkillSet>
	</Skills>
	<Tree activeSpec="2">
		<Spec treeVersion="new" classId="1" ascendClassId="0" nodes="2"/>
		<Spec treeVersion="new" classId="0" ascendClassId="0" nodes="1,10,12" masteryEffects="{13,700}">
			<URL>link</URL>
			<Sockets><Socket nodeId="50" itemId="2"/></Sockets>
			<Overrides><Override nodeId="10" dn="Old"/></Overrides>
		</Spec>
	</Tree>
	<Items activeItemSet="1">
		<Item id="2">Rarity: RARE
Stone &amp; Co</Item>
		<Item id="7">Rarity: RARE</Item>
		<ItemSet id="1"><Slot name="Ring 1" itemId="7"/><Slot name="Flask 1" itemId="2" active="true"/><Slot name="Graft 1" itemId="0"/></ItemSet>
		<ItemSet id="2"><Slot name="Ring 1" itemId="2"/></ItemSet>
	</Items>
	<Config activeConfigSet="1">
		<ConfigSet id="1"><Input name="loud" boolean="true"/><Placeholder name="crowd" string=""/></ConfigSet>
	</Config>
</PathOfBuilding>
]]

local LEGACY = [[
<PathOfBuilding>
	<Build level="90" mainSkillIndex="1" bandit="Oak"/>
	<Skills><Skill enabled="true"><Gem nameSpec="A"/></Skill></Skills>
	<Items><Slot name="Ring 1" itemId="0"/></Items>
	<Spec><URL>singing</URL></Spec>
</PathOfBuilding>
]]

-- The element at a path of names; a number picks among those of the same name.
local function at(root, ...)
	local node = root
	local path = { ... }
	local index = 1
	while path[index] do
		local name, nth = path[index], type(path[index + 1]) == 'number' and path[index + 1] or 1
		index = index + (type(path[index + 1]) == 'number' and 2 or 1)
		local found
		for _, child in ipairs(node) do
			if type(child) == 'table' and child.elem == name then
				nth = nth - 1
				if nth == 0 then
					found = child
					break
				end
			end
		end
		if not found then
			return nil
		end
		node = found
	end
	return node
end

local function varied(variation, base, known)
	local xml, err = edit.apply(base or BASE, variation, LOOKUP, known)
	assert(xml, err and err.message)
	return parse(xml)[1]
end

local function refusal(variation, base)
	local xml, err = edit.apply(base or BASE, variation, LOOKUP)
	spec.expect(xml, nil)
	return { err.kind, err.field }
end

local function spec_of(root)
	return at(root, 'Tree', 'Spec', 2)
end

local function gem_levels(root)
	local levels = {}
	for _, gem in ipairs(at(root, 'Skills', 'SkillSet', 2, 'Skill')) do
		levels[#levels + 1] = gem.attrib.nameSpec .. gem.attrib.level
	end
	return levels
end

local function whole_document()
	spec.it('changes nothing but the recorded figures for the empty variation', function()
		local wanted = parse(BASE)[1]
		table.remove(wanted[1], 1)
		spec.expect(varied({}), wanted)
	end)
	spec.it('gives the same text for the same variation', function()
		spec.expect(edit.apply(BASE, { level = 3 }, LOOKUP), edit.apply(BASE, { level = 3 }, LOOKUP))
	end)
	spec.it('applies the changes to a replacement build', function()
		local root = varied({ build = LEGACY, level = 5 })
		spec.expect(at(root, 'Build').attrib.bandit, 'Oak')
		spec.expect(at(root, 'Build').attrib.level, '5')
	end)
	spec.it('says which build is broken', function()
		spec.expect(refusal({}, '<PathOfBuilding>'), { 'bad_build', nil })
		spec.expect(refusal({ build = '<Other/>' }), { 'bad_build', 'build' })
	end)
end

local function character()
	spec.it('pins the level', function()
		local attrib = at(varied({ level = 12 }), 'Build').attrib
		spec.expect({ attrib.level, attrib.characterLevelAutoMode }, { '12', 'false' })
	end)
	spec.it('sets the main group under its old name as well', function()
		local attrib = at(varied({ main_socket_group = 1 }, LEGACY), 'Build').attrib
		spec.expect({ attrib.mainSocketGroup, attrib.mainSkillIndex }, { '1', nil })
	end)
	spec.it('refuses a main group that the build lacks, unless PoB is known to make it', function()
		spec.expect(refusal({ main_socket_group = 3 }), { 'unknown_group', 'main_socket_group' })
		spec.expect(at(varied({ main_socket_group = 3 }, BASE, { group_count = 3 }), 'Build').attrib.mainSocketGroup, '3')
	end)
end

local function passive_tree()
	spec.it('leaves the tree alone when the variation does', function()
		spec.expect(spec_of(varied({ level = 3 })), at(parse(BASE)[1], 'Tree', 'Spec', 2))
	end)
	spec.it('adds and takes nodes in the active tree, and forgets the link', function()
		local changed = spec_of(varied({ allocate = { 11 }, deallocate = { 12, 13 } }))
		spec.expect({ changed.attrib.nodes, changed.attrib.masteryEffects }, { '1,10,11', '' })
		spec.expect(at(changed, 'URL'), nil)
	end)
	spec.it('does not bring back what PoB had dropped', function()
		local changed = spec_of(varied({ allocate = { 11 } }, BASE, { allocated = { 1, 10 } }))
		spec.expect(changed.attrib.nodes, '1,10,11')
		changed = spec_of(varied({ items = { { slot = 'Jewel 50', empty = true } } }, BASE, { allocated = { 1, 10 } }))
		spec.expect(changed.attrib.nodes, '1,10')
	end)
	spec.it('finds the way from what is connected', function()
		local changed = spec_of(varied({ allocate_path = { 12 } }, BASE, { allocated = { 1 } }))
		spec.expect(changed.attrib.nodes, '1,10,11,12')
	end)
	spec.it('chooses mastery effects', function()
		local changed = spec_of(varied({ masteries = { { node = 13, effect = 701 } } }))
		spec.expect({ changed.attrib.nodes, changed.attrib.masteryEffects }, { '1,10,12,13', '{13,701}' })
	end)
	spec.it('changes class and ascendancy, and the starts with them', function()
		local root = varied({ class = 'Singing', ascendancy = 'Soloist' })
		local attrib = spec_of(root).attrib
		spec.expect({ attrib.classId, attrib.ascendClassId, attrib.nodes }, { '1', '1', '2,10,12,30' })
		spec.expect(at(root, 'Build').attrib.ascendClassName, 'Soloist')
	end)
	spec.it('keeps the ascendancy when the class is the same', function()
		local first = edit.apply(BASE, { class = 'Singing', ascendancy = 'Soloist' }, LOOKUP)
		spec.expect(spec_of(varied({ class = 'Singing' }, first)).attrib.ascendClassId, '1')
		spec.expect(spec_of(varied({ ascendancy = 'None' }, first)).attrib.nodes, '2,10,12')
		spec.expect(spec_of(varied({ class = 'Duelling' }, first)).attrib.ascendClassId, '0')
	end)
	spec.it('puts tattoos on and takes them off', function()
		local overrides = at(spec_of(varied({ tattoos = { { node = 11, name = 'Spiral' }, { node = 10 } } })), 'Overrides')
		spec.expect(overrides, { elem = 'Overrides', attrib = {}, {
			elem = 'Override', attrib = { nodeId = '11', dn = 'Spiral', icon = 'i.png', activeEffectImage = 'a.png' },
			'+5 to Style',
		} })
	end)
	spec.it('turns a tree that is only a link into nodes', function()
		local changed = at(varied({ allocate = { 20 } }, LEGACY), 'Spec')
		spec.expect({ changed.attrib.classId, changed.attrib.nodes }, { '1', '2,20' })
	end)
	spec.it('refuses what the tree lacks', function()
		spec.expect(refusal({ allocate = { 10, 99 } }), { 'unknown_node', 'allocate[1]' })
		spec.expect(refusal({ deallocate = { 99 } }), { 'unknown_node', 'deallocate[0]' })
		spec.expect(refusal({ allocate_path = { 99 } }), { 'unknown_node', 'allocate_path[0]' })
		spec.expect(refusal({ masteries = { { node = 12, effect = 1 } } }), { 'unknown_mastery', 'masteries[0].node' })
		spec.expect(refusal({ masteries = { { node = 13, effect = 1 } } }), { 'unknown_mastery', 'masteries[0].effect' })
		spec.expect(refusal({ tattoos = { { node = 11, name = 'x' } } }), { 'unknown_tattoo', 'tattoos[0].name' })
		spec.expect(refusal({ class = 'Duelling', ascendancy = 'Soloist' }), { 'unknown_class', 'ascendancy' })
		spec.expect(refusal({ class = 'Dancing' }), { 'unknown_class', 'class' })
		spec.expect(refusal({ allocate = { 1 } }, (BASE:gsub('treeVersion="new"', 'treeVersion="9"'))), { 'unknown_tree', nil })
	end)
end

local function items()
	spec.it('adds an item and wears it in the active set only', function()
		local root = varied({ items = { { slot = 'Ring 1', text = 'Rarity: MAGIC\n<"Odd"> & \'co\'' } } })
		spec.expect(at(root, 'Items', 'ItemSet', 'Slot').attrib.itemId, '8')
		spec.expect(at(root, 'Items', 'ItemSet', 2, 'Slot').attrib.itemId, '2')
		spec.expect(at(root, 'Items', 'Item', 3), { elem = 'Item', attrib = { id = '8' }, 'Rarity: MAGIC\n<"Odd"> & \'co\'' })
	end)
	spec.it('wears items by id, empties slots, and makes slots that the file does not mention', function()
		local set = at(varied({ items = {
			{ slot = 'Ring 1', empty = true }, { slot = 'Belt Abyssal Socket 1', item = 2 }, { slot = 'Graft 1', item = 7 },
		} }), 'Items', 'ItemSet')
		spec.expect({ set[1].attrib.itemId, set[3].attrib.itemId }, { '0', '7' })
		spec.expect(set[4].attrib, { name = 'Belt Abyssal Socket 1', itemId = '2' })
	end)
	spec.it('puts jewels into the active tree', function()
		local sockets = at(spec_of(varied({ items = { { slot = 'Jewel 50', item = 7 } } })), 'Sockets')
		spec.expect(sockets, { elem = 'Sockets', attrib = {}, { elem = 'Socket', attrib = { nodeId = '50', itemId = '7' } } })
		spec.expect(#at(spec_of(varied({ items = { { slot = 'Jewel 50', empty = true } } })), 'Sockets'), 0)
	end)
	spec.it('switches flasks', function()
		local set = at(varied({ flasks = { { slot = 'Flask 1', active = false }, { slot = 'Flask 2', active = true } } }), 'Items', 'ItemSet')
		spec.expect(set[2].attrib, { name = 'Flask 1', itemId = '2' })
		spec.expect(set[4].attrib, { name = 'Flask 2', itemId = '0', active = 'true' })
	end)
	spec.it('reads slots of a build without item sets', function()
		spec.expect(at(varied({ items = { { slot = 'Ring 1', text = 'Rarity' } } }, LEGACY), 'Items', 'Slot').attrib.itemId, '1')
	end)
	spec.it('refuses what is not there', function()
		spec.expect(refusal({ items = { { slot = 'Ring 1', empty = true }, { slot = 'Tail', empty = true } } }), { 'unknown_slot', 'items[1].slot' })
		spec.expect(refusal({ items = { { slot = 'Jewel 51', empty = true } } }), { 'unknown_slot', 'items[0].slot' })
		spec.expect(refusal({ items = { { slot = 'Ring 1', item = 3 } } }), { 'unknown_item', 'items[0].item' })
		spec.expect(refusal({ items = { { slot = 'Ring 1', text = 'hello' } } }), { 'item_not_parsed', 'items[0].text' })
	end)
end

local function skills()
	spec.it('changes only what is said of a gem', function()
		local gem = at(varied({ gems = { { group = 1, gem = 1, level = 3, enabled = false, count = 2 } } }), 'Skills', 'SkillSet', 2, 'Skill', 'Gem')
		spec.expect(gem.attrib, {
			nameSpec = 'A', level = '3', quality = '10', qualityId = 'Alternate1', enabled = 'false',
			count = '2', skillPart = '2', gemId = 'G/A',
		})
	end)
	spec.it('replaces a gem at its natural level, as PoB does, and keeps the quality', function()
		local gem = at(varied({ gems = { { group = 1, gem = 1, replace = 'Echo' } } }), 'Skills', 'SkillSet', 2, 'Skill', 'Gem')
		spec.expect(gem.attrib, {
			nameSpec = 'Echo', gemId = 'G/Echo', variantId = 'Echo', skillId = 'EchoSkill',
			level = '7', quality = '10', qualityId = 'Default', enabled = 'true', skillPart = '2',
		})
	end)
	spec.it('lets indices mean the base, whatever the order of the changes', function()
		spec.expect(gem_levels(varied({ gems = {
			{ group = 1, gem = 1, remove = true }, { group = 1, add = 'Echo', level = 2 },
			{ group = 1, gem = 3, level = 9 }, { group = 1, add = 'Echo' },
		} })), { 'B19', 'C9', 'Echo2', 'Echo7' })
	end)
	spec.it('switches a group off under both names', function()
		local attrib = at(varied({ groups = { { group = 1, enabled = false, main_active_skill = 2, include_in_full_dps = true } } }), 'Skills', 'SkillSet', 2, 'Skill').attrib
		spec.expect(attrib, { enabled = 'false', mainActiveSkill = '2', includeInFullDPS = 'true' })
	end)
	spec.it('takes the first set where the active one does not exist, as PoB does', function()
		local root = varied({ gems = { { group = 1, gem = 1, level = 4 } } }, (BASE:gsub('activeSkillSet="2"', 'activeSkillSet="9"')))
		spec.expect(at(root, 'Skills', 'SkillSet', 'Skill', 'Gem').attrib.level, '4')
	end)
	spec.it('reads groups of a build without skill sets', function()
		local root = varied({ gems = { { group = 1, gem = 1, level = 4 } } }, LEGACY)
		spec.expect(at(root, 'Skills', 'Skill', 'Gem').attrib.level, '4')
	end)
	spec.it('refuses what is not there', function()
		spec.expect(refusal({ gems = { { group = 3, gem = 1 } } }), { 'unknown_group', 'gems[0].group' })
		spec.expect(refusal({ gems = { { group = 1, gem = 4 } } }), { 'unknown_gem', 'gems[0].gem' })
		spec.expect(refusal({ gems = { { group = 1, gem = 1, replace = 'x' } } }), { 'unknown_gem', 'gems[0].replace' })
		spec.expect(refusal({ gems = { { group = 2, add = 'x' } } }), { 'unknown_gem', 'gems[0].add' })
		spec.expect(refusal({ groups = { { group = 9, enabled = true } } }), { 'unknown_group', 'groups[0].group' })
	end)
end

local function options()
	spec.it('writes each kind of value under its attribute, exactly', function()
		local set = at(varied({ config = { loud = false, crowd = 0.1, boss = 'Big' } }), 'Config', 'ConfigSet')
		local written = {}
		for index = 2, #set do
			written[index - 1] = set[index].attrib
		end
		spec.expect(written, { { name = 'boss', string = 'Big' }, { name = 'crowd', number = '0.1' }, { name = 'loud', boolean = 'false' } })
		local third = at(varied({ config = { crowd = 1 / 3 } }), 'Config', 'ConfigSet', 'Input', 2)
		spec.expect(tonumber(third.attrib.number), 1 / 3)
	end)
	spec.it('puts an input behind the placeholders, which PoB would let win', function()
		local set = at(varied({ config = { crowd = 3 } }), 'Config', 'ConfigSet')
		spec.expect(set[#set].attrib, { name = 'crowd', number = '3' })
	end)
	spec.it('replaces custom modifiers', function()
		local once = edit.apply(BASE, { custom_mods = 'a\nb "c"' }, LOOKUP)
		local set = at(varied({ custom_mods = 'd\ne' }, once), 'Config', 'ConfigSet')
		spec.expect(set[#set].attrib, { name = 'customMods', string = 'd\ne' })
		spec.expect(#set, 3)
	end)
	spec.it('keeps the choices that an old build has outside of a config section', function()
		local section = at(varied({ config = { loud = true } }, LEGACY), 'Config')
		spec.expect(section[1].attrib, { name = 'bandit', string = 'Oak' })
		spec.expect(section[#section].attrib, { name = 'loud', boolean = 'true' })
	end)
	spec.it('refuses options and values that do not exist', function()
		spec.expect(refusal({ config = { quiet = true } }), { 'unknown_config', 'config.quiet' })
		spec.expect(refusal({ config = { boss = 'Small' } }), { 'unknown_config', 'config.boss' })
	end)
end

return function()
	spec.describe('edit:', function()
		whole_document()
		character()
		passive_tree()
		items()
		skills()
		options()
	end)
end
