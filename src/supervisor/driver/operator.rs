//! What operators see of the driver, and the little that they can tell it. Decides nothing about work.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{
        BaseStatus, EngineStatus, EvictError, OldEdition, ResetReason, Role, ShardState, ShardStatus, Status,
        dispatch::{Source, State},
        memory,
        status::{StatusLimits, Usage},
    },
    Driver, Entry, Slot,
};
use crate::{
    build::base::{BaseId, BaseKey, EditionId},
    proto::runtime::AssignmentDone,
    supervisor::{shard::Order, template::ForkPoint},
};

impl Driver {
    /// What the supervisor is doing.
    pub(super) fn status(&self) -> Status {
        let now = Instant::now();
        let base = |(key, entry): (&BaseKey, &Entry)| {
            let template_pid = entry.fork_point.as_ref().map(ForkPoint::pid);
            BaseStatus {
                id: key.id,
                engine: entry.base.engine.name.as_str().into(),
                edition: key.edition,
                label: entry.base.label.clone(),
                template_pid,
                heap_bytes: entry.heap_bytes,
                proportional_bytes: template_pid.and_then(|pid| self.usage.get(&pid).copied()).unwrap_or(0),
                sessions: self.sessions_of(*key),
                queued: self.dispatch.queued_for(*key),
                unused: now - entry.used,
            }
        };
        let shards = self.shards.iter().enumerate();
        Status {
            shards: shards.filter_map(|(index, slot)| self.shard_status(index, slot, now)).collect(),
            engines: self.editions.all().filter_map(|(name, edition)| self.engine_status(name, edition)).collect(),
            bases: self.bases.iter().map(base).collect(),
            loading: self.loading.len(),
            counters: self.counters,
            memory_bytes: self.usage.values().sum(),
            usage: Usage { cpu: self.cpu, ..self.usage_by_role },
            quarantined: self.dispatch.quarantined(now),
            queued: self.dispatch.queued(),
            sessions: self.sessions.len(),
            limits: StatusLimits {
                queue: self.settings.queue_max,
                sessions: self.settings.sessions_max,
                bases: self.settings.bases_max,
                marks: self.settings.memory,
            },
            incidents: self.incidents.list(),
        }
    }

    fn engine_status(&self, name: &Arc<str>, edition: EditionId) -> Option<EngineStatus> {
        let (installed, run) = (self.installed.get(&edition)?, self.runs.get(name)?);
        let old = self.editions.old_of(name).iter().filter_map(|(edition, _)| {
            let installed = self.installed.get(edition)?;
            Some(OldEdition { facts: Arc::clone(&installed.facts), holders: installed.lease.holders() })
        });
        Some(EngineStatus {
            facts: Arc::clone(&installed.facts),
            choice: installed.choice.clone(),
            zygote_pid: installed.zygote.as_ref().filter(|zygote| !zygote.is_dead()).map(ForkPoint::pid),
            old: old.collect(),
            reloading: self.editions.is_reloading(name),
            reloads: run.reloads,
            last_reload: run.last_reload.clone(),
        })
    }

    fn shard_status(&self, index: usize, slot: &Slot, now: Instant) -> Option<ShardStatus> {
        let (state, generation) = self.dispatch.shard(index)?;
        let base = match state.source() {
            Some(Source::Template(base)) => Some(base),
            Some(Source::Zygote(_)) | None => None,
        };
        let template_bytes = base.and_then(|base| self.bases.get(&base)).map_or(0, |entry| entry.heap_bytes);
        let marks = self.settings.memory;
        let (soft_bytes, hard_bytes) = match state.source() {
            Some(_) => (marks.soft_for(template_bytes), marks.hard_for(template_bytes)),
            None => (0, 0),
        };
        Some(ShardStatus {
            generation,
            pid: slot.pid,
            state: shard_state(state, now),
            busy: state.is_busy(),
            base: base.map(|base| base.id),
            heap_bytes: slot.pid.map_or(0, |_| slot.heap_bytes),
            resident_bytes: slot.pid.map_or(0, |_| slot.resident_bytes),
            marks: memory::Marks { soft_bytes, hard_bytes, ..marks },
            served: slot.served,
            busy_time: slot.busy_time + slot.busy_since.map_or(Duration::ZERO, |since| now - since),
            resets: slot.resets,
            last_reset: slot.last_reset,
        })
    }

