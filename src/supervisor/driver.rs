//! The driver: the one task that owns the supervisor's state. It hears what happens, asks `dispatch` what to do, and
//! gives the orders. It never waits for anything but the next event, so nothing can hold it up.
//!
//! ```text
//!   gRPC ──▶ session tasks ──▶┐            ┌──▶ shard tasks ──▶ runtimes
//!   gRPC ──▶ load/find/open ─▶│   driver   │
//!   shard tasks, base loads ─▶┘  dispatch  └──▶ base loads, zygote
//! ```

mod operator;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    BaseError, Counters, EvictError, Incident, Refusal, ResetReason, SessionSpec, Settings, StartError, Status,
    dispatch::{Action, Care, Dispatch, ItemId, SessionId, Source, Verdict},
    gauge::{self, Measurement},
    memory::{self, Costs},
    results::{Admitted, Results},
    session::Item,
    shard::{self, Order, Shard},
    status::{Incidents, Usage},
    template::ForkPoint,
    translate,
    zygote::{self, Template, Zygote},
};
use crate::{
    build::{
        base::{Base, BaseId},
        outcome::{ComputePath, Evaluated, FailureReason, Selection},
    },
    metrics::{CacheAnswer, Loaded},
    proto::runtime::{AssignmentDone, Evaluate, Outcome},
    task,
};

/// Events that may wait for the driver; senders wait beyond. An event is handled in microseconds.
const EVENTS_MAX: usize = 4096;

/// Events that are handled before `dispatch` plans again.
const EVENTS_AT_ONCE: usize = 256;

/// Times that the template of a base is loaded anew after its death before its variations fail. The first death may
/// be an operator's or the kernel's doing; a base that kills its template again and again is not worth more.
const TEMPLATE_DEATHS_MAX: u32 = 3;

/// Deaths of a template that are further apart have nothing to do with each other.
const TEMPLATE_DEATHS_WINDOW: Duration = Duration::from_secs(60);

/// Pause before the zygote is booted again after its death, so that an engine that cannot live does not eat a core.
const ZYGOTE_PAUSE: Duration = Duration::from_secs(1);

/// Time budget of a variation that goes the plain path: a whole build is loaded.
const PLAIN_TIMEOUT_MIN: Duration = Duration::from_secs(30);

/// How long it is remembered that a base did not load.
const FAILURE_REMEMBERED: Duration = Duration::from_secs(30);

/// Bases that did not load and are remembered; each takes about a hundred bytes.
const FAILURES_REMEMBERED_MAX: usize = 1024;

/// Variations of a runtime after which it compares its base: often enough to notice, and half a per cent of the time.
const CHECK_EVERY: u32 = 200;

/// What is said to those whose variations are not evaluated because the server stops.
const STOPPING: &str = "the server stops before it came to this; send it to another";

type Reply<T> = oneshot::Sender<Result<T, BaseError>>;

/// What the driver hears.
#[derive(Debug)]
pub enum Event {
    /// Load a base, unless it is loaded.
    LoadBase(Arc<str>, Reply<Arc<Base>>),
    /// Find a base.
    FindBase(BaseId, Reply<Arc<Base>>),
    /// Find what a base's runtimes are forked from.
    FindTemplate(BaseId, Reply<ForkPoint>),
    /// Find what runtimes are forked from that never loaded a build.
    FindZygote(Reply<ForkPoint>),
    /// Open a session.
    OpenSession(SessionSpec, Reply<SessionId>),
    /// Variations of a session.
    Submitted(SessionId, Vec<Item>),
    /// A session is over.
    SessionClosed(SessionId),
    /// The server stops: everything that is not answered yet is answered now.
    GiveUp,
    /// A base has been loaded, or not.
    BaseLoaded(BaseId, Result<Template, BaseError>),
    /// The zygote has been booted again, or not.
    ZygoteBooted(Result<Zygote, StartError>),
    /// Somebody wants to know the process ids of all runtimes.
    Pids(oneshot::Sender<Vec<u32>>),
    /// What the runtimes use.
    Measured(Measurement),
    /// An operator wants these shards to have fresh runtimes; none: all.
    Reset(Vec<usize>, oneshot::Sender<usize>),
    /// An operator wants a base to go.
    Evict(BaseId, oneshot::Sender<Result<(), EvictError>>),
    /// Somebody wants to know.
    Status(oneshot::Sender<Status>),
}

