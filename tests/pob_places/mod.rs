//! Where a Path of Building installation, the golden files and their builds are found by the tests.
#![allow(dead_code, reason = "not every test file needs all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Instant,
};

use pobatch::{
    build::outcome::StatValue,
    runtime::vm::{BootOptions, EngineKind, RawOutcome, Vm, VmError},
};

/// The directories.
pub struct Places {
    pub pob: PathBuf,
    pub golden: PathBuf,
    pub builds: PathBuf,
}

/// Where the installation and the truths lie, or nothing and a loud word.
pub fn places() -> Option<Places> {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let pob = env::var_os("POBATCH_POB").map_or_else(|| home.join(".cache/pobatch/pob"), PathBuf::from);
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let golden = env::var_os("POBATCH_GOLDEN").map_or_else(|| shared.join("golden"), PathBuf::from);
    let builds = golden.join("../builds");
    if pob.is_dir() && golden.is_dir() && builds.is_dir() {
        Some(Places { pob, golden, builds })
    } else {
        // Not `eprintln!`: the test harness would swallow it, and this must be heard.
        let mut stderr = io::stderr();
        let words = "SKIPPED: no Path of Building at";
        writeln!(stderr, "{words} {} or no golden files at {}", pob.display(), golden.display()).unwrap();
        None
    }
}

/// A VM with PoB booted in it.
pub fn booted(places: &Places) -> Vm {
    booted_with(places, "all").unwrap()
}

/// A VM with PoB booted in it, and these accelerators.
pub fn booted_with(places: &Places, accelerators: &str) -> Result<Vm, VmError> {
    let mut vm = Vm::new(EngineKind::Pob, None)?;
    let started = Instant::now();
    let accelerators = accelerators.to_owned();
    vm.boot(&BootOptions { directory: Some(places.pob.clone()), accelerators, ..BootOptions::default() })?;
    eprintln!("boot: {:?}, heap {} MB", started.elapsed(), vm.heap_bytes() >> 20);
    Ok(vm)
}

/// The names of all accelerators but these.
pub fn accelerators_but(places: &Places, but: &[&str]) -> String {
    let Err(VmError::Engine(refusal)) = booted_with(places, "swiftness") else {
        panic!("an accelerator that does not exist is refused")
    };
    let (_, names) = refusal.message.split_once("; there are: ").unwrap();
    let others: Vec<_> = names.split(", ").filter(|name| !but.contains(name)).collect();
    assert!(others.len() > 3 && others.len() + but.len() == names.split(", ").count(), "{names}");
    others.join(",")
}

/// A VM with PoB booted in it, and all accelerators but these.
pub fn booted_but(places: &Places, but: &[&str]) -> Vm {
    booted_with(places, &accelerators_but(places, but)).unwrap()
}

/// An outcome's stats by name; `names` are the base's.
pub fn stats_of(outcome: &RawOutcome, names: &[String]) -> BTreeMap<String, StatValue> {
    let mut stats: BTreeMap<String, StatValue> =
        outcome.extra.iter().map(|stat| (stat.name.clone(), stat.value.clone())).collect();
    for ((name, kind), value) in names.iter().zip(&outcome.kinds).zip(outcome.values.chunks(8)) {
        let value = f64::from_le_bytes(value.try_into().unwrap());
        match kind {
            b'n' => stats.insert(name.clone(), StatValue::Number(value)),
            b'b' => stats.insert(name.clone(), StatValue::Boolean(value != 0.0)),
            _ => None,
        };
    }
    stats
}

/// The build's XML.
pub fn xml(places: &Places, build: &str) -> String {
    fs::read_to_string(places.builds.join(format!("{build}.xml"))).unwrap()
}

/// Loads a base and gives its stats.
pub fn loaded(places: &Places, vm: &mut Vm, build: &str) -> BTreeMap<String, StatValue> {
    let xml = xml(places, build);
    let started = Instant::now();
    let base = vm.load_base(&xml).unwrap();
    eprintln!(
        "{build}: loaded in {:?}, heap {} MB, warnings {:?}",
        started.elapsed(),
        vm.heap_bytes() >> 20,
        base.warnings
    );
    base.stats.into_iter().map(|stat| (stat.name, stat.value)).collect()
}
