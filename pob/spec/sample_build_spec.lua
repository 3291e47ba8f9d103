-- Reading builds: what is refused, what is reported, what survives writing.

local spec = require('spec.spec')
local builds = require('sample.build')
local engine = require('sample')
local support = require('spec.sample_support')

local describe, it = spec.describe, spec.it

---@param xml string
---@param kind FailureKind
---@param message string part of it
local function refused(xml, kind, message)
	local info, err = engine.load_base(xml)
	assert(
		info == nil and err.kind == kind and err.message:find(message, 1, true),
		err and err.kind .. ': ' .. err.message
	)
end

---The witch with one thing exchanged.
---@param old string
---@param new string
---@return string
local function witch(old, new)
	local at, to = support.WITCH:find(old, 1, true)
	assert(at, old)
	return support.WITCH:sub(1, at - 1) .. new .. support.WITCH:sub(to + 1)
end

---@param xml string
---@param text string the warning
local function warns(xml, text)
	local info = assert(engine.load_base(xml))
	assert(support.warnings_text(info.warnings):find(text, 1, true), support.warnings_text(info.warnings))
end

return function()
	describe('load_base', function()
		it('refuses what is no build', function()
			refused(
				'<PathOfBuilding>\n<Build>\n</PathOfBuilding>',
				'bad_build',
				'line 3: </PathOfBuilding> closes <Build>'
			)
			refused('<html/>', 'bad_build', 'its root is <html>')
			refused('<PathOfBuilding2/>', 'bad_build', 'its root is <PathOfBuilding2>')
			refused('<PathOfBuilding/>', 'bad_build', 'has no <Build>')
			refused('<PathOfBuilding><Build/></PathOfBuilding>', 'bad_build', 'no passive tree')
			refused(witch('level="80"', 'level="101"'), 'bad_build', 'level 101')
			refused(witch('classId="2"', 'classId="7"'), 'bad_build', 'there is no class 7')
			refused(witch('ascendClassId="1"', 'ascendClassId="3"'), 'bad_build', 'Witch has no ascendancy 3')
			refused(witch('<Item id="2">', '<Item id="1">'), 'bad_build', 'item id 1')
			refused(
				witch('string="Boss"', 'string="Dragon"'),
				'bad_build',
				'enemyIsBoss takes one of None, Boss, Uber'
			)
		end)

		it('refuses another tree version', function()
			refused(
				witch('treeVersion="sample_1"', 'treeVersion="3_26"'),
				'unknown_tree',
				'tree version 3_26'
			)
		end)

		it('forgets the base before, whatever the next one is', function()
			assert(engine.load_base(support.WITCH))
			assert(not engine.load_base('<html/>'))
			assert(not pcall(engine.base_output))
		end)

		it('reports what it cannot use and keeps the rest', function()
			warns(witch('nodes="300,', 'nodes="9999,400,300,'), 'node_dropped - there is no node 9999')
			warns(
				witch('nodes="300,', 'nodes="400,300,'),
				'node_dropped - nothing connects node 400 (Village Green)'
			)
			warns(witch('{307,3072}', '{307,1}'), 'mod_not_understood - node 307 has no mastery effect 1')
			warns(
				witch('nodeId="319" dn', 'nodeId="304" dn'),
				'mod_not_understood - node 304 takes no Tattoo of the Moth'
			)
			warns(
				witch('nameSpec="Split Shot"', 'nameSpec="Fireball"'),
				'mod_not_understood - the gem Fireball is not known'
			)
			warns(witch('level="12"', 'level="99"'), 'value_clamped - Flame Orb: level 99 is taken as 40')
			warns(
				witch('mainSocketGroup="1"', 'mainSocketGroup="9"'),
				'value_clamped - the main socket group 9 is taken as 4'
			)
			warns(witch('+41 to maximum Life', 'Sings'), 'mod_not_understood - Cold Promise: Sings')
			warns(
				witch('Aquamarine Ring', 'Sun Ring'),
				'mod_not_understood - item 2 has no effect: no item base is called Sun Ring'
			)
			warns(
				witch('name="Ring 1"', 'name="Helmet"'),
				'item_misplaced - Helmet: Cold Promise does not fit'
			)
			warns(witch('name="Ring 1"', 'name="Tail"'), 'item_misplaced - there is no slot Tail')
			warns(
				witch('number="12.5"', 'number="99"'),
				'value_clamped - config option enemyShock is taken as 50'
			)
			warns(
				witch('name="enemyShock"', 'name="bandit"'),
				'mod_not_understood - there is no config option bandit'
			)
			warns(witch('+10 to maximum Life', 'Hums'), 'mod_not_understood - custom modifiers: Hums')
			warns(support.WITCH, 'requirement_not_met - Twin Cut needs 23 strength, there is 20')
		end)

		it('has no opinion on the order of node ids', function()
			assert(engine.load_base(support.WITCH))
			local before = engine.base_output()
			assert(engine.load_base(witch('nodes="300,540,301,302', 'nodes="302,301,300,540,301')))
			support.assert_outputs(engine.describe().stats, before, engine.base_output(), 'other order')
		end)
	end)

	describe('builds.write', function()
		it('writes what reads back as the same text', function()
			local once = builds.write(assert(builds.read(support.WITCH)))
			assert(builds.write(assert(builds.read(once))) == once)
		end)

		it('keeps what it does not own and leaves out stale stats', function()
			local once = builds.write(assert(builds.read(support.WITCH)))
			assert(
				once:find('Kept &amp; carried.', 1, true)
					and once:find('<SkillSet id="2" title="other"/>', 1, true)
			)
			assert(not once:find('PlayerStat', 1, true))
		end)
	end)
end
