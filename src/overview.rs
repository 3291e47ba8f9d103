//! What a server is doing, taken at one moment: the one thing that metrics, status page, probes and admin service show.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    admission::Admission,
    build::base::EngineFacts,
    supervisor::{Status, Supervisor},
};

/// How long a look may take. The driver answers within microseconds; a probe must hear if it does not.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// Takes overviews. Clones are the same.
#[derive(Clone, Debug)]
pub struct Observer {
    supervisor: Supervisor,
    admission: Admission,
    started: SystemTime,
}

/// What a server is doing.
#[derive(Clone, Debug)]
pub struct Overview {
    /// What it runs.
    pub engine: Arc<EngineFacts>,
    /// Whether it takes calls.
    pub standing: Standing,
    /// When it started.
    pub started: SystemTime,
    /// When this was so.
    pub observed: SystemTime,
    /// What the supervisor says; empty if it says nothing.
    pub status: Status,
}

/// Whether a server takes calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Serving,
    /// It cannot evaluate.
    NotReady,
    /// It takes nothing new, or soon will not.
    Draining,
}

impl Observer {
    /// Looks at that server.
    #[must_use]
    pub fn new(supervisor: Supervisor, admission: Admission) -> Self {
        Self { supervisor, admission, started: SystemTime::now() }
    }

    /// The server.
    #[must_use]
    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// Whether it takes anything new.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// What it is doing now.
    pub async fn look(&self) -> Overview {
        let status = tokio::time::timeout(LOOK_TIMEOUT, self.supervisor.status()).await;
        let status = status.ok().and_then(Result::ok);
        let standing = match &status {
            _ if self.admission.is_announced() => Standing::Draining,
            Some(status) if status.is_ready() => Standing::Serving,
            _ => Standing::NotReady,
        };
        Overview {
            engine: self.supervisor.engine(),
            standing,
            started: self.started,
            observed: SystemTime::now(),
            status: status.unwrap_or_default(),
        }
    }
}
