//! What comes back: headers, outcomes, summaries.

use std::time::Duration;

use super::{ClientError, EngineInfo, exchange};
use crate::{
    build::outcome::{ComputePath, Failure, FailureReason, NamedStat, Verification, Warning},
    grpc::convert::{Columns, failure_from_proto, warning_from_proto},
    proto::v1::{self, outcome, scenario_result},
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
    pub base_stats: Vec<NamedStat>,
    /// What is odd about the base.
    pub base_warnings: Vec<Warning>,
    /// The server loaded the base a moment ago: for the first seconds variations take it longer.
    pub warming_up: bool,
    /// The base under each scenario, in the order of the request.
    pub scenarios: Vec<ScenarioBase>,
}

/// The base under a scenario.
#[derive(Clone, Debug)]
pub struct ScenarioBase {
    /// The scenario's name.
    pub name: String,
    /// The base's values under it.
    pub stats: Vec<NamedStat>,
    /// What is to be known of it.
    pub warnings: Vec<Warning>,
}

/// What came of a variation under a scenario.
#[derive(Clone, Debug)]
pub struct ScenarioResult {
    /// Values, or why there are none.
    pub result: Result<Vec<NamedStat>, Failure>,
    /// What else is to be known.
    pub warnings: Vec<Warning>,
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
    /// Values, or why there are none. With scenarios: no values, or why there are none under the first of them that failed.
    pub result: Result<Vec<NamedStat>, Failure>,
    /// What came of it under each scenario, in the order of the request.
    pub scenarios: Vec<ScenarioResult>,
    /// What else is to be known.
    pub warnings: Vec<Warning>,
    /// Time in the queue.
    pub queue: Duration,
    /// Time of the computation.
    pub compute: Duration,
    /// How it was computed.
    pub path: ComputePath,
    /// What came of computing it by both paths, if the server did.
    pub verification: Option<Verification>,
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

impl Outcome {
    /// Why there are no values, under each scenario that has none.
    fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.scenarios.iter().map(|of| &of.result).chain([&self.result]).filter_map(|result| result.as_ref().err())
    }
}

impl Header {
    /// The header, and how the values of its call's outcomes are to be read.
    pub(super) fn from_proto(header: v1::EvaluationHeader) -> (Self, Columns) {
        let columns = Columns::of(&header.stats);
        let base_stats = columns.values(&header.base_stats.unwrap_or_default());
        let known = Self {
            base_id: header.base_id,
            engine: EngineInfo::from_proto(header.engine.unwrap_or_default()),
            stats: header.stats.iter().map(|stat| stat.name.clone()).collect(),
            base_stats,
            base_warnings: header.base_warnings.into_iter().map(warning_from_proto).collect(),
            warming_up: header.warming_up,
            scenarios: header
                .scenarios
                .into_iter()
                .map(|scenario| ScenarioBase {
                    stats: columns.values(&scenario.base_stats.unwrap_or_default()),
                    name: scenario.name,
                    warnings: scenario.warnings.into_iter().map(warning_from_proto).collect(),
                })
                .collect(),
        };
        (known, columns)
    }

    /// Whether outcomes of that header's call can stand beside those of this one's.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.engine == other.engine && self.base_id == other.base_id && self.stats == other.stats
    }
}

/// An outcome of that endpoint's, for the exchange.
pub(super) fn answer(
    endpoint: usize,
    columns: &Columns,
    message: v1::Outcome,
) -> Result<exchange::Answer<Outcome>, ClientError> {
    let path = match message.path() {
        v1::ComputePath::Fast => ComputePath::Fast,
        v1::ComputePath::Plain => ComputePath::Plain,
        v1::ComputePath::Cached => ComputePath::Cached,
        v1::ComputePath::None | v1::ComputePath::Unspecified => ComputePath::None,
    };
    let verification = match message.verification() {
        v1::Verification::Unspecified => None,
        v1::Verification::Same => Some(Verification::Same),
        v1::Verification::Different => Some(Verification::Different),
    };
    let scenarios: Option<Vec<_>> =
        message.scenarios.into_iter().map(|message| scenario_result(columns, message)).collect();
    let scenarios = scenarios.ok_or(ClientError::Protocol("a scenario without a result"))?;
    let result = match message.result {
        Some(outcome::Result::Stats(stats)) => Ok(columns.values(&stats)),
        Some(outcome::Result::Failure(failure)) => Err(failure_from_proto(failure)),
        None if scenarios.is_empty() => return Err(ClientError::Protocol("an outcome without a result")),
        None => scenarios.iter().find_map(|of| of.result.clone().err()).map_or(Ok(Vec::new()), Err),
    };
    let outcome = Outcome {
        id: message.variation_id,
        index: message.index,
        endpoint,
        result,
        scenarios,
        warnings: message.warnings.into_iter().map(warning_from_proto).collect(),
        queue: duration(message.queue_time),
        compute: duration(message.compute_time),
        path,
        verification,
        shard: message.shard.zip(message.generation),
        scores: message.scores,
    };
    let verdict = match &outcome.result {
        Ok(_) => exchange::Verdict::Values(outcome.scores.clone()),
        Err(_) if outcome.failures().any(|failure| failure.reason == FailureReason::Unavailable) => {
            exchange::Verdict::Unavailable
        }
        Err(_) => exchange::Verdict::Failed,
    };
    let is_warned = !outcome.warnings.is_empty() || outcome.scenarios.iter().any(|of| !of.warnings.is_empty());
    let shard = outcome.shard;
    Ok(exchange::Answer { index: message.index, verdict, is_warned, shard, outcome })
}

fn scenario_result(columns: &Columns, message: v1::ScenarioResult) -> Option<ScenarioResult> {
    let result = match message.result? {
        scenario_result::Result::Stats(stats) => Ok(columns.values(&stats)),
        scenario_result::Result::Failure(failure) => Err(failure_from_proto(failure)),
    };
    Some(ScenarioResult { result, warnings: message.warnings.into_iter().map(warning_from_proto).collect() })
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
