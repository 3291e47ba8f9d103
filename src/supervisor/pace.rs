//! Pace: when the server looks for the outcomes of an assignment again. Pure; it sees no socket.
//!
//! What an outcome costs the server is less its own work than waking up for it, task after task, while runtimes have the
//! caches. Where outcomes come close together they are taken together; nobody waits for one that comes by itself.

use std::time::{Duration, Instant};

/// How long an outcome may lie in the socket: twenty go together where one takes a millisecond, and no human notices.
const PATIENCE: Duration = Duration::from_millis(20);

/// How many outcomes may be expected to lie there: half of what the kernel's usual buffer takes of those with PoB's main
/// stats. A runtime whose buffer is full waits.
const GATHERED_MAX: u32 = 48;

/// The clock of the timers has no finer steps; waiting for less would be waiting for this.
const STEP: Duration = Duration::from_millis(1);

/// How fast the outcomes of one assignment come.
#[derive(Debug)]
pub(super) struct Pace {
    started: Instant,
    left: usize,
    answered: u32,
}

impl Pace {
    /// An assignment of so many variations begins.
    pub(super) fn new(count: usize, now: Instant) -> Self {
        Self { started: now, left: count, answered: 0 }
    }

    /// An outcome came.
    pub(super) fn answered(&mut self) {
        self.answered += 1;
        self.left -= 1;
    }

    /// Whether all have come.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// How long to let outcomes gather before the next look: at most until half of those that are left are expected, so
    /// that the end of an assignment, for which its runtime waits idly, is not missed by much.
    pub(super) fn patience(&self, now: Instant) -> Duration {
        let Some(each) = (now - self.started).checked_div(self.answered) else { return Duration::ZERO };
        let count = u32::try_from(self.left / 2).map_or(GATHERED_MAX, |half| half.min(GATHERED_MAX));
        let patience = each.saturating_mul(count).min(PATIENCE);
        if patience < STEP.max(each * 2) { Duration::ZERO } else { patience }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The patience behind so many of that many outcomes, each of which took so long.
    fn patience(answered: usize, count: usize, each: Duration) -> Duration {
        let started = Instant::now();
        let mut pace = Pace::new(count, started);
        (0..answered).for_each(|_| pace.answered());
        pace.patience(started + each * u32::try_from(answered).unwrap())
    }

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn the_first_outcome_is_taken_as_soon_as_it_is_there() {
        assert_eq!(patience(0, 100, MILLISECOND), Duration::ZERO);
    }

    #[test]
    fn outcomes_that_come_close_together_gather() {
        assert_eq!(patience(1, 100, MILLISECOND), PATIENCE);
    }

    #[test]
    fn no_more_gather_than_the_socket_takes() {
        assert_eq!(patience(1, 500, MILLISECOND / 10), MILLISECOND / 10 * GATHERED_MAX);
    }

    #[test]
    fn nobody_waits_where_one_takes_long() {
        assert_eq!(patience(10, 100, PATIENCE), Duration::ZERO);
    }

    #[test]
    fn towards_the_end_the_looks_come_closer_together() {
        assert_eq!(patience(80, 100, MILLISECOND), 10 * MILLISECOND);
        assert_eq!(patience(90, 100, MILLISECOND), 5 * MILLISECOND);
        assert_eq!(patience(96, 100, MILLISECOND), 2 * MILLISECOND);
        assert_eq!(patience(98, 100, MILLISECOND), Duration::ZERO);
        assert_eq!(patience(100, 100, MILLISECOND), Duration::ZERO);
    }
}
