//! Supervisor: owns every runtime process, and answers for every variation that it accepted.
//!
//! Callers hold a cloneable [`Supervisor`] and know nothing of processes. The pure decisions are in `dispatch`; the
//! processes in `process`, `template` and `shard`.

pub mod dispatch;
mod driver;
mod fingerprint;
mod gauge;
mod inspect;
pub mod memory;
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
mod zygote;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

pub use inspect::{Explained, Loaded};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::{
    dispatch::Source,
    status::{BaseStatus, Counters, Incident, ResetReason, Role, ShardState, ShardStatus, Status},
};
use crate::{
    build::{
        base::{Base, BaseId, EngineFacts},
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
    /// The base, loaded already.
    pub base: BaseId,
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
    /// Which engine.
    pub engine: EngineChoice,
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

/// Which engine, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineChoice {
    /// The embedded one.
    Sample,
    /// Path of Building, in this directory.
    Pob(PathBuf),
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
    /// The engine boots but does not compute what it must.
    #[error("the engine does not compute as it must: {0}")]
    SelfCheck(String),
}

/// Handle to the supervisor. When the last is dropped, and all sessions are over, every runtime goes.
#[derive(Clone, Debug)]
pub struct Supervisor {
    engine: Arc<EngineFacts>,
    metrics: Arc<Metrics>,
    driver: mpsc::Sender<driver::Event>,
}

impl Supervisor {
    /// Boots the engine and starts the shards.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let zygote = zygote::boot(&settings).await?;
        if !zygote.sandbox_missing.is_empty() {
            // Once, and not each time that a zygote is booted again: the kernel stays what it is.
            let missing = zygote.sandbox_missing.join(", ");
            tracing::warn!(missing, "the sandbox of the runtimes is not complete");
        }
        let engine = Arc::clone(&zygote.facts);
        let metrics = Arc::clone(&settings.metrics);
        let driver = driver::start(settings, zygote);
        Ok(Self { engine, metrics, driver })
    }

    /// Facts about the engine.
    #[must_use]
    pub fn engine(&self) -> Arc<EngineFacts> {
        Arc::clone(&self.engine)
    }

    /// Where it records what happens.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Loads a base, unless it is loaded.
    ///
    /// # Errors
    /// [`BaseError::Build`] if the engine does not take the build, [`BaseError::Refused`] if the server does not.
    pub async fn load_base(&self, xml: Arc<str>) -> Result<Arc<Base>, BaseError> {
        self.ask(|reply| driver::Event::LoadBase(xml, reply)).await
    }

    /// The base of that id, if it is loaded.
    ///
    /// # Errors
    /// [`BaseError::Unknown`].
    pub async fn find_base(&self, id: BaseId) -> Result<Arc<Base>, BaseError> {
        self.ask(|reply| driver::Event::FindBase(id, reply)).await
    }

    /// A base's passive tree.
    ///
    /// # Errors
    /// [`BaseError::Unknown`] if the base is not loaded, [`BaseError::Build`] if the engine fails,
    /// [`BaseError::Refused`].
    pub async fn passives(&self, base: BaseId) -> Result<PassiveTree, BaseError> {
        self.ask_of_base(base, "passives").await
    }

    /// The engine's answer to a question about a loaded base: a topic of the Lua contract.
    ///
    /// # Errors
    /// As above.
    pub async fn ask_of_base<T: DeserializeOwned>(&self, base: BaseId, topic: &str) -> Result<T, BaseError> {
        let template = self.ask(|reply| driver::Event::FindTemplate(base, reply)).await?;
        inspect::inquire(template, topic, &serde_json::json!({})).await
    }

    /// The engine's answer to a question about its data: a topic of the Lua contract.
    ///
    /// # Errors
    /// As above.
    pub async fn ask_of_engine<T: DeserializeOwned>(&self, topic: &str) -> Result<T, BaseError> {
        inspect::inquire(self.ask(driver::Event::FindZygote).await?, topic, &serde_json::json!({})).await
    }

    /// The varied build as XML, in the engine's own way of writing.
    ///
    /// # Errors
    /// [`BaseError::Build`] if the variation makes no sense or the engine fails, [`BaseError::Refused`].
    pub async fn export(&self, base: &Base, variation: &Variation) -> Result<String, BaseError> {
        inspect::export(self.ask(driver::Event::FindZygote).await?, &base.xml, variation).await
    }

    /// What a build is when it is loaded from scratch. It is not kept.
    ///
    /// # Errors
    /// [`BaseError::Build`] if the engine does not take it, [`BaseError::Refused`].
    pub async fn load_once(&self, xml: &str) -> Result<Loaded, BaseError> {
        inspect::load_once(self.ask(driver::Event::FindZygote).await?, xml).await
    }

    /// Why a stat of a loaded base is what it is.
    ///
    /// # Errors
    /// As for [`Self::ask_of_base`].
    pub async fn explain(&self, base: BaseId, stat: &str) -> Result<Vec<v1::ExplanationSection>, BaseError> {
        let template = self.ask(|reply| driver::Event::FindTemplate(base, reply)).await?;
        inspect::inquire(template, inspect::EXPLAIN, &serde_json::json!({ "stat": stat })).await
    }

    /// What a build is when it is loaded from scratch, and why a stat of it is what it is. It is not kept.
    ///
    /// # Errors
    /// [`BaseError::Build`] if the engine does not take it, [`BaseError::Refused`].
    pub async fn explain_once(&self, xml: &str, stat: &str) -> Result<Explained, BaseError> {
        inspect::explain_once(self.ask(driver::Event::FindZygote).await?, xml, stat).await
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
