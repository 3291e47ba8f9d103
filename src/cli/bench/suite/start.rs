//! How long it takes until there is something to be had: of a server, of a base, of a shard whose runtime is replaced.

use std::path::Path;

use super::{
    host::{Host, Load},
    sheet::{Cell, Section},
};
use crate::{
    cli::CliError,
    config::{self, Suite},
};

pub async fn measure(settings: &Suite, build: &Path) -> Result<Section, CliError> {
    let configured = settings.server.shards;
    let mut numbers = vec![1, configured, configured * 2];
    numbers.dedup();
    let mut rows = Vec::new();
    for shards in numbers {
        let host = Host::start(&config::Server { shards, ..settings.server.clone() }).await?;
        let one = Load::passives(build, 1, 0);
        let unseen = host.measure(&one).await?;
        let known = host.median(&one, settings.rounds).await?;
        let busy = host.measure(&Load::passives(build, settings.count, settings.warm_up)).await?;
        rows.push(vec![
            Cell::count(shards),
            Cell::milliseconds(host.ready.as_secs_f64()),
            Cell::milliseconds(unseen.said.first_outcome_seconds),
            known.map_or(Cell::Absent, |known| Cell::milliseconds(known.said.first_outcome_seconds)),
            Cell::count(busy.said.resets),
            if_any(busy.said.resets, busy.said.reset_p50_seconds),
            if_any(busy.said.resets, busy.said.reset_p99_seconds),
        ]);
        host.stop().await;
    }
    Ok(Section {
        title: "Start, first outcome, reset",
        note: "Ready is from the start of the server until it takes calls, with the engine booted. The first outcome is from a \
               client's call to its first outcome: of a build that the server never saw, and of one that it holds. The pause of \
               a reset is from the last outcome of a runtime to the first of the one that took its place, as a client sees it, \
               without what computing that one took."
            .to_owned(),
        columns: &[
            "shards",
            "ready ms",
            "first outcome, new build, ms",
            "known build, ms",
            "resets",
            "pause p50 ms",
            "pause p99 ms",
        ],
        rows,
    })
}

/// A time of resets, where there were some.
fn if_any(resets: u64, seconds: f64) -> Cell {
    if resets == 0 { Cell::Absent } else { Cell::milliseconds(seconds) }
}
