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
    runtime::vm::{BootOptions, EngineKind, Vm},
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
    let mut vm = Vm::new(EngineKind::Pob, None).unwrap();
    let started = Instant::now();
    vm.boot(&BootOptions { directory: Some(places.pob.clone()), tree_versions: Vec::new(), faults: false }).unwrap();
    eprintln!("boot: {:?}, heap {} MB", started.elapsed(), vm.heap_bytes() >> 20);
    vm
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
