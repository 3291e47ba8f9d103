-- What PoB estimates of defences: recalled where it reads what it read before.

local spec = require('spec.spec')
local alike = require('fast.alike')
local estimations = require('fast.estimations')
local order = require('fast.alike.order')

local describe, it, expect = spec.describe, spec.it, spec.expect

---A calculator that estimates something, and counts how often.
---@param body fun(env: table, actor: table)?
local function calculator(body)
	local calcs = { made = 0 }
	function calcs.buildDefenceEstimations(env, actor)
		calcs.made = calcs.made + 1
		actor.output.Estimate = (actor.output.Life or 0) + #(actor.modDB.mods.Life or {})
		if body then
			body(env, actor)
		end
	end
	estimations.know_stores()
	estimations.install(calcs)
	return calcs
end

local function store(mods)
	return { mods = mods or {}, conditions = {}, multipliers = {}, parent = false }
end

---@param life number of the output so far
---@param mods table<string, table[]>?
local function environment(life, mods)
	local of_player = store(mods)
	local enemy = { modDB = store(), output = {} }
	local player = { modDB = of_player, output = { Life = life }, enemy = enemy }
	return { player = player, modDB = of_player, enemy = enemy, configInput = {}, configPlaceholder = {} }
end

local function estimate(calcs, env)
	calcs.buildDefenceEstimations(env, env.player)
	return env.player.output.Estimate
end

local function life(...)
	return { Life = { { name = 'Life', type = 'BASE', value = 1, flags = 0, keywordFlags = 0, source = 'Base', ... } } }
end

---How many of two calls are made for two environments that say the same.
---@param change fun(env: table)?
---@param mods table<string, table[]>?
local function made_for_two(change, mods)
	local calcs = calculator()
	for _ = 1, 2 do
		local env = environment(10, mods)
		if change then
			change(env)
		end
		expect(estimate(calcs, env), mods and 11 or 10)
	end
	return calcs.made
end

return function()
	describe('estimations of defences', function()
		it('are made once for what they read', function()
			local calcs = calculator()
			local env = environment(10)
			env.player.output.Damage = 1
			expect(estimate(calcs, env), 10)
			env = environment(10)
			env.player.output.Damage = 2
			expect(estimate(calcs, env), 10)
			expect(calcs.made, 1)
			expect(estimate(calcs, environment(11)), 11)
			expect(estimate(calcs, environment(10, life())), 11)
			expect(calcs.made, 3)
		end)

		it('are made each time for whoever is not the player, and for explanations', function()
			local calcs = calculator()
			for _ = 1, 2 do
				local env = environment(10)
				calcs.buildDefenceEstimations(env, environment(20).player)
			end
			expect(calcs.made, 2)
			expect(made_for_two(function(env)
				env.player.breakdown = {}
			end), 2)
		end)

		it('are made each time while nothing is to be recalled', function()
			estimations.allow(false)
			local made = made_for_two()
			estimations.allow(true)
			expect({ made, made_for_two() }, { 2, 1 })
		end)

		it('are made each time where they may read what is not watched', function()
			for _, change in ipairs({
				function(env) env.modDB = store() end,
				function(env) env.player.modDB.parent = store() end,
				function(env) env.enemy.modDB.parent = store() end,
				function(env) env.player.parent = {} end,
				function(env) env.player.damageShiftTable = {} end,
				function(env) env.player.weaponData1 = { countsAsAll1H = true } end,
				function(env) env.enemy.weaponData2 = { countsAsAll1H = true } end,
			}) do
				expect(made_for_two(change), 2)
			end
			expect(made_for_two(function(env)
				env.player.weaponData1 = {}
			end), 1)
		end)

		it('are made each time for tags that see more', function()
			for _, tag in ipairs({
				{ type = 'ItemCondition' },
				{ type = 'Multiplier', var = 'A', actor = 'parent' },
				{ type = 'Multiplier', var = 'A', limitActor = 'parent' },
				{ type = 'ActorCondition', var = 'A', actor = 'parent' },
				{ type = 'PerStat', stat = 'ManaReservedPercent' },
				{ type = 'PerStat', statList = { 'Life', 'LifeReservedPercent' } },
			}) do
				expect(made_for_two(nil, life(tag)), 2)
			end
			for _, tag in ipairs({
				{ type = 'Condition', var = 'A' },
				{ type = 'ActorCondition', var = 'A', actor = 'enemy' },
				{ type = 'PerStat', stat = 'Life' },
			}) do
				expect(made_for_two(nil, life(tag)), 1)
			end
		end)

		it('depend on the level of the enemy, and on what party members share', function()
			local calcs = calculator()
			for level = 1, 2 do
				for shared = 1, 2 do
					local env = environment(10)
					env.enemyLevel = level
					env.player.partyMembers = { output = { EnergyShieldRecoveryCap = shared } }
					estimate(calcs, env)
				end
			end
			expect(calcs.made, 4)
		end)
	end)

	describe('estimations that somebody listens to', function()
		local function listening(listen, action)
			listen()
			action()
			alike.stop()
		end

		local NOTE = { name = 'Life', operation = 'list', start = 0, values = {}, sequence = {} }

		it('are those that somebody listened to, with what was noted of them', function()
			local calcs = calculator(function()
				order.repeat_notes({ NOTE })
			end)
			estimate(calcs, environment(10))
			for _ = 1, 2 do
				listening(alike.listen, function()
					local mark = order.mark()
					estimate(calcs, environment(10))
					local notes = order.since(mark)
					expect({ #notes, notes[1] == NOTE }, { 1, true })
				end)
			end
			expect(calcs.made, 2)
			estimate(calcs, environment(10))
			expect(calcs.made, 2)
		end)

		it('are made each time for items', function()
			local calcs = calculator()
			for _ = 1, 2 do
				listening(function()
					alike.listen_to_items({ names = {} })
				end, function()
					estimate(calcs, environment(10))
				end)
			end
			expect(calcs.made, 2)
		end)

		it('are not kept where what was noted cannot be compared', function()
			local calcs = calculator(function()
				for _ = 1, 100 do
					order.repeat_notes({ NOTE })
				end
			end)
			for _ = 1, 2 do
				listening(alike.listen, function()
					estimate(calcs, environment(10))
				end)
			end
			expect(calcs.made, 2)
		end)
	end)
end
