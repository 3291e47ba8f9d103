//! The sandbox of a runtime: all that a process which reads foreign builds does not need is taken away.
//!
//! The zygote enters it before it has a VM, all others inherit it by being forked. Nothing here can be undone, and
//! nothing here decides what happens if the kernel lacks a part: that is named, and the server decides. Must never
//! open anything for writing, and must not fail where less of a sandbox is possible.
//!
//! | wall | what it takes away |
//! |---|---|
//! | Landlock | every file and directory but those of the engine, which can only be read |
//! | seccomp (`sandbox/calls.rs`) | every system call that evaluating does not need; opening for writing; threads |
//! | capabilities | what root may do beyond others; no new privileges can be had either |
//! | resource limits | core dumps, writing to files but the journal, many descriptors, memory beyond Lua's |
//!
//! `dumpable` stays on: without it a server that is not root could not read the memory counters of its own runtimes.
//! What it guards against is taken care of: core dumps by their limit, ptrace by seccomp on the side of a runtime.
//! There is no limit of processes: the kernel counts them per user, so that it would hit the server first. Instead a
//! runtime that evaluates can never fork again ([`seal`]).

mod calls;

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
    path::Path,
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, Scope,
};
use rustix::{
    fs::{FileType, Mode},
    process::{Resource, Rlimit},
    thread::{CapabilitySet, CapabilitySets},
};

use super::journal;

/// Newest Landlock that this file was written for; an older kernel does what it can.
const LANDLOCK_ABI: ABI = ABI::V7;

/// Most descriptors open at once. A runtime has its socket, the standard three, its journal, a file or directory that it
/// reads and what the fork gets that it is asked for.
const OPEN_FILES_MAX: u64 = 64;

/// Size of a core dump, in bytes. Not 0: that only keeps the kernel from writing a file, while at 1 it does not run a
/// `core_pattern` program either. A dump would be some hundred megabytes of somebody's build.
const CORE_BYTES_MAX: u64 = 1;

/// Writable memory beyond the Lua heap's limit, in bytes: one gigabyte because the allocator reserves address space by
/// the gigabyte, and all of it counts at once; and one for compiled code, stacks, frames and texts that are inflated.
const OUTSIDE_LUA_BYTES: u64 = 2 << 30;

/// What Landlock learned after its first version. Each counts as missing only where there is no seccomp, which forbids
/// the system calls behind all of them.
const LANDLOCK_LATER: &[(ABI, &str)] = &[
    (ABI::V2, "Landlock for moving files (Linux 5.19)"),
    (ABI::V3, "Landlock for truncating files (Linux 6.2)"),
    (ABI::V4, "Landlock for TCP (Linux 6.7)"),
    (ABI::V5, "Landlock for device controls (Linux 6.10)"),
    (ABI::V6, "Landlock for signals and abstract sockets (Linux 6.12)"),
];

/// Forgets what the server's process may have left to this one: descriptors but the standard ones and `keep`, the
/// working directory, the file mode mask. Needed by every mode, so that no mode behaves differently.
///
/// # Errors
/// If the kernel refuses.
pub fn tidy(keep: BorrowedFd<'_>) -> io::Result<()> {
    let keep = u32::try_from(keep.as_raw_fd()).map_err(io::Error::other)?;
    if keep > 3 {
        close_range(3, keep - 1)?;
    }
    close_range(keep.max(2) + 1, u32::MAX)?;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    Ok(rustix::process::chdir("/")?)
}

/// What came of [`enter`].
#[derive(Debug, Default)]
pub struct Entered {
    /// Parts that are not there, each with the reason; nothing else does what they would have done.
    pub missing: Vec<String>,
    /// Version of the kernel's Landlock; 0: it has none.
    pub landlock_abi: u32,
}

