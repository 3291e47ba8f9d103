//! Everything that runs inside a runtime process, and the only place that knows Lua.
//!
//! A runtime is this program, executed as `pobatch runtime` by the server, or forked from another runtime. It has one
//! thread, one VM and one socket, its standard input; what it is (zygote, template, shard runtime) depends only on what
//! it was told so far.

pub mod arena;
pub mod backstop;
pub mod command_loop;
pub mod fork;
pub mod host;
pub mod journal;
pub mod modules;
pub mod reference;
pub mod sandbox;
pub mod socket;
pub mod vm;

use std::{
    io::{self, IsTerminal},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    process::ExitCode,
};

use command_loop::{End, Runtime};
use fork::Forked;
use socket::Socket;

use crate::{
    proto::runtime::Fork,
    telemetry::{self, Log},
};

/// What a child is given.
struct Handed {
    socket: OwnedFd,
    journal: Option<OwnedFd>,
    scratch: Option<arena::Scratch>,
    succeeds: bool,
}

/// Serves the socket on standard input until the server closes it. Fails if this program was not started by the server,
/// or the server does not keep to the protocol.
#[must_use]
pub fn main(log: &Log) -> ExitCode {
    let stdin = io::stdin();
    if stdin.is_terminal() || rustix::net::sockopt::socket_type(&stdin).is_err() {
        eprintln!("pobatch: `pobatch runtime` is an implementation detail of `pobatch serve`");
        return ExitCode::FAILURE;
    }
    telemetry::start(log);
    if let Err(error) = arena::start() {
        // Where address space is limited, for example. It is only slower.
        tracing::warn!(%error, "no address space for the arena: the system's allocator serves");
    }
    match serve(stdin.as_fd()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::warn!(%error, "a runtime cannot go on");
            ExitCode::FAILURE
        }
    }
}

fn serve(stdin: BorrowedFd<'_>) -> io::Result<()> {
    let server = rustix::process::getppid().ok_or_else(|| io::Error::other("no parent process"))?;
    fork::die_with(server)?;
    let mut socket = Socket::new(stdin.try_clone_to_owned()?);
    // Lua must not find the protocol on its standard input.
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    sandbox::tidy(socket.as_fd())?;

    let mut runtime = Runtime::default();
    loop {
        let mut own = None;
        let fork = |socket: &mut Socket, order: &Fork| {
            let mut next = || socket.take_fd().ok_or_else(|| io::Error::other("not all came with the order to fork"));
            let handed = Handed {
                socket: next()?,
                journal: order.journal.then(&mut next).transpose()?,
                scratch: match order.scratch_uses {
                    0 => None,
                    uses => Some(arena::Scratch { file: next()?, uses }),
                },
                succeeds: order.succeeds,
            };
            let forked = fork::fork()?;
            // In the parent what the child was handed is closed here.
            if matches!(forked, Forked::Child) {
                own = Some(handed);
            }
            Ok(forked)
        };
        let interrupted = |socket: &mut Socket| socket.has_input();
        match (command_loop::run(&mut runtime, &mut socket, fork, interrupted).map_err(io::Error::other)?, own) {
            (End::Child, Some(own)) => {
                if !own.succeeds {
                    arena::seal(own.scratch);
                }
                if fork::die_with(server).is_err() {
                    // A server that stops while it forks is nothing to complain of.
                    return Ok(());
                }
                // The parent's socket is closed here.
                socket = Socket::new(own.socket);
                runtime.open_journal(own.journal);
            }
            _ => return Ok(()),
        }
    }
}