    /// What was just measured, by role.
    pub(super) fn measured_by_role(&self) -> Usage {
        let mut usage = Usage::default();
        let templates = self.bases.values().filter_map(|entry| entry.fork_point.as_ref());
        let templates = templates.map(|template| (Role::Template, template.pid()));
        let shards = self.shards.iter().filter_map(|slot| slot.pid).map(|pid| (Role::Shard, pid));
        let zygotes = self.installed.values().filter_map(|installed| installed.zygote.as_ref());
        let zygotes = zygotes.map(|zygote| (Role::Zygote, zygote.pid()));
        for (role, pid) in zygotes.chain(templates).chain(shards) {
            usage.add(role, self.usage.get(&pid).copied().unwrap_or(0));
        }
        usage
    }

    /// Why a runtime is replaced that came out of its assignment alive.
    pub(super) fn why_reset(
        &self,
        shard: usize,
        done: &AssignmentDone,
        template_bytes: u64,
        outdated: bool,
    ) -> ResetReason {
        let source = self.dispatch.shard(shard).and_then(|(state, _)| state.source());
        if done.drifted {
            ResetReason::Drift
        } else if done.spent && matches!(source, Some(Source::Zygote(_))) {
            ResetReason::PlainDone
        } else if done.spent {
            ResetReason::MemoryLimit
        } else if self.shards[shard].reset_requested {
            ResetReason::Requested
        } else if outdated {
            ResetReason::WarmedUp
        } else if done.lua_heap_bytes > self.settings.memory.hard_for(template_bytes) {
            ResetReason::HardMark
        } else {
            ResetReason::SoftMark
        }
    }

    /// Lets go of an idle shard's runtime.
    pub(super) fn stop_idle(&mut self, shard: usize, reason: ResetReason) {
        self.count_reset(shard, reason);
        self.dispatch.drop_idle(shard);
        self.shards[shard].pid = None;
        self.shards[shard].shard.order(Order::Stop);
    }

    /// Has shards get fresh runtimes, all of them if none is named; says how many.
    pub(super) fn reset(&mut self, asked: &[usize]) -> usize {
        let now = Instant::now();
        let mut count = 0;
        for index in 0..self.shards.len() {
            let Some((state, _)) = self.dispatch.shard(index) else { continue };
            if !asked.is_empty() && !asked.contains(&index) {
                continue;
            }
            count += 1;
            match shard_state(state, now) {
                ShardState::Idle => self.stop_idle(index, ResetReason::Requested),
                ShardState::Busy => {
                    self.shards[index].reset_requested = true;
                    self.shards[index].shard.order(Order::Cancel);
                }
                ShardState::Care => self.shards[index].reset_requested = true,
                ShardState::Paused | ShardState::Quarantined => self.dispatch.release(index),
                // What it has, or will have in a moment, is fresh.
                ShardState::Empty | ShardState::Forking => {}
            }
        }
        tracing::info!(shards = count, "reset by an operator");
        count
    }

    /// Gives up a base that an operator named.
    pub(super) fn evict_named(&mut self, id: BaseId) -> Result<(), EvictError> {
        // Under several editions, if it is.
        let keys: Vec<_> = self.bases.keys().filter(|key| key.id == id).copied().collect();
        if keys.is_empty() {
            return Err(EvictError::Unknown(id));
        }
        if keys.iter().any(|key| self.sessions_of(*key) > 0) {
            return Err(EvictError::InUse(id));
        }
        for key in keys {
            self.evict_base(key);
        }
        Ok(())
    }
}

fn shard_state(state: &State, now: Instant) -> ShardState {
    match state {
        State::Empty => ShardState::Empty,
        State::Forking { .. } => ShardState::Forking,
        State::Idle { .. } => ShardState::Idle,
        State::Cared { .. } => ShardState::Care,
        State::Busy { .. } => ShardState::Busy,
        State::Paused { until, quarantined: true } if *until > now => ShardState::Quarantined,
        State::Paused { .. } => ShardState::Paused,
    }
}
