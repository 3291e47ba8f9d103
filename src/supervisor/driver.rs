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

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    BaseError, Counters, EvictError, Incident, Refusal, ResetReason, SessionSpec, Settings, StartError, Status,
    dispatch::{Dispatch, ItemId, SessionId},
    gauge::{self, Measurement},
    memory::Costs,
    results::Results,
    session::Item,
    shard::{self, Shard},
    status::{Incidents, Usage},
    template::ForkPoint,
    zygote::{Template, Zygote},
};
use crate::{
    build::base::{Base, BaseId},
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
            Event::SessionClosed(session) => self.close_session(session),
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
