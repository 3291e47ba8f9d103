//! `pobatch eval`: evaluates variations and shows what they change.

mod report;

use indicatif::ProgressBar;
use report::Report;
pub use report::{engine_json, stat_json, stats_json, warning_json, words};

use super::{CliError, Output, Verdict, input, progress, server::Server};
use crate::{
    build::{
        passive::{Passive, PassiveKind},
        scenario::Scenario,
        variation::Variation,
    },
    client::{Client, Evaluation, Named, Request, Results, StatChoice, Summary, Sweep},
    config::{self, ScenarioSource, Source, Stats, SweepSource},
};

/// How many variations are sent ahead.
const IN_FLIGHT_MAX: usize = 512;

/// Evaluates.
pub async fn run(settings: config::Eval, output: &mut Output) -> Result<Verdict, CliError> {
    let build = input::build(&settings.base)?;
    // A file that cannot be read is known before an engine boots.
    let listed = match &settings.source {
        Source::File(name) => Some(input::variations(name)?),
        Source::Passives | Source::Sweeps(_) => None,
    };
    let sweeps = match settings.source {
        Source::Sweeps(list) => Some(list.into_iter().map(ready).collect::<Result<Vec<_>, _>>()?),
        Source::Passives | Source::File(_) => None,
    };
    let scenarios = settings.scenarios.into_iter().map(scenario).collect::<Result<Vec<_>, _>>()?;
    let server = Server::connect(settings.target).await?;
    let variations = match listed {
        Some(listed) => listed,
        None if sweeps.is_some() => Vec::new(),
        None => one_point_each(&server.client.passives(build.clone()).await?.passives)?,
    };
    let directions = directions(&server.client, settings.by.as_deref()).await?;

    // How many a sweep has only the server knows.
    let bar = progress::bar("evaluate", sweeps.is_none().then_some(variations.len() as u64));
    let request = Request {
        build,
        stats: choice(settings.stats),
        ordered: true,
        strict: settings.strict,
        in_flight_max: IN_FLIGHT_MAX,
        reduction: settings.reduction,
        scenarios,
    };
    let Results { header, outcomes, summary } = match sweeps {
        Some(sweeps) => collect(server.client.sweep(request, sweeps).await?, &bar).await?,
        None => collect(server.client.evaluate(request, variations).await?, &bar).await?,
    };
    bar.finish_and_clear();

    let mut report = Report { header, summary, notice: server.engine.notice.clone(), outcomes, left_out: 0 };
    let Summary { succeeded, failed, .. } = report.summary;
    report.left_out = usize::try_from(succeeded + failed).unwrap_or(usize::MAX).saturating_sub(report.outcomes.len());
    if let Some(by) = &settings.by {
        if !report.header.stats.contains(by) {
            return Err(CliError::NoStat(by.clone()));
        }
        report.sort(by, directions);
    }
    if let Some(top) = settings.top {
        report.keep(top);
    }
    report.write(settings.format, output)?;
    server.leave().await;
    Ok(if report.summary.failed == 0 { Verdict::Good } else { Verdict::Bad })
}

/// All of an evaluation.
async fn collect<I: Iterator<Item = Named>>(
    mut evaluation: Evaluation<I>,
    bar: &ProgressBar,
) -> Result<Results, CliError> {
    let mut outcomes = Vec::new();
    while let Some(outcome) = evaluation.next().await? {
        bar.inc(1);
        outcomes.push(outcome);
    }
    let summary = evaluation.summary().cloned().unwrap_or_default();
    Ok(Results { header: evaluation.header().clone(), outcomes, summary })
}

/// The family, with its items read.
pub fn ready(source: SweepSource) -> Result<Sweep, CliError> {
    Ok(match source {
        SweepSource::Ready(sweep) => sweep,
        SweepSource::ItemsOf(file) => Sweep::Items(input::items(&file)?),
    })
}

/// The scenario, with its file read.
fn scenario(source: ScenarioSource) -> Result<Scenario, CliError> {
    Ok(match source {
        ScenarioSource::Ready(scenario) => *scenario,
        ScenarioSource::VariationOf { name, file } => {
            Scenario { name, variation: input::variation(input::shown(&file), &input::text(&file)?)? }
        }
    })
}

/// The choice of stats that these settings stand for.
pub fn choice(stats: Stats) -> StatChoice {
    match stats {
        Stats::Main => StatChoice::Main,
        Stats::All => StatChoice::All,
        Stats::Named(names) => StatChoice::Named(names),
    }
}

/// One variation for each node that one point reaches, masteries left out.
pub fn one_point_each(passives: &[Passive]) -> Result<Vec<Named>, CliError> {
    // A mastery does nothing without an effect, and choosing one is more than a point.
    let reachable = passives.iter().filter(|node| node.reachable && node.kind != Some(PassiveKind::Mastery));
    let variations: Vec<_> = reachable
        .map(|passive| Named {
            id: format!("{} ({})", passive.name, passive.id),
            variation: Variation { allocate: vec![passive.id], ..Variation::default() },
        })
        .collect();
    if variations.is_empty() { Err(CliError::NothingToVary("no node is one point away")) } else { Ok(variations) }
}

/// Which way a stat is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Most first.
    Most,
    /// Least first.
    Least,
}

/// The engine knows which way is better; most is, where it does not.
async fn directions(client: &Client, by: Option<&str>) -> Result<Direction, CliError> {
    let Some(by) = by else { return Ok(Direction::Most) };
    let stats = client.stats().await?;
    let less = stats.iter().any(|stat| stat.name == by && stat.more_is_better == Some(false));
    Ok(if less { Direction::Least } else { Direction::Most })
}
