//! Chance that can be repeated: `SplitMix64`, by its published constants.

use std::time::{SystemTime, UNIX_EPOCH};

pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, but not including, `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).expect("a size")).expect("below a size")
    }

    /// True that many times out of a hundred.
    pub fn per_cent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// One more, independent of this one.
    pub fn child(&mut self) -> Self {
        Self(self.next())
    }
}

/// The seed in that environment variable, or one that nobody chose; printed, so that a failure can be repeated.
pub fn seed(variable: &str) -> u64 {
    let given = std::env::var(variable).ok().map(|text| text.parse().expect("a whole number"));
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").subsec_nanos().into();
    let seed = given.unwrap_or_else(now);
    eprintln!("to repeat: {variable}={seed}");
    seed
}
