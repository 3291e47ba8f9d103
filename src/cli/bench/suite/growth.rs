//! How cost grows: with nodes, shards, streams, variations in flight, and without accelerators.

use std::path::Path;

use super::{
    host::{Load, Measured, medians},
    sheet::{Cell, Section},
};
use crate::{
    cli::CliError,
    config::{self, Suite},
};

/// Nodes that one variation allocates.
const NODES: &[usize] = &[1, 2, 4, 8, 16];
/// Sessions at once.
const STREAMS: &[usize] = &[1, 4, 16];
/// Variations that are sent ahead.
const IN_FLIGHT: &[usize] = &[1, 4, 16, 64, 256, 1024];

pub async fn measure(settings: &Suite, build: &Path) -> Result<Vec<Section>, CliError> {
    let plain = Load::passives(build, settings.count, settings.warm_up);
    let server = &settings.server;
    let mut sections = vec![
        Growth {
            title: "Cost by nodes touched",
            note: "Nodes that each variation allocates.",
            columns: &["nodes", "per second", "to the first", "p50 ms", "p99 ms"],
            cases: cases(server, NODES, |nodes| Load { nodes: Some(nodes), ..plain.clone() }),
        },
        Growth {
            title: "Rate by streams",
            note: "Sessions at once, among which the variations are dealt out.",
            columns: &["streams", "per second", "to the first", "p50 ms", "p99 ms"],
            cases: cases(server, STREAMS, |streams| Load { streams, ..plain.clone() }),
        },
        Growth {
            title: "Rate by variations in flight",
            note: "What a session sends ahead of its outcomes.",
            columns: &["in flight", "per second", "to the first", "p50 ms", "p99 ms"],
            cases: cases(server, IN_FLIGHT, |in_flight| Load { in_flight, ..plain.clone() }),
        },
    ];

    let doublings = std::iter::successors(Some(1), |shards| Some(shards * 2));
    let of_shards = |shards| (Cell::count(shards), (config::Server { shards, ..server.clone() }, plain.clone()));
    sections.push(Growth {
        title: "Rate by shards",
        note: "The client takes processor time too.",
        columns: &["shards", "per second", "to the first", "p50 ms", "p99 ms"],
        cases: doublings.take_while(|&shards| shards <= settings.processors).map(of_shards).collect(),
    });
    let stock = config::Server { accelerators: "none".to_owned(), ..server.clone() };
    sections.push(Growth {
        title: "Rate by accelerators",
        note: "Path of Building's own code as it is, and with what `pob/fast/` replaces; the sample engine has none.",
        columns: &["accelerators", "per second", "to the first", "p50 ms", "p99 ms"],
        cases: vec![
            (Cell::text("none"), (stock, plain.clone())),
            (Cell::text(server.accelerators.clone()), (server.clone(), plain.clone())),
        ],
    });

    let mut measured = Vec::new();
    for section in sections {
        measured.push(section.measure(settings.rounds).await?);
    }
    Ok(measured)
}

/// What one section compares: each case with the first.
struct Growth {
    title: &'static str,
    note: &'static str,
    columns: &'static [&'static str],
    cases: Vec<(Cell, (config::Server, Load))>,
}

impl Growth {
    async fn measure(self, rounds: usize) -> Result<Section, CliError> {
        let (names, cases): (Vec<_>, Vec<_>) = self.cases.into_iter().unzip();
        let measured = medians(&cases, rounds).await?;
        let first = measured.first().and_then(Option::as_ref).map_or(0.0, |first| first.said.variations_per_second);
        let rows = names.into_iter().zip(&measured).map(|(name, one)| row(name, one.as_ref(), first)).collect();
        Ok(Section { title: self.title, note: self.note.to_owned(), columns: self.columns, rows })
    }
}

/// Cases that differ in one number.
fn cases(
    server: &config::Server,
    numbers: &[usize],
    load: impl Fn(usize) -> Load,
) -> Vec<(Cell, (config::Server, Load))> {
    numbers.iter().map(|&number| (Cell::count(number), (server.clone(), load(number)))).collect()
}

fn row(name: Cell, measured: Option<&Measured>, first: f64) -> Vec<Cell> {
    let Some(Measured { said, .. }) = measured else {
        return vec![name, Cell::Absent, Cell::Absent, Cell::Absent, Cell::Absent];
    };
    vec![
        name,
        Cell::rate(said.variations_per_second),
        Cell::ratio(said.variations_per_second, first),
        Cell::milliseconds(said.compute_p50_seconds),
        Cell::milliseconds(said.compute_p99_seconds),
    ]
}
