//! How cost grows: with nodes, shards, streams, variations in flight, and without accelerators.

use std::path::Path;

use super::{
    host::{Host, Load, Measured},
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
    let (mut nodes, mut streams, mut in_flight) = (Vec::new(), Vec::new(), Vec::new());
    for &number in NODES {
        let load = Load { nodes: Some(number), ..plain.clone() };
        match host.median(&load, settings.rounds).await {
            Ok(measured) => nodes.push((number, measured)),
            // The tree around the build has no more.
            Err(CliError::Other { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    for &number in STREAMS {
        let load = Load { streams: number, ..plain.clone() };
        streams.push((number, host.median(&load, settings.rounds).await?));
    }
    for &number in IN_FLIGHT {
        let load = Load { in_flight: number, ..plain.clone() };
        in_flight.push((number, host.median(&load, settings.rounds).await?));
    }
    host.stop().await;

    let mut shards = Vec::new();
    let doublings = std::iter::successors(Some(1), |shards| Some(shards * 2));
    for number in doublings.take_while(|&number| number <= settings.processors) {
        let server = config::Server { shards: number, ..settings.server.clone() };
        shards.push((number, with_server(&server, &plain, settings.rounds).await?));
    }
    let stock = config::Server { accelerators: "none".to_owned(), ..settings.server.clone() };
    let stock = with_server(&stock, &plain, settings.rounds).await?;
    let accelerated = with_server(&settings.server, &plain, settings.rounds).await?;

    Ok(vec![
        section("Cost by nodes touched", "Nodes that each variation allocates.", NODES_COLUMNS, rows(nodes)),
        section("Rate by shards", "The client takes processor time too.", SHARDS_COLUMNS, rows(shards)),
        section(
            "Rate by streams",
            "Sessions at once, among which the variations are dealt out.",
            STREAMS_COLUMNS,
            rows(streams),
        ),
        section(
            "Rate by variations in flight",
            "What a session sends ahead of its outcomes.",
            IN_FLIGHT_COLUMNS,
            rows(in_flight),
        ),
        section(
            "Rate by accelerators",
            "Path of Building's own code as it is, and with what `pob/fast/` replaces; the sample engine has none.",
            ACCELERATORS_COLUMNS,
            vec![row(Cell::text("none"), &stock, &stock), row(Cell::text("as configured"), &accelerated, &stock)],
        ),
    ])
}

const NODES_COLUMNS: &[&str] = &["nodes", "per second", "to the first", "p50 ms", "p99 ms"];
const SHARDS_COLUMNS: &[&str] = &["shards", "per second", "to the first", "p50 ms", "p99 ms"];
const STREAMS_COLUMNS: &[&str] = &["streams", "per second", "to the first", "p50 ms", "p99 ms"];
const IN_FLIGHT_COLUMNS: &[&str] = &["in flight", "per second", "to the first", "p50 ms", "p99 ms"];
const ACCELERATORS_COLUMNS: &[&str] = &["accelerators", "per second", "to the first", "p50 ms", "p99 ms"];

async fn with_server(server: &config::Server, load: &Load, rounds: usize) -> Result<Measured, CliError> {
    let host = Host::start(server).await?;
    let measured = host.median(load, rounds).await;
    host.stop().await;
    measured
}

fn rows(measured: Vec<(usize, Measured)>) -> Vec<Vec<Cell>> {
    let Some((_, first)) = measured.first().cloned() else { return Vec::new() };
    measured.into_iter().map(|(number, one)| row(Cell::count(number), &one, &first)).collect()
}

fn row(what: Cell, measured: &Measured, first: &Measured) -> Vec<Cell> {
    let said = &measured.said;
    vec![
        what,
        Cell::rate(said.variations_per_second),
        Cell::ratio(said.variations_per_second, first.said.variations_per_second),
        Cell::milliseconds(said.compute_p50_seconds),
        Cell::milliseconds(said.compute_p99_seconds),
    ]
}

fn section(title: &'static str, note: &str, columns: &'static [&'static str], rows: Vec<Vec<Cell>>) -> Section {
    Section { title, note: note.to_owned(), columns, rows }
}
