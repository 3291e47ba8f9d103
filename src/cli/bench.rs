//! `pobatch bench`: how many variations are evaluated in a second, and how long they take.
//!
//! Three calls, one after the other. The first has one variation: it loads the base. The second is the warm-up, with
//! variations that the third does not have. The third is measured, from its first message to its summary, as a client
//! sees it; queue and compute times are the server's own. The second and third may be several sessions at once, among
//! which the variations are dealt out.

mod make;
mod report;
pub mod suite;

use std::time::{Duration, Instant};

use report::{Report, Tally};
use tokio::{sync::mpsc, task::JoinSet};

use super::{CliError, Output, Verdict, eval::choice, input, progress, server::Server};
use crate::{
    client::{Build, Client, Header, Named, Outcome, Request, Summary},
    config::{self, Format, Kind, Target},
};

/// Outcomes that wait to be counted.
const UNCOUNTED_MAX: usize = 1024;

/// How often a server is asked whether the base is still warming up.
const WARM_POLL: Duration = Duration::from_millis(100);

/// How long that is waited for: many times what it takes.
const WARM_WAIT_MAX: Duration = Duration::from_secs(30);

/// Measures.
pub async fn run(settings: config::Bench, output: &mut Output) -> Result<Verdict, CliError> {
    let build = input::build(&settings.base)?;
    let shards = match &settings.target {
        Target::Own(server) => Some(server.shards),
        Target::Endpoints { .. } => None,
    };
    let started = Instant::now();
    let server = Server::connect(settings.target).await?;
    let ready = started.elapsed();
    let client = &server.client;

    let request = |build| Request {
        stats: choice(settings.stats.clone()),
        in_flight_max: settings.in_flight,
        ..Request::new(build)
    };
    let first = vec![Named { id: String::new(), variation: make::first() }];
    let loading = play(client, &request(build.clone()), vec![first]).await?;

    let passives = match settings.kind {
        Kind::Passives | Kind::Mixed => client.passives(Build::Id(loading.base_id.clone())).await?.passives,
        Kind::Items | Kind::Gems | Kind::Config => Vec::new(),
    };
    let xml = make::xml(&build)?;
    let made = make::variations(settings.kind, &xml, &passives, settings.nodes, settings.count + settings.warm_up)?;
    let (measured, warm_up) = made.list.split_at(settings.count);
    let request = request(Build::Id(loading.base_id.clone()));
    until_warm(client, &request, loading.warming_up).await?;
    if !warm_up.is_empty() {
        play(client, &request, deal(warm_up, settings.streams)).await?;
    }
    let played = play(client, &request, deal(measured, settings.streams)).await?;

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
    Ok(if report.played.tally.is_good() { Verdict::Good } else { Verdict::Bad })
}

/// Calls, as they went.
pub struct Played {
    pub base_id: String,
    pub engine: String,
    /// Whether the base was warming up when this began.
    pub warming_up: bool,
    /// From the first message to the last summary.
    pub elapsed: Duration,
    /// From the first message to the first outcome.
    pub first_outcome: Duration,
    pub resets: u64,
    /// Calls that broke and were taken up again.
    pub resumed: u64,
    /// Variations that one endpoint took over from another.
    pub stolen: u64,
    pub tally: Tally,
}

/// What is measured is how fast a base is served, not how fast one that is warming up is.
async fn until_warm(client: &Client, request: &Request, mut warming_up: bool) -> Result<(), CliError> {
    let started = Instant::now();
    while warming_up && started.elapsed() < WARM_WAIT_MAX {
        tokio::time::sleep(WARM_POLL).await;
        warming_up = play(client, request, vec![Vec::new()]).await?.warming_up;
    }
    Ok(())
}

/// Deals variations out to that many sessions.
fn deal(variations: &[Named], streams: usize) -> Vec<Vec<Named>> {
    (0..streams).map(|stream| variations.iter().skip(stream).step_by(streams).cloned().collect()).collect()
}

/// Plays each list as a session of its own, all at once.
async fn play(client: &Client, request: &Request, lists: Vec<Vec<Named>>) -> Result<Played, CliError> {
    let bar = progress::bar("bench", Some(lists.iter().map(Vec::len).sum::<usize>() as u64));
    let mut tally = Tally::default();
    let mut first_outcome = None;
    let started = Instant::now();
    let (outcomes, mut incoming) = mpsc::channel(UNCOUNTED_MAX);
    let mut sessions = JoinSet::new();
    for list in lists {
        sessions.spawn(session(client.clone(), request.clone(), list, outcomes.clone()));
    }
    drop(outcomes);
    while let Some(outcome) = incoming.recv().await {
        first_outcome.get_or_insert_with(|| started.elapsed());
        bar.inc(1);
        tally.count(&outcome);
    }
    let mut ended = None;
    let mut sum = Summary::default();
    while let Some(session) = sessions.join_next().await {
        let (header, summary) = session.map_err(|_| CliError::Session)??;
        // Each session sees the same resets, as far as it has outcomes on both sides of them.
        sum.resets = summary.resets.max(sum.resets);
        sum.resumed += summary.resumed;
        sum.stolen += summary.stolen;
        ended = Some(header);
    }
    let header = ended.ok_or(CliError::Session)?;
    let elapsed = started.elapsed();
    bar.finish_and_clear();
    Ok(Played {
        base_id: header.base_id,
        engine: format!("{} {}", header.engine.name, header.engine.version),
        warming_up: header.warming_up,
        elapsed,
        first_outcome: first_outcome.unwrap_or(elapsed),
        resets: sum.resets,
        resumed: sum.resumed,
        stolen: sum.stolen,
        tally,
    })
}

/// Plays one list.
async fn session(
    client: Client,
    request: Request,
    list: Vec<Named>,
    outcomes: mpsc::Sender<Outcome>,
) -> Result<(Header, Summary), CliError> {
    let mut evaluation = client.evaluate(request, list).await?;
    while let Some(outcome) = evaluation.next().await? {
        if outcomes.send(outcome).await.is_err() {
            break;
        }
    }
    Ok((evaluation.header().clone(), evaluation.summary().cloned().unwrap_or_default()))
}
