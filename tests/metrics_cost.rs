//! What recording costs: less than one per cent of the throughput on the sample engine, which is the fastest that there
//! is. Both are measured in one run, so their ratio says something on any machine.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use common::{WITCH, collect, level, settings, spec, submit_all, with_base};
use pobatch::{
    build::{
        outcome::{ComputePath, Evaluated, Stats},
        variation::VariationKind,
    },
    metrics::{CacheAnswer, Metrics},
    supervisor::{Priority, SessionSpec},
};

/// Variations of one measurement.
const VARIATIONS: u32 = 20_000;
/// Measurements; the best of each counts, since whatever disturbs one makes it longer.
const ROUNDS: usize = 5;
/// What recording may cost, as a share of the time that a variation takes.
const SHARE_MAX: f64 = 0.01;

/// Records what one variation of a session records: its lookup, its answer, two messages.
fn record(metrics: &Metrics, evaluated: &Evaluated) {
    let method = metrics.rpcs.of("/pobatch.v1.EvaluationService/EvaluateStream");
    for _ in 0..VARIATIONS {
        let metrics = black_box(metrics);
        metrics.work.looked_up(CacheAnswer::Miss);
        metrics.work.answered(VariationKind::Character, Priority::Batch, black_box(evaluated));
        method.received.inc_by(1);
        method.sent.inc_by(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_costs_less_than_a_hundredth_of_the_throughput() {
    let (supervisor, base) = with_base(settings(), WITCH).await;
    let metrics = Arc::clone(supervisor.metrics());
    let evaluated = Evaluated {
        tag: 0,
        result: Ok(Stats::default()),
        warnings: Vec::new(),
        queue: Duration::from_millis(3),
        compute: Duration::from_micros(40),
        path: ComputePath::Fast,
        shard: 0,
        generation: 1,
        verification: None,
    };
    let (mut recording, mut serving) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        record(&metrics, &evaluated);
        recording = recording.min(started.elapsed());
        let started = Instant::now();
        // All may be in flight, so that submitting waits for nobody.
        let session = supervisor.open(SessionSpec { in_flight_max: VARIATIONS as usize, ..spec(&base) }).await.unwrap();
        let outcomes = collect(submit_all(session, (0..VARIATIONS).map(|index| level(index % 90 + 1))).await).await;
        serving = serving.min(started.elapsed());
        assert_eq!(outcomes.len(), VARIATIONS as usize);
    }
    let share = recording.as_secs_f64() / serving.as_secs_f64();
    let each = |time: Duration| time / VARIATIONS;
    eprintln!("recording {:?} of {:?} a variation: {:.2} %", each(recording), each(serving), share * 100.0);
    assert!(share < SHARE_MAX, "recording takes {:.2} % of the time", share * 100.0);
}
