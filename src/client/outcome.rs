//! What comes back: headers, outcomes, summaries.

use std::time::Duration;

use super::{ClientError, EngineInfo, exchange};
use crate::{
    build::outcome::{ComputePath, Failure, FailureReason, StatValue, Warning},
    grpc::convert::{failure_from_proto, stats_from_proto, warning_from_proto},
    proto::v1::{self, outcome},
};

/// What all outcomes refer to.
#[derive(Clone, Debug)]
pub struct Header {
    /// Name of the base.
    pub base_id: String,
    /// The engine that computes.
    pub engine: EngineInfo,
    /// Names of the selected stats.
    pub stats: Vec<String>,
    /// The base's own values.
    pub base_stats: Vec<(String, StatValue)>,
    /// What is odd about the base.
    pub base_warnings: Vec<Warning>,
}

/// The outcome of a variation.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The client's name for the variation.
    pub id: String,
    /// Its place among those that were taken from the caller, or that the server made.
    pub index: u64,
    /// Which of the client's endpoints it came from, counted from 0.
    pub endpoint: usize,
    /// Values, or why there are none.
    pub result: Result<Vec<(String, StatValue)>, Failure>,
    /// What else is to be known.
    pub warnings: Vec<Warning>,
    /// Time in the queue.
    pub queue: Duration,
    /// Time of the computation.
    pub compute: Duration,
    /// How it was computed.
    pub path: ComputePath,
    /// The shard and its generation, if one computed it.
    pub shard: Option<(u32, u64)>,
    /// With a reduction: what its objectives measured.
    pub scores: Vec<f64>,
}

/// What became of the whole.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Outcomes with values.
    pub succeeded: u64,
    /// Outcomes with a failure.
    pub failed: u64,
    /// Outcomes with warnings.
    pub warned: u64,
    /// Times that outcomes moved to a newer generation of a shard.
    pub resets: u64,
    /// From the first message to the last outcome, as this client saw it.
    pub elapsed: Duration,
    /// With a reduction: outcomes that broke a constraint or had no score.
    pub infeasible: u64,
    /// It was enough before all variations were answered.
    pub stopped_early: bool,
    /// The Pareto front had no room for all of its members.
    pub front_truncated: bool,
    /// Calls that broke after they had begun, and whose unanswered variations were sent again.
    pub resumed: u64,
    /// Variations that an idle endpoint took over from one that was slow with them.
    pub stolen: u64,
}

/// An evaluation that is over.
#[derive(Clone, Debug)]
pub struct Results {
    /// What all outcomes refer to.
    pub header: Header,
    /// The outcomes, as they came.
    pub outcomes: Vec<Outcome>,
    /// What became of the whole.
    pub summary: Summary,
}

impl Header {
    /// The header, and how the values of its call's outcomes are to be read.
    pub(super) fn from_proto(header: v1::EvaluationHeader) -> (Self, Vec<v1::ResolvedStat>) {
        let base_stats = stats_from_proto(&header.stats, &header.base_stats.unwrap_or_default());
        let known = Self {
            base_id: header.base_id,
            engine: EngineInfo::from_proto(header.engine.unwrap_or_default()),
            stats: header.stats.iter().map(|stat| stat.name.clone()).collect(),
            base_stats,
            base_warnings: header.base_warnings.into_iter().map(warning_from_proto).collect(),
        };
        (known, header.stats)
    }

    /// Whether outcomes of that header's call can stand beside those of this one's.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.engine == other.engine && self.base_id == other.base_id && self.stats == other.stats
    }
}

/// An outcome of that endpoint's, for the exchange.
pub(super) fn answer(
    endpoint: usize,
    layout: &[v1::ResolvedStat],
    message: v1::Outcome,
) -> Result<exchange::Answer<Outcome>, ClientError> {
    let path = match message.path() {
        v1::ComputePath::Fast => ComputePath::Fast,
        v1::ComputePath::Plain => ComputePath::Plain,
        v1::ComputePath::Cached => ComputePath::Cached,
        v1::ComputePath::None | v1::ComputePath::Unspecified => ComputePath::None,
    };
    let result = match message.result {
        Some(outcome::Result::Stats(stats)) => Ok(stats_from_proto(layout, &stats)),
        Some(outcome::Result::Failure(failure)) => Err(failure_from_proto(failure)),
        None => return Err(ClientError::Protocol("an outcome without a result")),
    };
    let outcome = Outcome {
        id: message.variation_id,
        index: message.index,
        endpoint,
        result,
        warnings: message.warnings.into_iter().map(warning_from_proto).collect(),
        queue: duration(message.queue_time),
        compute: duration(message.compute_time),
        path,
        shard: message.shard.zip(message.generation),
        scores: message.scores,
    };
    let verdict = match &outcome.result {
        Ok(_) => exchange::Verdict::Values(outcome.scores.clone()),
        Err(failure) if failure.reason == FailureReason::Unavailable => exchange::Verdict::Unavailable,
        Err(_) => exchange::Verdict::Failed,
    };
    let (is_warned, shard) = (!outcome.warnings.is_empty(), outcome.shard);
    Ok(exchange::Answer { index: message.index, verdict, is_warned, shard, outcome })
}

/// What a server says of a call.
pub(super) fn summary(message: &v1::EvaluationSummary) -> Summary {
    Summary {
        succeeded: message.succeeded,
        failed: message.failed,
        warned: message.warned,
        resets: message.resets,
        elapsed: duration(message.elapsed_time),
        infeasible: message.infeasible,
        stopped_early: message.stopped_early,
        front_truncated: message.front_truncated,
        ..Summary::default()
    }
}

/// Absent and negative times count as none.
fn duration(message: Option<prost_types::Duration>) -> Duration {
    message.and_then(|message| message.try_into().ok()).unwrap_or_default()
}
