//! Measures what the runtimes use, from outside: their proportional set size, which counts a page that forks share
//! only once. Decides nothing; the driver does.

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
/// that many times as long as the measurement took, so that measuring takes one per cent of a processor.
const PAUSE_FACTOR: u32 = 100;

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
            let usage: HashMap<u32, u64> = pids.into_iter().filter_map(|pid| Some((pid, pss_bytes(pid)?))).collect();
            (usage, started.elapsed())
        };
        let Ok((usage, took)) = tokio::task::spawn_blocking(measure).await else { return };
        pause = (took * PAUSE_FACTOR).clamp(PAUSE_MIN, PAUSE_MAX);
        let Some(sender) = driver.upgrade() else { return };
        if sender.send(Event::Measured(usage)).await.is_err() {
            return;
        }
    }
}

/// Proportional set size of a process; `None` if it has gone, or if the kernel does not tell.
fn pss_bytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_more_than_a_megabyte_and_one_that_is_not_uses_nothing() {
        assert!(pss_bytes(std::process::id()).unwrap() > 1 << 20);
        assert_eq!(pss_bytes(u32::MAX), None);
    }
}
