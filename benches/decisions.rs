//! What the driver does for each variation: the plan of who computes what, and the look into the results that are kept.
#![allow(clippy::unwrap_used, reason = "a benchmark that panics has failed")]
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pobatch::{
    build::{
        base::{Base, BaseId, EngineFacts},
        outcome::{Cell, ComputePath, Evaluated, Selection, Stats},
        variation::VariationKind,
    },
    metrics::Metrics,
    supervisor::{
        Held, Priority, SessionSpec,
        dispatch::{Action, Dispatch, Took, Verdict},
        engine::Lease,
        results::{Admitted, Asker, Results},
        session::{Item, Origin},
    },
};
use tokio::sync::mpsc;

const SHARDS: usize = 8;
const SESSIONS: u64 = 16;
const VARIATIONS: u64 = 4096;
const STATS: usize = 80;
/// What each outcome took.
const TOOK: Took = Took { seconds: 0.001, computed: true };
/// Room for all that a benchmark keeps.
const CACHE_BYTES: usize = 256 << 20;

fn base() -> Held {
    let base = Base {
        id: BaseId::of("test", "base"),
        engine: EngineFacts::default().into(),
        xml: "".into(),
        label: "".into(),
        stats: Vec::new(),
        warnings: Vec::new(),
    };
    Held::new(base.into(), Lease::default())
}

/// Carries out what is planned as runtimes would that need no time, until nothing is left.
fn work_off(dispatch: &mut Dispatch, now: Instant) -> usize {
    let mut done = 0;
    loop {
        let actions = dispatch.plan(now);
        if actions.is_empty() {
            return done;
        }
        for action in actions {
            match action {
                Action::Fork { shard, generation, .. } => dispatch.shard_ready(shard, generation, now),
                Action::Assign { shard, generation, .. } => {
                    while dispatch.item_done(shard, generation, Some(TOOK)).is_some() {
                        done += 1;
                    }
                    dispatch.assignment_done(shard, generation, Verdict::Keep, now);
                }
                _ => {}
            }
        }
    }
}

fn dispatch(criterion: &mut Criterion) {
    let now = Instant::now();
    let mut group = criterion.benchmark_group("dispatch");
    group.throughput(Throughput::Elements(VARIATIONS));
    group.bench_function("submit, plan and finish", |bencher| {
        let fresh = || {
            let mut dispatch = Dispatch::new(SHARDS, now);
            for session in 0..SESSIONS {
                dispatch.open_session(session, base().key(), Priority::Batch);
            }
            dispatch
        };
        let each = VARIATIONS / SESSIONS;
        bencher.iter_batched(
            fresh,
            |mut dispatch| {
                for session in 0..SESSIONS {
                    dispatch.submit(session, session * each..(session + 1) * each);
                }
                assert_eq!(work_off(&mut dispatch, now) as u64, VARIATIONS);
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// A session whose client reads nothing, with room for all its outcomes.
struct Session {
    origin: Arc<Origin>,
    outcomes: mpsc::Sender<Evaluated>,
    heard: mpsc::Receiver<Evaluated>,
    texts: Vec<Bytes>,
}

impl Session {
    fn new() -> Self {
        let (outcomes, heard) = mpsc::channel(usize::try_from(VARIATIONS).unwrap());
        let text = |node| Bytes::from(format!("{{\"allocate\":[{node}]}}"));
        let origin = Arc::new(Origin::new(&spec(), Arc::new(Metrics::new().unwrap())));
        Self { origin, outcomes, heard, texts: (0..VARIATIONS).map(text).collect() }
    }

    /// All its variations.
    fn items(&mut self) -> Vec<Item> {
        while self.heard.try_recv().is_ok() {}
        let item = |text: &Bytes| {
            let permit = self.outcomes.clone().try_reserve_owned().unwrap();
            Item::new(Arc::clone(&self.origin), VariationKind::Passives, text.clone(), 1, permit)
        };
        self.texts.iter().map(item).collect()
    }
}

fn spec() -> SessionSpec {
    SessionSpec {
        base: base(),
        selection: Selection::Named(Arc::from([String::from("Life")])),
        priority: Priority::Batch,
        strict: false,
        deadline: None,
        variation_timeout: None,
        in_flight_max: 1,
        request_id: "bench".into(),
    }
}

fn asker(results: &mut Results) -> Asker {
    results.asker(1, &spec()).unwrap()
}

/// Asks for each; those that are not kept are computed, in no time. Returns how many were kept.
fn ask(results: &mut Results, asker: Asker, items: Vec<Item>, computed: &Evaluated) -> usize {
    let mut kept = 0;
    for (id, item) in (0..).zip(items) {
        match results.admit(asker, id, item) {
            Admitted::Answered | Admitted::Waits => kept += 1,
            Admitted::New(item) => {
                results.settle(id, computed);
                item.answer(computed.clone());
            }
        }
    }
    kept
}

fn results(criterion: &mut Criterion) {
    let computed = Evaluated {
        tag: 0,
        result: Ok(Stats { cells: vec![Cell::Number; STATS], values: vec![1.0; STATS], extra: Vec::new() }),
        warnings: Vec::new(),
        queue: Duration::ZERO,
        compute: Duration::from_millis(2),
        path: ComputePath::Fast,
        shard: 0,
        generation: 7,
        verification: None,
    };
    let mut group = criterion.benchmark_group("results that are kept");
    group.throughput(Throughput::Elements(VARIATIONS));
    let mut session = Session::new();
    group.bench_function("miss and keep", |bencher| {
        bencher.iter_batched(
            || (Results::new(CACHE_BYTES), session.items()),
            |(mut results, items)| {
                let asker = asker(&mut results);
                assert_eq!(ask(&mut results, asker, items, &computed), 0);
                results
            },
            // The items hold all the room that the session has.
            BatchSize::PerIteration,
        );
    });
    let mut full = Results::new(CACHE_BYTES);
    let who = asker(&mut full);
    ask(&mut full, who, session.items(), &computed);
    group.bench_function("hit", |bencher| {
        bencher.iter_batched(
            || session.items(),
            |items| assert_eq!(ask(&mut full, who, items, &computed), usize::try_from(VARIATIONS).unwrap()),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, dispatch, results);
criterion_main!(benches);
