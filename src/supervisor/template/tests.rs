//! What becomes of a child when the runtime that is forked does not keep to the protocol. The test plays the runtime;
//! the processes behind it are real, so that they can be lost.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    time::Instant,
};

use rustix::process::Pid;

use super::*;
use crate::{
    proto::runtime::{Command, Hello},
    runtime::socket::Socket,
    supervisor::process,
    telemetry::Log,
    wire::{PROTOCOL_VERSION, read, write},
};

/// Longest wait for anything that must happen; only a broken test comes near it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that lives until it is killed, or until this side of its standard input is dropped.
struct Sleeper {
    pid: u32,
    _input: UnixStream,
}

impl Sleeper {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("sleeper");
        fs::write(&program, "#!/bin/sh\necho awake >&0\nread -r line\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let (pid, mut input) = process::execute(&program, &Log::default()).unwrap();
        // Not before the program was read may its file go.
        let mut line = [0; 6];
        input.read_exact(&mut line).unwrap();
        Self { pid, _input: input }
    }

    /// Dead and reaped.
    fn is_gone(&self) -> bool {
        let pid = Pid::from_raw(i32::try_from(self.pid).unwrap()).unwrap();
        rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
    }

    fn hello(&self) -> Report {
        let hello = Hello { protocol_version: PROTOCOL_VERSION, pid: self.pid };
        Report { report: Some(report::Report::Hello(hello)) }
    }
}

/// Waits by the real clock: the tests stop tokio's.
async fn until(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "waited in vain");
        tokio::task::yield_now().await;
    }
}

/// What the runtime does when it is told to fork, and has: the child serves that socket by then.
type Answer = fn(Socket) -> Option<Socket>;

/// Has such a runtime forked, and waits until it and its child are gone.
async fn nothing_is_left_of(answer: Answer, child_speaks: bool) {
    let (parent, child) = (Sleeper::start(), Sleeper::start());
    let (ours, theirs) = socket_pair().unwrap();
    let mut runtime = Socket::new(theirs);
    write(&mut runtime, &parent.hello()).unwrap();
    let point = ForkPoint::new(Process::adopt(parent.pid, ours).await.unwrap());

    let asked = point.clone();
    let fork = task::spawn("fork", async move { asked.fork("child", None).await });
    until(|| runtime.has_input()).await;
    read::<Command>(&mut runtime).unwrap();
    let mut socket = Socket::new(runtime.take_fd().unwrap());
    if child_speaks {
        write(&mut socket, &child.hello()).unwrap();
    }
    let runtime = answer(runtime);
    if !child_speaks {
        drop(socket);
    }

    let fork = tokio::time::timeout(FORK_TIMEOUT * 2, fork).await.expect("an answer, or none in time");
    assert!(matches!(fork.unwrap(), Err(ForkError::Dead)));
    assert!(point.is_dead());
    until(|| parent.is_gone() && (child.is_gone() || !child_speaks)).await;
    drop(runtime);
}

#[tokio::test(start_paused = true)]
async fn half_an_answer_to_fork_costs_the_runtime_and_its_child_their_lives() {
    let half = |mut runtime: Socket| {
        runtime.write_all(&[0, 0, 1]).unwrap();
        Some(runtime)
    };
    nothing_is_left_of(half, true).await;
    nothing_is_left_of(half, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_says_nothing_of_its_fork_is_not_waited_for_for_ever() {
    nothing_is_left_of(Some, true).await;
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_dies_behind_the_fork_leaves_no_child_behind() {
    nothing_is_left_of(|_dies| None, true).await;
    nothing_is_left_of(|_dies| None, false).await;
}

#[tokio::test]
async fn half_a_frame_that_nobody_asked_for_ends_a_runtime_at_once() {
    let parent = Sleeper::start();
    let (ours, theirs) = socket_pair().unwrap();
    let mut runtime = Socket::new(theirs);
    write(&mut runtime, &parent.hello()).unwrap();
    let point = ForkPoint::new(Process::adopt(parent.pid, ours).await.unwrap());
    runtime.write_all(&[0]).unwrap();
    until(|| point.is_dead() && parent.is_gone()).await;
}
