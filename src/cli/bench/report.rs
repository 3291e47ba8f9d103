//! What `pobatch bench` found.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::Played;
use crate::{
    build::outcome::{ComputePath, Verification},
    cli::{CliError, Output, table},
    client::Outcome,
    config::Kind,
};

/// What was measured.
pub struct Report {
    pub kind: Kind,
    /// `None`: the server's own business.
    pub shards: Option<usize>,
    /// From the start of the server until it takes calls.
    pub ready: Duration,
    /// The first call, which loads the base.
    pub loading: Played,
    /// How many of the measured variations differ from each other.
    pub distinct: usize,
    /// The measured call.
    pub played: Played,
    pub notice: String,
}

/// Outcomes, counted.
#[derive(Default)]
pub struct Tally {
    pub count: usize,
    pub queue: Vec<Duration>,
    /// Of those that were computed.
    pub compute: Vec<Duration>,
    /// Failures by reason, each with the message of the first.
    pub failures: BTreeMap<&'static str, (usize, String)>,
    pub warned: usize,
    /// Outcomes that took the slow way.
    pub plain: usize,
    /// Outcomes that an identical variation gave, or one that comes to the same.
    pub cached: usize,
    /// Outcomes that were computed by both paths.
    pub verified: usize,
    /// Those of them for which the paths differed.
    pub mismatches: usize,
    /// What each reset cost, as the client sees it: from the last outcome of a shard's runtime to the first of the next
    /// one, without what computing that took.
    pub resets: Vec<Duration>,
    /// The last outcome of each endpoint's shards: generation and time.
    last: HashMap<(usize, u32), (u64, Instant)>,
}

impl Tally {
    /// Whether every variation got values, and by whichever path the same.
    pub fn is_good(&self) -> bool {
        self.failures.is_empty() && self.mismatches == 0
    }

    /// Counts an outcome.
    pub fn count(&mut self, outcome: &Outcome) {
        self.count += 1;
        self.queue.push(outcome.queue);
        if outcome.path != ComputePath::Cached {
            self.compute.push(outcome.compute);
        }
        self.warned += usize::from(!outcome.warnings.is_empty());
        self.plain += usize::from(outcome.path == ComputePath::Plain);
        self.cached += usize::from(outcome.path == ComputePath::Cached);
        self.verified += usize::from(outcome.verification.is_some());
        self.mismatches += usize::from(outcome.verification == Some(Verification::Different));
        if let Some((shard, generation)) = outcome.shard {
            let now = Instant::now();
            if let Some((before, last)) = self.last.insert((outcome.endpoint, shard), (generation, now))
                && before != generation
            {
                self.resets.push(now.duration_since(last).saturating_sub(outcome.compute));
            }
        }
        if let Err(failure) = &outcome.result {
            let first = || (0, failure.message.clone());
            self.failures.entry(failure.reason.as_str()).or_insert_with(first).0 += 1;
        }
    }
}

/// Percentiles by nearest rank, in seconds; all 0 without a value.
fn percentiles(times: &[Duration]) -> [f64; 3] {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    [50, 95, 99].map(|percent| {
        let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(rank).map_or(0.0, Duration::as_secs_f64)
    })
}

impl Report {
    fn per_second(&self) -> f64 {
        self.played.tally.count as f64 / self.played.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let Played { tally, .. } = &self.played;
        let [queue_p50, queue_p95, queue_p99] = percentiles(&tally.queue);
        let [compute_p50, compute_p95, compute_p99] = percentiles(&tally.compute);
        let [reset_p50, _, reset_p99] = percentiles(&tally.resets);
        let failures: serde_json::Map<_, _> =
            tally.failures.iter().map(|(reason, (count, _))| ((*reason).to_owned(), json!(count))).collect();
        json!({
            "engine": self.played.engine,
            "base_id": self.played.base_id,
            "kind": self.kind.as_str(),
            "shards": self.shards,
            "count": tally.count,
            "distinct": self.distinct,
            "variations_per_second": self.per_second(),
            "elapsed_seconds": self.played.elapsed.as_secs_f64(),
            "ready_seconds": self.ready.as_secs_f64(),
            "first_outcome_seconds": self.loading.first_outcome.as_secs_f64(),
            "queue_p50_seconds": queue_p50,
            "queue_p95_seconds": queue_p95,
            "queue_p99_seconds": queue_p99,
            "compute_p50_seconds": compute_p50,
            "compute_p95_seconds": compute_p95,
            "compute_p99_seconds": compute_p99,
            "resets": self.played.resets,
            "reset_p50_seconds": reset_p50,
            "reset_p99_seconds": reset_p99,
            "resumed": self.played.resumed,
            "stolen": self.played.stolen,
            "plain": tally.plain,
            "cached": tally.cached,
            "verified": tally.verified,
            "mismatches": tally.mismatches,
            "warned": tally.warned,
            "failed": tally.failures.values().map(|(count, _)| count).sum::<usize>(),
            "failures": failures,
        })
    }

    /// For people.
    pub fn table(&self, output: &mut Output) -> Result<(), CliError> {
        let Played { tally, .. } = &self.played;
        let milliseconds = |times: &[Duration]| {
            let [p50, p95, p99] = percentiles(times).map(|seconds| seconds * 1e3);
            format!("{p50:.1} / {p95:.1} / {p99:.1} ms")
        };
        let mut rows = vec![
            ("variations", format!("{} {} ({} distinct)", tally.count, self.kind.as_str(), self.distinct)),
            ("variations per second", table::number(self.per_second())),
            ("elapsed", format!("{:.2} s", self.played.elapsed.as_secs_f64())),
            ("ready", format!("{:.2} s", self.ready.as_secs_f64())),
            ("first outcome, base loaded", format!("{:.2} s", self.loading.first_outcome.as_secs_f64())),
            ("queue, p50 / p95 / p99", milliseconds(&tally.queue)),
            ("compute, p50 / p95 / p99", milliseconds(&tally.compute)),
            ("resets", self.played.resets.to_string()),
            ("pause of a reset, p50 / p95 / p99", milliseconds(&tally.resets)),
            ("computed the slow way", tally.plain.to_string()),
            ("not computed again", tally.cached.to_string()),
            ("with warnings", tally.warned.to_string()),
        ];
        if tally.verified > 0 {
            rows.push(("verified by the plain path", format!("{}, {} mismatches", tally.verified, tally.mismatches)));
        }
        if self.played.resumed > 0 {
            rows.push(("calls resumed", self.played.resumed.to_string()));
        }
        if self.played.stolen > 0 {
            rows.push(("taken over by another server", self.played.stolen.to_string()));
        }
        for (reason, (count, message)) in &tally.failures {
            rows.push(("failed", format!("{count} {reason}: {message}")));
        }
        let shards = self.shards.map_or_else(String::new, |shards| format!(", {shards} shards"));
        output.line(&format!("engine {}{shards}, base {:.12}", self.played.engine, self.played.base_id))?;
        if !self.notice.is_empty() {
            output.line(&self.notice)?;
        }
        let mut table = table::new(output, ["measure", "value"]);
        for (name, value) in rows {
            table.add_row([name.to_owned(), value]);
        }
        output.line(&table.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "nothing is computed: they are whole seconds as they were put in")]
    fn percentiles_are_values_that_occurred() {
        let times: Vec<_> = (1..=100).rev().map(Duration::from_secs).collect();
        assert_eq!(percentiles(&times), [50.0, 95.0, 99.0]);
        assert_eq!(percentiles(&times[..1]), [100.0; 3]);
        assert_eq!(percentiles(&[]), [0.0; 3]);
    }
}
