//! What the supervisor is doing, in one piece: metrics, status page and admin service all show this and nothing else.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{EngineChoice, ReloadResult, memory};
use crate::build::{
    base::{BaseId, EditionId, EngineFacts},
    outcome::named_enum,
};

/// What the supervisor is doing.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// One for each shard.
    pub shards: Vec<ShardStatus>,
    /// The engines, in the operator's order.
    pub engines: Vec<EngineStatus>,
    /// Bases that are held.
    pub bases: Vec<BaseStatus>,
    /// Bases that are being loaded.
    pub loading: usize,
    /// What happened since the start.
    pub counters: Counters,
    /// Proportional set size of all runtimes together, in bytes, as last measured.
    pub memory_bytes: u64,
    /// What the runtimes use, by role, as last measured.
    pub usage: Usage,
    /// Shards whose runtimes died too often and that rest for a while.
    pub quarantined: usize,
    /// Variations that wait.
    pub queued: usize,
    /// Sessions that are open.
    pub sessions: usize,
    /// How much of what there may be.
    pub limits: StatusLimits,
    /// What went wrong lately, the newest first.
    pub incidents: Vec<Incident>,
}

impl Status {
    /// Whether variations can be evaluated by the first engine, which is what calls get that name none: there is something
    /// to fork from, and a shard that is not in quarantine.
    ///
    /// Another engine that is broken does not take the server out of service: its own calls are told, and all others are
    /// served. So a server whose first engine is broken goes out of service, though it serves the others meanwhile.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.engines.first().is_some_and(|engine| self.is_engine_ready(engine))
    }

    /// The same, of that engine.
    #[must_use]
    pub fn is_engine_ready(&self, engine: &EngineStatus) -> bool {
        engine.zygote_pid.is_some() && self.quarantined < self.shards.len()
    }

    /// Process ids of all zygotes that new calls get, of those that live.
    pub fn zygote_pids(&self) -> impl Iterator<Item = u32> {
        self.engines.iter().filter_map(|engine| engine.zygote_pid)
    }
}

/// What an engine is doing.
#[derive(Clone, Debug)]
pub struct EngineStatus {
    /// What new calls get.
    pub facts: Arc<EngineFacts>,
    /// Where it was booted from.
    pub choice: EngineChoice,
    /// Process id of its zygote, if it lives.
    pub zygote_pid: Option<u32>,
    /// Editions that calls still use, the oldest first.
    pub old: Vec<OldEdition>,
    /// Whether the next edition is on its way.
    pub reloading: bool,
    /// Reloads since the start, by place of the result.
    pub reloads: [u64; ReloadResult::ALL.len()],
    /// When the last was, what came of it, and in words.
    pub last_reload: Option<(SystemTime, ReloadResult, String)>,
}

/// An edition that nothing new comes to.
#[derive(Clone, Debug)]
pub struct OldEdition {
    /// What it is.
    pub facts: Arc<EngineFacts>,
    /// Calls and sessions that use it.
    pub holders: usize,
}

/// Bounds that an operator compares with.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatusLimits {
    /// Waiting variations beyond which no session is opened.
    pub queue: usize,
    /// Sessions at once.
    pub sessions: usize,
    /// Bases at once.
    pub bases: usize,
    /// Marks of memory; soft and hard are growth.
    pub marks: memory::Marks,
}

/// A base that is held.
#[derive(Clone, Debug)]
pub struct BaseStatus {
    /// Its name.
    pub id: BaseId,
    /// Name of its engine.
    pub engine: Arc<str>,
    /// Which edition of it.
    pub edition: EditionId,
    /// What it is, for people: class, ascendancy, level. Comes from the build, so it may be anything.
    pub label: Arc<str>,
    /// Process id of its template, if it lives.
    pub template_pid: Option<u32>,
    /// Lua heap of its template, in bytes.
    pub heap_bytes: u64,
    /// Proportional set size of its template, in bytes, as last measured.
    pub proportional_bytes: u64,
    /// Sessions that use it.
    pub sessions: usize,
    /// Variations that wait for it.
    pub queued: usize,
    /// Since when nobody asked for it.
    pub unused: Duration,
}

/// What a shard is doing.
#[derive(Clone, Debug)]
pub struct ShardStatus {
    /// Generation of its runtime.
    pub generation: u64,
    /// Process id of its runtime, if it has one.
    pub pid: Option<u32>,
    /// What it is doing.
    pub state: ShardState,
    /// Whether it is at work.
    pub busy: bool,
    /// The base that it serves; `None` also while it serves the plain path.
    pub base: Option<BaseId>,
    /// Lua heap of its runtime in bytes, as it last said.
    pub heap_bytes: u64,
    /// Resident memory of its runtime, in bytes, as last measured.
    pub resident_bytes: u64,
    /// Lua heaps at which its runtime is reclaimed, 0 without one; `total_bytes` is nobody's own.
    pub marks: memory::Marks,
    /// Variations that its runtimes answered.
    pub served: u64,
    /// How long they were at work for it.
    pub busy_time: Duration,
    /// Runtimes that were replaced or lost since the start.
    pub resets: u64,
    /// When and why the last of them.
    pub last_reset: Option<(SystemTime, ResetReason)>,
}

named_enum! {
    /// What a shard is doing, for those who look.
    ShardState {
        /// It has no runtime.
        Empty => "empty",
        /// Its runtime is on its way.
        Forking => "forking",
        /// Its runtime waits for work.
        Idle => "idle",
        /// Its runtime does something for its own good.
        Care => "care",
        /// Its runtime works.
        Busy => "busy",
        /// Forking failed, and is tried again in a moment.
        Paused => "paused",
        /// Its runtimes died too often.
        Quarantined => "quarantined",
    }
}

