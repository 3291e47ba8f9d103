//! Outcomes, failures and warnings.

use std::time::Duration;

use super::stats::Layout;
use crate::{
    build::outcome::{ComputePath, Evaluated, Failure, FailureReason, Stats, Verification, Warning, WarningKind},
    grpc::status::cut,
    proto::v1::{self, outcome, scenario_result},
};

/// Longest text of a failure or a warning, in bytes: they repeat what the client sent.
const MESSAGE_BYTES_MAX: usize = 1 << 10;

/// How the outcomes of a call are told.
#[derive(Debug)]
pub struct Terms {
    /// What packed values mean.
    pub layout: Layout,
    /// The base's values under each scenario; the base's own without any.
    pub base: Vec<Stats>,
    /// Whether the call has scenarios.
    pub with_scenarios: bool,
    /// Numbers travel as difference to the base.
    pub difference_to_base: bool,
}

impl Terms {
    /// The outcome of a variation, of what came of it under each scenario, or of the one and only.
    #[must_use]
    pub fn outcome(&self, variation_id: String, index: u64, parts: &[Evaluated]) -> v1::Outcome {
        let results = parts.iter().enumerate().map(|(scenario, part)| self.result(scenario, part));
        if self.with_scenarios {
            return v1::Outcome {
                variation_id,
                index,
                queue_time: duration_to_proto(parts.iter().map(|part| part.queue).sum()),
                compute_time: duration_to_proto(parts.iter().map(|part| part.compute).sum()),
                scenarios: results.collect(),
                ..v1::Outcome::default()
            };
        }
        let mut outcome = v1::Outcome { variation_id, index, ..v1::Outcome::default() };
        for only in results {
            outcome.result = only.result.map(|result| match result {
                scenario_result::Result::Stats(stats) => outcome::Result::Stats(stats),
                scenario_result::Result::Failure(failure) => outcome::Result::Failure(failure),
            });
            outcome.warnings = only.warnings;
            (outcome.queue_time, outcome.compute_time) = (only.queue_time, only.compute_time);
            (outcome.path, outcome.shard, outcome.generation) = (only.path, only.shard, only.generation);
            outcome.verification = only.verification;
        }
        outcome
    }

    fn result(&self, scenario: usize, part: &Evaluated) -> v1::ScenarioResult {
        let base = self.base.get(scenario).filter(|_| self.difference_to_base);
        let stats = match &part.result {
            Ok(stats) => self.layout.values(stats, base),
            Err(failure) => Err(failure.clone()),
        };
        let computed = part.generation != 0;
        v1::ScenarioResult {
            result: Some(match stats {
                Ok(stats) => scenario_result::Result::Stats(stats),
                Err(failure) => scenario_result::Result::Failure(failure_to_proto(&failure)),
            }),
            warnings: part.warnings.iter().map(warning_to_proto).collect(),
            queue_time: duration_to_proto(part.queue),
            compute_time: duration_to_proto(part.compute),
            path: path(part.path).into(),
            shard: computed.then_some(part.shard),
            generation: computed.then_some(part.generation),
            verification: verification(part.verification).into(),
        }
    }
}

/// Why an outcome has no values: with scenarios, why it has none under the first for which it has none.
#[must_use]
pub fn failure_of(outcome: &v1::Outcome) -> Option<&v1::Failure> {
    match &outcome.result {
        Some(outcome::Result::Failure(failure)) => Some(failure),
        Some(outcome::Result::Stats(_)) => None,
        None => outcome.scenarios.iter().find_map(|scenario| match &scenario.result {
            Some(scenario_result::Result::Failure(failure)) => Some(failure),
            Some(scenario_result::Result::Stats(_)) | None => None,
        }),
    }
}

/// A time; absent beyond what a message can hold (10,000 years).
#[must_use]
pub fn duration_to_proto(duration: Duration) -> Option<prost_types::Duration> {
    duration.try_into().ok()
}

const fn path(path: ComputePath) -> v1::ComputePath {
    match path {
        ComputePath::Fast => v1::ComputePath::Fast,
        ComputePath::Plain => v1::ComputePath::Plain,
        ComputePath::Cached => v1::ComputePath::Cached,
        ComputePath::None => v1::ComputePath::None,
    }
}

const fn verification(found: Option<Verification>) -> v1::Verification {
    match found {
        None => v1::Verification::Unspecified,
        Some(Verification::Same) => v1::Verification::Same,
        Some(Verification::Different) => v1::Verification::Different,
    }
}

