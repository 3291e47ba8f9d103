//! `pobatch compare`: the same bases and sweeps by two engines, and in what they differ. What differs is decided in
//! `difference`.

mod difference;

use std::collections::BTreeSet;

use difference::{BASE, Difference, Said, Sheet, Side, What, compare, most_often};
use serde_json::{Value, json};

use super::{CliError, Output, Verdict, eval::ready, input, server::Server, table};
use crate::{
    build::outcome::StatValue,
    check::golden::Shown,
    client::{Build, CallFailure, Client, ClientError, EngineInfo, Request, StatChoice, Sweep},
    config::{self, Format, Stats},
};

/// How many variations the client would send ahead; a sweep's are made by the server.
const IN_FLIGHT_MAX: usize = 512;
/// Stats that the last line but one counts.
const STATS_COUNTED: usize = 8;

/// Compares.
pub async fn run(settings: config::Compare, output: &mut Output) -> Result<Verdict, CliError> {
    let builds = settings.bases.iter().map(|name| Ok((input::shown(name), input::build(name)?)));
    let builds = builds.collect::<Result<Vec<_>, CliError>>()?;
    let sweeps = settings.sweeps.into_iter().map(ready).collect::<Result<Vec<_>, _>>()?;
    let server = Server::connect(settings.target).await?;
    let (a, b) = (server.client.for_engine(&settings.engine_a), server.client.for_engine(&settings.engine_b));
    let main: BTreeSet<String> = match &settings.stats {
        Stats::Main => {
            let (a, b) = (a.stats().await?, b.stats().await?);
            a.into_iter().chain(b).filter(|stat| stat.main).map(|stat| stat.name).collect()
        }
        Stats::All => BTreeSet::new(),
        Stats::Named(names) => names.iter().cloned().collect(),
    };
    let is_asked_for = |name: &str| settings.stats == Stats::All || main.contains(name);

    let mut report = Report {
        a: a.describe_engine().await?.engine,
        b: b.describe_engine().await?.engine,
        bases: builds.len(),
        variations: 0,
        differences: Vec::new(),
    };
    for (name, build) in builds {
        let (sheet_a, sheet_b) =
            tokio::join!(sheet(&a, build.clone(), sweeps.clone()), sheet(&b, build, sweeps.clone()));
        let (sheet_a, sheet_b) = match (sheet_a, sheet_b) {
            // What neither takes is not compared, and the fault is the caller's.
            (Err(error), Err(_)) => return Err(error.into()),
            (a, b) => (or_refusal(a)?, or_refusal(b)?),
        };
        report.variations += sheet_a.len().max(sheet_b.len()).saturating_sub(1);
        report.differences.extend(compare(name, sheet_a, sheet_b, is_asked_for));
    }
    server.leave().await;
    report.write(settings.format, settings.top, output)?;
    Ok(if report.differences.is_empty() { Verdict::Good } else { Verdict::Bad })
}

/// What an engine says of the base, and of all that the sweeps make of it.
async fn sheet(client: &Client, build: Build, sweeps: Vec<Sweep>) -> Result<Sheet, ClientError> {
    let request = |build| Request {
        // Whatever is not there in one of the two must not be an error, so all are asked for.
        stats: StatChoice::All,
        ordered: true,
        in_flight_max: IN_FLIGHT_MAX,
        ..Request::new(build)
    };
    // A base without variations has its values in the header.
    let mut evaluation = client.evaluate(request(build), []).await?;
    let header = evaluation.header().clone();
    while evaluation.next().await?.is_some() {}
    let mut sheet = vec![(BASE.to_owned(), Ok(header.base_stats))];
    if sweeps.is_empty() {
        return Ok(sheet);
    }
    match client.sweep(request(Build::Id(header.base_id)), sweeps).await {
        Ok(mut evaluation) => {
            while let Some(outcome) = evaluation.next().await? {
                sheet.push((outcome.id, outcome.result.map_err(|failure| failure.to_string())));
            }
        }
        Err(error) => sheet.push(("(sweep)".to_owned(), Err(refusal(error)?.message))),
    }
    Ok(sheet)
}

/// A base that one engine does not take is a difference.
fn or_refusal(sheet: Result<Sheet, ClientError>) -> Result<Sheet, CliError> {
    match sheet {
        Ok(sheet) => Ok(sheet),
        Err(error) => Ok(vec![(BASE.to_owned(), Err::<_, String>(refusal(error)?.message) as Said)]),
    }
}

/// The server's word about a request that makes no sense to this engine; anything else is no difference but a fault.
fn refusal(error: ClientError) -> Result<Box<CallFailure>, ClientError> {
    match error {
        ClientError::Call(failure) if failure.is_about_the_request() => Ok(failure),
        other => Err(other),
    }
}

/// What was found.
struct Report {
    a: EngineInfo,
    b: EngineInfo,
    bases: usize,
    variations: usize,
    differences: Vec<Difference>,
}

impl Report {
    fn write(&self, format: Format, top: Option<usize>, output: &mut Output) -> Result<(), CliError> {
        let shown = &self.differences[..top.unwrap_or(usize::MAX).min(self.differences.len())];
        match format {
            Format::Table => self.table(shown, output),
            Format::Json => output.json(&self.json(shown)),
            Format::Csv => {
                output.csv(["base", "variation", "stat", "a", "b", "difference", "only_in"].map(str::to_owned))?;
                shown.iter().try_for_each(|difference| output.csv(exact_cells(difference)))
            }
        }
    }

