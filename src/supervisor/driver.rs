//! The driver: the one task that owns the supervisor's state. It hears what happens, asks `dispatch` what to do, and
//! gives the orders. It never waits for anything but the next event, so nothing can hold it up.
//!
//! ```text
//!   gRPC ──▶ session tasks ──▶┐            ┌──▶ shard tasks ──▶ runtimes
//!   gRPC ──▶ load/find/open ─▶│   driver   │
//!   shard tasks, base loads ─▶┘  dispatch  └──▶ base loads, zygote
//! ```

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    BaseError, BaseStatus, Refusal, SessionSpec, Settings, ShardStatus, StartError, Status,
    dispatch::{Action, Dispatch, ItemId, Reset, SessionId, Source},
    memory,
    session::Item,
    shard::{self, Order, Shard},
    template::ForkPoint,
    translate,
    zygote::{self, Template, Zygote},
};
use crate::{
    build::{
        base::{Base, BaseId},
        outcome::{ComputePath, Evaluated, FailureReason, Selection},
    },
    proto::runtime::{Evaluate, Outcome},
    task,
};

/// Events that may wait for the driver; senders wait beyond. An event is handled in microseconds.
const EVENTS_MAX: usize = 4096;

/// Events that are handled before `dispatch` plans again.
const EVENTS_AT_ONCE: usize = 256;

/// Times that the template of a base is loaded anew after its death before its variations fail. The first death may
/// be an operator's or the kernel's doing; a base that kills its template again and again is not worth more.
const TEMPLATE_DEATHS_MAX: u32 = 3;

/// Pause before the zygote is booted again after its death, so that an engine that cannot live does not eat a core.
const ZYGOTE_PAUSE: Duration = Duration::from_secs(1);

/// Time budget of a variation that goes the plain path: a whole build is loaded.
const PLAIN_TIMEOUT_MIN: Duration = Duration::from_secs(30);

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
    /// Open a session.
    OpenSession(SessionSpec, Reply<SessionId>),
    /// Variations of a session.
    Submitted(SessionId, Vec<Item>),
    /// A session is over.
    SessionClosed(SessionId),
    /// A base has been loaded, or not.
    BaseLoaded(BaseId, Result<Template, BaseError>),
    /// The zygote has been booted again, or not.
    ZygoteBooted(Result<Zygote, StartError>),
    /// Somebody wants to know.
    Status(oneshot::Sender<Status>),
}

/// Starts the driver; it ends when all senders are gone.
pub fn start(settings: Settings, zygote: Zygote) -> mpsc::Sender<Event> {
    let (sender, receiver) = mpsc::channel(EVENTS_MAX);
    // The shards speak through a channel of their own: they must not keep alive what keeps them alive.
    let (messages, from_shards) = mpsc::channel(EVENTS_MAX);
    let shard = |index| Slot { shard: Shard::start(index, messages.clone()), pid: None, started: None, resets: 0 };
    let driver = Driver {
        dispatch: Dispatch::new(settings.shards, Instant::now()),
        shards: (0..settings.shards).map(shard).collect(),
        zygote: Some(zygote.fork_point),
        bases: HashMap::new(),
        loading: HashMap::new(),
        sessions: HashMap::new(),
        items: HashMap::new(),
        next_id: 0,
        events: sender.downgrade(),
        engine: zygote.facts.name.clone(),
        settings,
    };
    task::spawn("driver", driver.run(receiver, from_shards));
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
    next_id: u64,
    /// Weak, or the driver would keep itself alive.
    events: mpsc::WeakSender<Event>,
}

struct Slot {
    shard: Shard,
    pid: Option<u32>,
    /// When the assignment in hand was given.
    started: Option<Instant>,
    resets: u64,
}

