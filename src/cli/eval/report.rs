//! What `pobatch eval` shows: outcomes beside the base, as a table, JSON or CSV. The tables are in `tables`.

mod tables;

use std::{cmp::Ordering, collections::HashMap};

use serde_json::{Value, json};

use super::Direction;
use crate::{
    build::outcome::{Failure, NamedStat, StatValue, Warning},
    cli::{CliError, Output, table},
    client::{EngineInfo, Header, Outcome, Summary},
    config::Format,
};

/// With more stats than this a table has a row for each stat that changed, not a column for each.
const COLUMNS_MAX: usize = 6;

type Values = Vec<NamedStat>;

/// What is shown of an outcome: all of it, or under one scenario.
struct Row<'a> {
    name: &'a str,
    /// Under what; empty: the call has no scenarios.
    scenario: &'a str,
    scores: &'a [f64],
    base: &'a Values,
    result: &'a Result<Values, Failure>,
    warnings: &'a [Warning],
}

/// Outcomes and what they refer to.
pub struct Report {
    pub header: Header,
    pub summary: Summary,
    pub notice: String,
    pub outcomes: Vec<Outcome>,
    /// Outcomes that were evaluated but are not shown.
    pub left_out: usize,
}

impl Report {
    /// Best first; what has no number there comes last, in its own order.
    pub fn sort(&mut self, by: &str, direction: Direction) {
        let key = |outcome: &Outcome| match outcome.result.as_deref().ok().and_then(|stats| find(stats, by)) {
            Some(StatValue::Number(number)) if !number.is_nan() => Some(*number),
            Some(StatValue::Boolean(boolean)) => Some(f64::from(*boolean)),
            _ => None,
        };
        self.outcomes.sort_by(|a, b| match (key(a), key(b)) {
            (Some(a), Some(b)) => match direction {
                Direction::Most => b.total_cmp(&a),
                Direction::Least => a.total_cmp(&b),
            },
            (a, b) => b.is_some().cmp(&a.is_some()).then(Ordering::Equal),
        });
    }

    /// Keeps the first ones only.
    pub fn keep(&mut self, top: usize) {
        self.left_out += self.outcomes.len().saturating_sub(top);
        self.outcomes.truncate(top);
    }

