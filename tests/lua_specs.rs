//! Runs the Lua specs (`pob/spec/*_spec.lua`) inside the VM of a runtime: the LuaJIT that production runs.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::{fmt::Write as _, fs, path::Path};

use pobatch::runtime::vm::{EngineKind, Vm};

/// Every Lua file of the folder with its module name.
fn modules(folder: &Path) -> Vec<(String, String)> {
    let mut modules: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "lua") && !path.ends_with("run.lua"))
        .map(|path| {
            let name = format!("spec.{}", path.file_stem().unwrap().to_str().unwrap());
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    modules.sort();
    modules
}

#[test]
fn every_lua_spec_passes_inside_the_vm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pob/spec");
    let modules = modules(&folder);
    let mut chunk = String::new();
    for (name, source) in &modules {
        writeln!(chunk, "package.preload['{name}'] = function(...)\n{source}\nend").unwrap();
    }
    chunk.push_str("local bodies = {}\n");
    // What is about locked VMs runs in some (`sandbox_lua.rs`): no other spec would run after it.
    let here = |name: &str| name.ends_with("_spec") && name != "spec.sandbox_spec";
    let specs: Vec<_> = modules.iter().filter(|(name, _)| here(name)).collect();
    for (name, _) in &specs {
        writeln!(chunk, "bodies[#bodies + 1] = require('{name}')").unwrap();
    }
    chunk.push_str("local report = require('spec.spec').run(bodies)\n");
    chunk.push_str("return report.passed, table.concat(report.failures, '\\n')");

    let vm = Vm::new(EngineKind::Sample, None).unwrap();
    let (passed, failures): (u32, String) = vm.run(&folder, &chunk).unwrap();
    println!("{passed} Lua specs of {} files passed", specs.len());
    assert!(failures.is_empty(), "{failures}");
    assert!(specs.len() >= 10 && passed >= 100, "{passed} specs of {} files: some were not found", specs.len());
}
