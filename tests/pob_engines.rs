//! Two versions of Path of Building side by side, where an installation is found: the installation, and a copy of it in
//! which one constant is another. What differs is computed apart, by servers that run one of the two alone.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
mod pob_places;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use common::{bits, collect, evaluate, spec, submit_all};
use pob_places::{Places, places, xml};
use pobatch::{
    build::{base::Base, variation::Variation},
    supervisor::{
        EngineChoice, EngineSpec, Held, ReloadError, ReloadPolicy, ReloadResult, SelfCheck, Settings, Supervisor,
    },
};
use serde_json::Value;

const BUILD: &str = "occ-vortex";

/// The file of the constant, within an installation's scripts.
const FILE: &str = "Modules/Data.lua";
/// The constant: how much of the energy shield recharges in a second, and what it is in the copy.
const CONSTANT: [&str; 2] = ["EnergyShieldRechargeBase = 0.33", "EnergyShieldRechargeBase = 0.34"];
/// A stat that it changes.
const STAT: &str = "EnergyShieldRecharge";

/// Copies an installation: links, so that it takes no room. Whoever changes a file must replace it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let target = to.join(&name);
        if entry.is_symlink() {
            symlink(fs::read_link(&entry).unwrap(), &target).unwrap();
        } else if entry.is_dir() {
            copy(&entry, &target);
        } else if fs::hard_link(&entry, &target).is_err() {
            fs::copy(&entry, &target).unwrap();
        }
    }
}

/// The place of a script, in a checkout or a release.
fn script(installation: &Path, file: &str) -> PathBuf {
    [installation.join("src").join(file), installation.join(file)].into_iter().find(|path| path.exists()).unwrap()
}

/// A copy in which the constant is another.
fn patched(from: &Path, to: &Path) {
    copy(from, to);
    let path = script(to, FILE);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(CONSTANT[0]).count(), 1, "the constant is where it is expected");
    // A new file: the old one is linked to the installation's.
    fs::remove_file(&path).unwrap();
    fs::write(&path, text.replace(CONSTANT[0], CONSTANT[1])).unwrap();
}

fn settings(engines: &[(&str, &Path)]) -> Settings {
    let engine = |(name, place): &(&str, &Path)| EngineSpec {
        name: (*name).into(),
        choice: EngineChoice::Pob((*place).to_owned()),
    };
    Settings { engines: engines.iter().map(engine).collect(), faults: false, ..common::settings() }
}

async fn load(supervisor: &Supervisor, engine: &str, places: &Places) -> Held {
    supervisor.load_base(engine, xml(places, BUILD).into()).await.unwrap()
}

