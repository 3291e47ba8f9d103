//! What the variations of a base cost, learned from their outcomes, and how many of them an assignment is made of.

use std::time::Duration;

/// How long a shard should be busy with one assignment: long enough that the hand-over does not count, short enough
/// that an interactive session need not wait for long.
pub const ASSIGNMENT: Duration = Duration::from_millis(75);

/// How long it may be if, against expectation, nothing in it is known already.
const ASSIGNMENT_MAX: Duration = Duration::from_millis(300);

/// Variations in one assignment, whatever they cost: bounds the frame.
pub const ASSIGNMENT_VARIATIONS_MAX: usize = 512;

/// Cost of a variation, in seconds, as long as none was measured.
const UNKNOWN: f64 = 0.010;

/// Least cost that is reckoned with, in seconds.
const LEAST: f64 = 1e-9;

/// Weight of the newest measurement in a running mean.
const WEIGHT: f64 = 0.05;

/// What an outcome took by the fast path.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// Time in seconds.
    pub seconds: f64,
    /// Whether it was computed; if not, what it comes to was known.
    pub computed: bool,
}

/// Running means, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// Of variations that are computed.
    computed: f64,
    /// Of all.
    any: f64,
}

impl Default for Cost {
    fn default() -> Self {
        Self::of(UNKNOWN)
    }
}

impl Cost {
    /// Of a base whose variations take so many seconds to compute, and none of which is known.
    pub(super) fn of(seconds: f64) -> Self {
        Self { computed: seconds, any: seconds }
    }

    /// Learns from an outcome.
    pub(super) fn learn(&mut self, took: Took) {
        let means = [Some(&mut self.any), took.computed.then_some(&mut self.computed)];
        for mean in means.into_iter().flatten() {
            *mean += (took.seconds - *mean) * WEIGHT;
        }
    }

    /// How many variations make a shard busy for [`ASSIGNMENT`], and none of them known, for no more than
    /// [`ASSIGNMENT_MAX`]; at least one.
    pub(super) fn affordable(self) -> usize {
        let expected = ASSIGNMENT.as_secs_f64() / self.any.max(LEAST);
        let at_worst = ASSIGNMENT_MAX.as_secs_f64() / self.computed.max(LEAST);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just behind")]
        let count = expected.min(at_worst) as usize;
        count.clamp(1, ASSIGNMENT_VARIATIONS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPUTED: Took = Took { seconds: 0.003, computed: true };
    const KNOWN: Took = Took { seconds: 0.0002, computed: false };

    fn learned(tooks: impl IntoIterator<Item = Took>) -> Cost {
        let mut cost = Cost::of(0.003);
        tooks.into_iter().for_each(|took| cost.learn(took));
        cost
    }

    #[test]
    fn what_is_known_makes_assignments_longer() {
        assert_eq!(learned([COMPUTED; 100]).affordable(), 25);
        let half = learned([COMPUTED, KNOWN].repeat(100));
        assert!((45..50).contains(&half.affordable()), "{half:?}");
    }

    #[test]
    fn should_nothing_be_known_it_is_not_too_long() {
        assert_eq!(learned([KNOWN; 1000]).affordable(), 100);
    }

    #[test]
    fn there_is_always_one_and_never_more_than_a_frame_takes() {
        assert_eq!(Cost::of(10.0).affordable(), 1);
        assert_eq!(Cost::of(0.0).affordable(), ASSIGNMENT_VARIATIONS_MAX);
    }
}
