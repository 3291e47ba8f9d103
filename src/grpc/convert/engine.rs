//! Engines and what they know.

use crate::{
    build::base::{EngineFacts, StatInfo},
    proto::v1,
};

/// Which engine it is.
#[must_use]
pub fn engine_to_proto(engine: &EngineFacts) -> v1::Engine {
    v1::Engine {
        name: engine.name.clone(),
        version: engine.version.clone(),
        fingerprint: engine.fingerprint.clone(),
        kind: engine.kind.clone(),
    }
}

/// What is known of a stat.
#[must_use]
pub fn stat_info_to_proto(stat: &StatInfo) -> v1::StatInfo {
    let better = match stat.more_is_better {
        Some(true) => v1::StatDirection::More,
        Some(false) => v1::StatDirection::Less,
        None => v1::StatDirection::Unspecified,
    };
    v1::StatInfo {
        name: stat.name.clone(),
        label: stat.label.clone(),
        unit: stat.unit.clone(),
        better: better.into(),
        main: stat.main,
    }
}
