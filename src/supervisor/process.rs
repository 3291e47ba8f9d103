//! One runtime process as the server sees it: spawn, adopt, kill, reap.
//!
//! Every runtime is a child of the server, so its process id stays its own until it is reaped here; a pidfd makes the
//! waiting asynchronous. A [`Process`] that is dropped is killed and reaped all the same.

use std::{
    io,
    os::fd::OwnedFd,
    path::Path,
    process::{Command, Stdio},
    sync::{OnceLock, mpsc},
    time::Duration,
};

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use tokio::io::{Interest, unix::AsyncFd};

use crate::{
    proto::runtime::{Hello, Report, report},
    telemetry::Log,
    wire::{Connection, PROTOCOL_VERSION, WireError},
};

/// How long a runtime may take until its first frame: it has only been executed or forked, and nothing of an engine
/// runs before. Generous, for a machine that swaps.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// A runtime could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The kernel refused.
    #[error("a runtime could not be started")]
    Start(#[from] io::Error),
    /// It does not answer as a runtime does.
    #[error("a runtime does not keep to the protocol")]
    Wire(#[from] WireError),
    /// It does not answer at all.
    #[error("a runtime said nothing for {HELLO_TIMEOUT:?}")]
    Silent,
}

/// Why a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with this code.
    Code(i32),
    /// Killed by this signal.
    Signal(i32),
}

impl ExitStatus {
    /// It computed for longer than it was told that its server waits (see `runtime/backstop.rs`).
    pub const OUT_OF_TIME: Self = Self::Signal(libc::SIGXCPU);
}

/// What was learned of a process when it was reaped.
#[derive(Clone, Copy, Debug)]
pub struct Exit {
    /// Why it ended.
    pub status: ExitStatus,
    /// Processor time that it used, user and system.
    pub cpu: Duration,
    /// Greatest resident size, in bytes.
    pub rss_peak_bytes: u64,
}

/// A living runtime, or one that has just died.
#[derive(Debug)]
pub struct Process {
    /// To talk to it.
    pub connection: Connection,
    child: Child,
}

/// The duty to kill and reap.
#[derive(Debug)]
struct Child {
    pid: Pid,
    /// `None` if the kernel gave none.
    pidfd: Option<AsyncFd<OwnedFd>>,
    reaped: bool,
}

impl Process {
    /// Executes a fresh runtime and hears its first frame.
    ///
    /// # Errors
    /// [`ProcessError`].
    pub async fn spawn(executable: &Path, log: &Log) -> Result<Self, ProcessError> {
        let (pid, socket) = execute(executable, log)?;
        Self::adopt(pid, socket).await
    }

    /// Takes charge of a child of this process that serves the other end of `socket`, and hears its first frame.
    ///
    /// # Errors
    /// [`ProcessError`].
    pub async fn adopt(pid: u32, socket: std::os::unix::net::UnixStream) -> Result<Self, ProcessError> {
        // First of all: whatever fails from here on, the child goes with it.
        let child = Child::take_charge_of(pid)?;
        let (connection, hello) = greet(socket).await?;
        match hello.protocol_version {
            PROTOCOL_VERSION => Ok(Self { connection, child }),
            other => Err(WireError::Version(other).into()),
        }
    }