named_enum! {
    /// Why a shard lost its runtime.
    ResetReason {
        /// A variation took longer than its time budget.
        TimeLimit => "time_limit",
        /// A variation ran into the limit of the Lua heap.
        MemoryLimit => "memory_limit",
        /// It died, or broke the protocol.
        Crashed => "crashed",
        /// Its heap grew beyond the hard mark.
        HardMark => "hard_mark",
        /// Its heap grew beyond the soft mark, and a reset was the cheaper way to shrink it.
        SoftMark => "soft_mark",
        /// All runtimes together were beyond the total mark.
        TotalMark => "total_mark",
        /// Its base no longer evaluated to itself.
        Drift => "drift",
        /// It was good for one variation by the plain path.
        PlainDone => "plain_done",
        /// An operator asked for it.
        Requested => "requested",
        /// A warm template has taken the place of the cold one that it was forked from.
        WarmedUp => "warmed_up",
        /// Its edition of the engine has ended.
        EditionEnded => "edition_ended",
    }
}

named_enum! {
    /// What a runtime is for.
    Role {
        /// Everything is forked from it.
        Zygote => "zygote",
        /// Holds a base.
        Template => "template",
        /// Evaluates.
        Shard => "shard",
    }
}

/// What the runtimes use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// By place of the role.
    pub(super) roles: [RoleUsage; Role::ALL.len()],
    /// Processor time, of those that are gone too.
    pub cpu: Duration,
}

/// What the runtimes of one role use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoleUsage {
    /// How many there are.
    pub count: usize,
    /// Their proportional set size together, in bytes.
    pub proportional_bytes: u64,
}

impl Usage {
    /// Of one role.
    #[must_use]
    pub fn of(&self, role: Role) -> RoleUsage {
        self.roles[role as usize]
    }

    /// Adds a runtime.
    pub(super) fn add(&mut self, role: Role, proportional_bytes: u64) {
        let usage = &mut self.roles[role as usize];
        usage.count += 1;
        usage.proportional_bytes += proportional_bytes;
    }
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Times that a base no longer evaluated to itself. Must stay 0.
    pub drifts: u64,
    /// Outcomes that were computed again by the plain path and compared.
    pub verified: u64,
    /// Those that differed. Must stay 0.
    pub mismatches: u64,
    /// Full collections.
    pub collections: u64,
    /// Canaries sent to idle runtimes.
    pub canaries: u64,
    /// Templates that were given up for room.
    pub evictions: u64,
    /// Variations that were answered by what an identical one gave.
    pub cached: u64,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// When, the last time.
    pub at: SystemTime,
    /// How often.
    pub count: u64,
    /// What: a stable name.
    pub what: &'static str,
    /// In words. May quote what a client sent.
    pub message: String,
    /// The shard, if it was one.
    pub shard: Option<usize>,
    /// The base.
    pub base: Option<BaseId>,
    /// The call, as the log names it; of the last time.
    pub request_id: Arc<str>,
}

/// Incidents that are remembered: a page full.
const INCIDENTS_MAX: usize = 32;

/// Longest message of an incident, in characters.
const MESSAGE_CHARS_MAX: usize = 200;

/// What went wrong lately. The same thing again makes no new entry, so that one client cannot push out what happened
/// to all others.
#[derive(Debug, Default)]
pub struct Incidents(VecDeque<Incident>);

impl Incidents {
    /// Notes an incident.
    pub fn note(&mut self, mut incident: Incident) {
        incident.message = incident.message.chars().take(MESSAGE_CHARS_MAX).collect();
        let same = |old: &Incident| (old.what, old.base) == (incident.what, incident.base);
        if let Some(old) = self.0.iter().position(same).and_then(|place| self.0.remove(place)) {
            incident.count += old.count;
        }
        self.0.push_front(incident);
        self.0.truncate(INCIDENTS_MAX);
    }

    /// All of them, the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Incident> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident(what: &'static str, base: usize, message: &str) -> Incident {
        Incident {
            at: SystemTime::UNIX_EPOCH,
            count: 1,
            what,
            message: message.into(),
            shard: None,
            base: Some(BaseId::of("test", &base.to_string())),
            request_id: "call".into(),
        }
    }

    #[test]
    fn the_same_thing_again_is_counted_and_comes_first() {
        let mut incidents = Incidents::default();
        for (what, message) in [("a", "first"), ("b", "other"), ("a", "last")] {
            incidents.note(incident(what, 0, message));
        }
        let list = incidents.list();
        let seen: Vec<_> = list.iter().map(|seen| (seen.what, seen.count, &*seen.message)).collect();
        assert_eq!(seen, [("a", 2, "last"), ("b", 1, "other")]);
    }

    #[test]
    fn incidents_are_bounded_in_number_and_length() {
        let mut incidents = Incidents::default();
        for base in 0..100 {
            incidents.note(incident("a", base, &"\u{e4}".repeat(1000)));
        }
        let list = incidents.list();
        assert_eq!(list.len(), INCIDENTS_MAX);
        assert!(list.iter().all(|incident| incident.message.chars().count() == MESSAGE_CHARS_MAX));
        assert_eq!(list[0].base, Some(BaseId::of("test", "99")), "the newest stay");
    }
}
