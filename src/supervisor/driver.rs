//! The driver: the one task that owns the supervisor's state. It hears what happens, asks `dispatch` what to do, and
//! gives the orders. It never waits for anything but the next event, so nothing can hold it up. This file has the state
//! and what can be heard; what is done about it is in the files of `driver/`, by what it is about.
//!
//! ```text
//!   gRPC ──▶ session tasks ──▶┐            ┌──▶ shard tasks ──▶ runtimes
//!   gRPC ──▶ load/find/open ─▶│   driver   │
//!   shard tasks, base loads ─▶┘  dispatch  └──▶ base loads, zygote
//! ```

mod bases;
mod engines;
mod operator;
mod orders;
mod outcomes;
mod room;
mod sessions;
mod shards;
mod warm_up;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::{mpsc, oneshot, watch};

use super::{
    BaseError, Counters, EngineChoice, EngineSpec, Engines, EvictError, Held, Incident, Of, Refusal, ReloadError,
    ReloadResult, Reloaded, ResetReason, SessionSpec, Settings, StartError, Status,
    dispatch::{Dispatch, ItemId, SessionId},
    editions::Editions,
    engine::Lease,
    gauge::{self, Measurement},
    memory::Costs,
    results::Results,
    scratch::Spares,
    session::Item,
    shard::{self, Shard},
    status::{Incidents, Usage},
    template::ForkPoint,
    zygote::{Template, Warm, WarmUpError, Zygote},
};
use crate::{
    build::base::{Base, BaseId, BaseKey, EditionId, EngineFacts},
    task,
};

/// Events that may wait for the driver; senders wait beyond. An event is handled in microseconds.
const EVENTS_MAX: usize = 4096;

/// Events that are handled before `dispatch` plans again.
const EVENTS_AT_ONCE: usize = 256;

type Reply<T> = oneshot::Sender<Result<T, BaseError>>;

