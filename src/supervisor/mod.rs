//! Supervisor: owns every runtime process, and answers for every variation that it accepted.
//!
//! Callers hold a cloneable [`Supervisor`] and know nothing of processes. The pure decisions are in `dispatch`; the
//! processes in `process`, `template` and `shard`.

pub mod dispatch;
mod driver;
pub mod editions;
pub mod engine;
mod fingerprint;
mod gauge;
mod inspect;
mod journal;
pub mod memory;
mod pace;
pub mod process;
pub mod results;
mod scratch;
#[cfg(test)]
pub(crate) mod scripted;
pub mod session;
mod shard;
pub mod status;
mod template;
mod translate;
mod trial;
mod zygote;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

pub use engine::{EngineChoice, EngineSpec, Held, Of, ReloadError, ReloadPolicy, ReloadResult, Reloaded, SelfCheck};
pub use inspect::{Explained, Loaded};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::{
    dispatch::Source,
    status::{
        BaseStatus, Counters, EngineStatus, Incident, OldEdition, ResetReason, Role, ShardState, ShardStatus, Status,
    },
};
use crate::{
    build::{
        base::{Base, BaseId, EditionId, EngineFacts},
        outcome::{Evaluated, Failure, Selection, named_enum},
        passive::PassiveTree,
        variation::Variation,
    },
    metrics::Metrics,
    proto::v1,
    task,
    telemetry::Log,
};

named_enum! {
    /// Which of two queues a session's variations wait in; interactive ones go first.
    #[derive(Default)]
    Priority {
        /// Somebody waits at a screen.
        Interactive => "interactive",
        /// An optimizer works.
        #[default]
        Batch => "batch",
    }
}

/// What a session is about.
#[derive(Clone, Debug)]
pub struct SessionSpec {
    /// The base, loaded already. The session holds it, and with it the edition of the engine that it began with.
    pub base: Held,
    /// The stats that each outcome carries.
    pub selection: Selection,
    /// Which queue.
    pub priority: Priority,
    /// Warnings become failures.
    pub strict: bool,
    /// When the call ends, whatever is in hand.
    pub deadline: Option<Instant>,
    /// Time budget of one variation; `None`: the server's.
    pub variation_timeout: Option<Duration>,
    /// How many variations may be in flight: the capacity of both channels.
    pub in_flight_max: usize,
    /// For the log.
    pub request_id: Arc<str>,
}

/// A variation on its way in.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Comes back with the outcome.
    pub tag: u64,
    /// What to evaluate.
    pub variation: Arc<Variation>,
}

/// An open session. Dropping `submit` says that nothing more comes; dropping `outcomes` gives the session up.
///
/// Every accepted submission is answered by exactly one [`Evaluated`], in the order in which they finish. `outcomes`
/// ends when `submit` is dropped and all are answered.
#[derive(Debug)]
pub struct Session {
    /// Takes variations; waits while `in_flight_max` are in flight.
    pub submit: mpsc::Sender<Submission>,
    /// Gives outcomes.
    pub outcomes: Outcomes,
}

/// The receiving end of a session.
#[derive(Debug)]
pub struct Outcomes {
    receiver: mpsc::Receiver<Evaluated>,
    /// Tells the session that nobody listens any more.
    _left: DropGuard,
}

impl Outcomes {
    /// The next outcome; `None` when `submit` is dropped and all are answered. Cancel safe.
    pub async fn recv(&mut self) -> Option<Evaluated> {
        self.receiver.recv().await
    }

    /// Waits for at least one outcome and takes up to `limit` that are there; 0 at the end. Cancel safe.
    pub async fn recv_many(&mut self, buffer: &mut Vec<Evaluated>, limit: usize) -> usize {
        self.receiver.recv_many(buffer, limit).await
    }
}

