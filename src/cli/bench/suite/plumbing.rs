//! What the server itself can carry: with an engine that takes nearly no time, and with results that are kept.

use std::path::Path;

use super::{
    host::{Host, Load, Measured},
    sheet::{Cell, Section},
};
use crate::{
    build::code,
    cli::CliError,
    config::{self, Kind, Suite},
    supervisor::EngineChoice,
};

/// A build of the sample engine.
const SAMPLE: &str = include_str!("../../../../examples/witch.xml");
/// Variations of the sample engine for each that PoB is measured with: it is that much faster.
const SAMPLE_TIMES: usize = 20;
/// The same, where nothing is computed.
const CACHED_TIMES: usize = 50;
/// Memory for results, where they are kept.
const CACHE_BYTES: usize = 64 << 20;

pub async fn measure(settings: &Suite, build: &Path) -> Result<Section, CliError> {
    let (count, warm_up) = (settings.count, settings.warm_up);
    let sample = config::Server { engines: EngineChoice::Sample.alone(), ..settings.server.clone() };
    let kept = |server: &config::Server| config::Server { cache_bytes: CACHE_BYTES, ..server.clone() };
    let witch = code::encode(SAMPLE);
    let computed = Load { kind: Kind::Config, ..Load::passives(&witch, count * SAMPLE_TIMES, warm_up) };
    // Each single node: few, and again and again.
    let again = |base: &std::ffi::OsStr| Load { nodes: Some(1), ..Load::passives(base, count * CACHED_TIMES, warm_up) };
    let cases = [
        ("sample engine, each computed", sample.clone(), computed),
        ("sample engine, from the cache", kept(&sample), again(witch.as_ref())),
        ("engine and first build above, from the cache", kept(&settings.server), again(build.as_os_str())),
    ];
    let mut rows = Vec::new();
    for (what, server, load) in cases {
        let host = Host::start(&server).await?;
        let measured = host.median(&load, settings.rounds).await?;
        host.stop().await;
        rows.extend(measured.map(|measured| row(what, &measured, settings.processors)));
    }
    Ok(Section {
        title: "What the server itself can carry",
        note: "One client, in a process of its own on the same machine, decodes and counts every outcome.".to_owned(),
        columns: &["what", "per second", "cached %", "server CPU µs each", "server CPU %"],
        rows,
    })
}

fn row(what: &str, measured: &Measured, processors: usize) -> Vec<Cell> {
    vec![
        Cell::text(what),
        Cell::rate(measured.said.variations_per_second),
        Cell::percent(measured.said.cached as f64 / measured.said.count.max(1) as f64),
        Cell::Number(measured.server_seconds_each() * 1e6, 1),
        Cell::percent(measured.server_share(processors)),
    ]
}
