//! Chaos with the sample engine, which misbehaves on demand; see `storm`. A file of its own, since it looks at all
//! processes and descriptors of this process.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
mod storm;

use common::{RANGER, WITCH, level, settings};
use pobatch::supervisor::Settings;
use std::time::Duration;
use storm::chaos;

/// Time budget of a variation while chaos reigns: short, since many use it up.
const BUDGET: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_engine_loses_nothing_in_chaos() {
    let variations: Vec<_> = (1..=60).map(level).collect();
    let mut settings = Settings { shards: 3, ..settings() };
    settings.memory.limit_bytes = 128 << 20;
    // Three shards at their limit, two templates, and as much again as one shard for what forks do not share.
    settings.memory.total_bytes = 640 << 20;
    let bases = vec![WITCH.to_owned(), RANGER.to_owned()];
    chaos(settings, bases, variations, 6, Some(BUDGET)).await;
}
