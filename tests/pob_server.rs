//! Exactness of a whole server with Path of Building: servers started apart, other bases in between, any shard, any
//! order, after resets, from a share code, on another layout of the installation. Skipped loudly without PoB.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(clippy::float_cmp, reason = "bit for bit is meant")]

mod common;
mod pob_places;

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use common::{bits, evaluate};
use pob_places::{Places, places, xml};
use pobatch::{
    build::{
        code,
        limits::Limits,
        outcome::{Cell, ComputePath, Evaluated, StatValue, Stats},
        variation::Variation,
    },
    supervisor::{EngineChoice, Held, ResetReason, Settings, Supervisor},
};
use rustix::process::{Pid, Signal};

const BUILDS: [&str; 3] = ["perforate-zerker", "occ-vortex", "dual-wield-coc"];

/// How often it is looked whether something has happened.
const POLL: Duration = Duration::from_millis(20);

fn settings(pob: &Path) -> Settings {
    Settings { engines: EngineChoice::Pob(pob.to_owned()).alone(), faults: false, ..common::settings() }
}

/// The variations of a golden file; their truths are compared elsewhere.
fn variations(places: &Places, build: &str) -> Vec<Variation> {
    let text = fs::read_to_string(places.golden.join(format!("{build}.jsonl"))).unwrap();
    let variation = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        serde_json::from_value(line["variation"].take()).unwrap()
    };
    text.lines().map(variation).collect()
}

fn all_bits(outcomes: &[Evaluated]) -> Vec<Vec<u64>> {
    outcomes.iter().map(bits).collect()
}

