//! Engines as an operator names them, what a reload says of itself, and the hold that a call has on an edition. Decides
//! nothing: `editions` does.

use std::{ops::Deref, path::PathBuf, sync::Arc, time::Duration};

use super::{StartError, editions::Denied};
use crate::build::{
    base::{Base, EditionId, EngineFacts},
    outcome::named_enum,
};

/// Which engine, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineChoice {
    /// The embedded one.
    Sample,
    /// Path of Building, in this directory.
    Pob(PathBuf),
}

impl EngineChoice {
    /// `sample` or `pob`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Pob(_) => "pob",
        }
    }

    /// This engine and no other, by its kind's name.
    #[must_use]
    pub fn alone(self) -> Vec<EngineSpec> {
        vec![EngineSpec { name: self.kind().into(), choice: self }]
    }
}

/// An engine that a server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSpec {
    /// What the operator calls it.
    pub name: Arc<str>,
    /// What it is.
    pub choice: EngineChoice,
}

/// How engines are reloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadPolicy {
    /// How long calls that began with the edition before may go on with it.
    pub grace: Duration,
    /// Installations that a request may name are below this directory; `None`: it may name none.
    pub root: Option<PathBuf>,
    /// Golden files that an edition must agree with before anybody gets it.
    pub self_checks: Vec<SelfCheck>,
}

/// The grace where nothing else is said: longer than most sessions, shorter than anybody waits for his memory.
pub const RELOAD_GRACE: Duration = Duration::from_secs(10 * 60);

impl Default for ReloadPolicy {
    fn default() -> Self {
        Self { grace: RELOAD_GRACE, root: None, self_checks: Vec::new() }
    }
}

/// A golden file that an engine must agree with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfCheck {
    /// Name of the engine.
    pub engine: Arc<str>,
    /// File with the build, as XML.
    pub build: PathBuf,
    /// File with its golden outcomes.
    pub golden: PathBuf,
}

/// The hold that a call has on an edition: as long as there is one, it stays.
#[derive(Clone, Debug, Default)]
pub struct Lease(Arc<()>);

impl Lease {
    /// How many there are beside this one.
    #[must_use]
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

/// A base, and the hold on the edition that loaded it.
#[derive(Clone, Debug)]
pub struct Held {
    base: Arc<Base>,
    _lease: Lease,
    warming_up: bool,
}

impl Held {
    /// The base, held.
    #[must_use]
    pub fn new(base: Arc<Base>, lease: Lease) -> Self {
        Self { base, _lease: lease, warming_up: false }
    }

    /// The same, of a base that is warming up or is not.
    #[must_use]
    pub fn warming_up(self, warming_up: bool) -> Self {
        Self { warming_up, ..self }
    }

    /// Whether the base was warming up when it was found.
    #[must_use]
    pub fn is_warming_up(&self) -> bool {
        self.warming_up
    }
}

impl Deref for Held {
    type Target = Base;

    fn deref(&self) -> &Base {
        &self.base
    }
}

/// The engine that a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// What new calls get that name this engine; empty: the first.
    Engine(Arc<str>),
    /// That edition.
    Edition(EditionId),
}

/// An engine was reloaded.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// What calls got before.
    pub before: Arc<EngineFacts>,
    /// What new calls get.
    pub now: Arc<EngineFacts>,
}

/// An engine was not reloaded: calls get what they got before.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReloadError {
    /// There is no such engine.
    #[error("there is no engine `{asked}` here but {known}")]
    Unknown {
        /// Its name.
        asked: String,
        /// The names of those that are.
        known: String,
    },
    /// The directory cannot be had, or may not be.
    #[error("{0}")]
    Directory(String),
    /// A reload of this engine runs already.
    #[error("a reload of this engine runs already")]
    Running,
    /// Too many old editions are in use.
    #[error("too many editions of this engine are in use; one ends when its last call does, or with its grace")]
    TooManyOld,
    /// It does not boot.
    #[error(transparent)]
    Boot(Arc<StartError>),
    /// It boots, and does not do what it must.
    #[error("the engine does not pass its checks: {0}")]
    Check(String),
    /// The supervisor is gone.
    #[error("the server stops")]
    Stopping,
}

named_enum! {
    /// What came of a reload.
    ReloadResult {
        /// New calls get the new edition.
        Switched => "switched",
        /// It was not attempted.
        Refused => "refused",
        /// The new edition does not boot.
        BootFailed => "boot_failed",
        /// It boots and fails a check.
        CheckFailed => "check_failed",
    }
}

impl ReloadError {
    /// What that is in metrics.
    #[must_use]
    pub fn result(&self) -> ReloadResult {
        match self {
            Self::Unknown { .. } | Self::Directory(_) | Self::Running | Self::TooManyOld | Self::Stopping => {
                ReloadResult::Refused
            }
            Self::Boot(_) => ReloadResult::BootFailed,
            Self::Check(_) => ReloadResult::CheckFailed,
        }
    }

    /// What `editions` says, in the words of a caller.
    #[must_use]
    pub fn denied(denied: Denied, asked: &str, known: String) -> Self {
        match denied {
            Denied::Unknown => Self::Unknown { asked: asked.chars().take(64).collect(), known },
            Denied::Running => Self::Running,
            Denied::TooManyOld => Self::TooManyOld,
        }
    }
}
