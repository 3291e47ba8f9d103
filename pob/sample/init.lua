-- The engine `sample`: the contract of `pob/types/contract.lua` on top of this directory's modules. It owns the
-- loaded base and nothing else. Its rules are its own (see README.md): its numbers are neither PoB's nor the game's.

local builds = require('sample.build')
local context = require('sample.apply.context')
local faults = require('sample.faults')
local inquire = require('sample.inquire')
local items = require('sample.items')
local mods = require('sample.mods')
local requirements = require('sample.requirements')
local run = require('sample.calc.run')
local stats = require('sample.stats')
local tree = require('sample.tree')
local variations = require('sample.variation')
local warm_up = require('sample.warm_up')

---@class (exact) LoadedBase
---@field build Build
---@field warnings EngineWarning[]
---@field unmet table<Item|GemEntry, boolean> what the base lacks for: no news when a variation lacks it too
---@field output Output

-- Taken here, so that a host may lock the global table down.
local jit = jit

local M = {}

M.VERSION = '1.0.0'

local NOTICE = 'The sample engine has a small rule set of its own: '
	.. "its numbers are not Path of Building's and not the game's."

---@type LoadedBase?
local base

---@param build Build
---@return Output overwritten by the next call
local function calculate(build)
	faults.trigger(build)
	return faults.taint(run.calculate(build))
end

---@param xml string
---@return LoadedBase?
---@return EngineError?
local function load(xml)
	local build, warnings = builds.read(xml)
	if not build then
		return nil, warnings
	end
	local output, unmet = run.copy(calculate(build)), {}
	for _, one in ipairs(requirements.unmet(build, output)) do
		unmet[one.thing] = true
		warnings[#warnings + 1] = { kind = 'requirement_not_met', message = one.message }
	end
	return { build = build, warnings = warnings, unmet = unmet, output = output }
end

---Applies a variation to a base, or to the build that the variation puts in the base's place.
---@param from LoadedBase
---@param variation Variation
---@return Applying?
---@return LoadedBase|EngineError from the base that it was applied to, or the error
local function apply(from, variation)
	local replacement, err
	if variation.build then
		replacement, err = load(variation.build)
		if not replacement then
			return nil, { kind = err.kind, field = 'build', message = err.message }
		end
	end
	local applying
	applying, err = variations.apply((replacement or from).build, variation)
	if not applying then
		return nil, err
	end
	for _, warning in ipairs(replacement and replacement.warnings or {}) do
		context.warn(applying, warning.kind, 'build', warning.message)
	end
	return applying, replacement or from
end

---@param from LoadedBase
---@param applying Applying
---@param output Output
---@param path 'fast'|'plain'
---@return EvaluateResult
local function result(from, applying, output, path)
	local unmet = requirements.unmet(applying.build, output)
	for i = 1, #unmet do
		local thing = unmet[i].thing
		if not from.unmet[thing] then
			context.warn(applying, 'requirement_not_met', applying.touched[thing], unmet[i].message)
		end
	end
	return { output = output, warnings = applying.warnings, path = path }
end

---@param options { directory: string?, tree_versions: string[], faults: boolean? }
---@return boolean?
---@return EngineError?
function M.boot(options)
	if jit then
		jit.off()
	end
	if options.faults then
		faults.enable()
	end
	return true
end

---@return EngineInfo
-- A level 10 character with nothing: life is 38, 12 a level and half the strength.
local SELF_CHECK = {
	xml = '<PathOfBuilding><Build level="10" className="Marauder"/>'
		.. '<Tree activeSpec="1"><Spec treeVersion="sample_1" classId="0" nodes=""/></Tree></PathOfBuilding>',
	expected = { Life = 174, Str = 32 },
}

function M.describe()
	return {
		name = 'sample',
		version = M.VERSION,
		tree_versions = { tree.VERSION },
		notice = NOTICE,
		stats = stats.list,
		self_check = SELF_CHECK,
	}
end

---@param xml string
---@return BaseInfo?
---@return EngineError?
function M.load_base(xml)
	base = nil
	local loaded, err = load(xml)
	if not loaded then
		return nil, err
	end
	base = loaded
	return { warnings = loaded.warnings }
end

---@return Output
function M.base_output()
	return run.copy(assert(base, 'no base is loaded').output)
end

---@param topic string
---@param argument table
---@return any
---@return EngineError?
function M.inquire(topic, argument)
	return inquire.ask(topic, argument, base and base.build)
end

---@param variation Variation
---@return EvaluateResult?
---@return EngineError?
function M.evaluate(variation)
	local applying, from = apply(assert(base, 'no base is loaded'), variation)
	if not applying then
		return nil, from
	end
	return result(from, applying, calculate(applying.build), 'fast')
end

M.compile = warm_up.compile

function M.warm_up()
	warm_up.run(assert(base, 'no base is loaded').build, M.evaluate)
end

---@param xml string
---@param variation Variation
---@return EvaluateResult?
---@return EngineError?
function M.evaluate_plain(xml, variation)
	local from, err = load(xml)
	if not from then
		return nil, err
	end
	local applying, applied_to = apply(from, variation)
	if not applying then
		return nil, applied_to
	end
	local written
	written, err = builds.read(builds.write(applying.build))
	if not written then
		return nil, err
	end
	return result(applied_to, applying, calculate(written), 'plain')
end

---@param xml string
---@param variation Variation
---@return string?
---@return EngineError?
function M.export(xml, variation)
	local build, err = builds.read(xml)
	if not build then
		return nil, err
	end
	if variation.build then
		build, err = builds.read(variation.build)
		if not build then
			return nil, { kind = err.kind, field = 'build', message = err.message }
		end
	end
	local applying
	applying, err = variations.apply(build, variation)
	if not applying then
		return nil, err
	end
	return builds.write(applying.build)
end

function M.trim()
	items.forget()
	mods.forget()
end

return M
