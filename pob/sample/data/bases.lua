-- Item bases of the sample engine. `type` decides which slots take an item; weapons have physical damage, attacks
-- per second and critical strike chance in per cent; requirements are level, strength, dexterity, intelligence.

---@class (exact) ItemBase
---@field name string
---@field type string
---@field level integer
---@field str integer?
---@field dex integer?
---@field int integer?
---@field weapon { min: number, max: number, aps: number, crit: number, two_handed: boolean?, bow: boolean? }?
---@field armour number?
---@field evasion number?
---@field energy_shield number?
---@field block number?
---@field implicit string[]? used when the item text says nothing of implicits

---@type ItemBase[]
return {
	{ name = 'Oak Cudgel', type = 'Weapon', level = 1, str = 8, weapon = { min = 6, max = 14, aps = 1.4, crit = 5 } },
	{ name = 'Anvil Maul', type = 'Weapon', level = 60, str = 88, weapon = { min = 62, max = 118, aps = 1.15, crit = 5, two_handed = true } },
	{ name = 'Iron Hatchet', type = 'Weapon', level = 33, str = 38, dex = 16, weapon = { min = 22, max = 48, aps = 1.35, crit = 5 } },
	{ name = 'Steel Falchion', type = 'Weapon', level = 58, str = 48, dex = 48, weapon = { min = 38, max = 72, aps = 1.45, crit = 5.5 } },
	{ name = 'Bone Dirk', type = 'Weapon', level = 40, dex = 32, int = 32, weapon = { min = 18, max = 44, aps = 1.5, crit = 6.5 } },
	{ name = 'Hazel Bow', type = 'Weapon', level = 5, dex = 10, weapon = { min = 7, max = 16, aps = 1.4, crit = 5, two_handed = true, bow = true } },
	{ name = 'Yew Longbow', type = 'Weapon', level = 62, dex = 92, weapon = { min = 42, max = 104, aps = 1.3, crit = 6, two_handed = true, bow = true } },
	{ name = 'Birch Wand', type = 'Weapon', level = 1, int = 8, weapon = { min = 4, max = 8, aps = 1.4, crit = 7 },
		implicit = { '10% increased Spell Damage' } },
	{ name = 'Silver Wand', type = 'Weapon', level = 56, int = 82, weapon = { min = 22, max = 42, aps = 1.4, crit = 8 },
		implicit = { '28% increased Spell Damage' } },
	{ name = 'Ashen Staff', type = 'Weapon', level = 52, str = 32, int = 60, weapon = { min = 40, max = 86, aps = 1.2, crit = 6, two_handed = true },
		implicit = { '20% Chance to Block Attack Damage' } },
	{ name = 'Pine Shield', type = 'Shield', level = 1, str = 8, armour = 40, block = 22 },
	{ name = 'Tower Bulwark', type = 'Shield', level = 60, str = 82, armour = 420, block = 25 },
	{ name = 'Hide Buckler', type = 'Shield', level = 45, dex = 60, evasion = 340, block = 24 },
	{ name = 'Glass Ward', type = 'Shield', level = 55, int = 70, energy_shield = 68, block = 22 },
	{ name = 'Field Quiver', type = 'Quiver', level = 20, implicit = { 'Adds 4 to 9 Physical Damage to Attacks' } },
	{ name = 'Heron Quiver', type = 'Quiver', level = 60, implicit = { '8% increased Attack Speed' } },
	{ name = 'Linen Robe', type = 'Body Armour', level = 1, int = 8, energy_shield = 24 },
	{ name = 'Starlight Robe', type = 'Body Armour', level = 62, int = 104, energy_shield = 180 },
	{ name = 'Patched Jerkin', type = 'Body Armour', level = 1, dex = 8, evasion = 60 },
	{ name = 'Foxhide Coat', type = 'Body Armour', level = 60, dex = 104, evasion = 880 },
	{ name = 'Ringmail', type = 'Body Armour', level = 20, str = 32, armour = 260 },
	{ name = 'Castle Plate', type = 'Body Armour', level = 62, str = 104, armour = 940 },
	{ name = 'Wool Cap', type = 'Helmet', level = 1, energy_shield = 8 },
	{ name = 'Moon Circlet', type = 'Helmet', level = 60, int = 66, energy_shield = 72 },
	{ name = 'Hunter Hood', type = 'Helmet', level = 58, dex = 66, evasion = 300 },
	{ name = 'Iron Helm', type = 'Helmet', level = 58, str = 66, armour = 320 },
	{ name = 'Knit Gloves', type = 'Gloves', level = 1, energy_shield = 5 },
	{ name = 'Velvet Gloves', type = 'Gloves', level = 58, int = 48, energy_shield = 42 },
	{ name = 'Archer Gloves', type = 'Gloves', level = 58, dex = 48, evasion = 220 },
	{ name = 'Smith Gauntlets', type = 'Gloves', level = 58, str = 48, armour = 230 },
	{ name = 'Straw Shoes', type = 'Boots', level = 1, evasion = 8 },
	{ name = 'Velvet Slippers', type = 'Boots', level = 58, int = 48, energy_shield = 42 },
	{ name = 'Deerskin Boots', type = 'Boots', level = 58, dex = 48, evasion = 220 },
	{ name = 'Mason Boots', type = 'Boots', level = 58, str = 48, armour = 230 },
	{ name = 'Copper Amulet', type = 'Amulet', level = 1, implicit = { '+10 to all Attributes' } },
	{ name = 'Opal Amulet', type = 'Amulet', level = 40, implicit = { '14% increased Elemental Damage' } },
	{ name = 'Tin Ring', type = 'Ring', level = 1, implicit = { '+20 to maximum Mana' } },
	{ name = 'Garnet Ring', type = 'Ring', level = 20, implicit = { '+25% to Fire Resistance' } },
	{ name = 'Aquamarine Ring', type = 'Ring', level = 20, implicit = { '+25% to Cold Resistance' } },
	{ name = 'Amber Ring', type = 'Ring', level = 20, implicit = { '+25% to Lightning Resistance' } },
	{ name = 'Rope Belt', type = 'Belt', level = 1, implicit = { '+25 to maximum Life' } },
	{ name = 'Studded Belt', type = 'Belt', level = 40, implicit = { '18% increased Physical Damage' } },
	{ name = 'Basalt Draught', type = 'Flask', level = 20, implicit = { '15% additional Physical Damage Reduction' } },
	{ name = 'Iron Draught', type = 'Flask', level = 20, implicit = { '+1200 to Armour' } },
	{ name = 'Swift Draught', type = 'Flask', level = 10, implicit = { '30% increased Movement Speed' } },
	{ name = 'Prism Draught', type = 'Flask', level = 30, implicit = { '+30% to all Elemental Resistances' } },
	{ name = 'Salt Draught', type = 'Flask', level = 30, implicit = { '+35% to Chaos Resistance' } },
	{ name = 'Glass Jewel', type = 'Jewel', level = 1 },
	{ name = 'River Jewel', type = 'Jewel', level = 1 },
}