/// Starts the driver; it ends when all senders are gone.
pub fn start(settings: Settings, zygote: Zygote) -> mpsc::Sender<Event> {
    let (sender, receiver) = mpsc::channel(EVENTS_MAX);
    // The shards speak through a channel of their own: they must not keep alive what keeps them alive.
    let (messages, from_shards) = mpsc::channel(EVENTS_MAX);
    let shard = |index| Slot {
        shard: Shard::start(index, settings.memory.soft_bytes, messages.clone()),
        pid: None,
        started: None,
        ordered: None,
        heap_bytes: 0,
        resident_bytes: 0,
        served: 0,
        busy_since: None,
        busy_time: Duration::ZERO,
        resets: 0,
        last_reset: None,
        reset_requested: false,
    };
    let driver = Driver {
        dispatch: Dispatch::new(settings.shards, Instant::now()),
        shards: (0..settings.shards).map(shard).collect(),
        zygote: Some(zygote.fork_point),
        bases: HashMap::new(),
        loading: HashMap::new(),
        sessions: HashMap::new(),
        items: HashMap::new(),
        results: Results::new(settings.cache_bytes),
        failed: HashMap::new(),
        usage: HashMap::new(),
        usage_by_role: Usage::default(),
        cpu: Duration::ZERO,
        counters: Counters::default(),
        incidents: Incidents::default(),
        verify_due: 0.0,
        given_up: false,
        next_id: 0,
        events: sender.downgrade(),
        engine: zygote.facts.name.clone(),
        settings,
    };
    task::spawn("driver", driver.run(receiver, from_shards));
    task::spawn("memory", gauge::run(sender.downgrade()));
    sender
}

struct Driver {
    settings: Settings,
    engine: String,
    dispatch: Dispatch,
    shards: Vec<Slot>,
    /// `None` while it is booted again.
    zygote: Option<ForkPoint>,
    bases: HashMap<BaseId, Entry>,
    /// Who waits for a base that is being loaded.
    loading: HashMap<BaseId, Vec<Reply<Arc<Base>>>>,
    sessions: HashMap<SessionId, SessionSpec>,
    items: HashMap<ItemId, Item>,
    results: Results,
    /// Why bases did not load, and until when that is remembered.
    failed: HashMap<BaseId, (BaseError, Instant)>,
    /// What each runtime uses, in bytes, by process id, as last measured.
    usage: HashMap<u32, u64>,
    /// The same by role, for status: by now some of them may have been replaced.
    usage_by_role: Usage,
    /// Processor time of all runtimes that ever were, as last measured.
    cpu: Duration,
    counters: Counters,
    incidents: Incidents,
    /// How much of a variation is due for verification.
    verify_due: f64,
    /// Nothing is evaluated any more.
    given_up: bool,
    next_id: u64,
    /// Weak, or the driver would keep itself alive.
    events: mpsc::WeakSender<Event>,
}

struct Slot {
    shard: Shard,
    pid: Option<u32>,
    /// When the assignment in hand was given.
    started: Option<Instant>,
    /// When the runtime that is on its way was ordered.
    ordered: Option<Instant>,
    /// Lua heap of the runtime, as it last said.
    heap_bytes: u64,
    /// Resident memory of the runtime, as last measured.
    resident_bytes: u64,
    /// Variations that its runtimes answered.
    served: u64,
    /// Since when the runtime is at work.
    busy_since: Option<Instant>,
    /// How long runtimes were at work before that.
    busy_time: Duration,
    resets: u64,
    /// When and why the last.
    last_reset: Option<(SystemTime, ResetReason)>,
    /// An operator wants the runtime to be replaced when it is done with what it is at.
    reset_requested: bool,
}

impl Slot {
    /// The runtime is no longer at work.
    fn rested(&mut self, now: Instant) {
        self.busy_time += self.busy_since.take().map_or(Duration::ZERO, |since| now - since);
    }
}

/// A base that is held.
struct Entry {
    base: Arc<Base>,
    /// `None` while it is loaded again.
    fork_point: Option<ForkPoint>,
    heap_bytes: u64,
    hints: bytes::Bytes,
    used: Instant,
    /// How often its template died lately, and when last.
    deaths: (u32, Instant),
    /// What reclaiming its runtimes costs.
    costs: Costs,
}