async fn load(supervisor: &Supervisor, places: &Places, build: &str) -> Held {
    supervisor.load_base("", xml(places, build).into()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_started_apart_say_the_same_whatever_else_they_did() {
    let Some(places) = places() else { return };
    let variations = variations(&places, BUILDS[0]);
    let mut first: Option<Vec<Vec<u64>>> = None;
    for (round, shards) in [(0, 1), (1, 2), (2, 2)] {
        let supervisor = Supervisor::start(Settings { shards, ..settings(&places.pob) }).await.unwrap();
        if round > 0 {
            // Other builds come first, and PoB keeps global state.
            for build in &BUILDS[1..] {
                let base = load(&supervisor, &places, build).await;
                evaluate(&supervisor, &base, [Variation::default()]).await;
            }
        }
        let base = load(&supervisor, &places, BUILDS[0]).await;
        let mut order = variations.clone();
        if round == 2 {
            order.reverse();
        }
        let outcomes = evaluate(&supervisor, &base, order).await;
        let mut bits = all_bits(&outcomes);
        if round == 2 {
            bits.reverse();
        }
        match &first {
            None => first = Some(bits),
            Some(first) => assert_eq!(&bits, first, "round {round}"),
        }
        let status = supervisor.status().await.unwrap();
        assert_eq!((status.counters.drifts, status.counters.mismatches), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_in_the_middle_changes_no_bit() {
    let Some(places) = places() else { return };
    let supervisor = Supervisor::start(settings(&places.pob)).await.unwrap();
    let base = load(&supervisor, &places, BUILDS[1]).await;
    let variations = variations(&places, BUILDS[1]);
    let before = evaluate(&supervisor, &base, variations.clone()).await;
    for shard in supervisor.status().await.unwrap().shards {
        if let Some(pid) = shard.pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
            rustix::process::kill_process(pid, Signal::KILL).unwrap();
        }
    }
    let after = evaluate(&supervisor, &base, variations).await;
    assert_eq!(all_bits(&after), all_bits(&before));
    assert!(after.iter().all(|outcome| matches!(outcome.path, ComputePath::Fast | ComputePath::Cached)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_build_is_evaluated_before_its_template_is_warm_and_no_bit_changes_when_it_is() {
    let Some(places) = places() else { return };
    let supervisor = Supervisor::start(settings(&places.pob)).await.unwrap();
    let base = load(&supervisor, &places, BUILDS[0]).await;
    assert!(base.is_warming_up());
    let variations = variations(&places, BUILDS[0]);
    let cold = evaluate(&supervisor, &base, variations.clone()).await;
    let mut pause = tokio::time::interval(POLL);
    while load(&supervisor, &places, BUILDS[0]).await.is_warming_up() {
        pause.tick().await;
    }
    let warm = evaluate(&supervisor, &base, variations).await;
    assert_eq!(all_bits(&warm), all_bits(&cold));
    let status = supervisor.status().await.unwrap();
    let reasons: Vec<_> = status.shards.iter().filter_map(|shard| Some(shard.last_reset?.1)).collect();
    assert_eq!(reasons, [ResetReason::WarmedUp], "one shard at most serves a cold template where there are two");
    assert_eq!((status.counters.drifts, status.counters.mismatches), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_variations_are_the_same_by_the_plain_path() {
    let Some(places) = places() else { return };
    let supervisor = Supervisor::start(Settings { verify_ratio: 1.0, ..settings(&places.pob) }).await.unwrap();
    let base = load(&supervisor, &places, BUILDS[1]).await;
    // A third of them; each takes a second by the plain path.
    let variations: Vec<_> = variations(&places, BUILDS[1]).into_iter().step_by(3).collect();
    let count = variations.len() as u64;
    let outcomes = evaluate(&supervisor, &base, variations).await;
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    let counters = supervisor.status().await.unwrap().counters;
    assert_eq!((counters.verified, counters.mismatches), (count, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_variation_loaded_from_scratch_has_exactly_its_stats() {
    let Some(places) = places() else { return };
    let supervisor = Supervisor::start(settings(&places.pob)).await.unwrap();
    let base = load(&supervisor, &places, BUILDS[1]).await;
    // A fifth of them; each takes seconds to write and to load.
    let variations: Vec<_> = variations(&places, BUILDS[1]).into_iter().step_by(5).collect();
    let outcomes = evaluate(&supervisor, &base, variations.clone()).await;
    for (variation, outcome) in variations.iter().zip(&outcomes) {
        let xml = supervisor.export(&base, variation).await.unwrap();
        let loaded = supervisor.load_once(base.engine.edition, &xml).await.unwrap();
        let loaded: HashMap<_, _> = loaded.stats.into_iter().collect();
        let stats = outcome.result.as_ref().unwrap();
        // Without a selection an outcome is aligned with the base.
        for ((name, _), (cell, value)) in base.stats.iter().zip(stats.cells.iter().zip(&stats.values)) {
            match (cell, loaded.get(name)) {
                (Cell::Number, Some(StatValue::Number(number))) => {
                    assert_eq!(number.to_bits(), value.to_bits(), "{name}");
                }
                (Cell::Boolean, Some(StatValue::Boolean(boolean))) => assert_eq!(f64::from(*boolean), *value, "{name}"),
                (Cell::Text, Some(StatValue::Text(_))) | (Cell::Absent, None) => {}
                other => panic!("{name}: {other:?}"),
            }
        }
        assert_eq!(loaded.len(), stats.cells.iter().filter(|&&cell| cell != Cell::Absent).count() + extra(stats));
    }
}

/// Stats that the base does not have.
fn extra(stats: &Stats) -> usize {
    stats.extra.len() - stats.cells.iter().filter(|&&cell| cell == Cell::Text).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_code_and_a_release_layout_say_the_same_as_xml_and_a_checkout() {
    let Some(places) = places() else { return };
    let build = BUILDS[1];
    let variations = variations(&places, build);

    let checkout = Supervisor::start(settings(&places.pob)).await.unwrap();
    let base = load(&checkout, &places, build).await;
    let wanted = all_bits(&evaluate(&checkout, &base, variations.clone()).await);

    let release = release_of(&places.pob, "release-layout");
    assert!(!release.join("src").exists() && !release.join("HeadlessWrapper.lua").exists());
    let installed = Supervisor::start(settings(&release)).await.unwrap();
    assert_eq!(installed.engine().version, checkout.engine().version);
    let through_a_code = code::decode(&code::encode(&xml(&places, build)), &Limits::default()).unwrap();
    let base = installed.load_base("", through_a_code.into()).await.unwrap();
    let got = all_bits(&evaluate(&installed, &base, variations).await);
    assert_eq!(got, wanted);
}

/// Of a later version nobody has read what its MAIN mode adds, so the adapter does not stand in for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_not_known_says_the_same() {
    let Some(places) = places() else { return };
    let build = BUILDS[0];
    let variations: Vec<_> = variations(&places, build).into_iter().step_by(2).collect();
    let known = Supervisor::start(settings(&places.pob)).await.unwrap();
    let base = load(&known, &places, build).await;
    let wanted = all_bits(&evaluate(&known, &base, variations.clone()).await);

    let later = release_of(&places.pob, "later-version");
    let head = "function calcs.buildOutput(build, mode)";
    let calculator = later.join("Modules/Calcs.lua");
    let text = fs::read_to_string(&calculator).unwrap();
    assert_eq!(text.matches(head).count(), 1);
    fs::write(&calculator, text.replace(head, &format!("{head} local unheard_of = true"))).unwrap();
    let unknown = Supervisor::start(settings(&later)).await.unwrap();
    let base = load(&unknown, &places, build).await;
    let outcomes = evaluate(&unknown, &base, variations).await;
    assert!(outcomes.iter().all(|outcome| outcome.path == ComputePath::Fast));
    assert_eq!(all_bits(&outcomes), wanted);
}

/// Copies what a release has, laid out as it is there: the program's files at the top, the libraries in `lua/`, no
/// wrapper.
fn release_of(pob: &Path, name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let source = pob.join("src");
    let _ = fs::remove_dir_all(&target);
    fs::create_dir_all(&target).unwrap();
    for file in ["Launch.lua", "GameVersions.lua", "UpdateCheck.lua", "UpdateApply.lua"] {
        fs::copy(source.join(file), target.join(file)).unwrap();
    }
    for file in ["manifest.xml", "changelog.txt", "help.txt"] {
        fs::copy(pob.join(file), target.join(file)).unwrap();
    }
    for folder in ["Classes", "Modules", "Data", "TreeData"] {
        copy(&source.join(folder), &target.join(folder));
    }
    copy(&pob.join("runtime/lua"), &target.join("lua"));
    target
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        // Pictures are large, and nothing is drawn.
        if from.extension().is_none_or(|extension| extension != "png" && extension != "jpg") {
            fs::copy(from, to).unwrap();
        }
        return;
    }
    fs::create_dir_all(to).unwrap();
    // What is no folder either is a link to nothing.
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}
