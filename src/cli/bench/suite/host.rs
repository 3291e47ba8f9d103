//! The server that a suite measures, and what its clients say of it.

use std::{
    ffi::OsString,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::{child, meter::Meter};
use crate::{
    cli::{CliError, server::Server},
    config::{self, Kind, Target},
};

/// What one client does.
#[derive(Clone, Debug)]
pub struct Load {
    /// File, or share code.
    pub base: OsString,
    pub kind: Kind,
    pub nodes: Option<usize>,
    pub count: usize,
    pub warm_up: usize,
    pub streams: usize,
    pub in_flight: usize,
}

impl Load {
    /// Node variations of a build, in one session that sends as far ahead as the server permits.
    pub fn passives(base: impl Into<OsString>, count: usize, warm_up: usize) -> Self {
        Self { base: base.into(), kind: Kind::Passives, nodes: None, count, warm_up, streams: 1, in_flight: 1024 }
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> =
            vec!["--base".into(), self.base.clone(), "--kind".into(), self.kind.as_str().into()];
        let mut number = |flag: &str, value: usize| words.extend([flag.into(), value.to_string().into()]);
        number("--count", self.count);
        number("--warm-up", self.warm_up);
        number("--streams", self.streams);
        number("--in-flight", self.in_flight);
        if let Some(nodes) = self.nodes {
            number("--nodes", nodes);
        }
        words
    }
}

/// What a client said: the JSON of `pobatch bench`.
#[derive(Clone, Debug, Deserialize)]
pub struct Said {
    pub engine: String,
    pub count: usize,
    pub elapsed_seconds: f64,
    pub variations_per_second: f64,
    pub first_outcome_seconds: f64,
    pub compute_p50_seconds: f64,
    pub compute_p95_seconds: f64,
    pub compute_p99_seconds: f64,
    pub resets: u64,
    pub reset_p50_seconds: f64,
    pub reset_p99_seconds: f64,
    pub plain: usize,
    pub cached: usize,
    pub failed: usize,
}

/// One measurement.
#[derive(Clone, Debug)]
pub struct Measured {
    pub said: Said,
    /// Processor time of the server itself while the variations that count were played.
    pub server_seconds: f64,
}

impl Measured {
    /// Processor time of the server itself for each variation, in seconds.
    pub fn server_seconds_each(&self) -> f64 {
        self.server_seconds / self.said.count.max(1) as f64
    }

    /// The server's own share of the machine at that rate, 0 to 1.
    pub fn server_share(&self, processors: usize) -> f64 {
        self.server_seconds / self.said.elapsed_seconds / processors as f64
    }
}

/// A server in this process.
pub struct Host {
    executable: PathBuf,
    server: Server,
    /// From the start until it takes calls.
    pub ready: Duration,
}

impl Host {
    pub async fn start(settings: &config::Server) -> Result<Self, CliError> {
        let started = Instant::now();
        let server = Server::connect(Target::Own(Box::new(settings.clone()))).await?;
        Ok(Self { executable: settings.executable.clone(), server, ready: started.elapsed() })
    }

    /// Runs a client. What its variations failed of is for it to say; that it says nothing is an error.
    pub async fn measure(&self, load: &Load) -> Result<Measured, CliError> {
        let mut words: Vec<OsString> = vec![self.executable.clone().into(), "bench".into()];
        words.extend(["--endpoint".into(), self.server.urls.join(",").into(), "--format".into(), "json".into()]);
        words.extend(load.arguments());
        let meter = Meter::start();
        let ended = child::run(words).await?;
        let said: Said = serde_json::from_str(&ended.stdout).map_err(|_| ended.unexpected("measured nothing"))?;
        // What counts is the last that a client does.
        let spent = meter.end(Duration::try_from_secs_f64(said.elapsed_seconds).unwrap_or_default());
        Ok(Measured { said, server_seconds: spent.as_secs_f64() })
    }

    /// Runs a client several times, and gives the median. All but the first meet a server that knows its variations.
    pub async fn median(&self, load: &Load, rounds: usize) -> Result<Option<Measured>, CliError> {
        let mut all = Vec::new();
        for _ in 0..rounds {
            all.push(self.measure(load).await?);
        }
        Ok(median(all))
    }

    pub async fn stop(self) {
        self.server.leave().await;
    }
}

/// What a client says of a server that has computed nothing yet: what a server computed it knows, and a second client
/// with the same variations would measure that.
pub async fn measure_anew(settings: &config::Server, load: &Load) -> Result<Measured, CliError> {
    let host = Host::start(settings).await?;
    let measured = host.measure(load).await;
    host.stop().await;
    measured
}

/// Plays each load on servers of its own, round after round, so that what else the machine does falls on all alike. Of
/// each the median; `None` for a load that the build cannot give.
pub async fn medians(cases: &[(config::Server, Load)], rounds: usize) -> Result<Vec<Option<Measured>>, CliError> {
    let mut all = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for ((settings, load), measured) in cases.iter().zip(&mut all) {
            match measure_anew(settings, load).await {
                Ok(one) => measured.push(one),
                Err(CliError::Other { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(all.into_iter().map(median).collect())
}

/// The one in the middle, by rate; `None` if there is none.
pub fn median(mut all: Vec<Measured>) -> Option<Measured> {
    all.sort_by(|a, b| a.said.variations_per_second.total_cmp(&b.said.variations_per_second));
    let middle = all.len() / 2;
    all.into_iter().nth(middle)
}
