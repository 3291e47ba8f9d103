//! What a server is doing: for operators' programs, and as JSON for the status page and for `pobatch status`.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{duration_to_proto, engine_to_proto};
use crate::{
    overview::{Overview, Standing},
    proto::v1,
    supervisor::{BaseStatus, EngineChoice, EngineStatus, Incident, OldEdition, Role, ShardState, ShardStatus, Status},
};

/// The message of an overview.
#[must_use]
pub fn overview_to_proto(overview: &Overview) -> v1::GetStatusResponse {
    let Overview { engine, standing, started, observed, status } = overview;
    let mut bases: Vec<_> = status.bases.iter().collect();
    bases.sort_by_key(|base| (base.unused, base.id));
    v1::GetStatusResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: Some(engine_to_proto(engine)),
        engines: status.engines.iter().map(|engine| engine_status_to_proto(engine, status)).collect(),
        state: match standing {
            Standing::Serving => v1::ServingState::Serving,
            Standing::NotReady => v1::ServingState::NotReady,
            Standing::Draining => v1::ServingState::Draining,
        }
        .into(),
        started_at: Some(timestamp(*started)),
        observed_at: Some(timestamp(*observed)),
        shards: (0..).zip(&status.shards).map(|(index, shard)| shard_to_proto(index, shard)).collect(),
        bases: bases.into_iter().map(base_to_proto).collect(),
        bases_loading: small(status.loading),
        occupancy: Some(v1::Occupancy {
            queued: status.queued as u64,
            queued_max: status.limits.queue as u64,
            sessions: status.sessions as u64,
            sessions_max: status.limits.sessions as u64,
            bases_max: status.limits.bases as u64,
        }),
        memory: Some(memory_to_proto(status)),
        exactness: Some(v1::ExactnessStatus {
            drifts: status.counters.drifts,
            verified: status.counters.verified,
            mismatches: status.counters.mismatches,
        }),
        incidents: status.incidents.iter().map(incident_to_proto).collect(),
        cached: status.counters.cached,
    }
}

fn engine_status_to_proto(engine: &EngineStatus, status: &Status) -> v1::EngineStatus {
    v1::EngineStatus {
        engine: Some(engine_to_proto(&engine.facts)),
        directory: match &engine.choice {
            EngineChoice::Sample => String::new(),
            EngineChoice::Pob(directory) => directory.to_string_lossy().into_owned(),
        },
        edition: engine.facts.edition.0,
        ready: status.is_engine_ready(engine),
        pid: engine.zygote_pid,
        old: engine.old.iter().map(old_edition_to_proto).collect(),
        reloading: engine.reloading,
        last_reload_result: engine.last_reload.as_ref().map_or("", |(_, result, _)| result.as_str()).to_owned(),
        last_reload_message: engine.last_reload.as_ref().map_or("", |(_, _, words)| words).to_owned(),
        last_reload_at: engine.last_reload.as_ref().map(|(at, ..)| timestamp(*at)),
    }
}

fn old_edition_to_proto(old: &OldEdition) -> v1::OldEdition {
    v1::OldEdition {
        engine: Some(engine_to_proto(&old.facts)),
        edition: old.facts.edition.0,
        holders: small(old.holders),
    }
}

fn shard_to_proto(index: u32, shard: &ShardStatus) -> v1::ShardStatus {
    v1::ShardStatus {
        shard: index,
        state: match shard.state {
            ShardState::Empty => v1::ShardState::Empty,
            ShardState::Forking => v1::ShardState::Forking,
            ShardState::Idle => v1::ShardState::Idle,
            ShardState::Care => v1::ShardState::Care,
            ShardState::Busy => v1::ShardState::Busy,
            ShardState::Paused => v1::ShardState::Paused,
            ShardState::Quarantined => v1::ShardState::Quarantined,
        }
        .into(),
        base_id: shard.base.map_or_else(String::new, |base| base.to_string()),
        generation: shard.generation,
        pid: shard.pid,
        heap_bytes: shard.heap_bytes,
        soft_mark_bytes: shard.marks.soft_bytes,
        hard_mark_bytes: shard.marks.hard_bytes,
        limit_bytes: shard.marks.limit_bytes,
        resident_bytes: shard.resident_bytes,
        served: shard.served,
        busy_time: duration_to_proto(shard.busy_time),
        resets: shard.resets,
        last_reset_reason: shard.last_reset.map_or("", |(_, reason)| reason.as_str()).to_owned(),
        last_reset_at: shard.last_reset.map(|(at, _)| timestamp(at)),
    }
}

fn base_to_proto(base: &BaseStatus) -> v1::BaseStatus {
    v1::BaseStatus {
        base_id: base.id.to_string(),
        label: base.label.to_string(),
        pid: base.template_pid,
        heap_bytes: base.heap_bytes,
        proportional_bytes: base.proportional_bytes,
        sessions: small(base.sessions),
        queued: base.queued as u64,
        unused_time: duration_to_proto(base.unused),
        engine: base.engine.to_string(),
        edition: base.edition.0,
    }
}

fn memory_to_proto(status: &Status) -> v1::MemoryStatus {
    let of = |role| status.usage.of(role).proportional_bytes;
    v1::MemoryStatus {
        total_bytes: status.memory_bytes,
        total_mark_bytes: status.limits.marks.total_bytes,
        zygote_bytes: of(Role::Zygote),
        templates_bytes: of(Role::Template),
        shards_bytes: of(Role::Shard),
    }
}

