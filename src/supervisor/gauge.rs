//! Measures what the runtimes use, from outside: their proportional set size, which counts a page that forks share
//! only once. Decides nothing; the driver does.

use std::{collections::HashMap, fs, time::Duration};

use tokio::sync::{mpsc, oneshot};

use super::driver::Event;

/// How often. Reading one runtime's sizes takes about a millisecond of kernel time for some hundred megabytes.
const INTERVAL: Duration = Duration::from_secs(1);

/// Measures until the driver has gone. The sender is weak: measuring is no reason to live.
pub async fn run(driver: mpsc::WeakSender<Event>) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let (reply, answer) = oneshot::channel();
        let Some(sender) = driver.upgrade() else { return };
        if sender.send(Event::Pids(reply)).await.is_err() {
            return;
        }
        drop(sender);
        let Ok(pids) = answer.await else { return };
        let measure = move || pids.into_iter().filter_map(|pid| Some((pid, pss_bytes(pid)?))).collect();
        let Ok(usage) = tokio::task::spawn_blocking(measure).await else { return };
        let usage: HashMap<u32, u64> = usage;
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