impl Driver {
    async fn run(mut self, mut events: mpsc::Receiver<Event>, mut from_shards: mpsc::Receiver<shard::Message>) {
        let mut batch = Vec::with_capacity(EVENTS_AT_ONCE);
        let mut messages = Vec::with_capacity(EVENTS_AT_ONCE);
        loop {
            let wake = self.dispatch.wake_at();
            // Cancel safe: the channels by their documentation.
            tokio::select! {
                count = events.recv_many(&mut batch, EVENTS_AT_ONCE) => if count == 0 { return },
                _ = from_shards.recv_many(&mut messages, EVENTS_AT_ONCE) => {}
                () = sleep_until(wake) => {}
            }
            for message in messages.drain(..) {
                self.heard(message);
            }
            for event in batch.drain(..) {
                self.handle(event);
            }
            let actions = self.dispatch.plan(Instant::now());
            self.carry_out_all(actions);
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::LoadBase(xml, reply) => self.load_base(xml, reply),
            Event::FindBase(id, reply) => {
                let _ = reply.send(self.find_base(id));
            }
            Event::FindTemplate(id, reply) => {
                let found = self.find_base(id);
                let _ = reply.send(found.and_then(|_| self.living_template(id).ok_or(Refusal::NotReady.into())));
            }
            Event::FindZygote(reply) => {
                let _ = reply.send(self.living_zygote().ok_or(Refusal::NotReady.into()));
            }
            Event::OpenSession(spec, reply) => {
                let _ = reply.send(self.open_session(spec));
            }
            Event::Submitted(session, items) => self.submitted(session, items),
            Event::SessionClosed(session) => {
                self.sessions.remove(&session);
                for item in self.results.close_session(session) {
                    item.fail(FailureReason::Cancelled, "the client left");
                }
                let (queued, actions) = self.dispatch.close_session(session);
                for item in queued {
                    self.fail(item, FailureReason::Cancelled);
                }
                self.carry_out_all(actions);
            }
            Event::GiveUp => self.give_up(),
            Event::BaseLoaded(id, result) => self.base_loaded(id, result),
            Event::ZygoteBooted(Ok(zygote)) => {
                tracing::info!(pid = zygote.fork_point.pid(), "the zygote is booted again");
                self.zygote = Some(zygote.fork_point);
            }
            Event::ZygoteBooted(Err(error)) => {
                tracing::error!(%error, "the zygote does not boot");
                self.boot_zygote();
            }
            Event::Pids(reply) => {
                let _ = reply.send(self.pids());
            }
            Event::Measured(usage) => {
                // Nobody may need the zygote for hours, and then a dead one would be noticed by a client.
                self.living_zygote();
                self.measured(usage);
            }
            Event::Status(reply) => {
                let _ = reply.send(self.status());
            }
            Event::Reset(shards, reply) => {
                let _ = reply.send(self.reset(&shards));
            }
            Event::Evict(base, reply) => {
                let _ = reply.send(self.evict_named(base));
            }
        }
    }

    fn find_base(&mut self, id: BaseId) -> Result<Arc<Base>, BaseError> {
        let entry = self.bases.get_mut(&id).ok_or(BaseError::Unknown(id))?;
        entry.used = Instant::now();
        Ok(Arc::clone(&entry.base))
    }

    fn load_base(&mut self, xml: Arc<str>, reply: Reply<Arc<Base>>) {
        let id = BaseId::of(&self.engine, &xml);
        if let Ok(base) = self.find_base(id) {
            let _ = reply.send(Ok(base));
            return;
        }
        if let Some(waiting) = self.loading.get_mut(&id) {
            waiting.push(reply);
            return;
        }
        if let Some(error) = self.remembered_failure(id) {
            let _ = reply.send(Err(error));
            return;
        }
        if let Err(refusal) = self.make_room() {
            let _ = reply.send(Err(refusal.into()));
            return;
        }
        if self.start_loading(id, xml) {
            self.loading.insert(id, vec![reply]);
        } else {
            let _ = reply.send(Err(Refusal::NotReady.into()));
        }
    }

    /// Why a base did not load lately: it would not now either, and trying costs seconds.
    fn remembered_failure(&mut self, id: BaseId) -> Option<BaseError> {
        self.failed.retain(|_, (_, until)| *until > Instant::now());
        self.failed.get(&id).map(|(error, _)| error.clone())
    }

    fn remember_failure(&mut self, id: BaseId, error: &BaseError) {
        if matches!(error, BaseError::Build(_)) && self.failed.len() < FAILURES_REMEMBERED_MAX {
            self.failed.insert(id, (error.clone(), Instant::now() + FAILURE_REMEMBERED));
        }
    }

