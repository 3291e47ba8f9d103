use std::sync::Arc;

use tokio::sync::mpsc;

use super::*;
use crate::{
    build::{
        base::{Base, BaseId, EditionId, EngineFacts},
        outcome::{Cell, Failure, Stats},
        variation::VariationKind,
    },
    metrics::Metrics,
    supervisor::{Held, engine::Lease, session::Origin},
};

const ROOM: usize = 1 << 20;
/// Outcomes that a test may leave unread.
const UNREAD_MAX: usize = 1 << 16;

/// The base of that edition.
fn held(edition: u64, name: &str) -> Held {
    let engine = EngineFacts { edition: EditionId(edition), ..EngineFacts::default() };
    let base = Base {
        id: BaseId::of("test", name),
        engine: engine.into(),
        xml: name.into(),
        label: name.into(),
        stats: Vec::new(),
        warnings: Vec::new(),
    };
    Held::new(base.into(), Lease::default())
}

fn spec(base: &str, priority: Priority) -> SessionSpec {
    SessionSpec {
        base: held(1, base),
        selection: Selection::Named(Arc::from([String::from("Life")])),
        priority,
        strict: false,
        deadline: None,
        variation_timeout: None,
        in_flight_max: 8,
        request_id: "test".into(),
    }
}

fn outcome(life: f64) -> Evaluated {
    Evaluated {
        tag: 0,
        result: Ok(Stats { cells: vec![Cell::Number], values: vec![life], extra: Vec::new() }),
        warnings: Vec::new(),
        queue: Duration::ZERO,
        compute: Duration::from_millis(2),
        path: ComputePath::Fast,
        shard: 0,
        generation: 7,
        verification: None,
    }
}

fn failed(reason: FailureReason) -> Evaluated {
    Evaluated { result: Err(Failure::new(reason, "", "no")), ..outcome(0.0) }
}

/// A session, and what it hears.
struct Client {
    origin: Arc<Origin>,
    spec: SessionSpec,
    session: SessionId,
    outcomes: mpsc::Sender<Evaluated>,
    heard: mpsc::Receiver<Evaluated>,
}

impl Client {
    fn new(session: SessionId, spec: SessionSpec) -> Self {
        let (outcomes, heard) = mpsc::channel(UNREAD_MAX);
        let origin = Arc::new(Origin::new(&spec, Arc::new(Metrics::new().unwrap())));
        Self { origin, spec, session, outcomes, heard }
    }

    fn item(&self, text: &str) -> Item {
        let permit = self.outcomes.clone().try_reserve_owned().unwrap();
        let (origin, text) = (Arc::clone(&self.origin), Bytes::copy_from_slice(text.as_bytes()));
        Item::new(origin, VariationKind::Empty, text, self.session, permit)
    }

    /// True if it must be computed. What is to be computed is let go of.
    fn asks(&self, results: &mut Results, id: ItemId, text: &str) -> bool {
        let asker = results.asker(self.session, &self.spec).unwrap();
        match results.admit(asker, id, self.item(text)) {
            Admitted::New(item) => {
                item.answer(outcome(-1.0));
                true
            }
            Admitted::Answered | Admitted::Waits => false,
        }
    }

    /// What it heard, but for what `asks` let go of.
    fn hears(&mut self) -> Vec<Evaluated> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).filter(|heard| heard.result != outcome(-1.0).result).collect()
    }
}

fn clients() -> (Results, Client, Client) {
    let client = |session| Client::new(session, spec("base", Priority::Batch));
    (Results::new(ROOM), client(1), client(2))
}

#[test]
fn what_was_computed_once_is_not_computed_again() {
    let (mut results, first, mut second) = clients();
    assert!(first.asks(&mut results, 10, "a"));
    assert_eq!(results.settle(10, &outcome(5.0)).0, 0);
    assert!(!second.asks(&mut results, 11, "a"));
    assert!(second.asks(&mut results, 12, "b"), "another text is another variation");
    let heard = second.hears();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].result, outcome(5.0).result);
    assert_eq!((heard[0].path, heard[0].compute, heard[0].tag), (ComputePath::Cached, Duration::ZERO, 2));
}

#[test]
fn what_is_in_hand_is_waited_for() {
    let (mut results, first, mut second) = clients();
    assert!(first.asks(&mut results, 10, "a"));
    assert!(!second.asks(&mut results, 11, "a"));
    assert!(second.hears().is_empty());
    let (answered, again) = results.settle(10, &outcome(5.0));
    assert_eq!((answered, again.len()), (1, 0));
    assert_eq!(second.hears()[0].result, outcome(5.0).result);
}

#[test]
fn base_selection_and_strictness_are_part_of_the_question() {
    let (mut results, first, _) = clients();
    assert!(first.asks(&mut results, 10, "a"));
    results.settle(10, &outcome(5.0));
    for (id, other) in [
        (11, spec("other", Priority::Batch)),
        (12, SessionSpec { selection: Selection::All, ..spec("base", Priority::Batch) }),
        (13, SessionSpec { strict: true, ..spec("base", Priority::Batch) }),
    ] {
        assert!(Client::new(3, other).asks(&mut results, id, "a"), "{id}");
    }
}