/// Why a base cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BaseError {
    /// The build is broken, is none, or has an unknown tree version.
    #[error(transparent)]
    Build(#[from] Failure),
    /// No base of that id is loaded.
    #[error("no base {0} is known; send the build again")]
    Unknown(BaseId),
    /// The server cannot take it now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

named_enum! {
    /// Why the supervisor takes nothing now.
    #[derive(thiserror::Error)]
    Refusal {
        /// The server drains.
        #[error("the server is draining")]
        Draining => "draining",
        /// No engine is ready.
        #[error("no engine is ready")]
        NotReady => "not_ready",
        /// As many bases are held as memory allows, and all are in use.
        #[error("no room for another base")]
        BasesFull => "bases_full",
        /// The runtimes use as much memory as they may.
        #[error("no memory for another base")]
        MemoryFull => "memory_full",
        /// Too many sessions are open.
        #[error("too many sessions are open")]
        SessionsFull => "sessions_full",
        /// The queue is full.
        #[error("the queue is full")]
        QueueFull => "queue_full",
    }
}

/// Why a base was not given up though an operator asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvictError {
    /// It is not held.
    #[error("no base {0} is held")]
    Unknown(BaseId),
    /// Sessions use it.
    #[error("base {0} is in use")]
    InUse(BaseId),
    /// The supervisor is gone.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// For [`Settings::accelerators`].
pub const ALL_ACCELERATORS: &str = "all";

/// What a server runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This program, to be executed as a runtime.
    pub executable: PathBuf,
    /// The engines; the first is what calls get that name none. At least one, no two of one name.
    pub engines: Vec<EngineSpec>,
    /// How they are reloaded.
    pub reload: ReloadPolicy,
    /// Number of shards.
    pub shards: usize,
    /// Bases held at once; each has a template process of some hundred megabytes.
    pub bases_max: usize,
    /// Sessions open at once.
    pub sessions_max: usize,
    /// Variations that may wait; beyond that no session is opened.
    pub queue_max: usize,
    /// Time budget of one variation.
    pub variation_timeout: Duration,
    /// Share of the outcomes of the fast path that are computed again by the plain path, 0 to 1.
    pub verify_ratio: f64,
    /// Accelerators that run: [`ALL_ACCELERATORS`], `none`, or names that the engine knows.
    pub accelerators: String,
    /// Marks of a runtime's memory.
    pub memory: memory::Marks,
    /// Memory for results that are kept, in bytes; 0: none are, and identical variations are computed each.
    pub cache_bytes: usize,
    /// Whether the sample engine can be made to misbehave, for tests.
    pub faults: bool,
    /// What runtimes may do beside evaluating.
    pub sandbox: SandboxMode,
    /// Where what happens is recorded.
    pub metrics: Arc<Metrics>,
    /// What runtimes log, and how.
    pub log: Log,
}

/// How much depends on the sandbox of the runtimes (see `runtime/sandbox.rs`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SandboxMode {
    /// No engine boots unless the kernel has every part.
    Require,
    /// What the kernel has is used, and what it lacks is logged.
    #[default]
    Prefer,
    /// None: for debuggers and profilers.
    Off,
}

/// The engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No runtime could be had.
    #[error(transparent)]
    Process(#[from] process::ProcessError),
    /// The sandbox is required, and these parts of it are not there.
    #[error("the sandbox is not complete: no {}", .0.join(", no "))]
    Sandbox(Vec<String>),
    /// The engine does not boot.
    #[error("the engine does not boot: {0}")]
    Boot(String),
    /// No engine is named, or one twice.
    #[error("no engine is named, or one twice")]
    Names,
    /// The engine boots but does not compute what it must.
    #[error("the engine does not compute as it must: {0}")]
    SelfCheck(String),
}

/// What new calls get of each engine, in the operator's order. Never empty.
#[derive(Clone, Debug)]
pub struct Engines(Arc<[Arc<EngineFacts>]>);

impl Engines {
    /// These.
    #[must_use]
    pub fn new(facts: Vec<Arc<EngineFacts>>) -> Self {
        Self(facts.into())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<EngineFacts>> {
        self.0.iter()
    }

    /// The one of that name; no name means the first.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<EngineFacts>> {
        self.0.iter().find(|engine| name.is_empty() || engine.name == name)
    }

    /// Their names, for people.
    #[must_use]
    pub fn names(&self) -> String {
        names(self.0.iter().map(|engine| engine.name.as_str()))
    }
}

/// Names of engines, for people.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Handle to the supervisor. When the last is dropped, and all sessions are over, every runtime goes.
#[derive(Clone, Debug)]
pub struct Supervisor {
    engines: watch::Receiver<Engines>,
    metrics: Arc<Metrics>,
    driver: mpsc::Sender<driver::Event>,
}

