//! Where and how a suite was run.

use std::{fs, time::SystemTime};

use super::sheet::{Cell, Section};
use crate::config::Suite;

/// What else the machine does: processes that run or want to, on the mean over 1, 5 and 15 minutes.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(", ")
}

/// The machine, the versions, the date, and the command that does it again.
pub fn section(settings: &Suite, engine: &str, load_before: String) -> Section {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let model = field(&read("/proc/cpuinfo"), "model name");
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let memory_gib = memory.trim_end_matches(" kB").parse::<f64>().map_or(0.0, |kib| kib / f64::from(1 << 20));
    let date = prost_types::Timestamp::from(SystemTime::now()).to_string();
    let rows = [
        ("processor", format!("{model}, {} processors", settings.processors)),
        ("memory", format!("{memory_gib:.1} GiB")),
        ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("load before (1, 5, 15 minutes)", load_before),
        ("pobatch", env!("CARGO_PKG_VERSION").to_owned()),
        ("engine", engine.to_owned()),
        ("shards", settings.server.shards.to_string()),
        ("date", date.get(..16).unwrap_or_default().replace('T', " ") + " UTC"),
        ("command", format!("`{}`", command(std::env::args()))),
    ];
    Section {
        title: "Where and how",
        note: String::new(),
        columns: &["", ""],
        rows: rows.into_iter().map(|(name, value)| vec![Cell::text(name), Cell::text(value)]).collect(),
    }
}

/// A line of a table of the kernel.
fn field(table: &str, name: &str) -> String {
    let line = table.lines().find_map(|line| line.strip_prefix(name));
    line.map_or_else(|| "unknown".to_owned(), |line| line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

/// The command line. Where things are on this machine is nobody's business: of every path the last part is shown.
fn command(words: impl Iterator<Item = String>) -> String {
    let part = |word: &str| match word.trim_end_matches('/').rsplit_once('/') {
        Some((_, last)) if word.starts_with('/') => last.to_owned(),
        _ => word.to_owned(),
    };
    let shown = words.map(|word| {
        let parts: Vec<_> = word.split_whitespace().map(part).collect();
        if parts.len() == 1 { parts.concat() } else { format!("'{}'", parts.join(" ")) }
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_without_the_places_of_this_machine() {
        let words =
            ["/opt/x/pobatch", "--builds", "/srv/builds/", "a.xml", "--baseline-command", "/usr/bin/py b/c.py {build}"];
        let shown = command(words.into_iter().map(str::to_owned));
        assert_eq!(shown, "pobatch --builds builds a.xml --baseline-command 'py b/c.py {build}'");
    }

    #[test]
    fn a_field_is_what_follows_its_name() {
        assert_eq!(field("a: 1\nmodel name\t: EPYC 1\n", "model name"), "EPYC 1");
        assert_eq!(field("", "model name"), "unknown");
    }
}