fn incident_to_proto(incident: &Incident) -> v1::Incident {
    v1::Incident {
        at: Some(timestamp(incident.at)),
        count: incident.count,
        what: incident.what.to_owned(),
        message: incident.message.clone(),
        shard: incident.shard.map(small),
        base_id: incident.base.map_or_else(String::new, |base| base.to_string()),
        request_id: incident.request_id.to_string(),
    }
}

fn timestamp(time: SystemTime) -> prost_types::Timestamp {
    time.into()
}

/// Counts that are tens.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// An overview as JSON: names as in the API without what the type says anyway, times in seconds (since 1970).
#[must_use]
pub fn overview_to_json(overview: &v1::GetStatusResponse) -> Value {
    let engine = overview.engine.clone().unwrap_or_default();
    let occupancy = overview.occupancy.unwrap_or_default();
    let memory = overview.memory.unwrap_or_default();
    let exactness = overview.exactness.unwrap_or_default();
    json!({
        "version": overview.version,
        "engine": engine_to_json(Some(&engine)),
        "engines": overview.engines.iter().map(engine_status_to_json).collect::<Vec<_>>(),
        "state": name(overview.state().as_str_name(), "SERVING_STATE_"),
        "started_at": seconds(overview.started_at.as_ref()),
        "observed_at": seconds(overview.observed_at.as_ref()),
        "shards": overview.shards.iter().map(shard_to_json).collect::<Vec<_>>(),
        "bases": overview.bases.iter().map(base_to_json).collect::<Vec<_>>(),
        "bases_loading": overview.bases_loading,
        "cached": overview.cached,
        "occupancy": {
            "queued": occupancy.queued,
            "queued_max": occupancy.queued_max,
            "sessions": occupancy.sessions,
            "sessions_max": occupancy.sessions_max,
            "bases_max": occupancy.bases_max,
        },
        "memory": {
            "total_bytes": memory.total_bytes,
            "total_mark_bytes": memory.total_mark_bytes,
            "zygote_bytes": memory.zygote_bytes,
            "templates_bytes": memory.templates_bytes,
            "shards_bytes": memory.shards_bytes,
        },
        "exactness": {
            "drifts": exactness.drifts,
            "verified": exactness.verified,
            "mismatches": exactness.mismatches,
        },
        "incidents": overview.incidents.iter().map(|incident| json!({
            "at": seconds(incident.at.as_ref()),
            "count": incident.count,
            "what": incident.what,
            "message": incident.message,
            "shard": incident.shard,
            "base_id": incident.base_id,
            "request_id": incident.request_id,
        })).collect::<Vec<_>>(),
    })
}

fn engine_to_json(engine: Option<&v1::Engine>) -> Value {
    let v1::Engine { name, version, fingerprint, kind } = engine.cloned().unwrap_or_default();
    json!({ "name": name, "version": version, "fingerprint": fingerprint, "kind": kind })
}

fn engine_status_to_json(status: &v1::EngineStatus) -> Value {
    json!({
        "engine": engine_to_json(status.engine.as_ref()),
        "directory": status.directory,
        "edition": status.edition,
        "ready": status.ready,
        "pid": status.pid,
        "old": status.old.iter().map(|old| json!({
            "engine": engine_to_json(old.engine.as_ref()),
            "edition": old.edition,
            "holders": old.holders,
        })).collect::<Vec<_>>(),
        "reloading": status.reloading,
        "last_reload_result": status.last_reload_result,
        "last_reload_message": status.last_reload_message,
        "last_reload_at": status.last_reload_at.as_ref().map(|at| seconds(Some(at))),
    })
}

fn shard_to_json(shard: &v1::ShardStatus) -> Value {
    json!({
        "shard": shard.shard,
        "state": name(shard.state().as_str_name(), "SHARD_STATE_"),
        "base_id": shard.base_id,
        "generation": shard.generation,
        "pid": shard.pid,
        "heap_bytes": shard.heap_bytes,
        "soft_mark_bytes": shard.soft_mark_bytes,
        "hard_mark_bytes": shard.hard_mark_bytes,
        "limit_bytes": shard.limit_bytes,
        "resident_bytes": shard.resident_bytes,
        "served": shard.served,
        "busy_seconds": length(shard.busy_time.as_ref()),
        "resets": shard.resets,
        "last_reset_reason": shard.last_reset_reason,
        "last_reset_at": shard.last_reset_at.as_ref().map(|at| seconds(Some(at))),
    })
}

fn base_to_json(base: &v1::BaseStatus) -> Value {
    json!({
        "base_id": base.base_id,
        "label": base.label,
        "pid": base.pid,
        "heap_bytes": base.heap_bytes,
        "proportional_bytes": base.proportional_bytes,
        "sessions": base.sessions,
        "queued": base.queued,
        "unused_seconds": length(base.unused_time.as_ref()),
        "engine": base.engine,
        "edition": base.edition,
    })
}

/// `SHARD_STATE_IDLE` without its type, in small letters.
fn name(proto: &str, prefix: &str) -> String {
    proto.trim_start_matches(prefix).to_lowercase()
}

fn seconds(at: Option<&prost_types::Timestamp>) -> f64 {
    at.map_or(0.0, |at| at.seconds as f64 + f64::from(at.nanos) / 1e9)
}

fn length(time: Option<&prost_types::Duration>) -> f64 {
    time.map_or(0.0, |time| time.seconds as f64 + f64::from(time.nanos) / 1e9)
}
