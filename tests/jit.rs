//! The same variations computed by LuaJIT's interpreter and by the code that it compiles give the same bits.
//!
//! Runtimes evaluate with the compiler on; here a base that was loaded without warming up stays with the interpreter.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod pob_places;

use std::path::Path;

use pobatch::runtime::vm::{BootOptions, EngineKind, RawOutcome, Vm};

/// Rounds over all variations: a loop is compiled when it ran some 50 times.
const ROUNDS: usize = 3;

/// What every variation gives, each time, with the compiler as loading or warming up leaves it.
fn computed(
    kind: EngineKind,
    options: &BootOptions,
    xml: &str,
    variations: &[String],
    compiled: bool,
) -> Vec<RawOutcome> {
    let mut vm = Vm::new(kind, None).unwrap();
    // Before the engine locks it away.
    let is_on: mlua::Function =
        vm.run(Path::new("jit"), "local jit = jit\nreturn function() return (jit.status()) end").unwrap();
    vm.boot(options).unwrap();
    vm.load_base(xml).unwrap();
    if compiled {
        vm.warm_up().unwrap();
    }
    let rounds = variations.iter().cycle().take(variations.len() * ROUNDS);
    let outcomes = rounds.map(|variation| {
        let outcome = vm.evaluate(variation.as_bytes(), &[], false);
        RawOutcome { compute_seconds: 0.0, ..outcome }
    });
    let outcomes = outcomes.collect();
    assert_eq!(is_on.call::<bool>(()).unwrap(), compiled);
    outcomes
}

fn compare(kind: EngineKind, options: &BootOptions, xml: &str, variations: &[String]) {
    let interpreted = computed(kind, options, xml, variations, false);
    let compiled = computed(kind, options, xml, variations, true);
    for ((variation, one), other) in variations.iter().cycle().zip(&interpreted).zip(&compiled) {
        assert_eq!(one, other, "{variation}");
    }
    let right = interpreted.iter().filter(|outcome| outcome.failure.is_none()).count();
    assert!(right * 2 > interpreted.len(), "only {right} of {} say anything", interpreted.len());
}

#[test]
fn the_sample_engine_gives_the_same_bits_with_the_compiler_on_and_off() {
    let variations: Vec<_> = include_str!("../examples/variations.jsonl")
        .lines()
        .map(str::to_owned)
        .chain((1..=100).map(|level| format!("{{\"level\":{level}}}")))
        .collect();
    compare(EngineKind::Sample, &BootOptions::default(), include_str!("../examples/witch.xml"), &variations);
}

#[test]
fn path_of_building_gives_the_same_bits_with_the_compiler_on_and_off() {
    let Some(places) = pob_places::places() else { return };
    // All of it is computed, each time.
    let accelerators = pob_places::accelerators_but(&places, &["alike"]);
    let options = BootOptions { directory: Some(places.pob.clone()), accelerators, ..BootOptions::default() };
    for build in ["occ-vortex", "dual-wield-coc", "perforate-zerker"] {
        let truths = std::fs::read_to_string(places.golden.join(format!("{build}.jsonl"))).unwrap();
        let variation = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["variation"].to_string();
        let variations: Vec<_> = truths.lines().map(variation).collect();
        compare(EngineKind::Pob, &options, &pob_places::xml(&places, build), &variations);
    }
}
