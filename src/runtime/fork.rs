//! Forking a warm runtime.
//!
//! The child becomes a *sibling*: `CLONE_PARENT` makes it a child of the server at once, so the server holds its pidfd
//! and reaps it like any other. The textbook way, two forks and a subreaper, copies the page tables twice; a warm
//! runtime has some hundred megabytes of them.

use std::{io, os::unix::fs::MetadataExt};

use rustix::process::{Pid, Signal};

/// On which side of a fork we woke up.
#[derive(Debug)]
pub enum Forked {
    /// In the runtime that forked; the child has this process id.
    Parent(u32),
    /// In the child.
    Child,
}

/// Forks this process.
///
/// # Errors
/// What the kernel says; and if this process has more than one thread, since only the calling one would live on.
#[expect(unsafe_code, reason = "there is no safe way to fork; this is one of the three places that may be unsafe")]
pub fn fork() -> io::Result<Forked> {
    // Where there is no /proc nobody can tell.
    if threads().is_ok_and(|count| count != 1) {
        return Err(io::Error::other("a runtime with several threads cannot fork"));
    }
    let flags = libc::CLONE_PARENT | libc::SIGCHLD;
    // JUSTIFICATION: neither std nor rustix offers a fork whose child is a sibling.
    // SAFETY: the process has one thread, checked above, so no lock can be held by a thread that the child lacks, and
    // the child may run any code. Without CLONE_VM and with a null stack both sides go on with their own copy of
    // memory and stack, as after fork(2). The other arguments are unused without their flags, hence zero on every
    // architecture's order of them.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::c_long::from(flags), 0, 0, 0, 0) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(u32::try_from(pid).map_err(io::Error::other)?)),
    }
}

/// How many threads this process has.
///
/// # Errors
/// If there is no `/proc`.
pub fn threads() -> io::Result<u64> {
    // A directory has two links and one for each directory in it, here one for each thread. Looking is allowed inside
    // the sandbox, opening is not.
    Ok(std::fs::metadata("/proc/self/task")?.nlink().saturating_sub(2))
}

/// Ties this process to the server: the kernel kills it when the server dies, whatever it is doing then.
///
/// # Errors
/// If the kernel refuses, or if the server is gone already.
pub fn die_with(server: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The server may have died between the fork and the line above; nobody would tell us any more.
    if rustix::process::getppid() == Some(server) { Ok(()) } else { Err(io::Error::other("the server is gone")) }
}