/// A base that is held.
struct Entry {
    base: Arc<Base>,
    /// `None` while it is loaded again.
    fork_point: Option<ForkPoint>,
    heap_bytes: u64,
    hints: bytes::Bytes,
    used: Instant,
    deaths: u32,
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
            for action in self.dispatch.plan(Instant::now()) {
                self.carry_out(action);
            }
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
            Event::OpenSession(spec, reply) => {
                let _ = reply.send(self.open_session(spec));
            }
            Event::Submitted(session, items) => self.submitted(session, items),
            Event::SessionClosed(session) => {
                self.sessions.remove(&session);
                for item in self.dispatch.close_session(session) {
                    self.items.remove(&item);
                }
            }
            Event::BaseLoaded(id, result) => self.base_loaded(id, result),
            Event::ZygoteBooted(Ok(zygote)) => self.zygote = Some(zygote.fork_point),
            Event::ZygoteBooted(Err(error)) => {
                tracing::error!(%error, "the zygote does not boot");
                self.boot_zygote();
            }
            Event::Status(reply) => {
                let _ = reply.send(self.status());
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

    /// Makes sure that one more base may be held: the least recently used one without a session goes.
    fn make_room(&mut self) -> Result<(), Refusal> {
        while self.bases.len() + self.loading.len() >= self.settings.bases_max {
            let in_use = |id: &BaseId| self.sessions.values().any(|session| session.base == *id);
            let idle = self.bases.iter().filter(|(id, _)| !in_use(id));
            let Some((oldest, _)) = idle.min_by_key(|(_, entry)| entry.used) else { return Err(Refusal::BasesFull) };
            let oldest = *oldest;
            self.forget(oldest, FailureReason::Unavailable);
            tracing::info!(base = %oldest, "base evicted");
        }
        Ok(())
    }

    /// Lets go of a base; what is queued for it fails.
    fn forget(&mut self, id: BaseId, reason: FailureReason) {
        self.bases.remove(&id);
        for item in self.dispatch.drop_base(id) {
            self.fail(item, reason);
        }
    }

    /// False if there is no zygote to fork, or nobody is left who could hear of it.
    fn start_loading(&mut self, id: BaseId, xml: Arc<str>) -> bool {
        let Some(events) = self.events.upgrade() else { return false };
        let Some(zygote) = self.living_zygote() else { return false };
        task::spawn("load base", async move {
            let result = zygote::load(zygote, id, xml).await;
            let _ = events.send(Event::BaseLoaded(id, result)).await;
        });
        true
    }

    fn base_loaded(&mut self, id: BaseId, result: Result<Template, BaseError>) {
        let waiting = self.loading.remove(&id).unwrap_or_default();
        let answer = match result {
            Ok(template) => {
                self.dispatch.set_cost(id, template.variation_seconds);
                let deaths = self.bases.get(&id).map_or(0, |entry| entry.deaths);
                let entry = Entry {
                    base: Arc::clone(&template.base),
                    fork_point: Some(template.fork_point),
                    heap_bytes: template.heap_bytes,
                    hints: template.hints,
                    used: Instant::now(),
                    deaths,
                };
                self.bases.insert(id, entry);
                Ok(template.base)
            }
            Err(error) => {
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
        if self.sessions.len() >= self.settings.sessions_max {
            return Err(Refusal::SessionsFull.into());
        }
        self.find_base(spec.base)?;
        let id = self.fresh_id();
        self.dispatch.open_session(id, spec.base, spec.priority);
        self.sessions.insert(id, spec);
        Ok(id)
    }

    fn submitted(&mut self, session: SessionId, items: Vec<Item>) {
        let Some(spec) = self.sessions.get(&session) else { return };
        if !self.bases.contains_key(&spec.base) {
            for item in items {
                item.fail(FailureReason::Unavailable, "the base could not be kept; send the build again");
            }
            return;
        }
        let mut ids = Vec::with_capacity(items.len());
        for item in items {
            let id = self.fresh_id();
            self.items.insert(id, item);
            ids.push(id);
        }
        self.dispatch.submit(session, ids);
    }

    fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn heard(&mut self, message: shard::Message) {
        let shard::Message { shard, generation, event } = message;
        match event {
            shard::Event::Ready { pid } => {
                self.shards[shard].pid = Some(pid);
                self.dispatch.shard_ready(shard, generation);
            }
            shard::Event::ForkFailed => {
                self.shards[shard].pid = None;
                self.dispatch.fork_failed(shard, generation, Instant::now());
            }
            shard::Event::Outcome(outcome) => self.outcome(shard, generation, outcome),
            shard::Event::Done(done) => {
                let template = self.template_heap_bytes(shard);
                let marks = self.settings.memory;
                let reset = memory::after_assignment(marks, template, done.lua_heap_bytes, done.spent);
                if reset == Reset::Yes {
                    self.shards[shard].resets += 1;
                }
                self.dispatch.assignment_done(shard, generation, reset);
            }
            shard::Event::Died { reason } => {
                self.shards[shard].pid = None;
                self.shards[shard].resets += 1;
                for action in self.dispatch.shard_died(shard, generation, reason) {
                    self.carry_out(action);
                }
            }
        }
    }

    fn template_heap_bytes(&self, shard: usize) -> u64 {
        let source = self.dispatch.shard(shard).and_then(|(state, _)| state.source());
        match source {
            Some(Source::Template(base)) => self.bases.get(&base).map_or(0, |entry| entry.heap_bytes),
            _ => 0,
        }
    }

    fn outcome(&mut self, shard: usize, generation: u64, mut outcome: Outcome) {
        if outcome.failure.as_ref().is_some_and(|failure| failure.kind == NEEDS_PLAIN) {
            if let Some(action) = self.dispatch.needs_plain(shard, generation) {
                self.carry_out(action);
            }
            return;
        }
        let path = translate::path(&outcome.path);
        let cost = (path == ComputePath::Fast).then_some(outcome.compute_seconds);
        let Some(item) = self.dispatch.item_done(shard, generation, cost) else { return };
        let Some(item) = self.items.remove(&item) else { return };
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
        item.answer(evaluated);
    }

    fn carry_out(&mut self, action: Action) {
        match action {
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
            Some(from) => self.shards[shard].shard.order(Order::Fork { from, generation }),
            None => self.dispatch.fork_failed(shard, generation, Instant::now()),
        }
    }

    /// The base's template, if it lives; else it is loaded again, as long as that makes sense.
    fn living_template(&mut self, id: BaseId) -> Option<ForkPoint> {
        let entry = self.bases.get_mut(&id)?;
        if entry.fork_point.as_ref().is_some_and(ForkPoint::is_dead) {
            entry.fork_point = None;
            entry.deaths += 1;
            if entry.deaths > TEMPLATE_DEATHS_MAX {
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
        self.shards[shard].started = Some(Instant::now());
        self.shards[shard].shard.order(Order::Assign { evaluate, variation_timeout });
    }

    fn fail(&mut self, item: ItemId, reason: FailureReason) {
        let Some(item) = self.items.remove(&item) else { return };
        item.fail(
            reason,
            match reason {
                FailureReason::TimeLimit => "the time budget ran out",
                FailureReason::MemoryLimit => "the memory limit was reached",
                FailureReason::RuntimeCrashed => "the runtime died of it, twice",
                FailureReason::Cancelled => "the client left",
                _ => "the base could not be kept; send the build again",
            },
        );
    }

    fn status(&self) -> Status {
        let shard = |(index, slot): (usize, &Slot)| {
            let (state, generation) = self.dispatch.shard(index)?;
            Some(ShardStatus { generation, pid: slot.pid, busy: state.is_busy(), resets: slot.resets })
        };
        let base = |(id, entry): (&BaseId, &Entry)| BaseStatus {
            id: *id,
            template_pid: entry.fork_point.as_ref().map(ForkPoint::pid),
        };
        Status {
            shards: self.shards.iter().enumerate().filter_map(shard).collect(),
            zygote_pid: self.zygote.as_ref().map(ForkPoint::pid),
            bases: self.bases.iter().map(base).collect(),
            queued: self.dispatch.queued(),
            sessions: self.sessions.len(),
        }
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
