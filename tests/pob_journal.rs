//! What runtimes tell each other (`pob/fast/alike/journal.lua`): an output that one of them computed is found by the others and
//! by those that come after it, and has the bits that computing it gives. Skipped loudly without PoB.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
#[path = "pob_places/offers.rs"]
#[allow(dead_code, reason = "this test needs nodes and items alone")]
mod offers;
mod pob_places;

use std::time::Duration;

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

/// Numbers in the lines of each item.
const NUMBERS: usize = 8;

/// How often it is looked whether a base is warm.
const POLL: Duration = Duration::from_millis(50);

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
    let mut pause = tokio::time::interval(POLL);
    for build in BUILDS {
        let xml = xml(&places, build);
        offering.load_base(&xml).unwrap();
        let offers = Offers::of(&offering);
        // Each node beside the tree, and pairs of them; each item with lines that no other one has.
        let near = &offers.near;
        let pair = |chance: &mut Chance| json!({ "allocate": [chance.pick(near), chance.pick(near)] });
        let lines = (0..).zip(&offers.items).flat_map(|(index, item)| {
            (0..NUMBERS).map(move |number| {
                let line = format!("+{} to maximum Life", index * NUMBERS + number + 1);
                json!({ "items": [{ "slot": item[0], "text": format!("{}\n{line}", item[1].as_str().unwrap()) }] })
            })
        });
        let variations: Vec<Variation> = (near.iter().map(|id| json!({ "allocate": [id] })))
            .chain((0..PAIRS).map(|_| pair(&mut chance)))
            .chain(lines)
            .map(|variation| serde_json::from_value(variation).unwrap())
            .collect();
        let base = without.load_base("", xml.clone().into()).await.unwrap();
        let truths = evaluate(&without, &base, variations.clone()).await;
        let base = loop {
            // What the cold template's runtimes found out is theirs alone.
            let base = with.load_base("", xml.clone().into()).await.unwrap();
            if !base.is_warming_up() {
                break base;
            }
            pause.tick().await;
        };
        // The plain path costs a second and a runtime each time.
        let (variations, truths): (Vec<_>, Vec<_>) =
            variations.into_iter().zip(truths).filter(|(_, truth)| truth.path == ComputePath::Fast).unzip();
        // Nodes and items, in two rounds.
        let mut computed = [[0, 0], [0, 0]];
        for [nodes, items] in &mut computed {
            let outcomes = evaluate(&with, &base, variations.clone()).await;
            for ((variation, outcome), truth) in variations.iter().zip(&outcomes).zip(&truths) {
                assert_eq!(bits(outcome), bits(truth), "{build} {variation:?}, {:?}", outcome.path);
                let count = if variation.items.is_empty() { &mut *nodes } else { &mut *items };
                *count += usize::from(outcome.path == ComputePath::Fast);
            }
        }
        let resets: u64 = with.status().await.unwrap().shards.iter().map(|shard| shard.resets).sum();
        eprintln!("{build}: {} variations, {computed:?} computed, {resets} resets so far", variations.len());
        assert!(resets > 2, "{build}: runtimes were to be replaced");
        let [[nodes, items], [nodes_again, items_again]] = computed;
        // What none can keep is computed again: orders that cannot be compared.
        assert!(nodes > 50 && nodes_again * 4 < nodes, "{build}: {computed:?} computed");
        // So are flasks, items that are not in use, and those that grant skills.
        assert!(items > 50 && items_again < items * 3 / 4, "{build}: {computed:?} computed");
    }
}