    /// One row for each outcome and scenario.
    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.outcomes.iter().flat_map(|outcome| {
            let under = self.header.scenarios.iter().zip(&outcome.scenarios).map(|(base, of)| Row {
                name: &outcome.id,
                scenario: &base.name,
                scores: &outcome.scores,
                base: &base.stats,
                result: &of.result,
                warnings: &of.warnings,
            });
            let itself = outcome.scenarios.is_empty().then(|| Row {
                name: &outcome.id,
                scenario: "",
                scores: &outcome.scores,
                base: &self.header.base_stats,
                result: &outcome.result,
                warnings: &outcome.warnings,
            });
            under.chain(itself)
        })
    }

    /// The base, under each scenario if there are some: what the rows are told against.
    fn bases(&self) -> Vec<(&str, &Values, &[Warning])> {
        let Header { base_stats, base_warnings, scenarios, .. } = &self.header;
        if scenarios.is_empty() {
            return vec![("", base_stats, base_warnings)];
        }
        scenarios.iter().map(|base| (base.name.as_str(), &base.stats, base.warnings.as_slice())).collect()
    }

    fn with_scenarios(&self) -> bool {
        !self.header.scenarios.is_empty()
    }

    /// The headings of what names a row.
    fn name_headings(&self) -> impl Iterator<Item = String> + use<> {
        let scenario = self.with_scenarios().then(|| "scenario".to_owned());
        std::iter::once("variation".to_owned()).chain(scenario)
    }

    /// The cells that name a row.
    fn names(&self, name: &str, scenario: &str) -> Vec<String> {
        let scenario = self.with_scenarios().then(|| scenario.to_owned());
        std::iter::once(name.to_owned()).chain(scenario).collect()
    }

    /// Writes it.
    pub fn write(&self, format: Format, output: &mut Output) -> Result<(), CliError> {
        match format {
            Format::Table => self.table(output),
            Format::Json => output.json(&self.json()),
            Format::Csv => self.csv(output),
        }
    }

    fn table(&self, output: &mut Output) -> Result<(), CliError> {
        let engine = &self.header.engine;
        output.line(&format!("engine {} {}, base {:.12}", engine.name, engine.version, self.header.base_id))?;
        if !self.notice.is_empty() {
            output.line(&self.notice)?;
        }
        for warning in &self.header.base_warnings {
            output.line(&format!("base: {}", in_words(warning)))?;
        }
        let table = if self.header.stats.len() <= COLUMNS_MAX { self.wide(output) } else { self.long(output) };
        output.line(&table.to_string())?;
        for Row { name, scenario, result, warnings, .. } in self.rows() {
            let under = if scenario.is_empty() { String::new() } else { format!(" under {scenario}") };
            for warning in warnings {
                output.line(&format!("{name}{under}: warning: {}", in_words(warning)))?;
            }
            if let Err(failure) = result {
                let field = if failure.field.is_empty() { String::new() } else { format!(" ({})", failure.field) };
                output.line(&format!("{name}{under}: {failure}{field}"))?;
            }
        }
        let Summary { succeeded, failed, warned, elapsed, .. } = self.summary;
        let left_out = if self.left_out == 0 { String::new() } else { format!(", {} not shown", self.left_out) };
        let seconds = elapsed.as_secs_f64();
        let sums = format!("{succeeded} evaluated, {failed} failed, {warned} with warnings{left_out}; {seconds:.2} s");
        // Nobody has to know of what did not happen.
        let of_calls = match self.summary {
            Summary { resumed: 0, stolen: 0, .. } => String::new(),
            Summary { resumed, stolen, .. } => {
                format!("; {resumed} calls resumed, {stolen} variations taken over by another server")
            }
        };
        output.line(&format!("{sums}{of_calls}"))
    }

    fn json(&self) -> Value {
        let outcomes: Vec<_> = self
            .outcomes
            .iter()
            .map(|outcome| {
                let mut value = json!({
                    "id": outcome.id,
                    "index": outcome.index,
                    "warnings": warnings_json(&outcome.warnings),
                    "scores": outcome.scores.iter().map(|score| number_json(*score)).collect::<Vec<_>>(),
                    "queue_seconds": outcome.queue.as_secs_f64(),
                    "compute_seconds": outcome.compute.as_secs_f64(),
                });
                if self.with_scenarios() {
                    let under = self.header.scenarios.iter().zip(&outcome.scenarios).map(|(base, of)| {
                        let mut value = json!({ "warnings": warnings_json(&of.warnings) });
                        add_result(&mut value, &of.result);
                        (base.name.clone(), value)
                    });
                    value["scenarios"] = under.collect::<serde_json::Map<_, _>>().into();
                } else {
                    add_result(&mut value, &outcome.result);
                }
                value
            })
            .collect();
        let Header { base_id, engine, base_stats, base_warnings, scenarios, .. } = &self.header;
        let under = scenarios.iter().map(|base| {
            let value = json!({ "stats": stats_json(&base.stats), "warnings": warnings_json(&base.warnings) });
            (base.name.clone(), value)
        });
        json!({
            "engine": engine_json(engine),
            "notice": self.notice,
            "base": {
                "id": base_id,
                "stats": stats_json(base_stats),
                "warnings": warnings_json(base_warnings),
                "scenarios": under.collect::<serde_json::Map<_, _>>(),
            },
            "outcomes": outcomes,
            "summary": {
                "succeeded": self.summary.succeeded,
                "failed": self.summary.failed,
                "warned": self.summary.warned,
                "not_shown": self.left_out,
                "infeasible": self.summary.infeasible,
                "stopped_early": self.summary.stopped_early,
                "front_truncated": self.summary.front_truncated,
                "resumed": self.summary.resumed,
                "stolen": self.summary.stolen,
                "elapsed_seconds": self.summary.elapsed.as_secs_f64(),
            },
        })
    }

    /// Full precision, one row for the base and one for each variation, under each scenario.
    fn csv(&self, output: &mut Output) -> Result<(), CliError> {
        let stats = &self.header.stats;
        let scores = self.outcomes.iter().map(|outcome| outcome.scores.len()).max().unwrap_or(0);
        let scored = (1..=scores).map(|place| format!("score {place}"));
        let ends = ["failure", "warnings"].map(str::to_owned);
        output.csv(self.name_headings().chain(scored).chain(stats.iter().cloned()).chain(ends))?;
        let row = |names: Vec<String>, of: &[f64], values: &HashMap<&str, &StatValue>, ends: [String; 2]| {
            let scored = (0..scores).map(|place| of.get(place).map_or_else(String::new, f64::to_string));
            let cells = stats.iter().map(|stat| table::exact(values.get(stat.as_str()).copied()));
            names.into_iter().chain(scored).chain(cells).chain(ends).collect::<Vec<_>>()
        };
        for (scenario, base, warnings) in self.bases() {
            output.csv(row(self.names("(base)", scenario), &[], &by_name(base), [String::new(), words(warnings)]))?;
        }
        self.rows().try_for_each(|Row { name, scenario, scores: of, result, warnings, .. }| {
            let (names, warnings) = (self.names(name, scenario), words(warnings));
            output.csv(match result {
                Ok(stats) => row(names, of, &by_name(stats), [String::new(), warnings]),
                Err(failure) => row(names, &[], &HashMap::new(), [failure.to_string(), warnings]),
            })
        })
    }
}

