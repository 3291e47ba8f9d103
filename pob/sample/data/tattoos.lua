-- Tattoos: what may be put in place of an allocated node's own content. `fits` is the kind of node that takes it.

return {
	{ name = 'Tattoo of the Bear', fits = 'attribute', lines = { '3% increased maximum Life' } },
	{ name = 'Tattoo of the Tortoise', fits = 'attribute', lines = { '10% increased Armour' } },
	{ name = 'Tattoo of the Hare', fits = 'attribute', lines = { '2% increased Movement Speed', '6% increased Evasion Rating' } },
	{ name = 'Tattoo of the Owl', fits = 'attribute', lines = { '4% increased maximum Mana' } },
	{ name = 'Tattoo of the Moth', fits = 'attribute', lines = { '4% increased maximum Energy Shield' } },
	{ name = 'Tattoo of the Adder', fits = 'attribute', lines = { '+5% to Chaos Resistance' } },
	{ name = 'Tattoo of the Salamander', fits = 'attribute', lines = { '+8% to Fire Resistance' } },
	{ name = 'Tattoo of the Seal', fits = 'attribute', lines = { '+8% to Cold Resistance' } },
	{ name = 'Tattoo of the Eel', fits = 'attribute', lines = { '+8% to Lightning Resistance' } },
	{ name = 'Tattoo of the Stag', fits = 'notable', lines = { '12% increased maximum Life', '+20 to all Attributes' } },
	{ name = 'Tattoo of the Wolf', fits = 'notable', lines = { '30% increased Damage', '5% increased Attack and Cast Speed' } },
}