/// What the driver hears.
#[derive(Debug)]
pub enum Event {
    /// Load a base by the engine of that name, unless it is loaded.
    LoadBase(Arc<str>, Arc<str>, Reply<Held>),
    /// Find a base of the engine of that name; empty: of any.
    FindBase(Arc<str>, BaseId, Reply<Held>),
    /// Find what a base's runtimes are forked from.
    FindTemplate(BaseKey, Reply<ForkPoint>),
    /// Find what runtimes are forked from that never loaded a build.
    FindZygote(Of, Reply<ForkPoint>),
    /// Open a session.
    OpenSession(SessionSpec, Reply<SessionId>),
    /// Variations of a session.
    Submitted(SessionId, Vec<Item>),
    /// A session is over.
    SessionClosed(SessionId),
    /// The server stops: everything that is not answered yet is answered now.
    GiveUp,
    /// A base has been loaded, or not.
    BaseLoaded(BaseKey, Result<Template, BaseError>),
    /// A fork of the template with that process id has warmed up, or could not.
    WarmedUp(BaseKey, u32, Result<Warm, WarmUpError>),
    /// The zygote of an edition has been booted again, or not.
    ZygoteBooted(EditionId, Result<Zygote, StartError>),
    /// Boot an engine beside the one that runs, from that directory if there is one, and switch to it.
    Reload(Arc<str>, Option<PathBuf>, oneshot::Sender<Result<Reloaded, ReloadError>>),
    /// That edition is booted and checked, or is not to be had.
    Candidate(EditionId, Result<Zygote, ReloadError>),
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

/// Starts the driver over those zygotes, one for each engine of the settings and in their order; it ends when all senders
/// are gone. Says also what new calls get of each engine, from then on.
pub fn start(settings: Settings, zygotes: Vec<Zygote>) -> (mpsc::Sender<Event>, watch::Receiver<Engines>) {
    let (sender, receiver) = mpsc::channel(EVENTS_MAX);
    // The shards speak through a channel of their own: they must not keep alive what keeps them alive.
    let (messages, from_shards) = mpsc::channel(EVENTS_MAX);
    let spares = Spares::new(settings.shards, settings.memory.soft_bytes);
    let shard = |index| Slot {
        shard: Shard::start(index, spares.clone(), messages.clone()),
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
        cold: false,
    };
    let names = settings.engines.iter().map(|engine| Arc::clone(&engine.name));
    let editions = Editions::new(names, settings.reload.grace);
    let installed = editions.all().zip(zygotes);
    let installed: HashMap<_, _> =
        installed.map(|((_, edition), zygote)| (edition, Installed::new(zygote, edition))).collect();
    let (engines, current) = watch::channel(Engines::new(facts_of(&editions, &installed)));
    let run = |engine: &EngineSpec| (Arc::clone(&engine.name), Run::new(engine.choice.clone()));
    let driver = Driver {
        editions,
        installed,
        engines,
        runs: settings.engines.iter().map(run).collect(),
        inherited: HashMap::new(),
        leftovers: false,
        dispatch: Dispatch::new(settings.shards, Instant::now()),
        shards: (0..settings.shards).map(shard).collect(),
        bases: HashMap::new(),
        loading: HashMap::new(),
        warming_up: 0,
        spares,
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
        settings,
    };
    task::spawn("driver", driver.run(receiver, from_shards));
    task::spawn("memory", gauge::run(sender.downgrade()));
    (sender, current)
}

struct Driver {
    settings: Settings,
    /// Which edition a call gets.
    editions: Editions,
    /// The editions that there are, but for candidates.
    installed: HashMap<EditionId, Installed>,
    /// Tells all others what new calls get.
    engines: watch::Sender<Engines>,
    /// What is remembered of an engine from edition to edition.
    runs: HashMap<Arc<str>, Run>,
    /// Builds that the edition before held, under the names that they would have now: whoever knows a base's id and
    /// nothing of the reload need not send it again.
    inherited: HashMap<BaseKey, Arc<str>>,
    /// Shards may have runtimes of an edition that has ended.
    leftovers: bool,
    dispatch: Dispatch,
    shards: Vec<Slot>,
    bases: HashMap<BaseKey, Entry>,
    /// Who waits for a base that is being loaded.
    loading: HashMap<BaseKey, Vec<Reply<Held>>>,
    /// Templates that are warming up.
    warming_up: usize,
    spares: Spares,
    sessions: HashMap<SessionId, SessionSpec>,
    items: HashMap<ItemId, Item>,
    results: Results,
    /// Why bases did not load, and until when that is remembered.
    failed: HashMap<BaseKey, (BaseError, Instant)>,
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
    /// The runtime was forked from a cold template.
    cold: bool,
}

impl Slot {
    /// The runtime is no longer at work.
    fn rested(&mut self, now: Instant) {
        self.busy_time += self.busy_since.take().map_or(Duration::ZERO, |since| now - since);
    }
}

/// An edition that there is.
struct Installed {
    facts: Arc<EngineFacts>,
    /// Where it was booted from, and is again.
    choice: EngineChoice,
    /// Files that its installation lacks.
    lacks: Arc<[String]>,
    /// `None` while it is booted again.
    zygote: Option<ForkPoint>,
    /// Who has another one holds the edition.
    lease: Lease,
}

impl Installed {
    /// Of what was booted under that number, or in another server under another one.
    fn new(zygote: Zygote, edition: EditionId) -> Self {
        let Zygote { fork_point, mut facts, choice, lacks, .. } = zygote;
        if facts.edition != edition {
            facts = Arc::new(EngineFacts { edition, ..EngineFacts::clone(&facts) });
        }
        Self { facts, choice, lacks, zygote: Some(fork_point), lease: Lease::default() }
    }
}

/// What is remembered of an engine from edition to edition.
struct Run {
    /// Where the next edition is booted from.
    choice: EngineChoice,
    /// The reload that runs.
    reload: Option<Reload>,
    /// Reloads by result.
    reloads: [u64; ReloadResult::ALL.len()],
    /// When the last, what came of it, and in words.
    last_reload: Option<(SystemTime, ReloadResult, String)>,
}

/// A reload that runs.
struct Reload {
    /// Whether it is booted from a directory that was named.
    moves: bool,
    /// Who wants to hear of it.
    reply: Option<oneshot::Sender<Result<Reloaded, ReloadError>>>,
}

impl Run {
    fn new(choice: EngineChoice) -> Self {
        Self { choice, reload: None, reloads: [0; ReloadResult::ALL.len()], last_reload: None }
    }
}

/// What new calls get of each engine.
fn facts_of(editions: &Editions, installed: &HashMap<EditionId, Installed>) -> Vec<Arc<EngineFacts>> {
    editions.all().filter_map(|(_, edition)| Some(Arc::clone(&installed.get(&edition)?.facts))).collect()
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
            let wake = self.dispatch.wake_at().into_iter().chain(self.editions.wake_at()).min();
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
            self.end_editions();
            let actions = self.dispatch.plan(Instant::now());
            self.carry_out_all(actions);
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::LoadBase(engine, xml, reply) => self.load_base(&engine, xml, reply),
            Event::FindBase(engine, id, reply) => self.find_base(&engine, id, reply),
            Event::FindTemplate(key, reply) => {
                let found = self.held(key).ok_or(BaseError::Unknown(key.id));
                let _ = reply.send(found.and_then(|_| self.living_template(key).ok_or(Refusal::NotReady.into())));
            }
            Event::FindZygote(of, reply) => {
                let edition = match of {
                    Of::Engine(name) => self.editions.current(&name),
                    Of::Edition(edition) => Some(edition),
                };
                let found = edition.and_then(|edition| self.living_zygote(edition));
                let _ = reply.send(found.ok_or(Refusal::NotReady.into()));
            }
            Event::OpenSession(spec, reply) => {
                let _ = reply.send(self.open_session(spec));
            }
            Event::Submitted(session, items) => self.submitted(session, items),
            Event::SessionClosed(session) => self.close_session(session),
            Event::GiveUp => self.give_up(),
            Event::BaseLoaded(id, result) => self.base_loaded(id, result),
            Event::WarmedUp(id, cold, result) => self.warmed_up(id, cold, result),
            Event::ZygoteBooted(edition, result) => self.zygote_booted(edition, result),
            Event::Reload(engine, directory, reply) => self.reload(&engine, directory, reply),
            Event::Candidate(edition, result) => self.candidate_ready(edition, result),
            Event::Pids(reply) => {
                let _ = reply.send(self.pids());
            }
            Event::Measured(usage) => {
                // Nobody may need a zygote for hours, and then a dead one would be noticed by a client.
                self.boot_dead_zygotes();
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

    fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
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
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
