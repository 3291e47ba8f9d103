//! What runtimes tell each other (`pob/fast/alike/journal.lua`): an output that one of them computed is found by the others and
//! by those that come after it, and has the bits that computing it gives. Skipped loudly without PoB.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
#[path = "pob_places/offers.rs"]
#[allow(dead_code, reason = "this test needs nodes alone")]
mod offers;
mod pob_places;

use common::{
    bits,
    chance::{self, Chance, seed},
    evaluate,
};
use offers::Offers;
use pob_places::{accelerators_but, booted, places, xml};
use pobatch::{
    build::{outcome::ComputePath, variation::Variation},
    supervisor::{EngineChoice, Settings, Supervisor, memory::Marks},
};
use serde_json::json;

const BUILDS: [&str; 2] = ["occ-vortex", "dual-wield-coc"];

/// Pairs of nodes to allocate, of each build.
const PAIRS: usize = 200;

/// Growth after which a runtime is replaced: a few dozen variations.
const SOFT_MARK_BYTES: u64 = 8 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_runtime_computed_is_known_to_those_beside_it_and_after_it() {
    let Some(places) = places() else { return };
    let mut chance = Chance::new(seed("POBATCH_JOURNAL_SEED"));
    let settings =
        Settings { engines: EngineChoice::Pob(places.pob.clone()).alone(), faults: false, ..common::settings() };
    let marks = Marks { soft_bytes: SOFT_MARK_BYTES, ..Marks::default() };
    let accelerators = accelerators_but(&places, &["alike"]);
    let without = Supervisor::start(Settings { accelerators, ..settings.clone() }).await.unwrap();
    let with = Supervisor::start(Settings { memory: marks, ..settings }).await.unwrap();
    let mut offering = booted(&places);
    for build in BUILDS {
        let xml = xml(&places, build);
        offering.load_base(&xml).unwrap();
        // Each node beside the tree, and pairs of them.
        let near = Offers::of(&offering).near;
        let pair = |chance: &mut Chance| json!({ "allocate": [chance.pick(&near), chance.pick(&near)] });
        let variations: Vec<Variation> = (near.iter().map(|id| json!({ "allocate": [id] })))
            .chain((0..PAIRS).map(|_| pair(&mut chance)))
            .map(|variation| serde_json::from_value(variation).unwrap())
            .collect();
        let base = without.load_base("", xml.clone().into()).await.unwrap();
        let truths = evaluate(&without, &base, variations.clone()).await;
        let base = with.load_base("", xml.into()).await.unwrap();
        // The plain path costs a second and a runtime each time.
        let (variations, truths): (Vec<_>, Vec<_>) =
            variations.into_iter().zip(truths).filter(|(_, truth)| truth.path == ComputePath::Fast).unzip();
        let mut computed = [0, 0];
        for round in &mut computed {
            let outcomes = evaluate(&with, &base, variations.clone()).await;
            for ((variation, outcome), truth) in variations.iter().zip(&outcomes).zip(&truths) {
                assert_eq!(bits(outcome), bits(truth), "{build} {variation:?}, {:?}", outcome.path);
                *round += usize::from(outcome.path == ComputePath::Fast);
            }
        }
        let resets: u64 = with.status().await.unwrap().shards.iter().map(|shard| shard.resets).sum();
        eprintln!("{build}: {} variations, {computed:?} computed, {resets} resets so far", variations.len());
        assert!(resets > 2, "{build}: runtimes were to be replaced");
        // What none can keep is computed again: orders that cannot be compared.
        assert!(computed[0] > 50 && computed[1] * 4 < computed[0], "{build}: {computed:?} computed");
    }
}
