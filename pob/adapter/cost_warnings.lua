-- What PoB 2.60 says of the main skill's costs in MAIN mode only: `ManaCostWarning` and its like are there, and true, if the
-- skill costs more than the pool has. As in `calcs.buildOutput`, other skills of the same name speak for it too.

local M = {}

---Pools that costs are taken from: the output that tells what is left, the cost, and the pool's own name.
local POOLS = {
	{ left = "LifeUnreserved", cost = "LifeCost", name = "Life" },
	{ left = "ManaUnreserved", cost = "ManaCost", name = "Mana" },
	{ left = "Rage", cost = "RageCost", name = "Rage" },
	{ left = "EnergyShield", cost = "ESCost", name = "EnergyShield" },
}

---The environment in which a skill is the main one.
---@param env table
---@param skill table
---@return table?
local function env_of(env, skill)
	if skill == env.player.mainSkill then
		return env
	end
	local uuid = cacheSkillUUID(skill, env)
	if not GlobalCache.cachedData.CALCULATOR[uuid] then
		build.calcsTab.calcs.buildActiveSkill(env, "CALCULATOR", skill, uuid)
	end
	local cached = GlobalCache.cachedData.CALCULATOR[uuid]
	return cached and cached.Env
end

---@param output table the build's
---@param of_skill table environment of the skill
local function add(output, of_skill)
	local own, data = of_skill.player.output, of_skill.player.mainSkill and of_skill.player.mainSkill.skillData or {}
	for _, pool in ipairs(POOLS) do
		local cost = own[pool.cost]
		local left = output[pool.left] or 0
		if pool.cost == "ManaCost" and output.EnergyShieldProtectsMana then
			left = output.EnergyShield + left
		end
		if cost and left < cost then
			-- A skill that reserves must be affordable before it does.
			local reserved = data[pool.name .. "ReservedPercent"]
			if not reserved or left + math.ceil((output[pool.name] or 0) * reserved / 100) < cost then
				output[pool.cost .. "Warning"] = true
			end
		end
	end
end

---@param env table
function M.add(env)
	local main = env.player.mainSkill
	local name = main and main.activeEffect.grantedEffect.name
	for _, skill in ipairs(env.player.activeSkillList) do
		if skill.activeEffect.grantedEffect.name == name then
			local of_skill = env_of(env, skill)
			if of_skill then
				add(env.player.output, of_skill)
			end
		end
	end
end

return M