/// Takes everything away but the reading of `directory`, if one is given, and what `sandbox/calls.rs` allows.
///
/// A limit of the Lua heap of 0 means none, and then there is none on memory.
#[must_use]
pub fn enter(directory: Option<&Path>, lua_heap_limit_bytes: u64) -> Entered {
    let mut missing = Vec::new();
    let mut note = |part: &str, reason: String| missing.push(format!("{part} ({reason})"));

    match super::fork::threads() {
        Ok(1) => {}
        Ok(count) => note("one thread", format!("there are {count}, and what follows binds only this one")),
        Err(error) => note("one thread", error.to_string()),
    }
    if let Err(error) = rustix::thread::set_no_new_privs(true) {
        note("no new privileges", error.to_string());
    }
    if let Err(error) = limit_resources(lua_heap_limit_bytes) {
        note("resource limits", error.to_string());
    }
    let landlock = restrict_files(directory).unwrap_or_else(|reason| {
        note("Landlock", reason);
        ABI::Unsupported
    });
    if let Err(error) = drop_capabilities() {
        note("capabilities", error.to_string());
    }
    // The last: it forbids what came before.
    if let Err(error) = calls::restrict() {
        note("seccomp", error.to_string());
        missing.extend(landlock_gaps(landlock).map(str::to_owned));
    }
    Entered { missing, landlock_abi: landlock as u32 }
}

/// Forbids forking, for good: this process evaluates from now on, and everything else is somebody else's to fork.
///
/// # Errors
/// If seccomp is not there, which [`enter`] has said already.
pub fn seal() -> io::Result<()> {
    calls::forbid_forks()
}

/// Versions of Landlock that the kernel is behind; none if it has no Landlock at all, which is one part and not many.
fn landlock_gaps(has: ABI) -> impl Iterator<Item = &'static str> {
    LANDLOCK_LATER.iter().filter(move |(abi, _)| has != ABI::Unsupported && *abi > has).map(|(_, name)| *name)
}

/// Landlock: nothing of the file system but reading below `directory`, no TCP, no signals to the outside.
fn restrict_files(directory: Option<&Path>) -> Result<ABI, String> {
    let opened = directory.map(PathFd::new).transpose().map_err(|error| error.to_string())?;
    let restrict = || {
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(LANDLOCK_ABI))?
            .handle_access(AccessNet::from_all(LANDLOCK_ABI))?
            .scope(Scope::from_all(LANDLOCK_ABI))?
            .create()?;
        if let Some(directory) = opened {
            ruleset = ruleset.add_rule(PathBeneath::new(directory, AccessFs::ReadFile | AccessFs::ReadDir))?;
        }
        ruleset.restrict_self()
    };
    let status = restrict().map_err(|error: landlock::RulesetError| error.to_string())?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => Ok(effective_abi),
        LandlockStatus::NotEnabled => Err("this kernel was started without it".into()),
        LandlockStatus::NotImplemented => Err("this kernel was built without it".into()),
    }
}

fn drop_capabilities() -> io::Result<()> {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

fn limit_resources(lua_heap_limit_bytes: u64) -> io::Result<()> {
    let mut limits = vec![(Resource::Core, CORE_BYTES_MAX), (Resource::Nofile, OPEN_FILES_MAX)];
    // A log that is a file grows through the standard error of every runtime, and a limit would kill whoever writes.
    // Opening other files for writing is forbidden in any case; only the journal is handed over.
    if FileType::from_raw_mode(rustix::fs::fstat(rustix::stdio::stderr())?.st_mode) != FileType::RegularFile {
        limits.push((Resource::Fsize, journal::FILE_BYTES_MAX));
    }
    if lua_heap_limit_bytes > 0 {
        limits.push((Resource::Data, lua_heap_limit_bytes.saturating_add(OUTSIDE_LUA_BYTES)));
    }
    for (resource, most) in limits {
        // What is limited to less already stays so.
        let inherited = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let most = Some(most.min(inherited));
        rustix::process::setrlimit(resource, Rlimit { current: most, maximum: most })?;
    }
    Ok(())
}

#[expect(unsafe_code, reason = "only the kernel knows what is open; this is one of the places that may be unsafe")]
fn close_range(first: u32, last: u32) -> io::Result<()> {
    // JUSTIFICATION: neither std nor rustix closes descriptors that nobody owns.
    // SAFETY: called once, when the process has begun, with ranges outside of which lie the only descriptors that
    // anybody owns: the standard ones and the socket. The arguments are plain numbers.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_landlock_lacks_by_name_what_came_later() {
        let gaps: Vec<_> = landlock_gaps(ABI::V3).collect();
        assert_eq!(gaps.len(), 3);
        assert!(gaps[0].contains("TCP"), "{gaps:?}");
        assert_eq!(landlock_gaps(LANDLOCK_ABI).count(), 0);
    }

    #[test]
    fn a_kernel_without_landlock_lacks_one_thing_and_not_six() {
        assert_eq!(landlock_gaps(ABI::Unsupported).count(), 0);
    }
}
