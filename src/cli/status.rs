//! `pobatch status`: what a server is doing, in the terminal.

use std::{collections::HashMap, time::SystemTime};

use super::{CliError, Output, Verdict, table};
use crate::{
    client::Admin,
    config::{self, Format},
    grpc::convert::overview_to_json,
    proto::v1,
    shutdown::Signals,
};

/// Digits of a base id that are shown: enough to tell bases apart.
const ID_DIGITS: usize = 12;
/// Incidents that are shown: what fits below the tables.
const INCIDENTS_SHOWN: usize = 8;
/// Width of the bar of a heap, in characters.
const BAR: u64 = 20;
/// Clears a terminal and goes to its first line.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Shows it, once or until Ctrl-C.
pub async fn run(settings: config::Status, output: &mut Output) -> Result<Verdict, CliError> {
    let mut signals = Signals::listen().map_err(CliError::Runtime)?;
    let mut admin = Admin::connect(&settings.admin).await?;
    let mut before = None;
    loop {
        let status = admin.status().await?;
        match (settings.format, settings.every) {
            (Format::Json, None) => output.json(&overview_to_json(&status))?,
            (Format::Json, Some(_)) => output.line(&overview_to_json(&status).to_string())?,
            _ => {
                if settings.every.is_some() && output.is_terminal {
                    output.line(CLEAR)?;
                }
                show(&status, before.as_ref(), output)?;
            }
        }
        output.finish()?;
        before = Some(status);
        let Some(every) = settings.every else { return Ok(Verdict::Good) };
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = signals.next() => return Ok(Verdict::Good),
        }
    }
}

/// Rates are told by the difference to what was before, if there is any.
fn show(
    status: &v1::GetStatusResponse,
    before: Option<&v1::GetStatusResponse>,
    output: &mut Output,
) -> Result<(), CliError> {
    let engine = status.engine.clone().unwrap_or_default();
    let occupancy = status.occupancy.unwrap_or_default();
    let memory = status.memory.unwrap_or_default();
    let exactness = status.exactness.unwrap_or_default();
    let state = status.state().as_str_name().trim_start_matches("SERVING_STATE_");
    output.line(&format!("pobatch {}, engine {} {}: {state}", status.version, engine.name, engine.version))?;
    if status.engines.len() > 1 || status.engines.iter().any(is_remarkable) {
        output.line(&engines(status, output).to_string())?;
    }
    output.line(&format!(
        "queue {} of {}, sessions {} of {}, bases {} of {}, memory {}{}",
        occupancy.queued,
        occupancy.queued_max,
        occupancy.sessions,
        occupancy.sessions_max,
        status.bases.len(),
        occupancy.bases_max,
        megabytes(memory.total_bytes),
        if memory.total_mark_bytes == 0 {
            String::new()
        } else {
            format!(" of {}", megabytes(memory.total_mark_bytes))
        },
    ))?;
    if exactness.drifts + exactness.mismatches > 0 {
        output.line(&format!("NOT EXACT: {} drifts, {} mismatches", exactness.drifts, exactness.mismatches))?;
    }
    output.line(&shards(status, before, output).to_string())?;
    if !status.bases.is_empty() {
        output.line(&bases(status, output).to_string())?;
    }
    for incident in status.incidents.iter().take(INCIDENTS_SHOWN) {
        let place = incident.shard.map_or_else(String::new, |shard| format!(", shard {shard}"));
        output.line(&format!(
            "{} ago: {} x {}{place}: {}",
            ago(incident.at),
            incident.count,
            incident.what,
            printable(&incident.message)
        ))?;
    }
    Ok(())
}

/// Whether there is more to say of an engine than its version.
fn is_remarkable(engine: &v1::EngineStatus) -> bool {
    !engine.ready || engine.reloading || !engine.old.is_empty() || !engine.last_reload_result.is_empty()
}

