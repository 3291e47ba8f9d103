//! What a call has in hand: shared by the reader, which takes variations, and the writer, which answers them.
//!
//! A variation is evaluated once under each scenario of its call, or once; the tag of an evaluation says which it is. A
//! variation is in hand until the last of its evaluations is answered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{build::outcome::Evaluated, proto::v1, tenants::Turn};

/// Size of the window, in multiples of what may be in flight: how far outcomes may run ahead of one that is slow, when
/// they have to be put in order.
pub(super) const WINDOW_FACTOR: usize = 4;

/// What reader and writer share.
pub(super) struct Shared {
    hand: Mutex<Hand>,
    /// Evaluations of each variation.
    each: u64,
    /// Free places for variations between their reading and the sending of their outcomes.
    pub(super) window: Semaphore,
    /// Free memory for variations that the supervisor has, in bytes of JSON.
    pub(super) room: Arc<Semaphore>,
}

/// What the call has in hand.
struct Hand {
    /// The variations, by index.
    variations: HashMap<u64, InHand>,
    /// When the last of them was answered.
    answered: Instant,
}

struct InHand {
    id: String,
    echo: Option<v1::Variation>,
    evaluations: Vec<Evaluation>,
}

enum Evaluation {
    /// Not answered yet; what it takes goes back when it is.
    Open(#[expect(dead_code, reason = "what matters is when it is dropped")] Option<Takes>),
    Answered(Evaluated),
}

/// What an evaluation takes of the call's memory, and of the quotas of a tenant that has some.
pub(super) struct Takes {
    pub(super) _room: OwnedSemaphorePermit,
    pub(super) _turn: Option<Turn>,
}

/// A variation that is no longer in hand.
pub(super) struct Answered {
    pub(super) index: u64,
    pub(super) id: String,
    /// The variation, if its outcome is to carry it.
    pub(super) echo: Option<v1::Variation>,
    /// What came of it under each scenario.
    pub(super) parts: Vec<Evaluated>,
}

impl Shared {
    /// With so many evaluations of each variation.
    pub(super) fn new(each: usize, in_flight_max: usize, in_flight_bytes_max: usize) -> Self {
        let places = in_flight_max.saturating_mul(WINDOW_FACTOR).min(Semaphore::MAX_PERMITS) / each.max(1);
        let window = Semaphore::new(places.max(1));
        let room = Arc::new(Semaphore::new(in_flight_bytes_max.min(Semaphore::MAX_PERMITS)));
        let hand = Hand { variations: HashMap::new(), answered: Instant::now() };
        Self { hand: Mutex::new(hand), each: each.max(1) as u64, window, room }
    }

    /// The hand is valid between any two statements, so a panic elsewhere does not matter.
    fn hand(&self) -> std::sync::MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a variation in hand, and gives the tags of its evaluations. Each must be answered.
    pub(super) fn take(
        &self,
        index: u64,
        id: String,
        echo: Option<v1::Variation>,
    ) -> impl Iterator<Item = u64> + use<> {
        let evaluations = (0..self.each).map(|_| Evaluation::Open(None)).collect();
        self.hand().variations.insert(index, InHand { id, echo, evaluations });
        index * self.each..(index + 1) * self.each
    }

    /// The evaluation takes that until it is answered.
    pub(super) fn hold(&self, tag: u64, takes: Takes) {
        if let Some(evaluation) = self.hand().evaluation(tag, self.each) {
            *evaluation = Evaluation::Open(Some(takes));
        }
    }

    /// Takes an answer; gives the variation back if it was the last.
    pub(super) fn answer(&self, evaluated: Evaluated) -> Option<Answered> {
        let mut hand = self.hand();
        hand.answered = Instant::now();
        let (tag, index) = (evaluated.tag, evaluated.tag / self.each);
        *hand.evaluation(tag, self.each)? = Evaluation::Answered(evaluated);
        let is_open = |evaluation: &Evaluation| matches!(evaluation, Evaluation::Open(_));
        if hand.variations.get(&index)?.evaluations.iter().any(is_open) {
            return None;
        }
        let InHand { id, echo, evaluations } = hand.variations.remove(&index)?;
        let parts = evaluations.into_iter().filter_map(|evaluation| match evaluation {
            Evaluation::Answered(evaluated) => Some(evaluated),
            Evaluation::Open(_) => None,
        });
        Some(Answered { index, id, echo, parts: parts.collect() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hand().variations.is_empty()
    }

    /// Since when the client has not been waiting for anything; it may be now.
    pub(super) fn idle_since(&self) -> Instant {
        let hand = self.hand();
        if hand.variations.is_empty() { hand.answered } else { Instant::now() }
    }
}

impl Hand {
    fn evaluation(&mut self, tag: u64, each: u64) -> Option<&mut Evaluation> {
        let place = usize::try_from(tag % each).ok()?;
        self.variations.get_mut(&(tag / each))?.evaluations.get_mut(place)
    }
}
