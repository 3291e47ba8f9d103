//! What shards tell: that a runtime is there, done, grown, drifted or dead. Says it to `dispatch`, and counts.

use std::time::{Duration, Instant, SystemTime};

use super::{
    super::{
        ResetReason,
        dispatch::{Source, Verdict},
        memory::{self, Costs},
        shard,
    },
    Driver, Entry,
};
use crate::{
    build::{base::BaseKey, outcome::FailureReason},
    proto::runtime::AssignmentDone,
};

impl Driver {
    pub(super) fn heard(&mut self, message: shard::Message) {
        let shard::Message { shard, generation, event } = message;
        let now = Instant::now();
        match event {
            shard::Event::Ready { pid } => {
                self.shards[shard].pid = Some(pid);
                let fork = self.shards[shard].ordered.take().map(|ordered| now - ordered);
                self.shards[shard].reset_requested = false;
                let source = self.dispatch.shard(shard).and_then(|(state, _)| state.source());
                if let (Some(fork), Some(source)) = (fork, source) {
                    self.settings.metrics.work.forked(source, fork);
                }
                if let (Some(entry), Some(fork)) = (self.entry_of(shard), fork) {
                    entry.costs.fork = Some(fork);
                }
                self.dispatch.shard_ready(shard, generation, now);
            }
            shard::Event::ForkFailed => {
                self.shards[shard].pid = None;
                self.dispatch.fork_failed(shard, generation, now);
            }
            shard::Event::Outcomes(outcomes) => {
                for outcome in outcomes {
                    self.outcome(shard, generation, outcome);
                }
            }
            shard::Event::Done(done) => self.done(shard, generation, &done, now),
            shard::Event::Collected(collected) => {
                let took = Duration::try_from_secs_f64(collected.seconds).unwrap_or_default();
                if let Some(entry) = self.entry_of(shard) {
                    entry.costs.collect = Some(took);
                }
                self.shards[shard].heap_bytes = collected.lua_heap_after_bytes;
                self.counters.collections += 1;
                self.settings.metrics.work.collected(took);
                let verdict = if self.shards[shard].reset_requested { Verdict::Reset } else { Verdict::Keep };
                if verdict == Verdict::Reset {
                    self.count_reset(shard, ResetReason::Requested);
                }
                self.dispatch.care_done(shard, generation, verdict, now);
            }
            shard::Event::Died { reason } => {
                self.shards[shard].pid = None;
                self.shards[shard].rested(now);
                if reason == FailureReason::RuntimeCrashed {
                    self.note("runtime_lost", "a runtime died at work or at rest", Some(shard), None, "");
                    self.count_reset(shard, ResetReason::Crashed);
                } else {
                    self.count_reset(shard, ResetReason::TimeLimit);
                }
                let actions = self.dispatch.shard_died(shard, generation, reason, now);
                if self.dispatch.is_quarantined(shard, now) {
                    tracing::warn!(shard, "quarantined: its runtimes died too often");
                    self.note("quarantined", "its runtimes died too often", Some(shard), None, "");
                }
                self.carry_out_all(actions);
            }
        }
    }

    /// An assignment, or a canary, is over.
    pub(super) fn done(&mut self, shard: usize, generation: u64, done: &AssignmentDone, now: Instant) {
        let (marks, busy) = (self.settings.memory, self.dispatch.queued() > 0);
        self.shards[shard].heap_bytes = done.lua_heap_bytes;
        self.shards[shard].rested(now);
        let (template_bytes, costs) =
            self.entry_of(shard).map_or((0, Costs::default()), |entry| (entry.heap_bytes, entry.costs));
        let source = self.dispatch.shard(shard).and_then(|(state, _)| state.source());
        let outdated = self.shards[shard].cold && !source.is_some_and(|source| self.dispatch.is_warming_up(source));
        if done.drifted {
            self.counters.drifts += 1;
            tracing::error!(shard, generation, "the base no longer evaluates to itself: the runtime is replaced");
            self.note("drift", "the base no longer evaluated to itself", Some(shard), None, "");
            self.distrust(shard);
        }
        let spent = done.spent || done.drifted || outdated || self.shards[shard].reset_requested;
        let condition = memory::Condition { heap_bytes: done.lua_heap_bytes, template_bytes, spent, busy };
        let verdict = memory::after_assignment(&marks, &costs, condition);
        if verdict == Verdict::Reset {
            let reason = self.why_reset(shard, done, template_bytes, outdated);
            self.count_reset(shard, reason);
        }
        self.dispatch.care_done(shard, generation, verdict, now);
        let actions = self.dispatch.assignment_done(shard, generation, verdict, now);
        self.carry_out_all(actions);
    }

    /// Nothing that was kept of the base that the shard serves can be trusted.
    pub(super) fn distrust(&mut self, shard: usize) {
        if let Some((state, _)) = self.dispatch.shard(shard)
            && let Some(Source::Template(base)) = state.source()
        {
            self.results.forget_base(base);
            self.disown_journals(|key| key == base);
        }
    }

    /// What the runtimes of such bases told each other cannot be trusted.
    pub(super) fn disown_journals(&self, of: impl Fn(BaseKey) -> bool) {
        for entry in self.bases.iter().filter(|(key, _)| of(**key)).map(|(_, entry)| entry) {
            if let Some(template) = &entry.fork_point {
                template.disown_journal();
            }
        }
    }

    pub(super) fn count_reset(&mut self, shard: usize, reason: ResetReason) {
        self.shards[shard].resets += 1;
        self.shards[shard].last_reset = Some((SystemTime::now(), reason));
        self.settings.metrics.work.reset(reason);
        tracing::debug!(shard, reason = reason.as_str(), "reset");
    }

    /// The base that the shard's runtime serves.
    pub(super) fn entry_of(&mut self, shard: usize) -> Option<&mut Entry> {
        match self.dispatch.shard(shard)?.0.source()? {
            Source::Template(base) => self.bases.get_mut(&base),
            Source::Zygote(_) => None,
        }
    }
}
