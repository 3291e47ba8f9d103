//! Plays the golden files through a VM in this process and compares every scalar bit for bit.
//!
//! Runs where a Path of Building installation and the golden files are found (`POBATCH_POB`, `POBATCH_GOLDEN`, or the
//! usual places) and says loudly that it was skipped where they are not.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(clippy::float_cmp, reason = "exactness is what is tested")]

mod pob_places;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Instant,
};

use pob_places::{booted, booted_with, loaded, places, stats_of};
use pobatch::{build::outcome::StatValue, runtime::vm::VmError};
use serde_json::Value;

const BUILDS: [&str; 3] = ["occ-vortex", "dual-wield-coc", "perforate-zerker"];

struct Case {
    name: String,
    variation: Vec<u8>,
    stats: BTreeMap<String, StatValue>,
}

fn stat_value(value: &Value) -> StatValue {
    match value {
        Value::Bool(flag) => StatValue::Boolean(*flag),
        Value::Number(number) => StatValue::Number(number.as_f64().unwrap()),
        Value::String(text) => match text.as_str() {
            "inf" => StatValue::Number(f64::INFINITY),
            "-inf" => StatValue::Number(f64::NEG_INFINITY),
            "nan" => StatValue::Number(f64::NAN),
            _ => StatValue::Text(text.clone()),
        },
        _ => panic!("a golden value is no scalar: {value}"),
    }
}

/// The cases of a golden file, each with all its stats.
fn cases(golden: &Path, build: &str) -> Vec<Case> {
    let text = fs::read_to_string(golden.join(format!("{build}.jsonl"))).unwrap();
    let mut base = BTreeMap::new();
    text.lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let object = |key: &str| line.get(key).and_then(Value::as_object).into_iter().flatten();
            if line.get("stats").is_some() {
                base = object("stats").map(|(name, value)| (name.clone(), stat_value(value))).collect();
            }
            let mut stats = base.clone();
            stats.extend(object("changed").map(|(name, value)| (name.clone(), stat_value(value))));
            for name in line.get("gone").and_then(Value::as_array).into_iter().flatten() {
                stats.remove(name.as_str().unwrap());
            }
            let variation = serde_json::to_vec(&line["variation"]).unwrap();
            Case { name: line["case"].as_str().unwrap().to_owned(), variation, stats }
        })
        .collect()
}

/// Bit equality, but for what the golden files cannot say: the bits of a NaN, and the sign of zero (they have 0 where
/// stock PoB computes -0).
fn same(a: &StatValue, b: &StatValue) -> bool {
    match (a, b) {
        (StatValue::Number(a), StatValue::Number(b)) => {
            a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) || (*a == 0.0 && *b == 0.0)
        }
        _ => a == b,
    }
}

/// What differs, one line each.
fn differences(expected: &BTreeMap<String, StatValue>, got: &BTreeMap<String, StatValue>) -> Vec<String> {
    let names: BTreeSet<&String> = expected.keys().chain(got.keys()).collect();
    names
        .into_iter()
        .filter(|name| match (expected.get(*name), got.get(*name)) {
            (Some(a), Some(b)) => !same(a, b),
            _ => true,
        })
        .map(|name| format!("{name}: expected {:?}, got {:?}", expected.get(name), got.get(name)))
        .collect()
}

#[test]
fn every_base_has_the_golden_values_whatever_was_loaded_before() {
    let Some(places) = places() else { return };
    let mut vm = booted(&places);
    for build in BUILDS.into_iter().chain(BUILDS) {
        let expected = &cases(&places.golden, build)[0].stats;
        let got = loaded(&places, &mut vm, build);
        assert_eq!(differences(expected, &got), Vec::<String>::new(), "{build}");
    }
}

/// A reproducible order of `count` things (Fisher and Yates with a linear congruential generator).
fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut state = seed;
    for last in (1..count).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(last, usize::try_from(state >> 33).unwrap() % (last + 1));
    }
    order
}

#[test]
fn every_golden_case_is_exact_in_any_order_and_leaves_no_trace() {
    let Some(places) = places() else { return };
    let mut vm = booted(&places);
    let mut failures = Vec::new();
    for build in BUILDS {
        let cases = cases(&places.golden, build);
        let base = loaded(&places, &mut vm, build);
        let names: Vec<String> = base.keys().cloned().collect();
        // The first round runs in the interpreter, the others compiled.
        for round in 0..3 {
            if round == 1 {
                let started = Instant::now();
                vm.warm_up().unwrap();
                vm.collect();
                eprintln!("{build}: warm in {:?}, heap {} MB", started.elapsed(), vm.heap_bytes() >> 20);
            }
            let started = Instant::now();
            for index in shuffled(cases.len(), round) {
                let case = &cases[index];
                let outcome = vm.evaluate(&case.variation, &[], false);
                if let Some(failure) = &outcome.failure {
                    failures.push(format!("{build} {}: {failure:?}", case.name));
                    continue;
                }
                let wrong = differences(&case.stats, &stats_of(&outcome, &names));
                if !wrong.is_empty() {
                    let count = wrong.len();
                    let some = wrong.into_iter().take(3).collect::<Vec<_>>().join("; ");
                    failures.push(format!("{build} {} (round {round}): {count} differ: {some}", case.name));
                }
            }
            eprintln!("{build}: {:.1} cases a second", cases.len() as f64 / started.elapsed().as_secs_f64());
        }
        let after = stats_of(&vm.evaluate(b"{}", &[], false), &names);
        assert_eq!(differences(&base, &after), Vec::<String>::new(), "{build}: the base afterwards");
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// The names of all accelerators, as the refusal of one that does not exist lists them.
fn accelerators(places: &pob_places::Places) -> Vec<String> {
    let Err(VmError::Engine(failure)) = booted_with(places, "stores, swiftness") else {
        panic!("an accelerator that does not exist is refused")
    };
    let (complaint, list) = failure.message.split_once("; there are: ").unwrap();
    assert_eq!(complaint, "there is no accelerator 'swiftness'");
    list.split(", ").map(str::to_owned).collect()
}

#[test]
fn every_golden_case_is_exact_with_each_accelerator_alone_and_with_none() {
    let Some(places) = places() else { return };
    let each = accelerators(&places);
    assert!(each.len() > 3, "{each:?}");
    for chosen in each.iter().map(String::as_str).chain(["none"]) {
        let mut vm = booted_with(&places, chosen).unwrap();
        for build in BUILDS {
            let names: Vec<String> = loaded(&places, &mut vm, build).into_keys().collect();
            for case in cases(&places.golden, build) {
                let outcome = vm.evaluate(&case.variation, &[], false);
                assert_eq!(outcome.failure, None, "{build} {} with {chosen}", case.name);
                let wrong = differences(&case.stats, &stats_of(&outcome, &names));
                assert_eq!(wrong, Vec::<String>::new(), "{build} {} with {chosen}", case.name);
            }
        }
    }
}