/// Level 80 goes the fast path, another class the plain one.
fn variations() -> Vec<Variation> {
    [r#"{"level":80}"#, r#"{"class":"Witch","ascendancy":"Elementalist"}"#]
        .map(|text| serde_json::from_str(text).unwrap())
        .into()
}

fn of(base: &Base, stat: &str) -> f64 {
    let found = base.stats.iter().find(|(name, _)| **name == *stat);
    match found.unwrap().1 {
        pobatch::build::outcome::StatValue::Number(number) => number,
        ref other => panic!("{other:?}"),
    }
}

/// The stats of the base that differ between two servers that each run one engine alone.
async fn differing(places: &Places, other: &Path) -> BTreeSet<String> {
    let mut sheets = Vec::new();
    for place in [places.pob.as_path(), other] {
        let supervisor = Supervisor::start(settings(&[("alone", place)])).await.unwrap();
        sheets.push(load(&supervisor, "", places).await.stats.clone());
    }
    let [one, other] = &sheets[..] else { panic!() };
    assert_eq!(one.len(), other.len());
    let differs = |((name, one), (same_name, other)): &(&(Arc<str>, _), &(Arc<str>, _))| {
        assert_eq!(name, same_name);
        one != other
    };
    one.iter().zip(other).filter(differs).map(|((name, _), _)| name.to_string()).collect()
}

fn compare(places: &Places, a: &Path, b: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pobatch"))
        .args(["compare", "--shards", "2", "--format", "json"])
        .arg("--engine-a")
        .arg(a)
        .arg("--engine-b")
        .arg(b)
        .arg("--base")
        .arg(places.builds.join(format!("{BUILD}.xml")))
        .args(more)
        .env_clear()
        .output()
        .unwrap()
}

fn report(output: &Output, code: i32) -> Value {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_names_exactly_the_stats_that_differ() {
    let Some(places) = places() else { return };
    let place = tempfile::tempdir().unwrap();
    let other = place.path().join("other");
    patched(&places.pob, &other);
    let truth = differing(&places, &other).await;
    assert!(truth.contains(STAT) && !truth.contains("Life"), "{truth:?}");

    let report = report(&compare(&places, &places.pob, &other, &[]), 1);
    let named: BTreeSet<_> =
        report["differences"].as_array().unwrap().iter().map(|one| one["stat"].as_str().unwrap().to_owned()).collect();
    assert_eq!(named, truth);
    assert_ne!(report["a"]["fingerprint"], report["b"]["fingerprint"]);
    let one = report["differences"].as_array().unwrap().iter().find(|one| one["stat"] == STAT).unwrap();
    let number = |key: &str| one[key].as_f64().unwrap();
    assert!((number("b") - number("a") - number("difference")).abs() < 1e-9 && number("difference") > 0.0);
}

#[test]
fn copies_that_are_the_same_differ_in_nothing_sweeps_included() {
    let Some(places) = places() else { return };
    let place = tempfile::tempdir().unwrap();
    let other = place.path().join("other");
    copy(&places.pob, &other);
    let report = report(&compare(&places, &places.pob, &other, &["--sweep", "passives:2"]), 0);
    assert_eq!(report["differences"].as_array().unwrap().len(), 0);
    assert!(report["variations"].as_u64().unwrap() > 10);
    assert_eq!(report["a"]["fingerprint"], report["b"]["fingerprint"], "where it lies does not matter");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_side_by_side_say_what_each_says_alone() {
    let Some(places) = places() else { return };
    let place = tempfile::tempdir().unwrap();
    let other = place.path().join("other");
    patched(&places.pob, &other);
    let mut alone = Vec::new();
    for place in [places.pob.as_path(), &other] {
        let supervisor = Supervisor::start(settings(&[("alone", place)])).await.unwrap();
        let base = load(&supervisor, "", &places).await;
        alone.push(evaluate(&supervisor, &base, variations()).await.iter().map(bits).collect::<Vec<_>>());
    }
    assert_ne!(alone[0], alone[1]);

    let both = settings(&[("old", &places.pob), ("new", &other)]);
    let supervisor = Supervisor::start(Settings { cache_bytes: 1 << 20, ..both }).await.unwrap();
    let (old, new) = (load(&supervisor, "old", &places).await, load(&supervisor, "new", &places).await);
    assert!(of(&old, STAT) < of(&new, STAT));
    // In turn, so that shards go from one to the other and back.
    for _ in 0..2 {
        for (base, alone) in [(&old, &alone[0]), (&new, &alone[1])] {
            let outcomes = evaluate(&supervisor, base, variations()).await;
            assert_eq!(outcomes.iter().map(bits).collect::<Vec<_>>(), *alone);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_moved_and_a_reload_bring_a_new_version_while_streams_finish_on_the_old() {
    let Some(places) = places() else { return };
    let place = tempfile::tempdir().unwrap();
    let (old, new, current) = (place.path().join("old"), place.path().join("new"), place.path().join("current"));
    copy(&places.pob, &old);
    patched(&places.pob, &new);
    symlink(&old, &current).unwrap();
    let supervisor = Supervisor::start(settings(&[("pob", &current)])).await.unwrap();
    let before = load(&supervisor, "", &places).await;
    let truth: Vec<_> = evaluate(&supervisor, &before, variations()).await.iter().map(bits).collect();
    let open = supervisor.open(spec(&before)).await.unwrap();

    fs::remove_file(&current).unwrap();
    symlink(&new, &current).unwrap();
    let reloaded = supervisor.reload("", None).await.unwrap();
    assert_ne!(reloaded.before.fingerprint, reloaded.now.fingerprint);
    // The same id, by the new version.
    let after = supervisor.find_base("", before.id).await.unwrap();
    assert!(of(&before, STAT) < of(&after, STAT));
    let fresh: Vec<_> = evaluate(&supervisor, &after, variations()).await.iter().map(bits).collect();
    assert_ne!(fresh, truth);
    // What is open goes on, by both paths: the plain one needs the old zygote and its files.
    let outcomes = collect(submit_all(open, variations()).await).await;
    assert_eq!(outcomes.iter().map(bits).collect::<Vec<_>>(), truth);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_that_is_not_sound_or_fails_its_golden_file_changes_nothing() {
    let Some(places) = places() else { return };
    let place = tempfile::tempdir().unwrap();
    let root = place.path();
    copy(&places.pob, &root.join("same"));
    patched(&places.pob, &root.join("patched"));
    copy(&places.pob, &root.join("halfway"));
    // One that is read when it is needed: the engine boots without it.
    fs::remove_file(script(&root.join("halfway"), "TreeData/3_13/tree.lua")).unwrap();
    fs::create_dir(root.join("nothing")).unwrap();
    let check = SelfCheck {
        engine: "pob".into(),
        build: places.builds.join(format!("{BUILD}.xml")),
        golden: places.golden.join(format!("{BUILD}.jsonl")),
    };
    let reload = ReloadPolicy { root: Some(root.to_owned()), self_checks: vec![check], ..ReloadPolicy::default() };
    let supervisor = Supervisor::start(Settings { reload, ..settings(&[("pob", &places.pob)]) }).await.unwrap();
    let edition = supervisor.engine().edition;

    for (directory, result, word) in [
        ("patched", ReloadResult::CheckFailed, STAT),
        ("halfway", ReloadResult::CheckFailed, "3_13/tree.lua is missing"),
        ("nothing", ReloadResult::BootFailed, "boot"),
        ("/", ReloadResult::Refused, "is not below"),
    ] {
        let error = supervisor.reload("pob", Some(directory.into())).await.unwrap_err();
        assert_eq!(error.result(), result, "{directory}: {error}");
        assert!(error.to_string().contains(word), "{directory}: {error}");
        assert!(matches!(error, ReloadError::Directory(_)) == (directory == "/"));
        assert_eq!(supervisor.engine().edition, edition);
    }
    let reloaded = supervisor.reload("pob", Some("same".into())).await.unwrap();
    assert_eq!(reloaded.before.fingerprint, reloaded.now.fingerprint);
    let status = supervisor.status().await.unwrap();
    let same = fs::canonicalize(root.join("same")).unwrap();
    assert_eq!(status.engines[0].choice, EngineChoice::Pob(same));
}
