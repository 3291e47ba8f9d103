//! What happens while variations are evaluated: recorded when it happens.

use std::time::Duration;

use prometheus::{Error, Histogram, IntCounter};

use super::family::{Each, Families, Label, labels};
use crate::{
    build::{
        outcome::{ComputePath, Evaluated, FailureReason, named_enum},
        variation::VariationKind,
    },
    supervisor::{Priority, Refusal, ResetReason, Source},
};

/// A variation of PoB takes 1 to 40 ms, one of the sample engine a tenth of one, one by the plain path a second or more.
/// 100 ms is what the alert on latency calls slow, 20 s the usual time budget.
const COMPUTE_SECONDS: &[f64] =
    &[0.0001, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.008, 0.012, 0.02, 0.03, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0];

/// From an idle shard to a queue that is as long as it may be. The alert on queue delay calls 500 ms too long for
/// somebody who waits at a screen, and 15 s for an optimizer.
const QUEUE_SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// A fork takes 1 to 20 ms; the rest is trouble.
const FORK_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0];

/// A full collection takes 400 to 700 ms for 200 MB, and next to nothing for the sample engine.
const COLLECTION_SECONDS: &[f64] = &[0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 2.5, 10.0];

/// A base loads in 0.25 to 4 s, and is given up after 60.
const BASE_LOAD_SECONDS: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

named_enum! {
    /// What came of a variation.
    Answer {
        /// Values.
        Succeeded => "succeeded",
        /// A failure.
        Failed => "failed",
    }
}

named_enum! {
    /// What came of loading a base.
    Loaded {
        /// It is there.
        Yes => "loaded",
        /// The engine does not take it.
        No => "failed",
    }
}

named_enum! {
    /// What a cache of results said.
    CacheAnswer {
        /// The result was there.
        Hit => "hit",
        /// An identical variation is in hand, and this one waits for its result.
        Joined => "joined",
        /// It has to be computed.
        Miss => "miss",
    }
}

named_enum! {
    /// What a runtime is forked from.
    ForkSource {
        /// The template of a base.
        Template => "template",
        /// The zygote.
        Zygote => "zygote",
    }
}

labels!(Answer, CacheAnswer, ForkSource, Loaded);

/// The metrics of work.
#[derive(Debug)]
pub struct Work {
    variations: Each<VariationKind, Each<ComputePath, Each<Answer, IntCounter>>>,
    failures: Each<FailureReason, IntCounter>,
    queue: Each<Priority, Histogram>,
    compute: Each<ComputePath, Histogram>,
    refusals: Each<Refusal, IntCounter>,
    resets: Each<ResetReason, IntCounter>,
    forks: Each<ForkSource, Histogram>,
    collections: Histogram,
    base_loads: Each<Loaded, IntCounter>,
    base_load: Histogram,
    cache: Each<CacheAnswer, IntCounter>,
}

impl Work {
    pub(super) fn new(families: &Families) -> Result<Self, Error> {
        let variations = families.counters(
            "pobatch_variations_total",
            "Variations that were answered, under each scenario by itself, by what they change, by path and by result.",
            &["kind", "path", "result"],
        )?;
        let variations = Each::new(|kind: VariationKind| {
            Each::new(|path: ComputePath| {
                Each::new(|answer: Answer| variations.with_label_values(&[kind.text(), path.text(), answer.text()]))
            })
        });
        Ok(Self {
            variations,
            failures: families.counter_each(
                "pobatch_variation_failures_total",
                "Variations that were answered with a failure, by reason.",
                "reason",
            )?,
            queue: families.histogram_each(
                "pobatch_variation_queue_seconds",
                "Time that a variation waited before a runtime had it, by priority.",
                "priority",
                QUEUE_SECONDS,
            )?,
            compute: families.histogram_each(
                "pobatch_variation_compute_seconds",
                "Time that a runtime took for a variation, by the path that computed it.",
                "path",
                COMPUTE_SECONDS,
            )?,
            refusals: families.counter_each(
                "pobatch_refusals_total",
                "Calls that were refused because the server took nothing then, by reason.",
                "reason",
            )?,
            resets: families.counter_each(
                "pobatch_shard_resets_total",
                "Runtimes of shards that were lost or given up, by reason.",
                "reason",
            )?,
            forks: families.histogram_each(
                "pobatch_shard_fork_seconds",
                "Time from the order to give a shard a runtime until it was there, by what is forked: what a reset takes.",
                "source",
                FORK_SECONDS,
            )?,
            collections: families.histogram(
                "pobatch_collection_seconds",
                "Time that full garbage collections of shard runtimes took.",
                COLLECTION_SECONDS,
            )?,
            base_loads: families.counter_each(
                "pobatch_base_loads_total",
                "Bases that were loaded, or were not, by result.",
                "result",
            )?,
            base_load: families.histogram(
                "pobatch_base_load_seconds",
                "Time that loading a base took.",
                BASE_LOAD_SECONDS,
            )?,
            cache: families.counter_each(
                "pobatch_result_cache_requests_total",
                "Variations that were looked up among known results, by what was found.",
                "result",
            )?,
        })
    }

    /// A variation was answered.
    pub fn answered(&self, kind: VariationKind, priority: Priority, evaluated: &Evaluated) {
        let answer = match &evaluated.result {
            Ok(_) => Answer::Succeeded,
            Err(failure) => {
                self.failures.of(failure.reason).inc();
                Answer::Failed
            }
        };
        self.variations.of(kind).of(evaluated.path).of(answer).inc();
        if matches!(evaluated.path, ComputePath::Fast | ComputePath::Plain) {
            self.queue.of(priority).observe(evaluated.queue.as_secs_f64());
            self.compute.of(evaluated.path).observe(evaluated.compute.as_secs_f64());
        }
    }

    /// A variation made no sense, and no runtime ever saw it.
    pub fn rejected(&self, reason: FailureReason) {
        self.failures.of(reason).inc();
        self.variations.of(VariationKind::Refused).of(ComputePath::None).of(Answer::Failed).inc();
    }

    /// A call was refused.
    pub fn refused(&self, refusal: Refusal) {
        self.refusals.of(refusal).inc();
    }

    /// A shard lost its runtime.
    pub fn reset(&self, reason: ResetReason) {
        self.resets.of(reason).inc();
    }

    /// A shard got a runtime.
    pub fn forked(&self, source: Source, took: Duration) {
        let source = match source {
            Source::Template(_) => ForkSource::Template,
            Source::Zygote(_) => ForkSource::Zygote,
        };
        self.forks.of(source).observe(took.as_secs_f64());
    }

    /// A runtime was collected.
    pub fn collected(&self, took: Duration) {
        self.collections.observe(took.as_secs_f64());
    }

    /// A base was loaded, or was not.
    pub fn base_loaded(&self, loaded: Loaded, took: Duration) {
        self.base_loads.of(loaded).inc();
        self.base_load.observe(took.as_secs_f64());
    }

    /// A variation was looked up among known results.
    pub fn looked_up(&self, answer: CacheAnswer) {
        self.cache.of(answer).inc();
    }
}
