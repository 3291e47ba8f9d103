//! Memory policy: when a runtime is reclaimed and how, and when there is room for another base. Pure: sizes and costs
//! come in, a decision goes out.
//!
//! | mark | what happens |
//! |---|---|
//! | soft | a busy runtime is reclaimed by whatever is cheaper, reset or collection; an idle one is collected |
//! | hard | the assignment ends behind the variation that crossed it, and the runtime is reset |
//! | limit | the Lua allocator refuses: the variation fails with `memory_limit`, and the runtime is reset |
//! | total | idle templates go, least recently used first; then new bases are refused |

use std::time::Duration;

use super::dispatch::Verdict;

/// A collection marks and sweeps everything: measured 400 to 700 ms for 200 MB. Used until it was measured here.
const COLLECT_SECONDS_PER_BYTE: f64 = 0.45 / 200e6;

/// The page faults that follow a fork: measured at most 10 ms for a heap of 200 MB, spread over its next variations.
const RESET_SECONDS_PER_BYTE: f64 = 0.01 / 200e6;

/// Share of the limit that the hard mark must leave free, so that the variation that crosses the mark can still end.
const LIMIT_HEADROOM: u64 = 8;

/// What a base is taken to need as long as none was measured: a template of PoB, in bytes.
pub const BASE_BYTES_UNKNOWN: u64 = 300 << 20;

/// The total mark is never set lower than this by itself: a base of the sample engine takes a tenth of what an unknown
/// one is taken to need, and a machine that small is no reason to refuse it.
const TOTAL_BYTES_MIN: u64 = 512 << 20;

/// The total mark for a machine of so much memory, if nobody says otherwise. A quarter is for the server, for what grows
/// between two measurements, and for everything else.
#[must_use]
pub const fn total_for(machine_bytes: u64) -> u64 {
    let share = machine_bytes / 4 * 3;
    if share < TOTAL_BYTES_MIN { TOTAL_BYTES_MIN } else { share }
}

/// Marks, in bytes. `soft` and `hard` are growth over the template's Lua heap, `limit` is a whole Lua heap, `total` is
/// the proportional set size of all runtimes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// From here on a runtime is reclaimed when that is convenient.
    pub soft_bytes: u64,
    /// Here it is reset.
    pub hard_bytes: u64,
    /// Beyond this the allocator refuses; 0: it never does.
    pub limit_bytes: u64,
    /// All runtimes together; 0: no mark.
    pub total_bytes: u64,
}

impl Default for Marks {
    fn default() -> Self {
        Self { soft_bytes: 128 << 20, hard_bytes: 512 << 20, limit_bytes: 2 << 30, total_bytes: 0 }
    }
}

impl Marks {
    /// The Lua heap at which an assignment ends, for runtimes of that template.
    #[must_use]
    pub fn hard_for(&self, template_bytes: u64) -> u64 {
        self.below_limit(template_bytes.saturating_add(self.hard_bytes))
    }

    /// The Lua heap from which on it is reclaimed when that is convenient, for runtimes of that template.
    #[must_use]
    pub fn soft_for(&self, template_bytes: u64) -> u64 {
        self.below_limit(template_bytes.saturating_add(self.soft_bytes))
    }

    fn below_limit(&self, mark: u64) -> u64 {
        match self.limit_bytes {
            0 => mark,
            limit => mark.min(limit - limit / LIMIT_HEADROOM),
        }
    }
}

/// What reclaiming a runtime of a base costs, as far as it was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Costs {
    /// A full collection.
    pub collect: Option<Duration>,
    /// From the order to fork until the fork is there.
    pub fork: Option<Duration>,
}

impl Costs {
    fn collect_seconds(&self, heap_bytes: u64) -> f64 {
        self.collect.map_or(heap_bytes as f64 * COLLECT_SECONDS_PER_BYTE, |measured| measured.as_secs_f64())
    }

    fn reset_seconds(&self, template_bytes: u64) -> f64 {
        self.fork.unwrap_or_default().as_secs_f64() + template_bytes as f64 * RESET_SECONDS_PER_BYTE
    }
}

