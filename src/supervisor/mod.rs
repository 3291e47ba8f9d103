//! Supervisor: owns every runtime process, and answers for every variation that it accepted.
//!
//! Callers hold a cloneable [`Supervisor`] and know nothing of processes. The pure decisions are in `dispatch`; the
//! processes in `process`, `template` and `shard`.

use std::{sync::Arc, time::{Duration, Instant}};

use tokio::sync::mpsc;

use crate::build::{
    base::{Base, BaseId, EngineFacts},
    outcome::{Evaluated, Failure, Selection},
    variation::Variation,
};

/// Which of two queues a session's variations wait in; interactive ones go first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    /// Somebody waits at a screen.
    Interactive,
    /// An optimizer works.
    #[default]
    Batch,
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
    pub outcomes: mpsc::Receiver<Evaluated>,
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

/// Why the supervisor takes nothing now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The server drains.
    #[error("the server is draining")]
    Draining,
    /// No engine is ready.
    #[error("no engine is ready")]
    NotReady,
    /// As many bases are held as memory allows, and all are in use.
    #[error("no room for another base")]
    BasesFull,
    /// Too many sessions are open.
    #[error("too many sessions are open")]
    SessionsFull,
    /// The queue is full.
    #[error("the queue is full")]
    QueueFull,
}

/// Handle to the supervisor.
#[derive(Clone, Debug)]
pub struct Supervisor {}

impl Supervisor {
    /// Facts about the engine.
    #[must_use]
    pub fn engine(&self) -> Arc<EngineFacts> {
        todo!("being written")
    }

    /// Loads a base, unless it is loaded.
    ///
    /// # Errors
    /// [`BaseError::Build`] if the engine does not take the build, [`BaseError::Refused`] if the server does not.
    pub async fn load_base(&self, xml: Arc<str>) -> Result<Arc<Base>, BaseError> {
        let _ = xml;
        todo!("being written")
    }

    /// The base of that id, if it is loaded.
    ///
    /// # Errors
    /// [`BaseError::Unknown`].
    pub async fn find_base(&self, id: BaseId) -> Result<Arc<Base>, BaseError> {
        Err(BaseError::Unknown(id))
    }

    /// Opens a session.
    ///
    /// # Errors
    /// [`BaseError::Unknown`] if the base has gone since, [`BaseError::Refused`].
    pub async fn open(&self, spec: SessionSpec) -> Result<Session, BaseError> {
        Err(BaseError::Unknown(spec.base))
    }
}
