//! `pobatch bench`: how many variations are evaluated in a second, and how long they take.
//!
//! Three calls, one after the other. The first has one variation: it loads the base. The second is the warm-up, with
//! variations that the third does not have. The third is measured, from its first message to its summary, as a client
//! sees it; queue and compute times are the server's own.

mod make;
mod report;

use std::time::{Duration, Instant};

use report::{Report, Tally};

use super::{CliError, Output, Verdict, eval::choice, input, progress, server::Server};
use crate::{
    client::{Build, Client, Named, Request},
    config::{self, Format, Kind, Target},
};

/// How many variations are sent ahead. The server's own bound is the same.
const IN_FLIGHT_MAX: usize = 1024;

/// Measures.
pub async fn run(settings: config::Bench, output: &mut Output) -> Result<Verdict, CliError> {
    let build = input::build(&settings.base)?;
    let shards = match &settings.target {
        Target::Own(server) => Some(server.shards),
        Target::Endpoint(_) => None,
    };
    let started = Instant::now();
    let server = Server::connect(settings.target).await?;
    let ready = started.elapsed();
    let client = &server.client;

    let request = |build| Request {
        build,
        stats: choice(settings.stats.clone()),
        ordered: false,
        strict: false,
        in_flight_max: IN_FLIGHT_MAX,
        reduction: None,
    };
    let first = vec![Named { id: String::new(), variation: make::first() }];
    let loading = play(client, request(build.clone()), first).await?;

    let passives = match settings.kind {
        Kind::Passives | Kind::Mixed => client.passives(Build::Id(loading.base_id.clone())).await?.passives,
        Kind::Items | Kind::Gems | Kind::Config => Vec::new(),
    };
    let xml = make::xml(&build)?;
    let made = make::variations(settings.kind, &xml, &passives, settings.count + settings.warm_up)?;
    let (measured, warm_up) = made.list.split_at(settings.count);
    if !warm_up.is_empty() {
        play(client, request(Build::Id(loading.base_id.clone())), warm_up.to_vec()).await?;
    }
    let played = play(client, request(Build::Id(loading.base_id.clone())), measured.to_vec()).await?;

    let report = Report {
        kind: settings.kind,
        shards,
        ready,
        loading,
        distinct: made.distinct.min(settings.count),
        played,
        notice: server.engine.notice.clone(),
    };
    server.leave().await;
    match settings.format {
        Format::Json => output.json(&report.json())?,
        Format::Table | Format::Csv => report.table(output)?,
    }
    Ok(if report.played.tally.failures.is_empty() { Verdict::Good } else { Verdict::Bad })
}

/// One call, as it went.
pub struct Played {
    pub base_id: String,
    pub engine: String,
    /// From its first message to its summary.
    pub elapsed: Duration,
    /// From its first message to its first outcome.
    pub first_outcome: Duration,
    pub resets: u64,
    pub tally: Tally,
}

async fn play(client: &Client, request: Request, variations: Vec<Named>) -> Result<Played, CliError> {
    let bar = progress::bar("bench", Some(variations.len() as u64));
    let mut tally = Tally::default();
    let mut first_outcome = None;
    let started = Instant::now();
    let mut evaluation = client.evaluate(request, variations).await?;
    while let Some(outcome) = evaluation.next().await? {
        first_outcome.get_or_insert_with(|| started.elapsed());
        bar.inc(1);
        tally.count(&outcome);
    }
    let elapsed = started.elapsed();
    bar.finish_and_clear();
    let header = evaluation.header();
    Ok(Played {
        base_id: header.base_id.clone(),
        engine: format!("{} {}", header.engine.name, header.engine.version),
        elapsed,
        first_outcome: first_outcome.unwrap_or(elapsed),
        resets: evaluation.summary().map_or(0, |summary| summary.resets),
        tally,
    })
}
