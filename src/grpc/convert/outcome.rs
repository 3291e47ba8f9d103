//! Outcomes, failures and warnings.

use std::time::Duration;

use super::stats::Layout;
use crate::{
    build::outcome::{ComputePath, Evaluated, Failure, FailureReason, Warning, WarningKind},
    grpc::status::cut,
    proto::v1::{self, outcome},
};

/// Longest text of a failure or a warning, in bytes: they repeat what the client sent.
const MESSAGE_BYTES_MAX: usize = 1 << 10;

/// The message of an outcome.
#[must_use]
pub fn outcome_to_proto(
    variation_id: String,
    index: u64,
    evaluated: &Evaluated,
    layout: &Layout,
    difference_to_base: bool,
) -> v1::Outcome {
    let stats = match &evaluated.result {
        Ok(stats) => layout.values(stats, difference_to_base),
        Err(failure) => Err(failure.clone()),
    };
    let computed = evaluated.generation != 0;
    v1::Outcome {
        variation_id,
        index,
        result: Some(match stats {
            Ok(stats) => outcome::Result::Stats(stats),
            Err(failure) => outcome::Result::Failure(failure_to_proto(&failure)),
        }),
        warnings: evaluated.warnings.iter().map(warning_to_proto).collect(),
        queue_time: duration_to_proto(evaluated.queue),
        compute_time: duration_to_proto(evaluated.compute),
        path: path(evaluated.path).into(),
        shard: computed.then_some(evaluated.shard),
        generation: computed.then_some(evaluated.generation),
        scores: Vec::new(),
        variation: None,
    }
}

/// The message of a variation that never reached the supervisor.
#[must_use]
pub fn rejected_to_proto(variation_id: String, index: u64, failure: &Failure) -> v1::Outcome {
    v1::Outcome {
        variation_id,
        index,
        result: Some(outcome::Result::Failure(failure_to_proto(failure))),
        warnings: Vec::new(),
        queue_time: duration_to_proto(Duration::ZERO),
        compute_time: duration_to_proto(Duration::ZERO),
        path: v1::ComputePath::None.into(),
        shard: None,
        generation: None,
        scores: Vec::new(),
        variation: None,
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
