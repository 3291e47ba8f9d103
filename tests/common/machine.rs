//! What the kernel says of this process and its children.

use std::{collections::HashSet, fs, os::fd::AsFd as _};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, Signal};

fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Kills a process; it may be dead already.
pub fn kill(pid: u32) {
    let _ = rustix::process::kill_process(pid_of(pid).expect("a process id"), Signal::KILL);
}

/// Children of that process, the dead ones that were not reaped included.
pub fn children(of: u32) -> HashSet<u32> {
    let processes = fs::read_dir("/proc").expect("there is /proc").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| state(*pid).is_some_and(|(_, parent)| parent == of)).collect()
}

/// State and parent of a process, if there is one.
pub fn state(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may contain anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Descriptors that this process has open.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("there is /proc").count()
}

/// What the children of this process do and what each of them, and this process, has open: for a failed test to say.
pub fn state_of_affairs() -> String {
    let process = |pid: u32| {
        let read = |what: &str| fs::read_to_string(format!("/proc/{pid}/{what}")).unwrap_or_default();
        let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let open: Vec<_> = entries.filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
        let command = read("cmdline").replace('\0', " ");
        let (state, wait, call) = (state(pid), read("wchan"), read("syscall"));
        format!("{pid} {command:?} {state:?} waits in {wait:?}, call {:?}, has open {open:?}\n", call.trim())
    };
    let own = std::process::id();
    children(own).into_iter().chain([own]).map(process).collect()
}

/// Proportional set size of a process in bytes; 0 if it has gone.
pub fn pss_bytes(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
}

/// Resident set size of a process in bytes; 0 if it has gone.
pub fn resident_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmRSS:")
}

/// The greatest resident set size that a process ever had, in bytes; 0 if it has gone.
pub fn resident_peak_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmHWM:")
}

fn status_bytes(pid: u32, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
}

/// Says something in a runtime's name: writes to the socket that it has to its server. False if the kernel does not let
/// us, or if the runtime has gone.
pub fn speak_for(pid: u32, bytes: &[u8]) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let is_socket = |entry: &fs::DirEntry| {
        fs::read_link(entry.path()).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    };
    let number = entries.flatten().find(is_socket).and_then(|entry| entry.file_name().to_str()?.parse().ok());
    let (Some(number), Some(pid)) = (number, pid_of(pid)) else { return false };
    let Ok(process) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let Ok(socket) = rustix::process::pidfd_getfd(process.as_fd(), number, PidfdGetfdFlags::empty()) else {
        return false;
    };
    rustix::net::send(&socket, bytes, rustix::net::SendFlags::NOSIGNAL | rustix::net::SendFlags::DONTWAIT).is_ok()
}
