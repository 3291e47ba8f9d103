//! What a call has in hand: shared by the reader, which takes variations, and the writer, which answers them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{build::outcome::Failure, proto::v1};

/// Size of the window, in multiples of what may be in flight: how far outcomes may run ahead of one that is slow, when
/// they have to be put in order.
pub(super) const WINDOW_FACTOR: usize = 4;

/// What reader and writer share.
pub(super) struct Shared {
    hand: Mutex<Hand>,
    /// Free places for variations between their reading and the sending of their outcomes.
    pub(super) window: Semaphore,
    /// Free memory for variations that the supervisor has, in bytes of JSON.
    pub(super) room: Arc<Semaphore>,
}

/// A variation that the supervisor has.
pub(super) struct InHand {
    pub(super) id: String,
    /// The variation, if its outcome is to carry it.
    pub(super) echo: Option<v1::Variation>,
    /// Goes back when it is answered.
    pub(super) _room: OwnedSemaphorePermit,
}

/// What the supervisor has in hand for this call.
pub(super) struct Hand {
    /// The variations, by tag.
    pub(super) variations: HashMap<u64, InHand>,
    /// When the last of them was answered.
    answered: Instant,
}

impl Shared {
    pub(super) fn new(in_flight_max: usize, in_flight_bytes_max: usize) -> Self {
        let window = Semaphore::new(in_flight_max.saturating_mul(WINDOW_FACTOR).min(Semaphore::MAX_PERMITS));
        let room = Arc::new(Semaphore::new(in_flight_bytes_max.min(Semaphore::MAX_PERMITS)));
        let hand = Hand { variations: HashMap::new(), answered: Instant::now() };
        Self { hand: Mutex::new(hand), window, room }
    }

    /// The hand is valid between any two statements, so a panic elsewhere does not matter.
    pub(super) fn hand(&self) -> std::sync::MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self, tag: u64, variation: InHand) {
        self.hand().variations.insert(tag, variation);
    }

    /// The id of a variation that is no longer in hand, and itself if it was kept.
    pub(super) fn answered(&self, tag: u64) -> (String, Option<v1::Variation>) {
        let mut hand = self.hand();
        hand.answered = Instant::now();
        hand.variations.remove(&tag).map_or_else(Default::default, |in_hand| (in_hand.id, in_hand.echo))
    }

    /// Since when the client has not been waiting for anything; it may be now.
    pub(super) fn idle_since(&self) -> Instant {
        let hand = self.hand();
        if hand.variations.is_empty() { hand.answered } else { Instant::now() }
    }
}
/// A variation that the supervisor never saw.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) index: u64,
    pub(super) id: String,
    pub(super) echo: Option<v1::Variation>,
    pub(super) failure: Failure,
}