    /// Makes sure that one more base may be held, in number and in memory.
    fn make_room(&mut self) -> Result<(), Refusal> {
        while self.bases.len() + self.loading.len() >= self.settings.bases_max {
            self.evict().ok_or(Refusal::BasesFull)?;
        }
        let marks = self.settings.memory;
        loop {
            let used: u64 = self.usage.values().sum();
            // What is being loaded has not been seen by the last measurement.
            let expected = self.base_bytes().saturating_mul(1 + self.loading.len() as u64);
            if memory::has_room(&marks, used, expected) {
                return Ok(());
            }
            self.evict().ok_or(Refusal::MemoryFull)?;
        }
    }

    /// What a template takes, by the largest one that is held.
    fn base_bytes(&self) -> u64 {
        let pids = self.bases.values().filter_map(|entry| entry.fork_point.as_ref()).map(ForkPoint::pid);
        pids.filter_map(|pid| self.usage.get(&pid).copied()).max().unwrap_or(memory::BASE_BYTES_UNKNOWN)
    }

    /// Lets go of the least recently used base without a session; `None` if there is none.
    fn evict(&mut self) -> Option<()> {
        let idle = self.bases.iter().filter(|(id, _)| self.sessions_of(**id) == 0);
        let oldest = *idle.min_by_key(|(_, entry)| entry.used)?.0;
        self.evict_base(oldest);
        Some(())
    }

    fn evict_base(&mut self, id: BaseId) {
        if let Some(pid) = self.bases.get(&id).and_then(|entry| entry.fork_point.as_ref()).map(ForkPoint::pid) {
            self.usage.remove(&pid);
        }
        self.forget(id, FailureReason::Unavailable);
        self.counters.evictions += 1;
        tracing::info!(base = %id, "base evicted");
    }

    fn sessions_of(&self, base: BaseId) -> usize {
        self.sessions.values().filter(|session| session.base == base).count()
    }

