//! The last line against a runaway, should the server live and not kill: the kernel ends this process when it computes
//! for longer than its server would wait.
//!
//! A limit of processor time, and not a timer, since it needs no handler, no descriptor and no unsafe code. Whatever does
//! not compute waits for the server, and goes with it. A fork begins with no time used, and with the limit of the one
//! it was forked from; so none is left standing behind a command.

use std::time::Duration;

use rustix::{
    process::{Resource, Rlimit},
    time::{ClockId, clock_gettime},
};

/// Computing time beyond the budget: a server that is well has killed long before.
const SLACK: Duration = Duration::from_secs(2);

/// As long as this lives so much may be computed, and some seconds; beyond it SIGXCPU ends the process.
#[derive(Debug)]
#[must_use = "the limit is taken away when this is dropped"]
pub struct Backstop(());

impl Backstop {
    /// Sets the limit; no budget means none.
    pub fn new(budget: Duration) -> Self {
        if !budget.is_zero() {
            let used = clock_gettime(ClockId::ProcessCPUTime);
            let more = budget.saturating_add(SLACK).as_secs();
            // The kernel counts whole seconds, and what is begun is whole.
            limit_to(Some(u64::try_from(used.tv_sec).unwrap_or(0).saturating_add(more).saturating_add(1)));
        }
        Self(())
    }
}

impl Drop for Backstop {
    fn drop(&mut self) {
        limit_to(None);
    }
}

fn limit_to(limit: Option<u64>) {
    let Rlimit { current, maximum } = rustix::process::getrlimit(Resource::Cpu);
    // What somebody else has limited stays so.
    let limit = limit.into_iter().chain(maximum).min();
    if limit != current {
        // If the kernel refuses there is no backstop; the server is the first line.
        let _ = rustix::process::setrlimit(Resource::Cpu, Rlimit { current: limit, maximum });
    }
}
