//! What `pobatch eval` shows: outcomes beside the base, as a table, JSON or CSV.

use std::{cmp::Ordering, collections::HashMap};

use serde_json::{Value, json};

use super::Direction;
use crate::{
    build::outcome::{StatValue, Warning},
    cli::{CliError, Output, table},
    client::{EngineInfo, Header, Outcome, Summary},
    config::Format,
};

/// With more stats than this a table has a row for each stat that changed, not a column for each.
const COLUMNS_MAX: usize = 6;

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
        for outcome in &self.outcomes {
            for warning in &outcome.warnings {
                output.line(&format!("{}: warning: {}", outcome.id, in_words(warning)))?;
            }
            if let Err(failure) = &outcome.result {
                let field = if failure.field.is_empty() { String::new() } else { format!(" ({})", failure.field) };
                output.line(&format!("{}: {failure}{field}", outcome.id))?;
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

    /// A row for each variation, two columns for each stat.
    fn wide(&self, output: &Output) -> comfy_table::Table {
        let stats = &self.header.stats;
        let headings = stats.iter().flat_map(|stat| [stat.clone(), "to base".to_owned()]);
        let scores = self.outcomes.iter().map(|outcome| outcome.scores.len()).max().unwrap_or(0);
        let scored = (0..scores).map(|_| "score".to_owned());
        let headings = std::iter::once("variation".to_owned()).chain(scored).chain(headings);
        let mut table = table::new(output, headings);
        let base = by_name(&self.header.base_stats);
        let row = |name: &str, of: &[f64], values: Option<&HashMap<&str, &StatValue>>| {
            let mut row = vec![name.to_owned()];
            row.extend((0..scores).map(|index| of.get(index).copied().map_or_else(String::new, table::number)));
            for stat in stats {
                let value = values.and_then(|values| values.get(stat.as_str()).copied());
                row.push(if values.is_some() { table::value(value) } else { "failed".to_owned() });
                let base = base.get(stat.as_str()).copied();
                row.push(values.map_or_else(String::new, |_| table::difference(value, base)));
            }
            row
        };
        table.add_row(row("(base)", &[], Some(&base)));
        for outcome in &self.outcomes {
            let values = outcome.result.as_deref().ok().map(by_name);
            table.add_row(row(&outcome.id, &outcome.scores, values.as_ref()));
        }
        table::right(&mut table, 1);
        table
    }

    /// A row for each stat that a variation changes.
    fn long(&self, output: &Output) -> comfy_table::Table {
        let mut table = table::new(output, ["variation", "stat", "base", "value", "to base"]);
        let base = by_name(&self.header.base_stats);
        for outcome in &self.outcomes {
            let Ok(stats) = &outcome.result else {
                table.add_row([outcome.id.as_str(), "", "", "failed", ""]);
                continue;
            };
            let values = by_name(stats);
            let mut name = outcome.id.as_str();
            let more = stats.iter().map(|(stat, _)| stat).filter(|stat| !self.header.stats.contains(stat));
            for stat in self.header.stats.iter().chain(more) {
                let (value, base) = (values.get(stat.as_str()).copied(), base.get(stat.as_str()).copied());
                let difference = table::difference(value, base);
                if !difference.is_empty() {
                    table.add_row([name, stat, &table::value(base), &table::value(value), &difference]);
                    // Said once, above what else it changes.
                    name = "";
                }
            }
            if !name.is_empty() {
                table.add_row([name, "nothing changes", "", "", ""]);
            }
        }
        table::right(&mut table, 2);
        table
    }

    fn json(&self) -> Value {
        let outcomes: Vec<_> = self
            .outcomes
            .iter()
            .map(|outcome| {
                let mut value = json!({
                    "id": outcome.id,
                    "index": outcome.index,
                    "warnings": outcome.warnings.iter().map(warning_json).collect::<Vec<_>>(),
                    "scores": outcome.scores.iter().map(|score| number_json(*score)).collect::<Vec<_>>(),
                    "queue_seconds": outcome.queue.as_secs_f64(),
                    "compute_seconds": outcome.compute.as_secs_f64(),
                });
                match &outcome.result {
                    Ok(stats) => value["stats"] = stats_json(stats),
                    Err(failure) => {
                        value["failure"] = json!({
                            "reason": failure.reason.as_str(),
                            "field": failure.field,
                            "message": failure.message,
                        });
                    }
                }
                value
            })
            .collect();
        let Header { base_id, engine, base_stats, base_warnings, .. } = &self.header;
        json!({
            "engine": engine_json(engine),
            "notice": self.notice,
            "base": {
                "id": base_id,
                "stats": stats_json(base_stats),
                "warnings": base_warnings.iter().map(warning_json).collect::<Vec<_>>(),
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

    /// Full precision, one row for the base and one for each variation.
    fn csv(&self, output: &mut Output) -> Result<(), CliError> {
        let stats = &self.header.stats;
        let scores = self.outcomes.iter().map(|outcome| outcome.scores.len()).max().unwrap_or(0);
        let scored = (1..=scores).map(|place| format!("score {place}"));
        let ends = ["failure", "warnings"].map(str::to_owned);
        output.csv(std::iter::once("variation".to_owned()).chain(scored).chain(stats.iter().cloned()).chain(ends))?;
        let row = |name: &str, of: &[f64], values: &HashMap<&str, &StatValue>, ends: [String; 2]| {
            let scored = (0..scores).map(|place| of.get(place).map_or_else(String::new, f64::to_string));
            let cells = stats.iter().map(|stat| table::exact(values.get(stat.as_str()).copied()));
            std::iter::once(name.to_owned()).chain(scored).chain(cells).chain(ends).collect::<Vec<_>>()
        };
        output.csv(row(
            "(base)",
            &[],
            &by_name(&self.header.base_stats),
            [String::new(), words(&self.header.base_warnings)],
        ))?;
        self.outcomes.iter().try_for_each(|outcome| {
            let warnings = words(&outcome.warnings);
            output.csv(match &outcome.result {
                Ok(stats) => row(&outcome.id, &outcome.scores, &by_name(stats), [String::new(), warnings]),
                Err(failure) => row(&outcome.id, &[], &HashMap::new(), [failure.to_string(), warnings]),
            })
        })
    }
}

fn find<'a>(stats: &'a [(String, StatValue)], name: &str) -> Option<&'a StatValue> {
    stats.iter().find(|(stat, _)| stat == name).map(|(_, value)| value)
}

fn by_name(stats: &[(String, StatValue)]) -> HashMap<&str, &StatValue> {
    stats.iter().map(|(name, value)| (name.as_str(), value)).collect()
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

/// Stats, for programs.
pub fn stats_json(stats: &[(String, StatValue)]) -> Value {
    stats.iter().map(|(name, stat)| (name.clone(), stat_json(stat))).collect::<serde_json::Map<_, _>>().into()
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
    use crate::build::outcome::{ComputePath, Failure, FailureReason};

    fn outcome(id: &str, result: Result<f64, FailureReason>) -> Outcome {
        Outcome {
            id: id.to_owned(),
            index: 0,
            result: match result {
                Ok(life) => Ok(vec![("Life".to_owned(), StatValue::Number(life))]),
                Err(reason) => Err(Failure::new(reason, "items[0].slot", "no slot `X`")),
            },
            warnings: Vec::new(),
            queue: Duration::ZERO,
            compute: Duration::ZERO,
            path: ComputePath::Fast,
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
