//! Frames of the runtimes to domain types. Total: what a runtime says is always turned into something.

use crate::{
    build::{
        base::{EditionId, EngineFacts, StatInfo},
        outcome::{Cell, ComputePath, Failure, FailureReason, NamedStat, StatValue, Stats, Warning, WarningKind},
    },
    proto::runtime as wire,
};

/// Facts about an edition of an engine, which the operator has given that name.
pub fn engine_facts(
    described: wire::EngineDescribed,
    name: String,
    edition: EditionId,
    fingerprint: String,
) -> EngineFacts {
    EngineFacts {
        name,
        kind: described.name,
        edition,
        version: described.version,
        tree_versions: described.tree_versions,
        fingerprint,
        stats: described.stats.into_iter().map(stat_info).collect(),
        notice: described.notice,
    }
}

fn stat_info(info: wire::StatInfo) -> StatInfo {
    let more_is_better = match info.better {
        0 => None,
        better => Some(better > 0),
    };
    StatInfo { name: info.name, label: info.label, unit: info.unit, more_is_better, main: info.main }
}

/// A named value; `None` if it has none.
pub fn stat(stat: wire::Stat) -> Option<NamedStat> {
    let value = match stat.value? {
        wire::stat::Value::Number(number) => StatValue::Number(number),
        wire::stat::Value::Boolean(boolean) => StatValue::Boolean(boolean),
        wire::stat::Value::Text(text) => StatValue::Text(text),
    };
    Some((stat.name.into(), value))
}

/// A warning; a kind that is not known becomes `other`.
pub fn warning(warning: wire::Warning) -> Warning {
    let kind = WarningKind::from_name(&warning.kind).unwrap_or(WarningKind::Other);
    Warning { kind, field: warning.field, message: warning.message }
}

/// A command that failed.
pub fn failed(failed: wire::Failed) -> Failure {
    failure(wire::Failure { kind: failed.kind, field: failed.field, message: failed.message })
}

/// A failure; a kind that is not known is a defect of the engine.
pub fn failure(failure: wire::Failure) -> Failure {
    let reason = FailureReason::from_name(&failure.kind).unwrap_or(FailureReason::EngineError);
    Failure { reason, field: failure.field, message: failure.message }
}

/// The values of an outcome.
pub fn stats(outcome: &mut wire::Outcome) -> Stats {
    let cell = |kind: &u8| match kind {
        b'n' => Cell::Number,
        b'b' => Cell::Boolean,
        b'x' => Cell::Text,
        _ => Cell::Absent,
    };
    let values = outcome.values.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    Stats {
        cells: outcome.kinds.iter().map(cell).collect(),
        values,
        extra: std::mem::take(&mut outcome.extra).into_iter().filter_map(stat).collect(),
    }
}

/// The path that computed an outcome.
pub fn path(name: &str) -> ComputePath {
    match name {
        "fast" => ComputePath::Fast,
        "plain" => ComputePath::Plain,
        "cached" => ComputePath::Cached,
        _ => ComputePath::None,
    }
}