    fn table(&self, shown: &[Difference], output: &mut Output) -> Result<(), CliError> {
        for (side, engine) in [("a", &self.a), ("b", &self.b)] {
            let EngineInfo { kind, version, fingerprint, .. } = engine;
            output.line(&format!("{side}: {kind} {version}, fingerprint {fingerprint:.12}"))?;
        }
        if !shown.is_empty() {
            let mut rows = table::new(output, ["base", "variation", "stat", "a", "b", "difference"]);
            for difference in shown {
                rows.add_row(cells(difference));
            }
            output.line(&rows.to_string())?;
        }
        if shown.len() < self.differences.len() {
            output.line(&format!("{} more are not shown", self.differences.len() - shown.len()))?;
        }
        let stats = most_often(&self.differences);
        if !stats.is_empty() {
            let counted: Vec<_> =
                stats.iter().take(STATS_COUNTED).map(|(stat, count)| format!("{stat} {count}")).collect();
            let more = if stats.len() > STATS_COUNTED { ", ..." } else { "" };
            output.line(&format!("stats that differ: {}{more}", counted.join(", ")))?;
        }
        output.line(&format!(
            "compare: {} bases, {} variations, {} differences in {} stats",
            self.bases,
            self.variations,
            self.differences.len(),
            stats.len()
        ))
    }

    fn json(&self, shown: &[Difference]) -> Value {
        let engine = |engine: &EngineInfo| {
            let EngineInfo { name, kind, version, fingerprint } = engine;
            json!({ "name": name, "kind": kind, "version": version, "fingerprint": fingerprint })
        };
        let stats: serde_json::Map<_, _> =
            most_often(&self.differences).into_iter().map(|(stat, count)| (stat.to_owned(), count.into())).collect();
        json!({
            "a": engine(&self.a),
            "b": engine(&self.b),
            "bases": self.bases,
            "variations": self.variations,
            "difference_count": self.differences.len(),
            "stats": stats,
            "differences": shown.iter().map(difference_to_json).collect::<Vec<_>>(),
        })
    }
}

/// For people.
fn cells(difference: &Difference) -> [String; 6] {
    let Difference { base, variation, what } = difference;
    let (stat, a, b, words) = match what {
        What::Stat { stat, a, b } => {
            let words = match what.only_in() {
                Some(side) => only_in(side).to_owned(),
                // Two that look alike differ in the last digits, or in the sign of zero.
                None => match table::difference(b.as_ref(), a.as_ref()) {
                    words if words.is_empty() => "sign of zero".to_owned(),
                    words => words,
                },
            };
            (stat.clone(), table::value(a.as_ref()), table::value(b.as_ref()), words)
        }
        What::Failure { a, b } => {
            let word = |failure: &Option<String>| failure.clone().unwrap_or_else(|| "values".to_owned());
            (String::new(), word(a), word(b), "failure".to_owned())
        }
        What::Variation(side) => (String::new(), String::new(), String::new(), only_in(*side).to_owned()),
    };
    [base.clone(), variation.clone(), stat, a, b, words]
}

/// For spreadsheets: every digit.
fn exact_cells(difference: &Difference) -> [String; 7] {
    let Difference { base, variation, what } = difference;
    let exact = |value: &Option<StatValue>| match value {
        Some(StatValue::Text(text)) => text.clone(),
        Some(value) => Shown(Some(value)).to_string(),
        None => String::new(),
    };
    let (stat, a, b) = match what {
        What::Stat { stat, a, b } => (stat.clone(), exact(a), exact(b)),
        What::Failure { a, b } => (String::new(), a.clone().unwrap_or_default(), b.clone().unwrap_or_default()),
        What::Variation(_) => Default::default(),
    };
    let number = number_of(what).map_or_else(String::new, |number| number.to_string());
    let side = what.only_in().map_or("", name);
    [base.clone(), variation.clone(), stat, a, b, number, side.to_owned()]
}

fn difference_to_json(difference: &Difference) -> Value {
    let Difference { base, variation, what } = difference;
    let value = |value: &Option<StatValue>| value.as_ref().map_or(Value::Null, super::eval::stat_json);
    let mut object = json!({ "base": base, "variation": variation });
    match what {
        What::Stat { stat, a, b } => {
            object["stat"] = json!(stat);
            object["a"] = value(a);
            object["b"] = value(b);
            object["difference"] = json!(number_of(what));
        }
        What::Failure { a, b } => object["failure"] = json!({ "a": a, "b": b }),
        What::Variation(_) => {}
    }
    if let Some(side) = what.only_in() {
        object["only_in"] = json!(name(side));
    }
    object
}

/// What is added from the first to the second, of numbers.
fn number_of(what: &What) -> Option<f64> {
    match what {
        What::Stat { a: Some(StatValue::Number(a)), b: Some(StatValue::Number(b)), .. } => Some(b - a),
        _ => None,
    }
}

fn name(side: Side) -> &'static str {
    match side {
        Side::A => "a",
        Side::B => "b",
    }
}

fn only_in(side: Side) -> &'static str {
    match side {
        Side::A => "only in a",
        Side::B => "only in b",
    }
}
