//! Memory: what the runtimes of this process take, and whether the machine has enough of it.

use std::{fs, num::NonZero};

use crate::supervisor::memory::Marks;

/// What was measured.
pub struct Memory {
    /// Sizes of the runtimes, shared pages counted in part (PSS).
    runtimes: Vec<u64>,
    available: u64,
    processors: u64,
}

impl Memory {
    /// Measures; nothing where /proc does not tell.
    pub fn measure() -> Option<Self> {
        let runtimes: Vec<_> = children()?.into_iter().filter_map(pss).collect();
        let available = field(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
        (!runtimes.is_empty()).then_some(Self { runtimes, available, processors })
    }

    /// What a server with one shard for each processor may take beyond what runs now: each may grow by the garbage of
    /// variations, up to the mark at which it is replaced.
    fn needed(&self) -> u64 {
        let largest = self.runtimes.iter().copied().max().unwrap_or(0);
        self.processors * (largest + Marks::default().hard_bytes)
    }

    /// Whether the machine has enough for that.
    pub fn is_enough(&self) -> bool {
        self.needed() <= self.available
    }

    /// In words.
    pub fn in_words(&self) -> String {
        let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
        let words = format!(
            "{} runtimes take {}; one base on {} shards may take {} more, and {} are available",
            self.runtimes.len(),
            mib(self.runtimes.iter().sum()),
            self.processors,
            mib(self.needed()),
            mib(self.available),
        );
        if self.is_enough() { words } else { format!("{words}: use fewer --shards or a smaller --memory-hard") }
    }
}

/// Every runtime is a child of this process, and nothing else is.
fn children() -> Option<Vec<u32>> {
    let mut children = Vec::new();
    for task in fs::read_dir("/proc/self/task").ok()? {
        let list = fs::read_to_string(task.ok()?.path().join("children")).ok()?;
        children.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Some(children)
}

fn pss(pid: u32) -> Option<u64> {
    field(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?, "Pss:")
}

/// A size of one of the kernel's tables, in bytes.
fn field(table: &str, name: &str) -> Option<u64> {
    let line = table.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_the_kernel_writes_them() {
        let table = "Rss:            10 kB\nPss:            2048 kB\nPss_Dirty:  1 kB\n";
        assert_eq!(field(table, "Pss:"), Some(2 << 20));
        assert_eq!(field(table, "Nothing:"), None);
        assert_eq!(field("Pss: x kB", "Pss:"), None);
    }

    #[test]
    fn a_machine_without_room_for_its_shards_is_told_so() {
        let memory = |available| Memory { runtimes: vec![100 << 20, 200 << 20], available, processors: 2 };
        let needed = 2 * ((200 << 20) + Marks::default().hard_bytes);
        assert!(memory(needed).is_enough());
        assert!(!memory(needed - 1).is_enough());
        assert!(memory(0).in_words().contains("fewer --shards"));
    }
}
