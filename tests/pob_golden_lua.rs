//! Plays the golden files through a VM in this process and compares every scalar bit for bit.
//!
//! Runs where a Path of Building installation and the golden files are found (`POBATCH_POB`, `POBATCH_GOLDEN`, or the
//! usual places) and says loudly that it was skipped where they are not.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    time::Instant,
};

use pobatch::{
    build::outcome::StatValue,
    runtime::vm::{BootOptions, EngineKind, RawOutcome, Vm},
};
use serde_json::Value;

const BUILDS: [&str; 3] = ["occ-vortex", "dual-wield-coc", "perforate-zerker"];

struct Places {
    pob: PathBuf,
    golden: PathBuf,
    builds: PathBuf,
}

/// Where the installation and the truths lie, or nothing and a loud word.
fn places() -> Option<Places> {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let pob = env::var_os("POBATCH_POB").map_or_else(|| home.join(".cache/pobatch/pob"), PathBuf::from);
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let golden = env::var_os("POBATCH_GOLDEN").map_or_else(|| shared.join("golden"), PathBuf::from);
    let builds = golden.join("../builds");
    if pob.is_dir() && golden.is_dir() && builds.is_dir() {
        Some(Places { pob, golden, builds })
    } else {
        eprintln!("SKIPPED: no Path of Building at {} or no golden files at {}", pob.display(), golden.display());
        None
    }
}

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

/// An outcome's stats by name.
fn stats_of(outcome: &RawOutcome, names: &[String]) -> BTreeMap<String, StatValue> {
    let mut stats: BTreeMap<String, StatValue> =
        outcome.extra.iter().map(|stat| (stat.name.clone(), stat.value.clone())).collect();
    for ((name, kind), value) in names.iter().zip(&outcome.kinds).zip(outcome.values.chunks(8)) {
        let value = f64::from_le_bytes(value.try_into().unwrap());
        match kind {
            b'n' => stats.insert(name.clone(), StatValue::Number(value)),
            b'b' => stats.insert(name.clone(), StatValue::Boolean(value == 1.0)),
            _ => None,
        };
    }
    stats
}

fn booted(places: &Places) -> Vm {
    let mut vm = Vm::new(EngineKind::Pob, None).unwrap();
    let started = Instant::now();
    vm.boot(&BootOptions { directory: Some(places.pob.clone()), tree_versions: Vec::new() }).unwrap();
    eprintln!("boot: {:?}, heap {} MB", started.elapsed(), vm.heap_bytes() >> 20);
    vm
}

fn loaded(places: &Places, vm: &mut Vm, build: &str) -> BTreeMap<String, StatValue> {
    let xml = fs::read_to_string(places.builds.join(format!("{build}.xml"))).unwrap();
    let started = Instant::now();
    let base = vm.load_base(&xml).unwrap();
    eprintln!("{build}: loaded in {:?}, heap {} MB, warnings {:?}", started.elapsed(), vm.heap_bytes() >> 20, base.warnings);
    base.stats.into_iter().map(|stat| (stat.name, stat.value)).collect()
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