/// The message of a failure.
#[must_use]
pub fn failure_to_proto(failure: &Failure) -> v1::Failure {
    v1::Failure {
        reason: reason(failure.reason).into(),
        message: cut(&failure.message, MESSAGE_BYTES_MAX),
        field_path: cut(&failure.field, MESSAGE_BYTES_MAX),
    }
}

/// The failure of a message, for clients. A reason that a newer server knows is an engine's error here.
#[must_use]
pub fn failure_from_proto(message: v1::Failure) -> Failure {
    let known = FailureReason::ALL.iter().copied().find(|&known| reason(known) == message.reason());
    Failure { reason: known.unwrap_or(FailureReason::EngineError), field: message.field_path, message: message.message }
}

/// The message of a warning.
#[must_use]
pub fn warning_to_proto(warning: &Warning) -> v1::Warning {
    v1::Warning {
        kind: kind(warning.kind).into(),
        message: cut(&warning.message, MESSAGE_BYTES_MAX),
        field_path: cut(&warning.field, MESSAGE_BYTES_MAX),
    }
}

/// The warning of a message, for clients.
#[must_use]
pub fn warning_from_proto(message: v1::Warning) -> Warning {
    let known = WarningKind::ALL.iter().copied().find(|&known| kind(known) == message.kind());
    Warning { kind: known.unwrap_or(WarningKind::Other), field: message.field_path, message: message.message }
}

const fn reason(reason: FailureReason) -> v1::FailureReason {
    use v1::FailureReason as Proto;
    match reason {
        FailureReason::InvalidVariation => Proto::InvalidVariation,
        FailureReason::LimitExceeded => Proto::LimitExceeded,
        FailureReason::UnknownNode => Proto::UnknownNode,
        FailureReason::UnknownMastery => Proto::UnknownMastery,
        FailureReason::UnknownTattoo => Proto::UnknownTattoo,
        FailureReason::UnknownSlot => Proto::UnknownSlot,
        FailureReason::UnknownItem => Proto::UnknownItem,
        FailureReason::ItemNotParsed => Proto::ItemNotParsed,
        FailureReason::UnknownGroup => Proto::UnknownGroup,
        FailureReason::UnknownGem => Proto::UnknownGem,
        FailureReason::UnknownConfig => Proto::UnknownConfig,
        FailureReason::UnknownClass => Proto::UnknownClass,
        FailureReason::UnknownStat => Proto::UnknownStat,
        FailureReason::BadBuild => Proto::BadBuild,
        FailureReason::UnknownTree => Proto::UnknownTree,
        FailureReason::Unsupported => Proto::Unsupported,
        FailureReason::StrictWarning => Proto::StrictWarning,
        FailureReason::EngineError => Proto::EngineError,
        FailureReason::TimeLimit => Proto::TimeLimit,
        FailureReason::MemoryLimit => Proto::MemoryLimit,
        FailureReason::RuntimeCrashed => Proto::RuntimeCrashed,
        FailureReason::DeadlineExceeded => Proto::DeadlineExceeded,
        FailureReason::Cancelled => Proto::Cancelled,
        FailureReason::Unavailable => Proto::Unavailable,
    }
}

const fn kind(kind: WarningKind) -> v1::WarningKind {
    use v1::WarningKind as Proto;
    match kind {
        WarningKind::NodeNotConnected => Proto::NodeNotConnected,
        WarningKind::NodeDropped => Proto::NodeDropped,
        WarningKind::NodeUnchanged => Proto::NodeUnchanged,
        WarningKind::ModNotUnderstood => Proto::ModNotUnderstood,
        WarningKind::RequirementNotMet => Proto::RequirementNotMet,
        WarningKind::ItemMisplaced => Proto::ItemMisplaced,
        WarningKind::ValueClamped => Proto::ValueClamped,
        WarningKind::Other => Proto::Unspecified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_warnings_survive_the_wire() {
        for &reason in FailureReason::ALL {
            let failure = Failure::new(reason, "items[0].slot", "why");
            assert_eq!(failure_from_proto(failure_to_proto(&failure)), failure);
        }
        for &kind in WarningKind::ALL {
            let warning = Warning { kind, field: "items[0].slot".into(), message: "why".into() };
            assert_eq!(warning_from_proto(warning_to_proto(&warning)), warning);
        }
    }

    #[test]
    fn both_sides_name_their_variants_alike() {
        for &known in FailureReason::ALL {
            let name = format!("FAILURE_REASON_{}", known.as_str().to_uppercase());
            assert_eq!(reason(known).as_str_name(), name);
        }
        for &known in WarningKind::ALL.iter().filter(|&&known| known != WarningKind::Other) {
            let name = format!("WARNING_KIND_{}", known.as_str().to_uppercase());
            assert_eq!(kind(known).as_str_name(), name);
        }
    }
}