/// How a runtime came out of its assignment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// Its Lua heap.
    pub heap_bytes: u64,
    /// The Lua heap of its template.
    pub template_bytes: u64,
    /// Its state can no longer be trusted.
    pub spent: bool,
    /// Work waits for it.
    pub busy: bool,
}

/// What becomes of it.
#[must_use]
pub fn after_assignment(marks: &Marks, costs: &Costs, condition: Condition) -> Verdict {
    let Condition { heap_bytes, template_bytes, spent, busy } = condition;
    if spent || heap_bytes > marks.hard_for(template_bytes) {
        Verdict::Reset
    } else if heap_bytes <= marks.soft_for(template_bytes) {
        Verdict::Keep
    } else if !busy {
        Verdict::Grown
    } else if costs.reset_seconds(template_bytes) <= costs.collect_seconds(heap_bytes) {
        Verdict::Reset
    } else {
        Verdict::Collect
    }
}

/// Whether another base of about `expected_bytes` fits.
#[must_use]
pub fn has_room(marks: &Marks, used_bytes: u64, expected_bytes: u64) -> bool {
    marks.total_bytes == 0 || used_bytes.saturating_add(expected_bytes) <= marks.total_bytes
}

/// Whether something must go now.
#[must_use]
pub fn is_over(marks: &Marks, used_bytes: u64) -> bool {
    marks.total_bytes != 0 && used_bytes > marks.total_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks { soft_bytes: 100, hard_bytes: 300, limit_bytes: 0, total_bytes: 1000 };

    fn condition(heap_bytes: u64) -> Condition {
        Condition { heap_bytes, template_bytes: 200, spent: false, busy: true }
    }

    fn verdict(condition: Condition) -> Verdict {
        after_assignment(&MARKS, &Costs::default(), condition)
    }

    #[test]
    fn a_runtime_below_the_soft_mark_goes_on() {
        assert_eq!(verdict(condition(300)), Verdict::Keep);
    }

    #[test]
    fn a_busy_runtime_beyond_the_soft_mark_is_reclaimed_by_what_is_cheaper() {
        let with = |collect, fork| {
            let costs =
                Costs { collect: Some(Duration::from_millis(collect)), fork: Some(Duration::from_millis(fork)) };
            after_assignment(&MARKS, &costs, condition(301))
        };
        assert_eq!(with(500, 10), Verdict::Reset);
        assert_eq!(with(10, 500), Verdict::Collect);
    }

    #[test]
    fn without_measurements_a_reset_is_taken_to_be_the_cheaper() {
        assert_eq!(verdict(condition(301)), Verdict::Reset);
    }

    #[test]
    fn an_idle_runtime_beyond_the_soft_mark_is_collected_in_its_own_time() {
        assert_eq!(verdict(Condition { busy: false, ..condition(301) }), Verdict::Grown);
    }

    #[test]
    fn beyond_the_hard_mark_a_runtime_is_reset_whatever_else_holds() {
        assert_eq!(verdict(Condition { busy: false, ..condition(501) }), Verdict::Reset);
    }

    #[test]
    fn a_spent_runtime_is_reset_whatever_its_size() {
        assert_eq!(verdict(Condition { spent: true, ..condition(0) }), Verdict::Reset);
    }

    #[test]
    fn the_hard_mark_stays_below_the_limit() {
        let marks = Marks { limit_bytes: 400, ..MARKS };
        assert_eq!(marks.hard_for(200), 350);
        assert_eq!(marks.hard_for(10), 310);
    }

    #[test]
    fn a_base_has_room_up_to_the_total() {
        assert!(has_room(&MARKS, 700, 300));
        assert!(!has_room(&MARKS, 700, 301));
        assert!(has_room(&Marks { total_bytes: 0, ..MARKS }, u64::MAX, 1));
        assert!(is_over(&MARKS, 1001) && !is_over(&MARKS, 1000));
    }
}
