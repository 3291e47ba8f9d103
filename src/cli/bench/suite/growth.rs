//! How cost grows: with nodes, shards, streams, variations in flight, and without accelerators.

use std::path::Path;

use super::{
    host::{Host, Load, Measured, medians},
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
    let host = Host::start(&settings.server).await?;
    let mut sections = vec![
        Growth {
            title: "Cost by nodes touched",
            note: "Nodes that each variation allocates.",
            columns: &["nodes", "per second", "to the first", "p50 ms", "p99 ms"],
            cases: cases(&host, NODES, |nodes| Load { nodes: Some(nodes), ..plain.clone() }),
        },
        Growth {
            title: "Rate by streams",
            note: "Sessions at once, among which the variations are dealt out.",
            columns: &["streams", "per second", "to the first", "p50 ms", "p99 ms"],
            cases: cases(&host, STREAMS, |streams| Load { streams, ..plain.clone() }),
        },
        Growth {
            title: "Rate by variations in flight",
            note: "What a session sends ahead of its outcomes.",
            columns: &["in flight", "per second", "to the first", "p50 ms", "p99 ms"],
            cases: cases(&host, IN_FLIGHT, |in_flight| Load { in_flight, ..plain.clone() }),
        },
    ];

    // Their servers are there all at once, so that they can take turns.
    let doublings = std::iter::successors(Some(1), |shards| Some(shards * 2));
    let mut hosts = Vec::new();
    for shards in doublings.take_while(|&shards| shards <= settings.processors) {
        let server = config::Server { shards, ..settings.server.clone() };
        hosts.push((shards, Host::start(&server).await?));
    }
    let stock = config::Server { accelerators: "none".to_owned(), ..settings.server.clone() };
    let stock = Host::start(&stock).await?;
    sections.push(Growth {
        title: "Rate by shards",
        note: "The client takes processor time too.",
        columns: &["shards", "per second", "to the first", "p50 ms", "p99 ms"],
        cases: hosts.iter().map(|(shards, host)| (Cell::count(*shards), (host, plain.clone()))).collect(),
    });
    sections.push(Growth {
        title: "Rate by accelerators",
        note: "Path of Building's own code as it is, and with what `pob/fast/` replaces; the sample engine has none.",
        columns: &["accelerators", "per second", "to the first", "p50 ms", "p99 ms"],
        cases: vec![
            (Cell::text("none"), (&stock, plain.clone())),
            (Cell::text(settings.server.accelerators.clone()), (&host, plain.clone())),
        ],
    });

    let mut measured = Vec::new();
    for section in sections {
        measured.push(section.measure(settings.rounds).await?);
    }
    for host in hosts.into_iter().map(|(_, host)| host).chain([stock, host]) {
        host.stop().await;
    }
    Ok(measured)
}

/// What one section compares: each case with the first.
struct Growth<'a> {
    title: &'static str,
    note: &'static str,
    columns: &'static [&'static str],
    cases: Vec<(Cell, (&'a Host, Load))>,
}

impl Growth<'_> {
    async fn measure(self, rounds: usize) -> Result<Section, CliError> {
        let (names, cases): (Vec<_>, Vec<_>) = self.cases.into_iter().unzip();
        let measured = medians(&cases, rounds).await?;
        let first = measured.first().and_then(Option::as_ref).map_or(0.0, |first| first.said.variations_per_second);
        let rows = names.into_iter().zip(&measured).map(|(name, one)| row(name, one.as_ref(), first)).collect();
        Ok(Section { title: self.title, note: self.note.to_owned(), columns: self.columns, rows })
    }
}

/// Cases that differ in one number.
fn cases<'a>(host: &'a Host, numbers: &[usize], load: impl Fn(usize) -> Load) -> Vec<(Cell, (&'a Host, Load))> {
    numbers.iter().map(|&number| (Cell::count(number), (host, load(number)))).collect()
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
