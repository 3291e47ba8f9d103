//! Outcomes of runtimes: answered, kept for identical variations, or computed again by the plain path, for comparison or
//! because the engine says so.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{dispatch::Took, translate},
    Driver,
};
use crate::{
    build::outcome::{ComputePath, Evaluated, Verification},
    proto::runtime::Outcome,
};

/// The kind with which the engine says that only the plain path gives the right answer. It never reaches a client.
const NEEDS_PLAIN: &str = "needs_plain";

impl Driver {
    pub(super) fn outcome(&mut self, shard: usize, generation: u64, mut outcome: Outcome) {
        if outcome.failure.as_ref().is_some_and(|failure| failure.kind == NEEDS_PLAIN) {
            self.again_by_plain_path(shard, generation);
            return;
        }
        let path = translate::path(&outcome.path);
        let is_fast = matches!(path, ComputePath::Fast | ComputePath::Cached);
        let took = Took { seconds: outcome.compute_seconds, computed: path == ComputePath::Fast };
        let took = is_fast.then_some(took);
        self.shards[shard].served += 1;
        let Some(id) = self.dispatch.at_work(shard, generation) else { return };
        let Some(mut item) = self.items.remove(&id) else {
            self.dispatch.item_done(shard, generation, took);
            return;
        };
        let compute = Duration::try_from_secs_f64(outcome.compute_seconds).unwrap_or_default();
        let result = match outcome.failure.take() {
            Some(failure) => Err(translate::failure(failure)),
            None => Ok(translate::stats(&mut outcome)),
        };
        let started = self.shards[shard].started.unwrap_or(item.accepted);
        let mut evaluated = Evaluated {
            tag: 0,
            result,
            warnings: outcome.warnings.into_iter().map(translate::warning).collect(),
            queue: started.saturating_duration_since(item.accepted),
            compute,
            path,
            #[expect(clippy::cast_possible_truncation, reason = "shards are counted in tens")]
            shard: shard as u32,
            generation,
            verification: None,
        };
        self.shards[shard].started = Some(Instant::now());
        if is_fast && evaluated.result.is_ok() && self.is_to_be_verified() {
            item.to_verify = Some(Box::new(evaluated));
            self.items.insert(id, item);
            self.again_by_plain_path(shard, generation);
            return;
        }
        self.dispatch.item_done(shard, generation, took);
        if let Some(fast) = item.to_verify.take() {
            evaluated.verification = Some(self.compare(&fast, &evaluated));
        }
        if let Err(failure) = &evaluated.result {
            let origin = Arc::clone(&item.origin);
            self.note(failure.reason.as_str(), &*failure.message, Some(shard), Some(origin.base), &origin.request_id);
        }
        self.settled(id, &evaluated);
        item.answer(evaluated);
    }

    pub(super) fn again_by_plain_path(&mut self, shard: usize, generation: u64) {
        if let Some(action) = self.dispatch.needs_plain(shard, generation) {
            self.carry_out(action);
        }
    }

    /// Spreads the share that is asked for evenly, without chance.
    pub(super) fn is_to_be_verified(&mut self) -> bool {
        self.verify_due += self.settings.verify_ratio;
        let due = self.verify_due >= 1.0;
        if due {
            self.verify_due -= 1.0;
        }
        due
    }

    /// The plain path is the truth, and what the client gets.
    pub(super) fn compare(&mut self, fast: &Evaluated, plain: &Evaluated) -> Verification {
        self.counters.verified += 1;
        let differs = match (&fast.result, &plain.result) {
            (Ok(fast), Ok(plain)) => fast.first_difference(plain),
            (Ok(_), Err(failure)) => Some(failure.message.clone()),
            (Err(_), _) => None,
        };
        let Some(difference) = differs else { return Verification::Same };
        self.counters.mismatches += 1;
        self.results.forget_all();
        self.disown_journals(|_| true);
        tracing::error!(difference, shard = plain.shard, "the fast path differs from the plain path");
        self.note("mismatch", difference, Some(plain.shard as usize), None, "");
        Verification::Different
    }
}
