//! What defaults depend on: what this machine has, or this container may use of it.

use std::{
    fs,
    num::NonZero,
    path::{Path, PathBuf},
};

/// Where the kernel shows control groups.
const CGROUPS: &str = "/sys/fs/cgroup";

/// The machine, as far as it matters.
#[derive(Clone, Debug)]
pub struct Machine {
    /// This program.
    pub executable: PathBuf,
    /// Processors that this process may use.
    pub processors: usize,
    /// Memory that this process and its children may use, in bytes; `None` if the kernel does not tell.
    pub memory_bytes: Option<u64>,
}

impl Machine {
    /// The machine that this process runs on.
    pub(super) fn this() -> Self {
        let limits = fs::read_to_string("/proc/self/cgroup").map_or_else(|_| Vec::new(), |text| group_limits(&text));
        let table = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            // The kernel's name for it is the way out if the program's own path cannot be had.
            executable: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe")),
            processors: std::thread::available_parallelism().map_or(1, NonZero::get),
            memory_bytes: limits.into_iter().chain(total(&table)).min(),
        }
    }
}

/// Limits of the control group that this process is in, and of all around it. What cannot be read limits nothing.
fn group_limits(own: &str) -> Vec<u64> {
    groups(own).iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok()).collect()
}

/// The files with those limits, given what `/proc/self/cgroup` says: version 2, or version 1 if memory is managed by it.
fn groups(own: &str) -> Vec<PathBuf> {
    let lines = own.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        Some((parts.next()?, parts.next()?))
    });
    let files = lines.filter_map(|(controllers, group)| {
        let (root, file) = match controllers {
            "" => (Path::new(CGROUPS).to_owned(), "memory.max"),
            "memory" => (Path::new(CGROUPS).join("memory"), "memory.limit_in_bytes"),
            _ => return None,
        };
        let around = Path::new(group).ancestors().map(|group| group.strip_prefix("/").unwrap_or(group));
        Some(around.map(|group| root.join(group).join(file)).collect::<Vec<_>>())
    });
    files.flatten().collect()
}

/// The memory of the whole machine, given `/proc/meminfo`.
fn total(table: &str) -> Option<u64> {
    let line = table.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_a_group_are_its_own_and_those_around_it() {
        let expected = |files: &[&str]| files.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            groups("0::/a.slice/b.scope\n"),
            expected(&[
                "/sys/fs/cgroup/a.slice/b.scope/memory.max",
                "/sys/fs/cgroup/a.slice/memory.max",
                "/sys/fs/cgroup/memory.max"
            ])
        );
        assert_eq!(groups("5:cpu:/x\n4:memory:/\n"), expected(&["/sys/fs/cgroup/memory/memory.limit_in_bytes"]));
        assert_eq!(groups("nonsense"), expected(&[]));
    }

    #[test]
    fn the_machine_has_what_the_kernel_says() {
        assert_eq!(total("MemFree: 1 kB\nMemTotal:       2048 kB\n"), Some(2 << 20));
        assert_eq!(total("MemTotal: lots"), None);
        assert!(Machine::this().memory_bytes.unwrap() > 64 << 20);
    }
}