impl Supervisor {
    /// Boots the engines, holds them against their golden files, and starts the shards.
    ///
    /// # Errors
    /// [`StartError`]: one engine that does not boot is enough, or nobody would notice before somebody calls it.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let zygotes = zygote::boot_all(&settings).await?;
        if let Some(zygote) = zygotes.iter().find(|zygote| !zygote.sandbox_missing.is_empty()) {
            // Once, and not each time that a zygote is booted again: the kernel stays what it is.
            let missing = zygote.sandbox_missing.join(", ");
            tracing::warn!(missing, "the sandbox of the runtimes is not complete");
        }
        for zygote in &zygotes {
            let golden = trial::golden(&settings, zygote).await;
            golden.map_err(|problem| StartError::SelfCheck(format!("engine {}: {problem}", zygote.facts.name)))?;
        }
        Ok(Self::over(settings, zygotes))
    }

    /// The same, with engines that have been booted.
    fn over(settings: Settings, zygotes: Vec<zygote::Zygote>) -> Self {
        let metrics = Arc::clone(&settings.metrics);
        let (driver, engines) = driver::start(settings, zygotes);
        Self { engines, metrics, driver }
    }

    /// What new calls get of each engine.
    #[must_use]
    pub fn engines(&self) -> Engines {
        self.engines.borrow().clone()
    }

    /// The first engine: what calls get that name none.
    #[must_use]
    pub fn engine(&self) -> Arc<EngineFacts> {
        Arc::clone(&self.engines.borrow().0[0])
    }

    /// Where it records what happens.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Loads a base with what new calls get of the engine, unless it is loaded; no name means the first engine.
    ///
    /// # Errors
    /// [`BaseError::Build`] if the engine does not take the build, [`BaseError::Refused`] if the server does not.
    pub async fn load_base(&self, engine: &str, xml: Arc<str>) -> Result<Held, BaseError> {
        let engine = engine.into();
        self.ask(|reply| driver::Event::LoadBase(engine, xml, reply)).await
    }

    /// The base of that id with what new calls get of its engine. If the edition before has it, it is loaded from that
    /// one's content. No name means any engine: the id is different for each.
    ///
    /// # Errors
    /// [`BaseError::Unknown`]; as above for one that has to be loaded.
    pub async fn find_base(&self, engine: &str, id: BaseId) -> Result<Held, BaseError> {
        let engine = engine.into();
        self.ask(|reply| driver::Event::FindBase(engine, id, reply)).await
    }

    /// A base's passive tree.
    ///
    /// # Errors
    /// [`BaseError::Unknown`] if the base is not loaded, [`BaseError::Build`] if the engine fails,
    /// [`BaseError::Refused`].
    pub async fn passives(&self, base: &Base) -> Result<PassiveTree, BaseError> {
        self.ask_of_base(base, "passives").await
    }

    /// The engine's answer to a question about a loaded base: a topic of the Lua contract.
    ///
    /// # Errors
    /// As above.
    pub async fn ask_of_base<T: DeserializeOwned>(&self, base: &Base, topic: &str) -> Result<T, BaseError> {
        let key = base.key();
        let template = self.ask(|reply| driver::Event::FindTemplate(key, reply)).await?;
        inspect::inquire(template, topic, &serde_json::json!({})).await
    }

    /// The engine's answer to a question about its data: a topic of the Lua contract.
    ///
    /// # Errors
    /// As above.
    pub async fn ask_of_engine<T: DeserializeOwned>(&self, of: Of, topic: &str) -> Result<T, BaseError> {
        inspect::inquire(self.zygote(of).await?, topic, &serde_json::json!({})).await
    }

    /// The varied build as XML, in the way of writing of the engine that loaded it.
    ///
    /// # Errors
    /// [`BaseError::Build`] if the variation makes no sense or the engine fails, [`BaseError::Refused`].
    pub async fn export(&self, base: &Base, variation: &Variation) -> Result<String, BaseError> {
        inspect::export(self.zygote(Of::Edition(base.engine.edition)).await?, &base.xml, variation).await
    }

    /// What a build is when that edition loads it from scratch. It is not kept.
    ///
    /// # Errors
    /// [`BaseError::Build`] if the engine does not take it, [`BaseError::Refused`].
    pub async fn load_once(&self, edition: EditionId, xml: &str) -> Result<Loaded, BaseError> {
        inspect::load_once(self.zygote(Of::Edition(edition)).await?, xml).await
    }

    async fn zygote(&self, of: Of) -> Result<template::ForkPoint, BaseError> {
        self.ask(|reply| driver::Event::FindZygote(of, reply)).await
    }

    /// Boots an engine beside the one that runs, from where it is or from another directory, checks it, and gives it to
    /// all calls that begin from then on. Those that have begun keep what they have. No name means the first engine.
    ///
    /// # Errors
    /// [`ReloadError`]; then nothing has changed.
    pub async fn reload(&self, engine: &str, directory: Option<PathBuf>) -> Result<Reloaded, ReloadError> {
        let engine = engine.into();
        let answer = self.tell(|reply| driver::Event::Reload(engine, directory, reply)).await;
        answer.unwrap_or(Err(ReloadError::Stopping))
    }

    /// Why a stat of a loaded base is what it is.
    ///
    /// # Errors
    /// As for [`Self::ask_of_base`].
    pub async fn explain(&self, base: &Base, stat: &str) -> Result<Vec<v1::ExplanationSection>, BaseError> {
        let key = base.key();
        let template = self.ask(|reply| driver::Event::FindTemplate(key, reply)).await?;
        inspect::inquire(template, inspect::EXPLAIN, &serde_json::json!({ "stat": stat })).await
    }

    /// What a build is when that edition loads it from scratch, and why a stat of it is what it is. It is not kept.
    ///
    /// # Errors
    /// [`BaseError::Build`] if the engine does not take it, [`BaseError::Refused`].
    pub async fn explain_once(&self, edition: EditionId, xml: &str, stat: &str) -> Result<Explained, BaseError> {
        inspect::explain_once(self.zygote(Of::Edition(edition)).await?, xml, stat).await
    }

    /// Opens a session.
    ///
    /// # Errors
    /// [`BaseError::Unknown`] if the base has gone since, [`BaseError::Refused`].
    pub async fn open(&self, spec: SessionSpec) -> Result<Session, BaseError> {
        let (submit, submissions) = mpsc::channel(spec.in_flight_max);
        let (outcomes, receiver) = mpsc::channel(spec.in_flight_max);
        let left = CancellationToken::new();
        let session = Session { submit, outcomes: Outcomes { receiver, _left: left.clone().drop_guard() } };
        let origin = Arc::new(session::Origin::new(&spec, Arc::clone(&self.metrics)));
        let id = self.ask(|reply| driver::Event::OpenSession(spec, reply)).await?;
        task::spawn("session", session::run(id, origin, submissions, outcomes, left, self.driver.clone()));
        Ok(session)
    }

    /// Evaluates nothing any more: every variation that is not answered yet is, with
    /// [`FailureReason::Unavailable`](crate::build::outcome::FailureReason::Unavailable), and so is every later one.
    pub async fn give_up(&self) {
        // A driver that has gone has answered everything.
        let _ = self.driver.send(driver::Event::GiveUp).await;
    }

    /// What the supervisor is doing, for status and tests.
    ///
    /// # Errors
    /// [`Refusal::NotReady`] if it is gone.
    pub async fn status(&self) -> Result<Status, Refusal> {
        self.tell(driver::Event::Status).await
    }

    /// Has these shards get a fresh runtime, all of them if none is named, behind the variation that each is at; says how
    /// many. A shard in quarantine may try again.
    ///
    /// # Errors
    /// [`Refusal::NotReady`] if it is gone.
    pub async fn reset(&self, shards: Vec<usize>) -> Result<usize, Refusal> {
        self.tell(|reply| driver::Event::Reset(shards, reply)).await
    }

    /// Gives up a base that no session uses.
    ///
    /// # Errors
    /// [`EvictError`].
    pub async fn evict(&self, base: BaseId) -> Result<(), EvictError> {
        self.tell(|reply| driver::Event::Evict(base, reply)).await?
    }

    /// Asks what can be refused, and records that it was.
    async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, BaseError>>) -> driver::Event,
    ) -> Result<T, BaseError> {
        let answer = self.tell(question).await.unwrap_or_else(|refusal| Err(refusal.into()));
        if let Err(BaseError::Refused(refusal)) = &answer {
            self.metrics.work.refused(*refusal);
        }
        answer
    }

    async fn tell<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> driver::Event) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.driver.send(question(reply)).await.map_err(|_| Refusal::NotReady)?;
        answer.await.map_err(|_| Refusal::NotReady)
    }
}
