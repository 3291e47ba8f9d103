-- Effects that a mastery node offers: node -> list of { effect id, modifier lines }.

return {
	{ 107, { { 1071, { '10% more Melee Damage' } }, { 1072, { '20% increased Area of Effect' } },
		{ 1073, { '8% increased Attack Speed' } } } },
	{ 111, { { 1111, { '10% increased maximum Life' } }, { 1112, { '+50 to maximum Life' } },
		{ 1113, { 'Regenerate 2% of Life per second while on Low Life' } } } },
	{ 118, { { 1181, { '+500 to Armour' } }, { 1182, { '+2% to all maximum Elemental Resistances', '20% reduced Armour' } } } },
	{ 207, { { 2071, { '+1% to Critical Strike Chance' } }, { 2072, { 'Skills fire an additional Projectile',
		'10% less Damage' } } } },
	{ 211, { { 2111, { '+500 to Evasion Rating' } }, { 2112, { '+10% chance to Suppress Spell Damage' } } } },
	{ 218, { { 2181, { '30% increased Damage with Poison' } }, { 2182, { '15% more Damage over Time' } } } },
	{ 307, { { 3071, { '+1 to Level of all Spell Skill Gems' } }, { 3072, { '12% increased Cast Speed' } },
		{ 3073, { '+25% to Critical Strike Multiplier' } } } },
	{ 311, { { 3111, { '+80 to maximum Energy Shield' } }, { 3112, { '30% increased Energy Shield Recharge Rate' } } } },
	{ 318, { { 3181, { 'Damage Penetrates 6% Elemental Resistances' } }, { 3182, { '40% increased Damage with Ignite',
		'15% chance to Ignite' } } } },
	{ 407, { { 4071, { '+15 to all Attributes' } }, { 4072, { '+12% to Chaos Resistance' } },
		{ 4073, { '10% increased Mana Reservation Efficiency of Skills' } } } },
}
