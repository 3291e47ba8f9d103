//! What one tenant has in use, against its quotas. Pure; time comes with each call.

use std::time::{Duration, Instant};

use super::{OverQuota, Quota, Quotas, bucket::Bucket};

/// What one tenant has in use.
#[derive(Debug)]
pub struct Account {
    quotas: Quotas,
    calls: u32,
    in_flight: u32,
    /// `None`: as fast as it likes.
    rate: Option<Bucket>,
}

impl Account {
    /// Nothing in use.
    pub fn new(quotas: Quotas, now: Instant) -> Self {
        let rate = quotas.variations_per_second.map(|rate| Bucket::new(rate, now));
        Self { quotas, calls: 0, in_flight: 0, rate }
    }

    pub fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Other quotas from now on. What is in use beyond them stays in use until it is given back.
    pub fn set_quotas(&mut self, quotas: Quotas, now: Instant) {
        match (&mut self.rate, quotas.variations_per_second) {
            (Some(bucket), Some(rate)) => bucket.set_rate(rate, now),
            (rate, per_second) => *rate = per_second.map(|per_second| Bucket::new(per_second, now)),
        }
        self.quotas = quotas;
    }

    /// One more call.
    pub fn open(&mut self) -> Result<(), OverQuota> {
        within(Quota::Calls, self.calls, self.quotas.calls_max)?;
        self.calls += 1;
        Ok(())
    }

    /// One call less.
    pub fn close(&mut self) {
        self.calls -= 1;
    }

    /// One more variation in flight, whose rate is another matter.
    pub fn enter(&mut self) -> Result<(), OverQuota> {
        within(Quota::InFlight, self.in_flight, self.quotas.in_flight_max)?;
        self.in_flight += 1;
        Ok(())
    }

    /// How long a variation has to wait for its moment, which is its own from now on.
    pub fn take(&mut self, now: Instant) -> Duration {
        self.rate.as_mut().map_or(Duration::ZERO, |bucket| bucket.take(now))
    }

    /// One more variation in flight, at once or not at all.
    pub fn enter_now(&mut self, now: Instant) -> Result<(), OverQuota> {
        within(Quota::InFlight, self.in_flight, self.quotas.in_flight_max)?;
        if let (Some(bucket), Some(max)) = (&mut self.rate, self.quotas.variations_per_second) {
            let over = |wait| OverQuota { quota: Quota::Rate, max, retry_after: Some(wait) };
            bucket.try_take(now).map_err(over)?;
        }
        self.in_flight += 1;
        Ok(())
    }

    /// One variation in flight less.
    pub fn leave(&mut self) {
        self.in_flight -= 1;
    }
}

fn within(quota: Quota, in_use: u32, max: Option<u32>) -> Result<(), OverQuota> {
    match max {
        Some(max) if in_use >= max => Err(OverQuota { quota, max, retry_after: None }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_quota_holds_by_itself_and_says_what_it_is() {
        let now = Instant::now();
        let quotas =
            Quotas { calls_max: Some(1), in_flight_max: Some(2), variations_per_second: Some(1), ..Quotas::default() };
        let mut account = Account::new(quotas, now);
        assert_eq!(account.open(), Ok(()));
        assert_eq!(account.open(), Err(OverQuota { quota: Quota::Calls, max: 1, retry_after: None }));
        account.close();
        assert_eq!(account.open(), Ok(()));

        assert_eq!(account.enter_now(now), Ok(()));
        let soon = Some(Duration::from_secs(1));
        assert_eq!(account.enter_now(now), Err(OverQuota { quota: Quota::Rate, max: 1, retry_after: soon }));
        assert_eq!(account.enter(), Ok(()), "what was refused is not in flight");
        assert_eq!(account.enter(), Err(OverQuota { quota: Quota::InFlight, max: 2, retry_after: None }));
        account.leave();
        assert_eq!(account.enter(), Ok(()));
    }

    #[test]
    fn other_quotas_hold_for_what_comes_and_take_nothing_away() {
        let now = Instant::now();
        let mut account = Account::new(Quotas::default(), now);
        for _ in 0..5 {
            account.enter_now(now).unwrap();
        }
        account.set_quotas(Quotas { in_flight_max: Some(4), variations_per_second: Some(2), ..Quotas::default() }, now);
        account.leave();
        assert!(account.enter().is_err(), "four are still in flight");
        account.leave();
        assert!(account.enter().is_ok());
        assert_eq!((account.take(now), account.take(now)), (Duration::ZERO, Duration::ZERO));
        assert_eq!(account.take(now), Duration::from_millis(500));
        account.set_quotas(Quotas::default(), now);
        assert_eq!(account.take(now), Duration::ZERO);
    }
}
