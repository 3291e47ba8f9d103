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

use super::{Priority, SessionSpec, Submission, dispatch::SessionId, driver::Event};
use crate::{
    build::{
        base::BaseId,
        outcome::{ComputePath, Evaluated, Failure, FailureReason},
        variation::VariationKind,
    },
    metrics::Metrics,
};

/// Variations that are passed on at once when that many wait: one event instead of as many.
const GATHER_MAX: usize = 256;

/// Where variations come from, for those who count and log.
#[derive(Debug)]
pub struct Origin {
    /// The base that they vary.
    pub base: BaseId,
    /// The call, as the log names it.
    pub request_id: Arc<str>,
    priority: Priority,
    metrics: Arc<Metrics>,
}

impl Origin {
    /// The origin of a session's variations.
    pub fn new(spec: &SessionSpec, metrics: Arc<Metrics>) -> Self {
        Self { base: spec.base.id, request_id: Arc::clone(&spec.request_id), priority: spec.priority, metrics }
    }
}

/// A variation in hand: what to evaluate, and the duty to answer. Dropped unanswered, it answers that it was lost.
#[derive(Debug)]
pub struct Item {
    /// The variation's canonical text.
    pub text: bytes::Bytes,
    /// When it was accepted.
    pub accepted: Instant,
    /// What the fast path gave, while the plain path computes it again for comparison.
    pub to_verify: Option<Box<Evaluated>>,
    /// Where it comes from.
    pub origin: Arc<Origin>,
    kind: VariationKind,
    tag: u64,
    permit: Option<OwnedPermit<Evaluated>>,
}

impl Item {
    /// A variation that was accepted now.
    #[must_use]
    pub fn new(
        origin: Arc<Origin>,
        kind: VariationKind,
        text: bytes::Bytes,
        tag: u64,
        permit: OwnedPermit<Evaluated>,
    ) -> Self {
        Self { text, accepted: Instant::now(), to_verify: None, origin, kind, tag, permit: Some(permit) }
    }

    /// Answers; the tag is put in here. The one place where an answer is counted.
    pub fn answer(mut self, mut evaluated: Evaluated) {
        evaluated.tag = self.tag;
        self.origin.metrics.work.answered(self.kind, self.origin.priority, &evaluated);
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
            verification: None,
        });
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        if self.permit.is_some() {
            let (text, permit, origin) = (std::mem::take(&mut self.text), self.permit.take(), Arc::clone(&self.origin));
            let Self { accepted, kind, tag, .. } = *self;
            let item = Self { text, accepted, to_verify: None, origin, kind, tag, permit };
            item.fail(FailureReason::Unavailable, "the server stops");
        }
    }
}

/// Passes variations on until either end of the session is dropped.
pub async fn run(
    id: SessionId,
    origin: Arc<Origin>,
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
        let mut items = vec![item(&origin, submission, permit)];
        while items.len() < GATHER_MAX {
            let Ok(permit) = outcomes.clone().try_reserve_owned() else { break };
            let Ok(submission) = submissions.try_recv() else { break };
            items.push(item(&origin, submission, permit));
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

fn item(origin: &Arc<Origin>, submission: Submission, permit: OwnedPermit<Evaluated>) -> Item {
    let Submission { tag, variation } = submission;
    let variation = Arc::as_ref(&variation);
    // A variation is plain data with text keys, for which this cannot fail.
    let text = serde_json::to_vec(variation).unwrap_or_default().into();
    Item::new(Arc::clone(origin), variation.kind(), text, tag, permit)
}
