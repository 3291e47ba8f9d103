//! What Lua can reach once an engine is booted: runs `pob/spec/sandbox_spec.lua` in the locked VM of each engine. What
//! the kernel refuses to a runtime is in `tests/sandbox.rs`.
#![allow(clippy::unwrap_used, reason = "whatever fails here fails the test")]

mod pob_places;

use std::{fmt::Write as _, path::Path};

use pob_places::places;
use pobatch::runtime::vm::{BootOptions, EngineKind, Vm};

/// Gathers, while everything is still there, what must be out of reach afterwards; with a name for each.
const BEFORE: &str = "
local forbidden = {}
local function forbid(name, value)
	if value ~= nil then forbidden[value] = name end
end
local tame = { ['os.clock'] = true, ['os.date'] = true, ['os.difftime'] = true, ['os.time'] = true }
for _, library in ipairs({
	'debug', 'ffi', 'io', 'jit', 'jit.opt', 'jit.profile', 'jit.util', 'os', 'package', 'string.buffer',
}) do
	local members = require(library)
	forbid(library, members)
	for name, value in pairs(members) do
		if type(value) == 'function' and not tame[library .. '.' .. name] then
			forbid(library .. '.' .. name, value)
		end
	end
end
for _, name in ipairs({
	'load', 'loadstring', 'loadfile', 'dofile', 'require', 'module', 'getfenv', 'setfenv', 'newproxy',
	'collectgarbage', 'gcinfo',
}) do
	forbid(name, _G[name])
end
forbid('string.dump', string.dump)
forbid('package.loaded', package.loaded)
forbid('package.preload', package.preload)
forbid('the registry', debug.getregistry())
for _, loader in ipairs(package.loaders) do forbid('a loader', loader) end
for _, name in ipairs({ 'border', 'outcome', 'host.files', 'host.guard', 'host.lock' }) do
	forbid('our module ' .. name, require(name))
end
assert(next(forbidden))
return { forbidden = forbidden, getmetatable = debug.getmetatable }
";

/// Plays the spec in a VM that is booted here, after a look at what it had before.
fn play(engine: EngineKind, options: &BootOptions) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pob/spec");
    let mut vm = Vm::new(engine, None).unwrap();
    let before: mlua::Table = vm.run(&folder, BEFORE).unwrap();
    before.set("engine", engine.as_str()).unwrap();
    vm.boot(options).unwrap();

    // Modules by hand: the VM that is looked at has no `require` any more.
    let mut chunk = String::from("local before = ...\nlocal modules = { ['spec.before'] = before }\n");
    chunk.push_str("local function require(name) return modules[name] end\n");
    for name in ["spec", "sandbox_spec"] {
        let source = std::fs::read_to_string(folder.join(format!("{name}.lua"))).unwrap();
        writeln!(chunk, "modules['spec.{name}'] = (function()\n{source}\nend)()").unwrap();
    }
    chunk.push_str("local report = require('spec.spec').run({ require('spec.sandbox_spec') })\n");
    chunk.push_str("return report.passed, table.concat(report.failures, '\\n')\n");
    let run: mlua::Function = vm.run(&folder, &format!("return function(...)\n{chunk}\nend")).unwrap();
    let (passed, failures): (u32, String) = run.call(before).unwrap();
    assert!(failures.is_empty(), "{failures}");
    assert!(passed >= 6, "{passed} specs: some were not found");
}

#[test]
fn lua_in_a_booted_sample_engine_reaches_nothing_outside() {
    play(EngineKind::Sample, &BootOptions::default());
}

#[test]
fn lua_in_a_booted_path_of_building_reaches_nothing_outside() {
    let Some(places) = places() else { return };
    play(EngineKind::Pob, &BootOptions { directory: Some(places.pob), ..BootOptions::default() });
}