    /// Kills and reaps the child of this process that serves the other end of `socket`, if there is one. It says itself
    /// which process it is.
    pub async fn discard(socket: std::os::unix::net::UnixStream) {
        if let Ok((connection, hello)) = greet(socket).await
            && let Ok(child) = Child::take_charge_of(hello.pid)
        {
            Self { connection, child }.stop().await;
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Kills it, whatever it is doing, and waits until it is gone.
    pub async fn stop(self) -> Exit {
        self.child.kill();
        self.reap().await
    }

    /// Waits until it is gone.
    pub async fn reap(mut self) -> Exit {
        if let Some(pidfd) = &self.child.pidfd {
            // Readable means dead; an error means that it cannot be waited for, and then wait4 waits.
            let _ = pidfd.readable().await;
        }
        self.child.reaped = true;
        wait(self.child.pid)
    }
}

/// Executes a fresh runtime; returns its process id and the server's end of its socket.
///
/// # Errors
/// What the kernel says.
pub(super) fn execute(executable: &Path, log: &Log) -> io::Result<(u32, std::os::unix::net::UnixStream)> {
    let (ours, theirs) = socket_pair()?;
    let (executable, log) = (executable.to_owned(), log.to_arguments());
    let pid = on_lasting_thread(move || {
        // The socket is its standard input: the one descriptor that can be handed over without unsafe code.
        let child = Command::new(executable)
            .arg("runtime")
            .args(log)
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()?;
        io::Result::Ok(child.id())
    })??;
    Ok((pid, ours))
}

/// Hears the first frame.
async fn greet(socket: std::os::unix::net::UnixStream) -> Result<(Connection, Hello), ProcessError> {
    socket.set_nonblocking(true)?;
    let mut connection = Connection::new(tokio::net::UnixStream::from_std(socket)?);
    let hello = tokio::time::timeout(HELLO_TIMEOUT, connection.receive::<Report>());
    match hello.await.map_err(|_| ProcessError::Silent)??.report {
        Some(report::Report::Hello(hello)) => Ok((connection, hello)),
        _ => Err(WireError::OutOfTurn("not the hello").into()),
    }
}

/// A connected pair, the server's end first. Both are closed on exec; a runtime's end is handed over explicitly.
///
/// # Errors
/// What the kernel says.
pub fn socket_pair() -> io::Result<(std::os::unix::net::UnixStream, OwnedFd)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    Ok((ours, theirs.into()))
}

/// Registers a pidfd with the event loop; it becomes readable when the process is dead.
#[expect(unsafe_code, reason = "registration relies on the descriptor staying the same")]
fn watch(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // JUSTIFICATION: tokio has no safe registration of a descriptor; polling wait4 instead would cost a thread.
    // SAFETY: an `OwnedFd` names the same open descriptor as long as it lives, and the `AsyncFd` owns it.
    let registered = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) };
    Ok(registered?)
}

impl Child {
    /// Fails if it is no child of this process: a runtime that was led astray may name any.
    fn take_charge_of(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("no process id"))?;
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        rustix::process::waitid(WaitId::Pid(pid), look)?;
        let mut child = Self { pid, pidfd: None, reaped: false };
        // If there is no descriptor to be had, the child is killed by its number.
        child.pidfd = Some(watch(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)?);
        Ok(child)
    }

    fn kill(&self) {
        // The only possible error is that it is dead, and then it is dead.
        let _ = match &self.pidfd {
            Some(pidfd) => rustix::process::pidfd_send_signal(pidfd, Signal::KILL),
            None => rustix::process::kill_process(self.pid, Signal::KILL),
        };
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            wait(self.pid);
        }
    }
}

/// Waits for a child that is dead, or is dying of SIGKILL, and frees its process id.
#[expect(unsafe_code, reason = "rusage is only had from wait4; this is one of the three places that may be unsafe")]
fn wait(pid: Pid) -> Exit {
    let mut status = 0;
    loop {
        // JUSTIFICATION: rustix offers waitid without the resource usage, from which we learn why a runtime died.
        // SAFETY: both pointers are to living values of the types that wait4 fills; a zeroed rusage is a valid one.
        let (result, usage) = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            (libc::wait4(pid.as_raw_nonzero().get(), &raw mut status, 0, &raw mut usage), usage)
        };
        if result == -1 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted {
            continue;
        }
        let status = if libc::WIFSIGNALED(status) {
            ExitStatus::Signal(libc::WTERMSIG(status))
        } else {
            ExitStatus::Code(libc::WEXITSTATUS(status))
        };
        let rss_kib = u64::try_from(usage.ru_maxrss).unwrap_or(0);
        return Exit { status, cpu: time(usage.ru_utime) + time(usage.ru_stime), rss_peak_bytes: rss_kib << 10 };
    }
}

fn time(value: libc::timeval) -> Duration {
    let seconds = u64::try_from(value.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(value.tv_usec).unwrap_or(0))
}

type Job = Box<dyn FnOnce() + Send>;

/// Runs `job` on a thread that lives as long as the process.
///
/// The kernel sends a parent-death signal when the *thread* that became the parent ends. Tokio's threads come and go,
/// this one stays; forks of the zygote inherit it as their parent.
fn on_lasting_thread<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    static THREAD: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let thread = THREAD.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Job>();
        let spawned = std::thread::Builder::new().name("spawner".into()).spawn(move || {
            for job in receiver {
                job();
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "the spawner thread could not be started");
        }
        sender
    });
    let (result, done) = mpsc::sync_channel(1);
    let job: Job = Box::new(move || {
        let _ = result.send(job());
    });
    thread.send(job).map_err(|_| io::Error::other("the spawner thread is gone"))?;
    done.recv().map_err(|_| io::Error::other("the spawner thread is gone"))
}
