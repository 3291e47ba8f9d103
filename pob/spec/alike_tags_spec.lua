-- Which tags let no modifier pass, for `alike`.

local spec = require('spec.spec')
local classes = require('fast.alike.classes')
local mod = require('spec.alike_support').mod
local tags = require('fast.alike.tags')

local describe, it, expect = spec.describe, spec.it, spec.expect

local STAFF = { type = 'Condition', var = 'UsingStaff' }
local HERALD = { type = 'SkillType', skillType = 61 }
local BEHIND_STAFF = mod('CritChance', 'INC', 20, { { type = 'Global' }, STAFF })
local BEHIND_HERALD = mod('BuffEffect', 'INC', 20, { HERALD })

---@param mods table[]? of which a store has some
---@param conditions table<string, boolean>?
---@return table
local function store(mods, conditions)
	local made = mods or {}
	made.conditions = conditions or {}
	return made
end

---The environment of a calculation, with one skill.
---@param fields { conditions: table?, mods: table?, skill: table? }?
---@return table
local function environment(fields)
	fields = fields or {}
	local skill = { skillModList = store(), baseSkillModList = store(), skillTypes = {} }
	for key, value in pairs(fields.skill or {}) do
		skill[key] = value
	end
	local db = { mods = fields.mods or {}, conditions = fields.conditions or {} }
	return { modDB = db, player = { mainSkill = skill, activeSkillList = { skill } } }
end

---@param one table a modifier
---@return boolean
local function is_behind(one)
	return tags.is_behind(classes.of(one))
end

---Whether modifiers behind both tags contribute to nothing after such a calculation.
---@param fields table? of the environment
---@return string
local function behind_after(fields)
	tags.begin({ BEHIND_STAFF, BEHIND_HERALD }, {})
	tags.look_at(environment(fields))
	return (is_behind(BEHIND_STAFF) and 'staff ' or '') .. (is_behind(BEHIND_HERALD) and 'herald' or '')
end

return function()
	describe('tags', function()
		it('let nothing pass that no calculation found open', function()
			expect(behind_after(), 'staff herald')
		end)

		it('are open where a condition was set, be it to false', function()
			expect(behind_after({ conditions = { UsingStaff = false } }), 'herald')
			expect(behind_after({ skill = { baseSkillModList = store({}, { UsingStaff = true }) } }), 'herald')
		end)

		it('are open where a modifier makes a condition true', function()
			local opens = mod('Condition:UsingStaff', 'FLAG', true)
			expect(behind_after({ mods = { ['Condition:UsingStaff'] = { opens } } }), 'herald')
			expect(behind_after({ skill = { skillModList = store({ opens }) } }), 'herald')
		end)

		it('are open where a skill, or one of its minion, has the type', function()
			expect(behind_after({ skill = { skillTypes = { [61] = true } } }), 'staff ')
			local minion = { activeSkillList = { { skillTypes = { [61] = true } } } }
			expect(behind_after({ skill = { minion = minion } }), 'staff ')
		end)

		it('count as open unless it is certain that those behind them change no answer', function()
			local others = {
				mod('CritChance', 'MORE', 20, { STAFF }),
				mod('CritChance', 'FLAG', true, { STAFF }),
				mod('Multiplier:X', 'BASE', 1, { STAFF }),
				mod('Keystone', 'BASE', 1, { STAFF }),
				mod('CritChance', 'INC', 20),
				mod('CritChance', 'INC', 20, { { type = 'Multiplier', var = 'X' }, STAFF }),
				mod('CritChance', 'INC', 20, { { type = 'Condition', var = 'UsingStaff', neg = true } }),
				mod('CritChance', 'INC', 20, { { type = 'Condition', varList = { 'UsingStaff' } } }),
				mod('CritChance', 'INC', 20, { { type = 'Condition', var = 'CriticalStrike' } }),
				mod('CritChance', 'INC', 20, { { type = 'SkillType', skillType = 61, neg = true } }),
				mod('CritChance', 'INC', 20, { { type = 'SkillType', skillTypeList = { 61 } } }),
			}
			tags.begin({ BEHIND_STAFF, BEHIND_HERALD, unpack(others) }, { 'Keystone' })
			for i, other in ipairs(others) do
				expect(is_behind(other) and i or 'open', 'open')
			end
			expect(is_behind(BEHIND_STAFF), true)
		end)

		it('are opened by some of the modifiers themselves', function()
			local opening = tags.begin({ mod('Condition:UsingStaff', 'FLAG', true), BEHIND_STAFF, BEHIND_HERALD }, {})
			expect(table.concat(opening, ','), 'Condition:UsingStaff')
			expect(#tags.begin({ BEHIND_STAFF, BEHIND_HERALD }, {}), 0)
		end)

		it('that are found open are told once, and are open where it is heard', function()
			tags.begin({ BEHIND_STAFF, BEHIND_HERALD }, {})
			local open = environment({ conditions = { UsingStaff = true }, skill = { skillTypes = { [61] = true } } })
			tags.look_at(open)
			tags.look_at(open)
			local news = tags.news()
			table.sort(news)
			expect(table.concat(news, ' '), 'Condition:UsingStaff SkillType:61')
			tags.begin({ BEHIND_STAFF, BEHIND_HERALD }, {})
			local version = tags.version
			tags.learn(news)
			expect(is_behind(BEHIND_STAFF) or is_behind(BEHIND_HERALD), false)
			expect(tags.version > version, true)
			expect(#tags.news(), 0)
			tags.forget()
		end)
	end)
end
