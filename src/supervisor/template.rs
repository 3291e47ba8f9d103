//! A warm runtime that others are forked from: the zygote, or the template of a base.
//!
//! One task owns the process. Callers hold a [`ForkPoint`]; when the last handle is gone the process goes too.

use std::{
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use super::process::{Process, ProcessError, socket_pair};
use super::{journal::Journal, scratch::Scratch};
use crate::{
    proto::runtime::{Fork, Report, command, report},
    task,
    wire::WireError,
};

/// Forks that may wait for one process; each waits some milliseconds, and there are never more than shards and base
/// loads at once.
const FORKS_WAITING_MAX: usize = 64;

/// How long a runtime may take to fork: a thousand times what it takes, for a machine that swaps.
const FORK_TIMEOUT: Duration = Duration::from_secs(10);

/// A fork could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    /// The runtime to be forked is dead, or died of it.
    #[error("the runtime to be forked is dead")]
    Dead,
    /// The child could not be started.
    #[error(transparent)]
    Child(#[from] ProcessError),
}

/// What is to be forked.
struct Child {
    /// For the log.
    role: &'static str,
    journal: Option<Journal>,
    scratch: Option<Scratch>,
    /// It takes the place of the one that is forked.
    succeeds: bool,
}

/// Asks for a fork.
struct Request {
    child: Child,
    reply: oneshot::Sender<Result<Process, ForkError>>,
}

/// Handle to a warm runtime.
#[derive(Clone, Debug)]
pub struct ForkPoint {
    requests: mpsc::Sender<Request>,
    pid: u32,
    journal: Option<Journal>,
}

impl ForkPoint {
    /// Takes charge of a warm runtime.
    #[must_use]
    pub fn new(process: Process) -> Self {
        Self::start(process, None)
    }

    /// Takes charge of a warm runtime whose forks share a journal; without one if the kernel gives none.
    #[must_use]
    pub fn with_journal(process: Process) -> Self {
        let journal = Journal::new().inspect_err(|error| tracing::warn!(%error, "no journal for a base")).ok();
        Self::start(process, journal)
    }

    fn start(process: Process, journal: Option<Journal>) -> Self {
        let (requests, receiver) = mpsc::channel(FORKS_WAITING_MAX);
        let pid = process.pid();
        task::spawn("fork point", serve(process, receiver));
        Self { requests, pid, journal }
    }

    /// What its forks told each other so far is not to be trusted.
    pub fn disown_journal(&self) {
        if let Some(Err(error)) = self.journal.as_ref().map(Journal::disown) {
            tracing::error!(%error, "a journal that is not to be trusted cannot be taken back");
        }
    }

    /// Process id of the runtime.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the runtime has died.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.requests.is_closed()
    }

    /// Forks the runtime; `role` is for the log. The child alone may use the scratch memory.
    ///
    /// # Errors
    /// [`ForkError`].
    pub async fn fork(&self, role: &'static str, scratch: Option<Scratch>) -> Result<Process, ForkError> {
        self.ask(Child { role, journal: self.journal.clone(), scratch, succeeds: false }).await
    }

    /// Forks the runtime, which is let go soon; the child takes its place.
    ///
    /// # Errors
    /// [`ForkError`].
    pub async fn fork_successor(&self, role: &'static str) -> Result<Process, ForkError> {
        self.ask(Child { role, journal: None, scratch: None, succeeds: true }).await
    }

    async fn ask(&self, child: Child) -> Result<Process, ForkError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { child, reply }).await.map_err(|_| ForkError::Dead)?;
        answer.await.map_err(|_| ForkError::Dead)?
    }
}

/// Serves requests until the handles are gone or the process is.
async fn serve(mut process: Process, mut requests: mpsc::Receiver<Request>) {
    let mut unaccounted = None;
    let error = loop {
        // Both arms are cancel safe: the channel and the connection by their documentation.
        let Request { child, reply } = tokio::select! {
            request = requests.recv() => match request {
                Some(request) => request,
                None => break None,
            },
            error = process.connection.unasked() => break Some(error),
        };
        let (ours, theirs) = match socket_pair() {
            Ok(pair) => pair,
            // No descriptors are left, which is not this runtime's fault.
            Err(error) => {
                let _ = reply.send(Err(ProcessError::from(error).into()));
                continue;
            }
        };
        let answer = tokio::time::timeout(FORK_TIMEOUT, fork(&mut process, child, theirs)).await;
        match answer.unwrap_or(Err(WireError::OutOfTurn("no answer to fork"))) {
            Ok(pid) => {
                let child = Process::adopt(pid, ours).await.map_err(ForkError::Child);
                // A caller that has gone drops the child, which is killed by that.
                let _ = reply.send(child);
            }
            Err(error) => {
                unaccounted = Some(ours);
                break Some(error);
            }
        }
    };
    // Close before the process is reaped: a waiting caller must not get in between.
    drop(requests);
    let pid = process.pid();
    let exit = process.stop().await;
    if let Some(socket) = unaccounted {
        // It may have forked and not said so. Now that it is dead it forks no more and holds no end of the socket:
        // either the child says hello, or there is none and that is heard too.
        Process::discard(socket).await;
    }
    if let Some(error) = error {
        tracing::warn!(pid, %error, status = ?exit.status, "a runtime died that others are forked from");
    }
}

/// Tells the process to fork such a child, whose socket is that; returns the child's id.
async fn fork(process: &mut Process, child: Child, theirs: OwnedFd) -> Result<u32, WireError> {
    let Child { role, journal, scratch, succeeds } = child;
    let scratch_uses = scratch.as_ref().map_or(0, Scratch::uses);
    let fork = Fork { role: role.into(), journal: journal.is_some(), scratch_uses, succeeds };
    let fork = command::Command::Fork(fork).within(Duration::ZERO);
    let fds: Vec<_> = std::iter::once(theirs.as_fd())
        .chain(journal.as_ref().map(Journal::as_fd))
        .chain(scratch.as_ref().map(Scratch::as_fd))
        .collect();
    process.connection.send_with_fds(&fork, &fds).await?;
    drop(theirs);
    match process.connection.receive::<Report>().await?.report {
        Some(report::Report::Forked(forked)) => Ok(forked.pid),
        _ => Err(WireError::OutOfTurn("not the answer to fork")),
    }
}

#[cfg(test)]
mod tests;