fn find<'a>(stats: &'a [NamedStat], name: &str) -> Option<&'a StatValue> {
    stats.iter().find(|(stat, _)| &**stat == name).map(|(_, value)| value)
}

fn by_name(stats: &[NamedStat]) -> HashMap<&str, &StatValue> {
    stats.iter().map(|(name, value)| (&**name, value)).collect()
}

fn in_words(warning: &Warning) -> String {
    if warning.field.is_empty() { warning.message.clone() } else { format!("{} ({})", warning.message, warning.field) }
}

/// Warnings in one cell.
pub fn words(warnings: &[Warning]) -> String {
    warnings.iter().map(in_words).collect::<Vec<_>>().join("; ")
}

/// A warning, for programs.
pub fn warning_json(warning: &Warning) -> Value {
    json!({ "kind": warning.kind.as_str(), "field": warning.field, "message": warning.message })
}

fn warnings_json(warnings: &[Warning]) -> Value {
    warnings.iter().map(warning_json).collect()
}

fn add_result(value: &mut Value, result: &Result<Values, Failure>) {
    match result {
        Ok(stats) => value["stats"] = stats_json(stats),
        Err(failure) => {
            value["failure"] =
                json!({ "reason": failure.reason.as_str(), "field": failure.field, "message": failure.message });
        }
    }
}

/// Stats, for programs.
pub fn stats_json(stats: &[NamedStat]) -> Value {
    stats.iter().map(|(name, stat)| (name.to_string(), stat_json(stat))).collect::<serde_json::Map<_, _>>().into()
}

/// A value, for programs.
pub fn stat_json(value: &StatValue) -> Value {
    match value {
        StatValue::Number(number) => number_json(*number),
        StatValue::Boolean(boolean) => json!(boolean),
        StatValue::Text(text) => json!(text),
    }
}

/// As in golden files: what JSON has no number for is a text.
fn number_json(number: f64) -> Value {
    if number.is_nan() {
        json!("nan")
    } else if number.is_infinite() {
        json!(if number > 0.0 { "inf" } else { "-inf" })
    } else {
        json!(number)
    }
}

/// Which engine computed, for programs.
pub fn engine_json(engine: &EngineInfo) -> Value {
    json!({ "name": engine.name, "version": engine.version, "fingerprint": engine.fingerprint })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::build::outcome::{ComputePath, FailureReason};

    fn outcome(id: &str, result: Result<f64, FailureReason>) -> Outcome {
        Outcome {
            id: id.to_owned(),
            index: 0,
            result: match result {
                Ok(life) => Ok(vec![("Life".into(), StatValue::Number(life))]),
                Err(reason) => Err(Failure::new(reason, "items[0].slot", "no slot `X`")),
            },
            scenarios: Vec::new(),
            warnings: Vec::new(),
            queue: Duration::ZERO,
            compute: Duration::ZERO,
            path: ComputePath::Fast,
            verification: None,
            shard: None,
            endpoint: 0,
            scores: Vec::new(),
        }
    }

    fn report() -> Report {
        let engine =
            EngineInfo { name: "sample".into(), kind: "sample".into(), version: "1".into(), fingerprint: "f".into() };
        Report {
            header: Header {
                base_id: "0123456789abcdef".into(),
                engine,
                stats: vec!["Life".into()],
                base_stats: vec![("Life".into(), StatValue::Number(100.0))],
                base_warnings: Vec::new(),
                warming_up: false,
                scenarios: Vec::new(),
            },
            summary: Summary { succeeded: 3, failed: 1, ..Summary::default() },
            notice: String::new(),
            outcomes: vec![
                outcome("bad", Err(FailureReason::UnknownSlot)),
                outcome("less", Ok(90.0)),
                outcome("undefined", Ok(f64::NAN)),
                outcome("more", Ok(f64::INFINITY)),
            ],
            left_out: 0,
        }
    }

    fn order(report: &Report) -> Vec<&str> {
        report.outcomes.iter().map(|outcome| outcome.id.as_str()).collect()
    }

    #[test]
    fn the_best_comes_first_and_what_has_no_number_last() {
        let mut report = report();
        report.sort("Life", Direction::Most);
        assert_eq!(order(&report), ["more", "less", "bad", "undefined"]);
        report.sort("Life", Direction::Least);
        assert_eq!(order(&report), ["less", "more", "bad", "undefined"]);
        report.keep(1);
        assert_eq!((order(&report), report.left_out), (vec!["less"], 3));
    }

    #[test]
    fn json_has_a_word_for_what_is_no_number_there() {
        let json = report().json();
        assert_eq!(json["outcomes"][2]["stats"]["Life"], "nan");
        assert_eq!(json["outcomes"][3]["stats"]["Life"], "inf");
        assert_eq!(json["outcomes"][0]["failure"]["reason"], "unknown_slot");
        assert_eq!(json["base"]["stats"]["Life"], 100.0);
    }
}
