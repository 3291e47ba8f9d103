//! Counting what a call gave, for its summary.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::convert::{duration_to_proto, failure_of};
use crate::proto::v1;

/// What became of a call's reduction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reduced {
    /// Outcomes that broke a constraint or had no score.
    pub(super) infeasible: u64,
    /// It was enough before all was answered.
    pub(super) stopped_early: bool,
    /// The Pareto front had no room for all of its members.
    pub(super) front_truncated: bool,
}

/// What a call gave so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    succeeded: u64,
    failures: BTreeMap<i32, u64>,
    warned: u64,
    queue: Duration,
    compute: Duration,
    generations: HashMap<u32, u64>,
    resets: u64,
    sent: u64,
}

impl Tally {
    /// Counts an outcome.
    pub(super) fn count(&mut self, outcome: &v1::Outcome) {
        match failure_of(outcome) {
            Some(failure) => *self.failures.entry(failure.reason).or_default() += 1,
            None => self.succeeded += 1,
        }
        let warned = outcome.scenarios.iter().any(|scenario| !scenario.warnings.is_empty());
        self.warned += u64::from(warned || !outcome.warnings.is_empty());
        self.queue += time(outcome.queue_time);
        self.compute += time(outcome.compute_time);
        let of_scenarios = outcome.scenarios.iter().map(|scenario| (scenario.shard, scenario.generation));
        let computed = of_scenarios.chain([(outcome.shard, outcome.generation)]);
        for (shard, generation) in computed.filter_map(|(shard, generation)| shard.zip(generation)) {
            // The last outcome of a dead runtime may come behind the first of its successor.
            let newest = self.generations.entry(shard).or_insert(generation);
            self.resets += u64::from(generation > *newest);
            *newest = generation.max(*newest);
        }
    }

    /// Counts an outcome that is sent.
    pub(super) fn sent(&mut self) {
        self.sent += 1;
    }

    /// The summary of a call that took that long; what is said of its reduction is taken over.
    pub(super) fn summary(&self, elapsed: Duration, reduced: Reduced) -> v1::EvaluationSummary {
        v1::EvaluationSummary {
            succeeded: self.succeeded,
            failed: self.failures.values().sum(),
            failures: self.failures.iter().map(|(&reason, &count)| v1::FailureCount { reason, count }).collect(),
            warned: self.warned,
            elapsed_time: duration_to_proto(elapsed),
            queue_time: duration_to_proto(self.queue),
            compute_time: duration_to_proto(self.compute),
            resets: self.resets,
            sent: self.sent,
            infeasible: reduced.infeasible,
            stopped_early: reduced.stopped_early,
            front_truncated: reduced.front_truncated,
        }
    }
}

fn time(message: Option<prost_types::Duration>) -> Duration {
    message.and_then(|duration| duration.try_into().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::outcome;

    fn outcome(shard: u32, generation: u64) -> v1::Outcome {
        let time = duration_to_proto(Duration::from_millis(1500));
        v1::Outcome {
            result: Some(outcome::Result::Stats(v1::Stats::default())),
            queue_time: time,
            compute_time: time,
            shard: Some(shard),
            generation: Some(generation),
            ..Default::default()
        }
    }

    #[test]
    fn a_summary_counts_outcomes_by_result_and_reason() {
        let failed = |reason: v1::FailureReason| v1::Outcome {
            result: Some(outcome::Result::Failure(v1::Failure { reason: reason.into(), ..Default::default() })),
            warnings: vec![v1::Warning::default()],
            ..Default::default()
        };
        let mut tally = Tally::default();
        for outcome in [
            outcome(0, 1),
            failed(v1::FailureReason::UnknownSlot),
            failed(v1::FailureReason::UnknownNode),
            failed(v1::FailureReason::UnknownSlot),
        ] {
            tally.count(&outcome);
        }
        let summary = tally.summary(Duration::from_secs(2), Reduced::default());
        assert_eq!((summary.succeeded, summary.failed, summary.warned, summary.resets), (1, 3, 3, 0));
        let counts: Vec<_> = summary.failures.iter().map(|failure| (failure.reason(), failure.count)).collect();
        assert_eq!(counts, [(v1::FailureReason::UnknownNode, 1), (v1::FailureReason::UnknownSlot, 2)]);
        assert_eq!(summary.compute_time, duration_to_proto(Duration::from_millis(1500)));
    }

    #[test]
    fn a_reset_is_a_step_to_a_newer_generation_of_a_shard() {
        let mut tally = Tally::default();
        for (shard, generation) in [(0, 3), (1, 1), (0, 3), (0, 4), (0, 3), (0, 4), (1, 2)] {
            tally.count(&outcome(shard, generation));
        }
        assert_eq!(tally.summary(Duration::ZERO, Reduced::default()).resets, 2);
    }
}
