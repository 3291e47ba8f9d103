//! A session: carries variations from a client to the driver, and sees to it that each gets exactly one answer.
//!
//! A permit of the outcome channel is taken before the next variation is read and travels with it, so a client that
//! does not read its outcomes is not read from either, and an outcome always finds room.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, OwnedPermit};
use tokio_util::sync::CancellationToken;

use super::{Submission, dispatch::SessionId, driver::Event};
use crate::build::outcome::{ComputePath, Evaluated, Failure, FailureReason};

/// Variations that are passed on at once when that many wait: one event instead of as many.
const GATHER_MAX: usize = 256;

/// A variation in hand: what to evaluate, and the duty to answer. Dropped unanswered, it answers that it was lost.
#[derive(Debug)]
pub struct Item {
    /// The variation's canonical text.
    pub text: bytes::Bytes,
    /// When it was accepted.
    pub accepted: Instant,
    /// What the fast path gave, while the plain path computes it again for comparison.
    pub to_verify: Option<Box<Evaluated>>,
    tag: u64,
    permit: Option<OwnedPermit<Evaluated>>,
}

impl Item {
    /// A variation that was accepted now.
    #[must_use]
    pub fn new(text: bytes::Bytes, tag: u64, permit: OwnedPermit<Evaluated>) -> Self {
        Self { text, accepted: Instant::now(), to_verify: None, tag, permit: Some(permit) }
    }

    /// Answers; the tag is put in here.
    pub fn answer(mut self, mut evaluated: Evaluated) {
        evaluated.tag = self.tag;
        if let Some(permit) = self.permit.take() {
            permit.send(evaluated);
        }
    }

    /// Answers that it failed without having been computed.
    pub fn fail(self, reason: FailureReason, message: impl Into<String>) {
        let queue = self.accepted.elapsed();
        self.answer(Evaluated {
            tag: 0,
            result: Err(Failure { reason, field: String::new(), message: message.into() }),
            warnings: Vec::new(),
            queue,
            compute: Duration::ZERO,
            path: ComputePath::None,
            shard: 0,
            generation: 0,
        });
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        if self.permit.is_some() {
            let (text, permit) = (std::mem::take(&mut self.text), self.permit.take());
            let item = Self { text, accepted: self.accepted, to_verify: None, tag: self.tag, permit };
            item.fail(FailureReason::Unavailable, "the server stops");
        }
    }
}

/// Passes variations on until either end of the session is dropped.
pub async fn run(
    id: SessionId,
    mut submissions: mpsc::Receiver<Submission>,
    outcomes: mpsc::Sender<Evaluated>,
    left: CancellationToken,
    driver: mpsc::Sender<Event>,
) {
    loop {
        let Ok(permit) = outcomes.clone().reserve_owned().await else { break };
        // Cancel safe: the channel by its documentation; a token holds no state.
        let submission = tokio::select! {
            submission = submissions.recv() => submission,
            () = left.cancelled() => break,
        };
        let Some(submission) = submission else { break };
        let mut items = vec![item(submission, permit)];
        while items.len() < GATHER_MAX {
            let Ok(permit) = outcomes.clone().try_reserve_owned() else { break };
            let Ok(submission) = submissions.try_recv() else { break };
            items.push(item(submission, permit));
        }
        if driver.send(Event::Submitted(id, items)).await.is_err() {
            return;
        }
    }
    // From here on only the variations in hand hold the channel open: it ends with the last answer.
    drop(outcomes);
    // The client may leave before that, and then the rest need not be computed.
    left.cancelled().await;
    let _ = driver.send(Event::SessionClosed(id)).await;
}

fn item(submission: Submission, permit: OwnedPermit<Evaluated>) -> Item {
    let Submission { tag, variation } = submission;
    let variation = Arc::as_ref(&variation);
    // A variation is plain data with text keys, for which this cannot fail.
    let text = serde_json::to_vec(variation).unwrap_or_default().into();
    Item::new(text, tag, permit)
}