    /// Takes note of what every runtime uses, and makes some of them smaller if that is too much.
    fn measured(&mut self, measurement: Measurement) {
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
        while memory::is_over(&marks, self.usage.values().sum()) {
            if self.evict().is_some() {
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
    fn pids(&self) -> Vec<u32> {
        let templates = self.bases.values().filter_map(|entry| entry.fork_point.as_ref()).map(ForkPoint::pid);
        let shards = self.shards.iter().filter_map(|slot| slot.pid);
        self.zygote.iter().map(ForkPoint::pid).chain(templates).chain(shards).collect()
    }

    /// Lets go of a base; what is queued for it fails.
    fn forget(&mut self, id: BaseId, reason: FailureReason) {
        self.bases.remove(&id);
        self.results.forget_base(id);
        for item in self.dispatch.drop_base(id) {
            self.fail(item, reason);
        }
    }

    /// False if there is no zygote to fork, or nobody is left who could hear of it.
    fn start_loading(&mut self, id: BaseId, xml: Arc<str>) -> bool {
        let Some(events) = self.events.upgrade() else { return false };
        let Some(zygote) = self.living_zygote() else { return false };
        let metrics = Arc::clone(&self.settings.metrics);
        task::spawn("load base", async move {
            let started = Instant::now();
            let result = zygote::load(zygote, id, xml).await;
            let loaded = if result.is_ok() { Loaded::Yes } else { Loaded::No };
            metrics.work.base_loaded(loaded, started.elapsed());
            let _ = events.send(Event::BaseLoaded(id, result)).await;
        });
        true
    }

    fn base_loaded(&mut self, id: BaseId, result: Result<Template, BaseError>) {
        let waiting = self.loading.remove(&id).unwrap_or_default();
        let answer = match result {
            Ok(template) => {
                self.dispatch.set_cost(id, template.variation_seconds);
                let deaths = self.bases.get(&id).map_or((0, Instant::now()), |entry| entry.deaths);
                let entry = Entry {
                    base: Arc::clone(&template.base),
                    fork_point: Some(template.fork_point),
                    heap_bytes: template.heap_bytes,
                    hints: template.hints,
                    used: Instant::now(),
                    deaths,
                    costs: Costs::default(),
                };
                if template.plain_only {
                    tracing::error!(base = %id, "the base does not evaluate to itself: the plain path serves it");
                    self.dispatch.set_plain_only(id);
                }
                tracing::info!(base = %id, heap_bytes = entry.heap_bytes, "base loaded");
                self.bases.insert(id, entry);
                Ok(template.base)
            }
            Err(error) => {
                self.note("base_not_loaded", error.to_string(), None, Some(id), "");
                self.remember_failure(id, &error);
                if self.bases.contains_key(&id) {
                    self.forget(id, FailureReason::Unavailable);
                }
                Err(error)
            }
        };
        for reply in waiting {
            let _ = reply.send(answer.clone());
        }
    }

    /// The zygote, if it lives; else it is booted again.
    fn living_zygote(&mut self) -> Option<ForkPoint> {
        if self.zygote.as_ref().is_some_and(ForkPoint::is_dead) {
            self.zygote = None;
            self.boot_zygote();
        }
        self.zygote.clone()
    }

    fn boot_zygote(&self) {
        let Some(events) = self.events.upgrade() else { return };
        let settings = self.settings.clone();
        task::spawn("boot zygote", async move {
            tokio::time::sleep(ZYGOTE_PAUSE).await;
            let result = zygote::boot(&settings).await;
            let _ = events.send(Event::ZygoteBooted(result)).await;
        });
    }

    fn open_session(&mut self, spec: SessionSpec) -> Result<SessionId, BaseError> {
        if self.given_up {
            return Err(Refusal::Draining.into());
        }
        if self.sessions.len() >= self.settings.sessions_max {
            return Err(Refusal::SessionsFull.into());
        }
        if self.dispatch.queued() >= self.settings.queue_max {
            return Err(Refusal::QueueFull.into());
        }
        self.find_base(spec.base)?;
        let id = self.fresh_id();
        self.dispatch.open_session(id, spec.base, spec.priority);
        self.sessions.insert(id, spec);
        Ok(id)
    }

    fn submitted(&mut self, session: SessionId, items: Vec<Item>) {
        let Some(spec) = self.sessions.get(&session) else { return };
        if self.given_up {
            for item in items {
                item.fail(FailureReason::Unavailable, STOPPING);
            }
            return;
        }
        if !self.bases.contains_key(&spec.base) {
            for item in items {
                item.fail(FailureReason::Unavailable, "the base could not be kept; send the build again");
            }
            return;
        }
        let asker = self.results.asker(session, spec);
        let mut ids = Vec::with_capacity(items.len());
        for item in items {
            let id = self.fresh_id();
            let item = match asker {
                Some(asker) => {
                    let (answer, item) = match self.results.admit(asker, id, item) {
                        Admitted::Answered => (CacheAnswer::Hit, None),
                        Admitted::Waits => (CacheAnswer::Joined, None),
                        Admitted::New(item) => (CacheAnswer::Miss, Some(item)),
                    };
                    self.counters.cached += u64::from(answer == CacheAnswer::Hit);
                    self.settings.metrics.work.looked_up(answer);
                    item
                }
                None => Some(item),
            };
            if let Some(item) = item {
                self.items.insert(id, item);
                ids.push(id);
            }
        }
        self.dispatch.submit(session, ids);
    }

    /// A variation has its outcome; so have those that waited for it, or they are computed after all.
    fn settled(&mut self, id: ItemId, evaluated: &Evaluated) {
        let (answered, again) = self.results.settle(id, evaluated);
        self.counters.cached += answered;
        self.submit_again(again);
    }

    /// A variation will not be computed; those that waited for it are.
    fn abandoned(&mut self, id: ItemId) {
        let again = self.results.abandon(id);
        self.submit_again(again);
    }

    fn submit_again(&mut self, items: Vec<(SessionId, Item)>) {
        for (session, item) in items {
            self.submitted(session, vec![item]);
        }
    }

    /// Answers everything that waits or is at work. What runtimes still say about it finds nobody.
    fn give_up(&mut self) {
        self.given_up = true;
        let bases: Vec<_> = self.bases.keys().copied().collect();
        for base in bases {
            self.dispatch.drop_base(base);
        }
        let waiting = self.results.take_followers();
        for item in self.items.drain().map(|(_, item)| item).chain(waiting) {
            item.fail(FailureReason::Unavailable, STOPPING);
        }
    }

    fn again_by_plain_path(&mut self, shard: usize, generation: u64) {
        if let Some(action) = self.dispatch.needs_plain(shard, generation) {
            self.carry_out(action);
        }
    }

    fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn heard(&mut self, message: shard::Message) {
        let shard::Message { shard, generation, event } = message;
        let now = Instant::now();
        match event {
            shard::Event::Ready { pid } => {
                self.shards[shard].pid = Some(pid);
                let fork = self.shards[shard].ordered.take().map(|ordered| now - ordered);
                self.shards[shard].reset_requested = false;
                let source = self.dispatch.shard(shard).and_then(|(state, _)| state.source());
                if let (Some(fork), Some(source)) = (fork, source) {
                    self.settings.metrics.work.forked(source, fork);
                }
                if let (Some(entry), Some(fork)) = (self.entry_of(shard), fork) {
                    entry.costs.fork = Some(fork);
                }
                self.dispatch.shard_ready(shard, generation, now);
            }
            shard::Event::ForkFailed => {
                self.shards[shard].pid = None;
                self.dispatch.fork_failed(shard, generation, now);
            }
            shard::Event::Outcome(outcome) => self.outcome(shard, generation, outcome),
            shard::Event::Done(done) => self.done(shard, generation, &done, now),
            shard::Event::Collected(collected) => {
                let took = Duration::try_from_secs_f64(collected.seconds).unwrap_or_default();
                if let Some(entry) = self.entry_of(shard) {
                    entry.costs.collect = Some(took);
                }
                self.shards[shard].heap_bytes = collected.lua_heap_after_bytes;
                self.counters.collections += 1;
                self.settings.metrics.work.collected(took);
                let verdict = if self.shards[shard].reset_requested { Verdict::Reset } else { Verdict::Keep };
                if verdict == Verdict::Reset {
                    self.count_reset(shard, ResetReason::Requested);
                }
                self.dispatch.care_done(shard, generation, verdict, now);
            }
            shard::Event::Died { reason } => {
                self.shards[shard].pid = None;
                self.shards[shard].rested(now);
                if reason == FailureReason::RuntimeCrashed {
                    self.note("runtime_lost", "a runtime died at work or at rest", Some(shard), None, "");
                    self.count_reset(shard, ResetReason::Crashed);
                } else {
                    self.count_reset(shard, ResetReason::TimeLimit);
                }
                let actions = self.dispatch.shard_died(shard, generation, reason, now);
                if self.dispatch.is_quarantined(shard, now) {
                    tracing::warn!(shard, "quarantined: its runtimes died too often");
                    self.note("quarantined", "its runtimes died too often", Some(shard), None, "");
                }
                self.carry_out_all(actions);
            }
        }
    }

    /// An assignment, or a canary, is over.
    fn done(&mut self, shard: usize, generation: u64, done: &AssignmentDone, now: Instant) {
        let (marks, busy) = (self.settings.memory, self.dispatch.queued() > 0);
        self.shards[shard].heap_bytes = done.lua_heap_bytes;
        self.shards[shard].rested(now);
        let (template_bytes, costs) =
            self.entry_of(shard).map_or((0, Costs::default()), |entry| (entry.heap_bytes, entry.costs));
        if done.drifted {
            self.counters.drifts += 1;
            tracing::error!(shard, generation, "the base no longer evaluates to itself: the runtime is replaced");
            self.note("drift", "the base no longer evaluated to itself", Some(shard), None, "");
            self.distrust(shard);
        }
        let spent = done.spent || done.drifted || self.shards[shard].reset_requested;
        let condition = memory::Condition { heap_bytes: done.lua_heap_bytes, template_bytes, spent, busy };
        let verdict = memory::after_assignment(&marks, &costs, condition);
        if verdict == Verdict::Reset {
            let reason = self.why_reset(shard, done, template_bytes);
            self.count_reset(shard, reason);
        }
        self.dispatch.care_done(shard, generation, verdict, now);
        let actions = self.dispatch.assignment_done(shard, generation, verdict, now);
        self.carry_out_all(actions);
    }

    /// Nothing that was kept of the base that the shard serves can be trusted.
    fn distrust(&mut self, shard: usize) {
        if let Some((state, _)) = self.dispatch.shard(shard)
            && let Some(Source::Template(base)) = state.source()
        {
            self.results.forget_base(base);
        }
    }

    fn count_reset(&mut self, shard: usize, reason: ResetReason) {
        self.shards[shard].resets += 1;
        self.shards[shard].last_reset = Some((SystemTime::now(), reason));
        self.settings.metrics.work.reset(reason);
        tracing::debug!(shard, reason = reason.as_str(), "reset");
    }

    fn note(
        &mut self,
        what: &'static str,
        message: impl Into<String>,
        shard: Option<usize>,
        base: Option<BaseId>,
        request_id: &str,
    ) {
        let (at, message, request_id) = (SystemTime::now(), message.into(), request_id.into());
        self.incidents.note(Incident { at, count: 1, what, message, shard, base, request_id });
    }

    /// The base that the shard's runtime serves.
    fn entry_of(&mut self, shard: usize) -> Option<&mut Entry> {
        match self.dispatch.shard(shard)?.0.source()? {
            Source::Template(base) => self.bases.get_mut(&base),
            Source::Zygote => None,
        }
    }

    fn outcome(&mut self, shard: usize, generation: u64, mut outcome: Outcome) {
        if outcome.failure.as_ref().is_some_and(|failure| failure.kind == NEEDS_PLAIN) {
            self.again_by_plain_path(shard, generation);
            return;
        }
        let path = translate::path(&outcome.path);
        let cost = (path == ComputePath::Fast).then_some(outcome.compute_seconds);
        self.shards[shard].served += 1;
        let Some(id) = self.dispatch.at_work(shard, generation) else { return };
        let Some(mut item) = self.items.remove(&id) else {
            self.dispatch.item_done(shard, generation, cost);
            return;
        };
        let compute = Duration::try_from_secs_f64(outcome.compute_seconds).unwrap_or_default();
        let result = match outcome.failure.take() {
            Some(failure) => Err(translate::failure(failure)),
            None => Ok(translate::stats(&mut outcome)),
        };
        let started = self.shards[shard].started.unwrap_or(item.accepted);
        let evaluated = Evaluated {
            tag: 0,
            result,
            warnings: outcome.warnings.into_iter().map(translate::warning).collect(),
            queue: started.saturating_duration_since(item.accepted),
            compute,
            path,
            #[expect(clippy::cast_possible_truncation, reason = "shards are counted in tens")]
            shard: shard as u32,
            generation,
        };
        self.shards[shard].started = Some(Instant::now());
        if path == ComputePath::Fast && evaluated.result.is_ok() && self.is_to_be_verified() {
            item.to_verify = Some(Box::new(evaluated));
            self.items.insert(id, item);
            self.again_by_plain_path(shard, generation);
            return;
        }
        self.dispatch.item_done(shard, generation, cost);
        if let Some(fast) = item.to_verify.take() {
            self.compare(&fast, &evaluated);
        }
        if let Err(failure) = &evaluated.result {
            let origin = Arc::clone(&item.origin);
            self.note(failure.reason.as_str(), &*failure.message, Some(shard), Some(origin.base), &origin.request_id);
        }
        self.settled(id, &evaluated);
        item.answer(evaluated);
    }

    /// Spreads the share that is asked for evenly, without chance.
    fn is_to_be_verified(&mut self) -> bool {
        self.verify_due += self.settings.verify_ratio;
        let due = self.verify_due >= 1.0;
        if due {
            self.verify_due -= 1.0;
        }
        due
    }

    /// The plain path is the truth, and what the client gets.
    fn compare(&mut self, fast: &Evaluated, plain: &Evaluated) {
        self.counters.verified += 1;
        let differs = match (&fast.result, &plain.result) {
            (Ok(fast), Ok(plain)) => fast.first_difference(plain),
            (Ok(_), Err(failure)) => Some(failure.message.clone()),
            (Err(_), _) => None,
        };
        if let Some(difference) = differs {
            self.counters.mismatches += 1;
            self.results.forget_all();
            tracing::error!(difference, shard = plain.shard, "the fast path differs from the plain path");
            self.note("mismatch", difference, Some(plain.shard as usize), None, "");
        }
    }

    fn carry_out_all(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.carry_out(action);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Care { shard, care: Care::Collect, .. } => self.shards[shard].shard.order(Order::Collect),
            Action::Care { shard, generation, care: Care::Canary } => self.send_canary(shard, generation),
            Action::Cancel { shard } => self.shards[shard].shard.order(Order::Cancel),
            Action::Fork { shard, source, generation } => self.fork(shard, source, generation),
            Action::Assign { shard, generation, session, items, plain } => {
                self.assign(shard, generation, session, &items, plain);
            }
            Action::Fail { item, reason } => self.fail(item, reason),
        }
    }

    fn fork(&mut self, shard: usize, source: Source, generation: u64) {
        let from = match source {
            Source::Zygote => self.living_zygote(),
            Source::Template(base) => self.living_template(base),
        };
        match from {
            Some(from) => {
                self.shards[shard].ordered = Some(Instant::now());
                self.shards[shard].shard.order(Order::Fork { from, generation });
            }
            None => self.dispatch.fork_failed(shard, generation, Instant::now()),
        }
    }

    /// The base's template, if it lives; else it is loaded again, as long as that makes sense.
    fn living_template(&mut self, id: BaseId) -> Option<ForkPoint> {
        let entry = self.bases.get_mut(&id)?;
        if entry.fork_point.as_ref().is_some_and(ForkPoint::is_dead) {
            entry.fork_point = None;
            let (deaths, last) = entry.deaths;
            let deaths = if last.elapsed() < TEMPLATE_DEATHS_WINDOW { deaths + 1 } else { 1 };
            entry.deaths = (deaths, Instant::now());
            if deaths > TEMPLATE_DEATHS_MAX {
                self.forget(id, FailureReason::RuntimeCrashed);
                return None;
            }
        }
        if entry.fork_point.is_none() && !self.loading.contains_key(&id) {
            let xml = Arc::clone(&entry.base.xml);
            if self.start_loading(id, xml) {
                self.loading.insert(id, Vec::new());
            }
        }
        self.bases.get(&id)?.fork_point.clone()
    }

    fn assign(&mut self, shard: usize, generation: u64, session: SessionId, items: &[ItemId], plain: bool) {
        // Whatever is missing here, the runtime's time is not: it answers an empty assignment at once.
        let mut evaluate = Evaluate { plain, ..Evaluate::default() };
        let mut variation_timeout = self.settings.variation_timeout;
        if let Some(spec) = self.sessions.get(&session) {
            let text = |item: &ItemId| self.items.get(item).map_or_else(bytes::Bytes::new, |item| item.text.clone());
            evaluate.variations = items.iter().map(text).collect();
            evaluate.strict = spec.strict;
            evaluate.check_every = CHECK_EVERY;
            if let Some(entry) = self.bases.get(&spec.base) {
                evaluate.heap_mark_bytes = self.settings.memory.hard_for(entry.heap_bytes);
            }
            evaluate.request_id = spec.request_id.to_string();
            if let Selection::Named(names) = &spec.selection {
                evaluate.stats = names.to_vec();
            }
            if let Some(asked) = spec.variation_timeout {
                variation_timeout = variation_timeout.min(asked);
            }
            if let Some(entry) = self.bases.get(&spec.base).filter(|_| plain) {
                evaluate.base_xml = entry.base.xml.to_string();
                evaluate.hints = entry.hints.clone();
                // Without a selection the outcome is aligned with the base, which this runtime has never seen.
                if spec.selection == Selection::All {
                    evaluate.stats = entry.base.stats.iter().map(|(name, _)| name.clone()).collect();
                    evaluate.with_others = true;
                }
                variation_timeout = variation_timeout.max(PLAIN_TIMEOUT_MIN);
            }
        }
        tracing::trace!(shard, generation, session, variations = items.len(), plain, "assign");
        let now = Some(Instant::now());
        (self.shards[shard].started, self.shards[shard].busy_since) = (now, now);
        self.shards[shard].shard.order(Order::Assign { evaluate, variation_timeout });
    }

    /// The empty variation: an idle runtime has to give the base.
    fn send_canary(&mut self, shard: usize, generation: u64) {
        tracing::trace!(shard, generation, "canary");
        self.counters.canaries += 1;
        let variations = vec![bytes::Bytes::from_static(b"{}")];
        let evaluate = Evaluate { variations, check_every: 1, ..Evaluate::default() };
        let variation_timeout = self.settings.variation_timeout;
        self.shards[shard].shard.order(Order::Assign { evaluate, variation_timeout });
    }

    fn fail(&mut self, id: ItemId, reason: FailureReason) {
        let Some(item) = self.items.remove(&id) else { return };
        self.abandoned(id);
        let message = match reason {
            FailureReason::TimeLimit => "the time budget ran out",
            FailureReason::MemoryLimit => "the memory limit was reached",
            FailureReason::RuntimeCrashed => "the runtime died of it, twice",
            FailureReason::Cancelled => "the client left",
            _ => "the base could not be kept; send the build again",
        };
        // A client that leaves is its own business.
        if reason != FailureReason::Cancelled {
            let origin = Arc::clone(&item.origin);
            self.note(reason.as_str(), message, None, Some(origin.base), &origin.request_id);
        }
        item.fail(reason, message);
    }
}

/// The kind with which the engine says that only the plain path gives the right answer. It never reaches a client.
const NEEDS_PLAIN: &str = "needs_plain";

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
