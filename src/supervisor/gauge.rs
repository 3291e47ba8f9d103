//! Measures what the runtimes use, from outside: their proportional set size, which counts a page that forks share
//! only once, what is resident, and their processor time. Decides nothing; the driver does.

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::driver::Event;

/// Shortest pause between two measurements.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Longest pause, however many runtimes there are: in that time they stay within their own marks.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The kernel looks at every page of a runtime to know its size, some milliseconds for some hundred megabytes. The pause is
/// that many times as long as the measurement took, so that measuring takes a fifth of a per cent of a processor.
const PAUSE_FACTOR: u32 = 500;

/// What the runtimes use.
#[derive(Debug, Default)]
pub struct Measurement {
    /// Proportional set sizes in bytes, by process id.
    pub proportional: HashMap<u32, u64>,
    /// Resident set sizes in bytes, by process id.
    pub resident: HashMap<u32, u64>,
    /// Processor time of those that live and of those that were reaped.
    pub cpu: Duration,
}

impl Measurement {
    fn of(pids: &[u32]) -> Self {
        let mut measurement = Self { cpu: cpu_time("self", CpuOf::Children).unwrap_or_default(), ..Self::default() };
        for &pid in pids {
            if let Some((proportional, resident)) = set_sizes(pid) {
                measurement.proportional.insert(pid, proportional);
                measurement.resident.insert(pid, resident);
            }
            measurement.cpu += cpu_time(&pid.to_string(), CpuOf::Itself).unwrap_or_default();
        }
        measurement
    }
}

/// Measures until the driver has gone. The sender is weak: measuring is no reason to live.
pub async fn run(driver: mpsc::WeakSender<Event>) {
    let mut pause = Duration::ZERO;
    loop {
        tokio::time::sleep(pause).await;
        let (reply, answer) = oneshot::channel();
        let Some(sender) = driver.upgrade() else { return };
        if sender.send(Event::Pids(reply)).await.is_err() {
            return;
        }
        drop(sender);
        let Ok(pids) = answer.await else { return };
        let measure = move || {
            let started = Instant::now();
            (Measurement::of(&pids), started.elapsed())
        };
        let Ok((usage, took)) = tokio::task::spawn_blocking(measure).await else { return };
        pause = (took * PAUSE_FACTOR).clamp(PAUSE_MIN, PAUSE_MAX);
        let Some(sender) = driver.upgrade() else { return };
        if sender.send(Event::Measured(usage)).await.is_err() {
            return;
        }
    }
}

/// Proportional and resident set size of a process; `None` if it has gone, or if the kernel does not tell.
fn set_sizes(pid: u32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let size = |name| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib << 10)
    };
    Some((size("Pss:")?, size("Rss:")?))
}

/// Whose processor time.
#[derive(Clone, Copy)]
enum CpuOf {
    /// The process itself.
    Itself,
    /// Its children that were reaped.
    Children,
}

/// Processor time of a process, or of its dead children, user and system.
fn cpu_time(process: &str, whose: CpuOf) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may contain anything. Fields behind it are counted from 3 (see proc(5)).
    let fields: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let first = match whose {
        CpuOf::Itself => 14,
        CpuOf::Children => 16,
    };
    let ticks = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let sum = ticks(first)? + ticks(first + 1)?;
    Some(Duration::from_secs_f64(sum as f64 / rustix::param::clock_ticks_per_second() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_more_than_a_megabyte_and_one_that_is_not_uses_nothing() {
        let (proportional, resident) = set_sizes(std::process::id()).unwrap();
        assert!(proportional > 1 << 20 && resident >= proportional);
        assert_eq!(set_sizes(u32::MAX), None);
        assert!(cpu_time("self", CpuOf::Itself).is_some() && cpu_time("self", CpuOf::Children).is_some());
        assert_eq!(cpu_time("none", CpuOf::Itself), None);
    }
}
