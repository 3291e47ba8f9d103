//! Every kind of variation for every build, and the baseline in turn with them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    baseline::{self, Way},
    host::{Load, Measured, measure_anew, median},
    name,
    sheet::{Cell, Section},
};
use crate::{
    cli::CliError,
    config::{Kind, Suite},
};

/// What was found.
pub struct Kinds {
    pub rates: Section,
    pub weights: Section,
    /// The engine and its version.
    pub engine: String,
    /// Variations that failed.
    pub failed: usize,
}

/// All rounds of one build.
#[derive(Default)]
struct Rounds {
    ours: BTreeMap<&'static str, Vec<Measured>>,
    /// Why a kind was not measured.
    problems: BTreeMap<&'static str, String>,
    calc: Vec<f64>,
    reload: Vec<f64>,
}

pub async fn measure(settings: &Suite, builds: &[PathBuf]) -> Result<Kinds, CliError> {
    let (mut rates, mut weights) = (Vec::new(), Vec::new());
    let (mut engine, mut failed) = (String::new(), 0);
    for build in builds {
        let mut rounds = Rounds::default();
        for _ in 0..settings.rounds {
            rounds.play(settings, build).await?;
        }
        let (calc, reload) = (middle(rounds.calc), middle(rounds.reload));
        for (kind, _) in Kind::NAMES {
            let all = rounds.ours.remove(kind).unwrap_or_default();
            failed += all.iter().map(|one| one.said.failed).sum::<usize>();
            let Some(measured) = median(all) else {
                let problem = rounds.problems.remove(kind).unwrap_or_default();
                rates.push(not_measured(build, kind, problem));
                continue;
            };
            let baseline = if *kind == Kind::Passives.as_str() { calc } else { reload };
            rates.push(row(build, kind, &measured, baseline, settings.processors));
            if *kind == Kind::Passives.as_str() {
                engine.clone_from(&measured.said.engine);
                weights.push(weight(build, &measured));
            }
        }
    }
    Ok(Kinds {
        rates: Section {
            title: "All kinds of variations, all builds",
            note: rates_note(settings),
            columns: &[
                "build",
                "kind",
                "per second",
                "p50 ms",
                "p95 ms",
                "p99 ms",
                "not again %",
                "resets",
                "plain path",
                "server CPU %",
                "baseline per second",
                "ratio",
                "failed",
            ],
            rows: rates,
        },
        weights: Section {
            title: "Cost by weight of the build",
            note: "Node variations. What a build costs depends on its skills and triggers more than on its size."
                .to_owned(),
            columns: &["build", "XML KiB", "p50 ms"],
            rows: weights,
        },
        engine,
        failed,
    })
}

fn rates_note(settings: &Suite) -> String {
    let mut note = format!(
        "{} variations each, behind {} of warm-up, on a server that computed nothing before; medians of {} rounds. The percentiles are of the time that a runtime takes \
         for one variation that it computes; on the plain path it loads the varied build. Not again: the share that was not \
         computed, as another variation, never the same, had come to the same. Server CPU is the server's own share of all \
         processors in that time.",
        settings.count, settings.warm_up, settings.rounds
    );
    if settings.baseline.is_some() {
        note += " The baseline ran in turn with ours: its calculator for nodes, one reload per variation for all else.";
    }
    note
}

impl Rounds {
    /// One round: each kind once, then the baseline's two ways.
    async fn play(&mut self, settings: &Suite, build: &Path) -> Result<(), CliError> {
        for (name, kind) in Kind::NAMES {
            let load = Load { kind: *kind, ..Load::passives(build, settings.count, settings.warm_up) };
            match measure_anew(&settings.server, &load).await {
                Ok(measured) => self.ours.entry(name).or_default().push(measured),
                // A build that has nothing of a kind is no reason to do without the others.
                Err(CliError::Other { problem, .. }) => {
                    self.problems.insert(name, problem);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(command) = &settings.baseline {
            self.calc.push(baseline::measure(command, build, Way::Calc).await?);
            self.reload.push(baseline::measure(command, build, Way::Reload).await?);
        }
        Ok(())
    }
}

/// The median; `None` without a value.
fn middle(mut rates: Vec<f64>) -> Option<f64> {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied()
}

fn row(build: &Path, kind: &str, measured: &Measured, baseline: Option<f64>, processors: usize) -> Vec<Cell> {
    let said = &measured.said;
    vec![
        Cell::text(name(build)),
        Cell::text(kind),
        Cell::rate(said.variations_per_second),
        Cell::milliseconds(said.compute_p50_seconds),
        Cell::milliseconds(said.compute_p95_seconds),
        Cell::milliseconds(said.compute_p99_seconds),
        Cell::percent(said.cached as f64 / said.count.max(1) as f64),
        Cell::count(said.resets),
        Cell::count(said.plain),
        Cell::percent(measured.server_share(processors)),
        baseline.map_or(Cell::Absent, Cell::rate),
        baseline.map_or(Cell::Absent, |rate| Cell::ratio(said.variations_per_second, rate)),
        Cell::count(said.failed),
    ]
}

fn not_measured(build: &Path, kind: &str, problem: String) -> Vec<Cell> {
    let mut row = vec![Cell::text(name(build)), Cell::text(kind)];
    row.extend(vec![Cell::Absent; 10]);
    row.push(Cell::Text(problem));
    row
}

fn weight(build: &Path, measured: &Measured) -> Vec<Cell> {
    let bytes = fs::metadata(build).map_or(0, |file| file.len());
    vec![Cell::text(name(build)), Cell::count(bytes / 1024), Cell::milliseconds(measured.said.compute_p50_seconds)]
}
