-- Modifier lines and item texts.

local spec = require('spec.spec')
local item_text = require('sample.item_text')
local mods = require('sample.mods')

local describe, it = spec.describe, spec.it

---@param line string
---@return string? stat kind value, cond or per
local function read(line)
	local list = mods.parse(line)
	if not list then
		return nil
	end
	local parts = {}
	for i, mod in ipairs(list) do
		parts[i] = ('%s %s %g%s%s'):format(
			mod.stat,
			mod.kind,
			mod.value,
			mod.cond and ' if ' .. mod.cond or '',
			mod.per and (' per %g %s'):format(mod.per_count, mod.per) or ''
		)
	end
	return table.concat(parts, ', ')
end

return function()
	describe('mods.parse', function()
		it('reads what a line says', function()
			for line, expected in pairs({
				['+25 to Strength'] = 'Str base 25',
				['-25 to strength'] = 'Str base -25',
				['12.5% reduced Cast Speed'] = 'CastSpeed inc -12.5',
				['20% less Fire Damage'] = 'FireDamage more -20',
				['Adds 3 to 8 Cold Damage to Spells'] = 'SpellColdMin base 3, SpellColdMax base 8',
				['+7% to all Elemental Resistances'] = 'FireResist base 7, ColdResist base 7, LightningResist base 7',
				['+9% to Cold and Fire Resistances'] = 'FireResist base 9, ColdResist base 9',
				['Skills fire an additional Projectile'] = 'ProjectileCount base 1',
				['Maximum Life becomes 1'] = 'LifeIsOne flag 1',
				['10% increased Damage while on Low Life'] = 'Damage inc 10 if LowLife',
				['4% more Damage per Power Charge'] = 'Damage more 4 per 1 PowerCharges',
				['3% increased Spell Damage per 10 Intelligence'] = 'SpellDamage inc 3 per 10 Int',
				['  5%   increased DAMAGE '] = 'Damage inc 5',
			}) do
				assert(read(line) == expected, line .. ': ' .. tostring(read(line)))
			end
		end)

		it('hands back what it does not understand', function()
			for _, line in ipairs({
				'',
				'sings',
				'+5',
				'5% increased Nonsense',
				'+5 to Strength per Power Charge',
				'5% increased Damage per 0 Strength',
				'+9999999999 to Strength',
				('x'):rep(600),
			}) do
				assert(mods.parse(line) == nil, line)
			end
		end)
	end)

	---@param text string
	---@param stat string
	---@param kind string
	---@return number sum
	local function sum(text, stat, kind)
		local total = 0
		for _, mod in ipairs(assert(item_text.parse(text)).mods) do
			total = total + (mod.stat == stat and mod.kind == kind and mod.value or 0)
		end
		return total
	end

	describe('item_text.parse', function()
		it('reads a text of the game as it reads one of PoB', function()
			local game = 'Item Class: Rings\r\nRarity: Rare\r\nCold Promise\r\nAquamarine Ring\r\n--------\r\nRequirements:\r\nLevel: 31\r\n'
				.. '--------\r\nItem Level: 84\r\n--------\r\n+25% to Cold Resistance (implicit)\r\n--------\r\n+41 to maximum Life\r\nCorrupted'
			local pob = 'Rarity: RARE\nCold Promise\nAquamarine Ring\nUnique ID: 12ab\nItem Level: 84\nLevelReq: 31\nImplicits: 1\n'
				.. '{crafted}+25% to Cold Resistance\n+41 to maximum Life'
			for _, text in ipairs({ game, pob }) do
				local item = assert(item_text.parse(text))
				assert(
					item.name == 'Cold Promise' and item.level == 31 and #item.unknown == 0,
					item.unknown[1]
				)
				assert(sum(text, 'ColdResist', 'base') == 25 and sum(text, 'Life', 'base') == 41)
			end
		end)

		it("works out a weapon's own numbers from quality and local modifiers", function()
			local item = assert(
				item_text.parse(
					'Rarity: RARE\nA\nYew Longbow\nQuality: 20\n80% increased Physical Damage\n'
						.. 'Adds 8 to 16 Physical Damage\n10% increased Attack Speed\n50% increased Critical Strike Chance'
				)
			)
			local weapon = item.weapon
			assert(
				weapon.min.Physical == 100 and weapon.max.Physical == 240 and weapon.bow and weapon.two_handed
			)
			assert(math.abs(weapon.aps - 1.43) < 1e-12 and weapon.crit == 9 and #item.mods == 0)
		end)

		it("works out an armour's own numbers", function()
			assert(
				sum(
					'Rarity: RARE\nA\nCastle Plate\nQuality: 20\n+60 to Armour\n30% increased Armour',
					'Armour',
					'base'
				) == 1500
			)
			assert(sum('Rarity: RARE\nA\nTin Ring\n+60 to Armour', 'Armour', 'base') == 60)
		end)

		it('adds the implicit of the base only where the text says nothing of implicits', function()
			assert(sum('Rarity: NORMAL\nTin Ring', 'Mana', 'base') == 20)
			assert(sum('Rarity: NORMAL\nTin Ring\nImplicits: 0', 'Mana', 'base') == 0)
		end)

		it('refuses what is no item, and says why', function()
			for text, expected in pairs({
				[''] = 'the first line must be its rarity',
				['hello'] = 'the first line must be its rarity',
				['Rarity: SHINY\nTin Ring'] = 'no rarity is called SHINY',
				['Rarity: RARE\nTin Ring'] = 'the item base is missing',
				['Rarity: RARE\nX\nSun Ring'] = 'no item base is called Sun Ring',
				['Rarity: NORMAL\nTin Ring\n\1'] = 'an item text holds no control characters',
				['Rarity: NORMAL\nTin Ring' .. ('\nx'):rep(item_text.MAX_LINES)] = ('an item text has at most %d lines'):format(
					item_text.MAX_LINES
				),
				[('x'):rep(item_text.MAX_BYTES + 1)] = ('an item text has at most %d bytes'):format(
					item_text.MAX_BYTES
				),
			}) do
				local item, problem = item_text.parse(text)
				assert(item == nil and problem == expected, problem)
			end
		end)
	end)
end
