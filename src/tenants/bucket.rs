//! A token bucket: how many a second on average, with a second's worth at once. Pure; time comes with each call.

use std::time::{Duration, Instant};

/// A bucket of a certain rate. Each taker gets its own moment, in the order in which they come, so that none of several
/// that wait can starve another.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    /// What is left; below zero: promised to those who wait.
    level: f64,
    /// When that was so.
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self { per_second, level: per_second, at: now }
    }

    /// The same from now on with another rate.
    pub fn set_rate(&mut self, per_second: u32, now: Instant) {
        self.fill(now);
        self.per_second = f64::from(per_second.max(1));
        self.level = self.level.min(self.per_second);
    }

    /// Takes one; says how long to wait before it may be used.
    pub fn take(&mut self, now: Instant) -> Duration {
        self.fill(now);
        self.level -= 1.0;
        self.wait_until(0.0)
    }

    /// Takes one if it may be used at once; else says when to come again.
    pub fn try_take(&mut self, now: Instant) -> Result<(), Duration> {
        self.fill(now);
        match self.wait_until(1.0) {
            Duration::ZERO => {
                self.level -= 1.0;
                Ok(())
            }
            wait => Err(wait),
        }
    }

    fn fill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at);
        self.level = self.per_second.min(self.level + elapsed.as_secs_f64() * self.per_second);
        self.at = self.at.max(now);
    }

    fn wait_until(&self, level: f64) -> Duration {
        Duration::from_secs_f64(((level - self.level) / self.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_seconds_worth_is_there_at_once_and_each_further_one_has_its_moment() {
        let start = Instant::now();
        let mut bucket = Bucket::new(4, start);
        let waits: Vec<_> = (0..7).map(|_| bucket.take(start)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 250, 500, 750].map(ms));
        assert_eq!(bucket.take(start + ms(750)), ms(250), "the three promised were had meanwhile");
        assert_eq!(bucket.try_take(start + ms(1000)), Err(ms(250)));
        assert_eq!(bucket.try_take(start + ms(1250)), Ok(()));
        let later = start + ms(60_000);
        assert_eq!(
            (0..5).map(|_| bucket.take(later)).collect::<Vec<_>>(),
            [0, 0, 0, 0, 250].map(ms),
            "no more is kept"
        );
    }

    #[test]
    fn another_rate_holds_from_then_on() {
        let start = Instant::now();
        let mut bucket = Bucket::new(100, start);
        bucket.set_rate(2, start);
        assert_eq!((0..4).map(|_| bucket.take(start)).collect::<Vec<_>>(), [0, 0, 500, 1000].map(ms));
        bucket.set_rate(10, start);
        assert_eq!(bucket.take(start), ms(300));
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_the_rate_and_a_seconds_worth(
            per_second in 1_u32..50,
            gaps in proptest::collection::vec(0_u64..400, 1..200),
        ) {
            let start = Instant::now();
            let (mut bucket, mut now, mut used) = (Bucket::new(per_second, start), start, Vec::new());
            for gap in gaps {
                now += ms(gap);
                used.push(now + bucket.take(now));
            }
            prop_assert!(used.is_sorted(), "in the order in which they came");
            for (earlier, first) in used.iter().enumerate() {
                for (later, last) in used.iter().enumerate().skip(earlier) {
                    let allowed = f64::from(per_second) * (1.0 + last.duration_since(*first).as_secs_f64());
                    prop_assert!((later - earlier + 1) as f64 <= allowed + 1.001);
                }
            }
        }
    }
}
