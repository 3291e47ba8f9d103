//! `pobatch verify`: plays a golden file and compares every value bit for bit.

use super::{CliError, Output, Verdict, input, progress, server::Server, shuffle::shuffle};
use crate::{
    build::{outcome::NamedStat, variation::Variation},
    check::golden::{Case, Compared, Golden, Mismatch, Shown, Stats, compare},
    client::{Build, Client, Named, Request, StatChoice},
    config,
};

/// How many variations are sent ahead.
const IN_FLIGHT_MAX: usize = 256;

/// Plays the file.
pub async fn run(settings: config::Verify, output: &mut Output) -> Result<Verdict, CliError> {
    let build = input::build(&settings.base)?;
    let golden = input::golden(&settings.golden)?;
    let server = Server::connect(settings.target).await?;

    let mut score = Score { output, cases: 0, compared: Compared::default(), mismatches: 0 };
    // Alone and before all else, so that nothing but loading can be to blame for a mismatch.
    let base_id = play_base(&server.client, build, &golden, "base, before", &mut score).await?;
    play_cases(&server.client, &base_id, &golden, settings.repeat, settings.shuffle, &mut score).await?;
    // All else is done: whatever it left behind shows here.
    play_base(&server.client, Build::Id(base_id), &golden, "base, after", &mut score).await?;
    server.leave().await;

    let Score { output, cases, compared: Compared { values, unsigned_zeros }, mismatches } = score;
    if unsigned_zeros > 0 {
        output.line(&format!("{unsigned_zeros} values are -0; the golden file has zeros without a sign there"))?;
    }
    output.line(&format!("verify: {cases} cases, {values} values, {mismatches} mismatches"))?;
    Ok(if mismatches == 0 { Verdict::Good } else { Verdict::Bad })
}

fn request(build: Build) -> Request {
    Request { stats: StatChoice::All, in_flight_max: IN_FLIGHT_MAX, ..Request::new(build) }
}

/// Evaluates the empty variation, and compares it and the base as it was loaded with the truth.
async fn play_base(
    client: &Client,
    build: Build,
    golden: &Golden,
    name: &str,
    score: &mut Score<'_>,
) -> Result<String, CliError> {
    let empty = Named { id: name.to_owned(), variation: Variation::default() };
    let mut evaluation = client.evaluate(request(build), [empty]).await?;
    let header = evaluation.header().clone();
    score.stats(&format!("{name}, as loaded"), &golden.base, &header.base_stats)?;
    while let Some(outcome) = evaluation.next().await? {
        match outcome.result {
            Ok(stats) => score.stats(name, &golden.base, &stats)?,
            Err(failure) => score.failure(name, &failure.to_string())?,
        }
    }
    Ok(header.base_id)
}

async fn play_cases(
    client: &Client,
    base_id: &str,
    golden: &Golden,
    repeat: usize,
    seed: Option<u64>,
    score: &mut Score<'_>,
) -> Result<(), CliError> {
    let mut list: Vec<&Case> = (0..repeat).flat_map(|_| &golden.cases).collect();
    if let Some(seed) = seed {
        shuffle(&mut list, seed);
    }
    let bar = progress::bar("verify", Some(list.len() as u64));
    let variations: Vec<_> =
        list.iter().map(|case| Named { id: String::new(), variation: case.variation.clone() }).collect();
    let mut evaluation = client.evaluate(request(Build::Id(base_id.to_owned())), variations).await?;
    let mut answered = 0;
    while let Some(outcome) = evaluation.next().await? {
        let case = usize::try_from(outcome.index).ok().and_then(|index| list.get(index));
        let Some(case) = case else { continue };
        answered += 1;
        bar.inc(1);
        match outcome.result {
            Ok(stats) => score.stats(&case.name, &golden.expected(case), &stats)?,
            Err(failure) => score.failure(&case.name, &failure.to_string())?,
        }
    }
    bar.finish_and_clear();
    for _ in answered..list.len() {
        score.failure("(any)", "no outcome came")?;
    }
    Ok(())
}

/// What was found so far.
struct Score<'a> {
    output: &'a mut Output,
    cases: usize,
    compared: Compared,
    mismatches: usize,
}

impl Score<'_> {
    fn stats(&mut self, case: &str, expected: &Stats, got: &[NamedStat]) -> Result<(), CliError> {
        let mut found: Vec<Mismatch> = Vec::new();
        self.cases += 1;
        let compared = compare(expected, got, |mismatch| found.push(mismatch));
        self.compared.values += compared.values;
        self.compared.unsigned_zeros += compared.unsigned_zeros;
        self.mismatches += found.len();
        found.iter().try_for_each(|Mismatch { stat, expected, got }| {
            let (expected, got) = (Shown(expected.as_ref()), Shown(got.as_ref()));
            self.output.line(&format!("{case}: {stat}: expected {expected}, got {got}"))
        })
    }

    /// An outcome that has no values is one mismatch.
    fn failure(&mut self, case: &str, what: &str) -> Result<(), CliError> {
        self.cases += 1;
        self.mismatches += 1;
        self.output.line(&format!("{case}: expected values, got {what}"))
    }
}
