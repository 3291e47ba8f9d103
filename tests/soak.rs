//! Endurance: many variations through two shards. Memory stays flat, the last fifth is about as fast as the first, no
//! base drifts, and every outcome is the one that the same variation had before.
//!
//! 100,000 variations of the sample engine always; of Path of Building, where it is installed, 1,000 in a short form and
//! 20,000 with `POBATCH_SOAK=1`. Times are printed, and only then asserted, generously, since other programs run on the same
//! machine; the figure that counts is the printed one on a quiet machine, and must stay below 1.05.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
mod pob_places;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use common::{PATIENCE, WITCH, level, machine, settings, spec, with_base};
use pobatch::{
    build::{outcome::Evaluated, variation::Variation},
    supervisor::{EngineChoice, Session, Settings, Submission, Supervisor},
    task,
};

/// Parts that are measured apart; the first and the last fifth are compared by their medians.
const PARTS: usize = 50;
/// What the medians may differ by before the test fails, whatever else the machine does.
const SLOWDOWN_MAX: f64 = 1.5;
/// How much more the runtimes may take at the end than early on, in bytes: the growth of each up to its reset.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_variations_of_the_sample_engine_leave_no_trace() {
    let variations: Vec<Variation> = include_str!("../examples/variations.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .chain((1..=82).map(level))
        .collect();
    let mut settings = Settings { faults: false, ..settings() };
    // Small marks, so that runtimes are reclaimed many times on the way.
    (settings.memory.soft_bytes, settings.memory.hard_bytes) = (8 << 20, 16 << 20);
    soak(settings, WITCH, &variations, 100_000, GROWTH_BYTES_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_variations_of_path_of_building_leave_no_trace() {
    let Some(places) = pob_places::places() else { return };
    let count = if std::env::var_os("POBATCH_SOAK").is_some() { 20_000 } else { 1000 };
    let xml = pob_places::xml(&places, "occ-vortex");
    let settings = Settings { engines: EngineChoice::Pob(places.pob).alone(), faults: false, ..settings() };
    // Up to the soft mark each shard may grow without being reclaimed.
    let growth = 2 * settings.memory.soft_bytes;
    soak(settings, &xml, &(1..=50).map(|step| level(50 + step)).collect::<Vec<_>>(), count, growth).await;
}

async fn soak(settings: Settings, xml: &str, variations: &[Variation], count: usize, growth_max: u64) {
    common::log();
    let shards = settings.shards;
    let (supervisor, base) = with_base(settings, xml).await;
    let session = supervisor.open(spec(&base)).await.unwrap();
    let Session { submit, mut outcomes } = session;
    let all: Vec<_> = variations.iter().cloned().map(std::sync::Arc::new).collect();
    let sender = task::spawn("sender", async move {
        for (tag, variation) in (0..count as u64).zip(all.into_iter().cycle()) {
            submit.send(Submission { tag, variation }).await.unwrap();
        }
    });

    let mut first: HashMap<usize, Evaluated> = HashMap::new();
    let (mut times, mut sizes) = (Vec::new(), Vec::new());
    let mut began = Instant::now();
    let mut seen = 0;
    while let Some(outcome) = tokio::time::timeout(PATIENCE, outcomes.recv()).await.expect("outcomes keep coming") {
        let kind = usize::try_from(outcome.tag).unwrap() % variations.len();
        let known = first.entry(kind).or_insert_with(|| outcome.clone());
        match (&known.result, &outcome.result) {
            (Ok(known), Ok(found)) => assert_eq!(known.first_difference(found), None, "variation {kind}"),
            (Err(known), Err(found)) => assert_eq!(known, found, "variation {kind}"),
            (_, Err(failure)) => panic!("variation {kind}: values, then, after {seen}, {failure}: {outcome:?}"),
            (Err(failure), _) => panic!("variation {kind}: {failure}, then values: {outcome:?}"),
        }
        seen += 1;
        if seen % (count / PARTS) == 0 {
            times.push(began.elapsed());
            sizes.push(runtimes_bytes(&supervisor).await);
            began = Instant::now();
        }
    }
    sender.await.unwrap();
    assert_eq!(seen, count);

    let fifth = PARTS / 5;
    let (early, late) = (median(&times[..fifth]), median(&times[PARTS - fifth..]));
    let slowdown = late.as_secs_f64() / early.as_secs_f64();
    // The first tenth may still grow: shards come into being, pages are touched.
    let settled = *sizes[PARTS / 10..2 * fifth].iter().max().unwrap();
    let end = *sizes[PARTS - fifth..].iter().max().unwrap();
    let status = supervisor.status().await.unwrap();
    let resets: u64 = status.shards.iter().map(|shard| shard.resets).sum();
    let per_second = count as f64 / times.iter().sum::<Duration>().as_secs_f64();
    eprintln!(
        "{count} variations through {shards} shards, {per_second:.0} a second; last fifth to first {slowdown:.3}; \
         runtimes {} MiB early, {} MiB at the end; {resets} resets, {:?}",
        settled >> 20,
        end >> 20,
        status.counters,
    );
    assert_eq!((status.counters.drifts, status.counters.mismatches), (0, 0));
    // Other programs run on the machines where everybody's tests run.
    let on_a_quiet_machine = std::env::var_os("POBATCH_SOAK").is_some();
    assert!(
        slowdown < SLOWDOWN_MAX || !on_a_quiet_machine,
        "the last fifth took {slowdown:.3} times as long as the first"
    );
    assert!(end < settled + growth_max, "from {settled} to {end} bytes");
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

/// Proportional set size of all runtimes together.
async fn runtimes_bytes(supervisor: &Supervisor) -> u64 {
    let status = supervisor.status().await.unwrap();
    let shards = status.shards.iter().filter_map(|shard| shard.pid);
    let templates = status.bases.iter().filter_map(|base| base.template_pid);
    let pids: Vec<_> = shards.chain(templates).chain(status.zygote_pids()).collect();
    pids.into_iter().map(machine::pss_bytes).sum()
}