#[test]
fn who_waits_at_a_screen_does_not_wait_for_a_batch() {
    let (mut results, first, _) = clients();
    let interactive = Client::new(2, spec("base", Priority::Interactive));
    assert!(first.asks(&mut results, 10, "a"));
    assert!(interactive.asks(&mut results, 11, "a"));
}

#[test]
fn the_engines_word_is_kept_if_it_is_a_refusal_too() {
    let (mut results, first, mut second) = clients();
    assert!(first.asks(&mut results, 10, "a"));
    results.settle(10, &failed(FailureReason::UnknownNode));
    assert!(!second.asks(&mut results, 11, "a"));
    assert_eq!(second.hears()[0].result, failed(FailureReason::UnknownNode).result);
}

#[test]
fn what_happened_to_one_is_not_what_happens_to_another() {
    for reason in [FailureReason::TimeLimit, FailureReason::RuntimeCrashed, FailureReason::Cancelled] {
        let (mut results, first, mut second) = clients();
        assert!(first.asks(&mut results, 10, "a"));
        assert!(!second.asks(&mut results, 11, "a"));
        let (answered, again) = results.settle(10, &failed(reason));
        assert_eq!((answered, again.len()), (0, 1), "it is computed after all");
        assert_eq!(again[0].0, 2);
        drop(again);
        second.hears();
        assert!(second.asks(&mut results, 12, "a"), "nothing is kept of it");
    }
}

#[test]
fn a_client_that_leaves_takes_nobody_with_it() {
    let (mut results, first, second) = clients();
    assert!(first.asks(&mut results, 10, "a"));
    assert!(!second.asks(&mut results, 11, "a"));
    results.close_session(1);
    assert_eq!(results.abandon(10).len(), 1);

    assert!(first.asks(&mut results, 20, "b"));
    assert!(!second.asks(&mut results, 21, "b"));
    results.close_session(2);
    let (answered, again) = results.settle(20, &outcome(1.0));
    assert_eq!((answered, again.len()), (0, 0));
}

#[test]
fn a_base_that_cannot_be_trusted_is_forgotten_with_what_is_in_hand() {
    let (mut results, first, second) = clients();
    assert!(first.asks(&mut results, 10, "a"));
    results.settle(10, &outcome(5.0));
    assert!(first.asks(&mut results, 11, "b"));
    results.forget_base(first.spec.base.key());
    assert!(second.asks(&mut results, 12, "a"));
    assert!(second.asks(&mut results, 13, "b"), "what is in hand was begun before");
    results.settle(11, &outcome(6.0));
    results.settle(13, &outcome(7.0));
    let mut third = Client::new(3, spec("base", Priority::Batch));
    assert!(!third.asks(&mut results, 14, "b"));
    assert_eq!(third.hears()[0].result, outcome(7.0).result);
}

#[test]
fn memory_is_bounded_and_what_is_used_stays() {
    let (mut results, first, second) = clients();
    assert!(first.asks(&mut results, 0, "used"));
    results.settle(0, &outcome(0.0));
    for id in 1..20_000 {
        assert!(first.asks(&mut results, id, &id.to_string()));
        results.settle(id, &outcome(0.0));
        if id % 100 == 0 {
            assert!(!second.asks(&mut results, 100_000 + id, "used"), "{id}");
        }
        let bytes = |kept: &HashMap<Key, Evaluated>| kept.iter().map(|(key, kept)| bytes_of(key, kept)).sum::<usize>();
        if id % 1000 == 0 {
            assert!(bytes(&results.young) + bytes(&results.old) <= ROOM);
        }
    }
    assert!(first.asks(&mut results, 200_000, "1"), "the oldest is gone");
}

#[test]
fn without_memory_nothing_is_shared() {
    let (_, first, _) = clients();
    assert!(Results::new(0).asker(1, &first.spec).is_none());
}

#[test]
fn editions_of_an_engine_and_engines_do_not_share_what_they_said() {
    let mut results = Results::new(ROOM);
    let of = |session, edition| {
        let spec = SessionSpec { base: held(edition, "base"), ..spec("base", Priority::Batch) };
        Client::new(session, spec)
    };
    let (old, new) = (of(1, 1), of(2, 2));
    assert!(old.asks(&mut results, 10, "a"));
    results.settle(10, &outcome(5.0));
    assert!(new.asks(&mut results, 11, "a"), "the same base of another edition is computed");
    results.settle(11, &outcome(6.0));
    assert!(!old.asks(&mut results, 12, "a") && !new.asks(&mut results, 13, "a"));
    results.forget_base(old.spec.base.key());
    assert!(old.asks(&mut results, 14, "a"));
    assert!(!new.asks(&mut results, 15, "a"), "what the other said is kept");
}
