//! A warm runtime that others are forked from: the zygote, or the template of a base.
//!
//! One task owns the process. Callers hold a [`ForkPoint`]; when the last handle is gone the process goes too.

use std::os::fd::AsFd;

use tokio::sync::{mpsc, oneshot};

use super::process::{Process, ProcessError, socket_pair};
use crate::{
    proto::runtime::{Command, Fork, Report, command, report},
    task,
    wire::WireError,
};

/// Forks that may wait for one process; each waits some milliseconds, and there are never more than shards and base
/// loads at once.
const FORKS_WAITING_MAX: usize = 64;

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

type Reply = oneshot::Sender<Result<Process, ForkError>>;

/// Handle to a warm runtime.
#[derive(Clone, Debug)]
pub struct ForkPoint {
    requests: mpsc::Sender<(&'static str, Reply)>,
    pid: u32,
}

impl ForkPoint {
    /// Takes charge of a warm runtime.
    #[must_use]
    pub fn new(process: Process) -> Self {
        let (requests, receiver) = mpsc::channel(FORKS_WAITING_MAX);
        let pid = process.pid();
        task::spawn("fork point", serve(process, receiver));
        Self { requests, pid }
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

    /// Forks the runtime; `role` is for the log.
    ///
    /// # Errors
    /// [`ForkError`].
    pub async fn fork(&self, role: &'static str) -> Result<Process, ForkError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send((role, reply)).await.map_err(|_| ForkError::Dead)?;
        answer.await.map_err(|_| ForkError::Dead)?
    }
}

/// Serves requests until the handles are gone or the process is.
async fn serve(mut process: Process, mut requests: mpsc::Receiver<(&'static str, Reply)>) {
    let error = loop {
        // Both arms are cancel safe: the channel by its documentation, the connection since it keeps what it read.
        let (role, reply) = tokio::select! {
            request = requests.recv() => match request {
                Some(request) => request,
                None => break None,
            },
            // Nothing was asked, so all that can come is the end.
            report = process.connection.receive::<Report>() => {
                break Some(report.err().unwrap_or(WireError::OutOfTurn("a report that nobody asked for")));
            }
        };
        match fork(&mut process, role).await {
            Ok((pid, socket)) => {
                let child = Process::adopt(pid, socket).await.map_err(ForkError::Child);
                // A caller that has gone drops the child, which is killed by that.
                let _ = reply.send(child);
            }
            Err(error) => break Some(error),
        }
    };
    // Close before the process is reaped: a waiting caller must not get in between.
    drop(requests);
    let pid = process.pid();
    let exit = process.stop().await;
    if let Some(error) = error {
        tracing::warn!(pid, %error, status = ?exit.status, "a runtime died that others are forked from");
    }
}

/// Tells the process to fork; returns the child's id and the server's end of its socket.
async fn fork(process: &mut Process, role: &str) -> Result<(u32, std::os::unix::net::UnixStream), WireError> {
    let (ours, theirs) = socket_pair()?;
    let fork = Command { command: Some(command::Command::Fork(Fork { role: role.into() })) };
    process.connection.send_with_fd(&fork, theirs.as_fd()).await?;
    drop(theirs);
    match process.connection.receive::<Report>().await?.report {
        Some(report::Report::Forked(forked)) => Ok((forked.pid, ours)),
        _ => Err(WireError::OutOfTurn("not the answer to fork")),
    }
}
