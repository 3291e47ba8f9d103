//! Room for runtimes: what they use, and which of them goes when that is too much. Decides by `memory`.

use super::{
    super::{Refusal, ResetReason, gauge::Measurement, memory, template::ForkPoint},
    Driver,
};
use crate::build::{base::BaseKey, outcome::FailureReason};

impl Driver {
    /// Makes sure that one more base may be held, in number and in memory.
    pub(super) fn make_room(&mut self) -> Result<(), Refusal> {
        while self.current_bases() >= self.settings.bases_max {
            self.evict().ok_or(Refusal::BasesFull)?;
        }
        let marks = self.settings.memory;
        loop {
            if memory::has_room(&marks, self.used_bytes(), self.base_bytes().saturating_add(self.expected_bytes())) {
                return Ok(());
            }
            if !self.spares.release() {
                self.evict().ok_or(Refusal::MemoryFull)?;
            }
        }
    }

    /// Whether all scratch memory may be taken before it is used.
    pub(super) fn has_room_for_scratch(&self) -> bool {
        let expected = self.spares.bytes_max().saturating_add(self.expected_bytes());
        memory::has_room(&self.settings.memory, self.used_bytes(), expected)
    }

    /// What all runtimes take, and what is kept for the next ones.
    fn used_bytes(&self) -> u64 {
        self.usage.values().sum::<u64>().saturating_add(self.spares.kept_bytes())
    }

    /// What is being loaded or warmed up, which the last measurement has not seen.
    fn expected_bytes(&self) -> u64 {
        self.base_bytes().saturating_mul((self.loading.len() + self.warming_up) as u64)
    }

    /// What a template takes, by the largest one that is held.
    pub(super) fn base_bytes(&self) -> u64 {
        let pids = self.bases.values().filter_map(|entry| entry.fork_point.as_ref()).map(ForkPoint::pid);
        pids.filter_map(|pid| self.usage.get(&pid).copied()).max().unwrap_or(memory::BASE_BYTES_UNKNOWN)
    }

    /// Bases that are held or on their way, but for those of old editions: a reload must not run into the bound on bases,
    /// and nothing new comes to an old one.
    fn current_bases(&self) -> usize {
        self.bases.keys().chain(self.loading.keys()).filter(|key| self.editions.is_current(key.edition)).count()
    }

    /// Lets go of the least recently used base without a session, one of an old edition first; `None` if there is none.
    pub(super) fn evict(&mut self) -> Option<()> {
        let idle = self.bases.iter().filter(|(id, _)| self.sessions_of(**id) == 0);
        let oldest = *idle.min_by_key(|(key, entry)| (self.editions.is_current(key.edition), entry.used))?.0;
        self.evict_base(oldest);
        Some(())
    }

    pub(super) fn evict_base(&mut self, key: BaseKey) {
        if let Some(pid) = self.bases.get(&key).and_then(|entry| entry.fork_point.as_ref()).map(ForkPoint::pid) {
            self.usage.remove(&pid);
        }
        self.forget(key, FailureReason::Unavailable);
        self.counters.evictions += 1;
        tracing::info!(base = %key.id, "base evicted");
    }

    /// Takes note of what every runtime uses, and makes some of them smaller if that is too much.
    pub(super) fn measured(&mut self, measurement: Measurement) {
        self.usage = measurement.proportional;
        for slot in &mut self.shards {
            if let Some(bytes) = slot.pid.and_then(|pid| measurement.resident.get(&pid)) {
                slot.resident_bytes = *bytes;
            }
        }
        self.usage_by_role = self.measured_by_role();
        // What was just reaped may be in neither sum for a moment; time does not run backwards.
        self.cpu = self.cpu.max(measurement.cpu);
        let marks = self.settings.memory;
        while memory::is_over(&marks, self.used_bytes()) {
            if self.spares.release() || self.evict().is_some() {
                continue;
            }
            // Nothing but shards is left: an idle one that is larger than its template shrinks to it.
            let largest = self.shards.iter().enumerate().filter_map(|(index, slot)| {
                let pid = slot.pid.filter(|_| self.dispatch.is_idle(index))?;
                Some((*self.usage.get(&pid)?, index, pid))
            });
            let Some((_, index, pid)) = largest.max() else { return };
            self.usage.remove(&pid);
            self.stop_idle(index, ResetReason::TotalMark);
        }
    }

    /// Process ids of all runtimes.
    pub(super) fn pids(&self) -> Vec<u32> {
        let templates = self.bases.values().filter_map(|entry| entry.fork_point.as_ref()).map(ForkPoint::pid);
        let shards = self.shards.iter().filter_map(|slot| slot.pid);
        let zygotes = self.installed.values().filter_map(|installed| installed.zygote.as_ref()).map(ForkPoint::pid);
        zygotes.chain(templates).chain(shards).collect()
    }
}