fn engines(status: &v1::GetStatusResponse, output: &Output) -> comfy_table::Table {
    let mut table = table::new(output, ["engine", "version", "state", "edition", "older in use", "last reload"]);
    for engine in &status.engines {
        let info = engine.engine.clone().unwrap_or_default();
        let old = |old: &v1::OldEdition| {
            let version = old.engine.as_ref().map_or("", |engine| engine.version.as_str());
            format!("{} ({version}, {} calls)", old.edition, old.holders)
        };
        let state = match (engine.ready, engine.reloading) {
            (true, false) => "ready",
            (true, true) => "ready, reloading",
            (false, _) => "NOT READY",
        };
        let last = match engine.last_reload_result.as_str() {
            "" => String::new(),
            result => {
                format!("{result}, {} ago: {}", ago(engine.last_reload_at), printable(&engine.last_reload_message))
            }
        };
        table.add_row([
            info.name,
            info.version,
            state.to_owned(),
            engine.edition.to_string(),
            engine.old.iter().map(old).collect::<Vec<_>>().join(", "),
            last,
        ]);
    }
    table
}

fn shards(
    status: &v1::GetStatusResponse,
    before: Option<&v1::GetStatusResponse>,
    output: &Output,
) -> comfy_table::Table {
    let mut table = table::new(
        output,
        [
            "shard",
            "state",
            "base",
            "generation",
            "heap",
            "of hard mark",
            "served",
            "per second",
            "resets",
            "last reset",
        ],
    );
    let served_before: HashMap<u32, u64> =
        before.into_iter().flat_map(|before| &before.shards).map(|shard| (shard.shard, shard.served)).collect();
    let seconds = before.map_or(0.0, |before| seconds(status.observed_at) - seconds(before.observed_at));
    for shard in &status.shards {
        let rate = match served_before.get(&shard.shard) {
            Some(served) if seconds > 0.0 => table::number(((shard.served - served) as f64 / seconds).round()),
            _ => "-".to_owned(),
        };
        let last = match shard.last_reset_reason.as_str() {
            "" => String::new(),
            reason => format!("{reason}, {} ago", ago(shard.last_reset_at)),
        };
        table.add_row([
            shard.shard.to_string(),
            shard.state().as_str_name().trim_start_matches("SHARD_STATE_").to_lowercase(),
            shard.base_id.chars().take(ID_DIGITS).collect(),
            shard.generation.to_string(),
            megabytes(shard.heap_bytes),
            bar(shard.heap_bytes, shard.hard_mark_bytes),
            table::number(shard.served as f64),
            rate,
            shard.resets.to_string(),
            last,
        ]);
    }
    table
}

fn bases(status: &v1::GetStatusResponse, output: &Output) -> comfy_table::Table {
    let mut table = table::new(output, ["base", "engine", "what", "template", "heap", "sessions", "waiting", "unused"]);
    for base in &status.bases {
        table.add_row([
            base.base_id.chars().take(ID_DIGITS).collect(),
            base.engine.clone(),
            printable(&base.label),
            base.pid.map_or_else(|| "loading".to_owned(), |pid| format!("pid {pid}")),
            megabytes(base.heap_bytes),
            base.sessions.to_string(),
            base.queued.to_string(),
            format!("{} s", base.unused_time.map_or(0, |time| time.seconds)),
        ]);
    }
    table
}

/// What came from clients must not speak to the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn megabytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn bar(value: u64, most: u64) -> String {
    let full = if most == 0 { 0 } else { (value.min(most) * BAR).div_ceil(most) };
    (0..BAR).map(|place| if place < full { '#' } else { '.' }).collect()
}

fn seconds(at: Option<prost_types::Timestamp>) -> f64 {
    at.map_or(0.0, |at| at.seconds as f64 + f64::from(at.nanos) / 1e9)
}

fn ago(at: Option<prost_types::Timestamp>) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let seconds = (now - seconds(at)).max(0.0);
    match seconds {
        0.0..100.0 => format!("{seconds:.0} s"),
        100.0..6_000.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.0} h", seconds / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_full_at_the_mark_and_show_what_little_there_is() {
        assert_eq!(bar(0, 10), "....................");
        assert_eq!(bar(1, 1000), "#...................");
        assert_eq!(bar(20, 10), "####################");
        assert_eq!(bar(5, 0), "....................");
    }

    #[test]
    fn what_clients_sent_cannot_speak_to_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\nc\u{9b}d"), "a [2Jb c d");
    }
}
