//! `pobatch describe` and `pobatch diff`: what a build is made of, and in what two differ.
//!
//! Both are about the same rows: a section, a name and a value. A difference is a row that is not the same in both.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    CliError, Output, Verdict,
    eval::{choice, engine_json, stat_json, stats_json, warning_json},
    input,
    server::Server,
    table,
};
use crate::{
    build::outcome::StatValue,
    client::Described,
    config::{self, Format},
    proto::v1::{ConfigValue, config_value},
};

/// Describes, or compares.
pub async fn run(settings: config::Describe, output: &mut Output) -> Result<Verdict, CliError> {
    let base = input::build(&settings.base)?;
    let other = settings.other.as_deref().map(input::build).transpose()?;
    let server = Server::connect(settings.target).await?;
    let stats = choice(settings.stats);
    let base = server.client.describe_build(base, stats.clone()).await?;
    let other = match other {
        Some(other) => Some(server.client.describe_build(other, stats).await?),
        None => None,
    };
    let (engine, notice) = (engine_json(&server.engine.engine), server.engine.notice.clone());
    server.leave().await;
    match (other, settings.format) {
        (None, Format::Json) => output.json(&json!({
            "engine": engine,
            "notice": notice,
            "base_id": base.base_id,
            "build": base.build,
            "stats": stats_json(&base.stats),
            "warnings": base.warnings.iter().map(warning_json).collect::<Vec<_>>(),
        }))?,
        (None, format) => {
            let row = |(section, name, value): Row| [section.to_owned(), name, value.shown(format)];
            let rows = rows(&base).into_iter().map(row);
            write(output, format, &notice, ["section", "name", "value"], rows.collect())?;
        }
        (Some(other), Format::Json) => {
            let entry = |(section, name, a, b): Difference| {
                let json = |value: Option<Cell>| value.map(|value| value.json());
                json!({ "section": section, "name": name, "a": json(a), "b": json(b) })
            };
            let list: Vec<_> = differences(&base, &other).into_iter().map(entry).collect();
            output.json(&json!({
                "engine": engine,
                "notice": notice,
                "a": base.base_id,
                "b": other.base_id,
                "differences": list,
            }))?;
        }
        (Some(other), format) => {
            let none = if format == Format::Csv { "" } else { "-" };
            let shown = |cell: &Option<Cell>| cell.as_ref().map_or_else(|| none.to_owned(), |cell| cell.shown(format));
            let rows = differences(&base, &other).into_iter().map(|(section, name, a, b)| {
                let change = change(stat(a.as_ref()), stat(b.as_ref()), format);
                [section.to_owned(), name, shown(&a), shown(&b), change]
            });
            write(output, format, &notice, ["section", "name", "a", "b", "b to a"], rows.collect())?;
        }
    }
    Ok(Verdict::Good)
}

fn write<const N: usize>(
    output: &mut Output,
    format: Format,
    notice: &str,
    headings: [&str; N],
    rows: Vec<[String; N]>,
) -> Result<(), CliError> {
    if format == Format::Csv {
        output.csv(headings.map(str::to_owned))?;
        return rows.into_iter().try_for_each(|row| output.csv(row));
    }
    if !notice.is_empty() {
        output.line(notice)?;
    }
    let mut table = table::new(output, headings);
    for row in rows {
        table.add_row(row);
    }
    output.line(&table.to_string())
}

/// The value of a row.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Words(String),
    Stat(StatValue),
}

impl Cell {
    /// Short for people, in full for programs.
    fn shown(&self, format: Format) -> String {
        match self {
            Self::Words(words) => words.clone(),
            Self::Stat(value) if format == Format::Csv => table::exact(Some(value)),
            Self::Stat(value) => table::value(Some(value)),
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Self::Words(words) => json!(words),
            Self::Stat(value) => stat_json(value),
        }
    }
}

/// What `b` is beyond `a`: in words for people, for programs a number or nothing.
fn change(a: Option<&StatValue>, b: Option<&StatValue>, format: Format) -> String {
    match (a, b) {
        (Some(StatValue::Number(a)), Some(StatValue::Number(b))) if format == Format::Csv => (b - a).to_string(),
        _ if format == Format::Csv => String::new(),
        _ => table::difference(b, a),
    }
}

fn stat(cell: Option<&Cell>) -> Option<&StatValue> {
    match cell {
        Some(Cell::Stat(value)) => Some(value),
        _ => None,
    }
}

type Row = (&'static str, String, Cell);

/// What a build is made of. No two rows have the same section and name.
fn rows(described: &Described) -> Vec<Row> {
    let build = &described.build;
    let mut rows: Vec<Row> = Vec::new();
    let mut say = |section, name: String, value: String| rows.push((section, name, Cell::Words(value)));
    say("character", "class".to_owned(), build.class.clone());
    say("character", "ascendancy".to_owned(), build.ascendancy.clone());
    say("character", "level".to_owned(), build.level.to_string());
    say("tree", "version".to_owned(), build.tree_version.clone());
    say("tree", "nodes".to_owned(), build.nodes.iter().map(u32::to_string).collect::<Vec<_>>().join(" "));
    for mastery in &build.masteries {
        say("tree", format!("mastery {}", mastery.node), mastery.effect.to_string());
    }
    for worn in &build.slots {
        let item = build.items.iter().find(|item| item.id == worn.item);
        say("items", worn.slot.clone(), item.map_or_else(String::new, |item| item.name.clone()));
    }
    for (number, group) in (1..).zip(&build.groups) {
        let gem = |gem: &crate::proto::v1::SocketedGem| {
            let off = if gem.enabled { "" } else { ", off" };
            format!("{} ({}/{}{off})", gem.name, gem.level, gem.quality)
        };
        let main = if number == build.main_socket_group { ", main" } else { "" };
        let off = if group.enabled { "" } else { ", off" };
        let gems: Vec<_> = group.gems.iter().map(gem).collect();
        say("skills", format!("group {number}"), format!("{}{main}{off}", gems.join(" + ")));
    }
    for setting in &build.config {
        say("config", setting.name.clone(), setting.value.as_ref().map_or_else(String::new, config_words));
    }
    rows.extend(described.stats.iter().map(|(name, value)| ("stats", name.to_string(), Cell::Stat(value.clone()))));
    for (number, warning) in (1..).zip(&described.warnings) {
        rows.push(("warnings", number.to_string(), Cell::Words(warning.message.clone())));
    }
    rows
}

fn config_words(value: &ConfigValue) -> String {
    match &value.value {
        None => String::new(),
        Some(config_value::Value::Boolean(boolean)) => if *boolean { "yes" } else { "no" }.to_owned(),
        Some(config_value::Value::Number(number)) => number.to_string(),
        Some(config_value::Value::Text(text)) => text.lines().collect::<Vec<_>>().join("; "),
    }
}

type Difference = (&'static str, String, Option<Cell>, Option<Cell>);

/// The rows that are not the same, in the order of the first build, then what only the second has.
fn differences(a: &Described, b: &Described) -> Vec<Difference> {
    let mut of_b: BTreeMap<_, _> = rows(b).into_iter().map(|(section, name, value)| ((section, name), value)).collect();
    let mut list = Vec::new();
    for (section, name, value) in rows(a) {
        let other = of_b.remove(&(section, name.clone()));
        if section == "tree" && name == "nodes" {
            let only = |ours: &[u32], theirs: &[u32]| {
                let ids: Vec<_> = ours.iter().filter(|id| !theirs.contains(id)).map(u32::to_string).collect();
                (!ids.is_empty()).then(|| Cell::Words(ids.join(" ")))
            };
            let (here, there) = (&a.build.nodes, &b.build.nodes);
            let (only_here, only_there) = (only(here, there), only(there, here));
            if only_here.is_some() || only_there.is_some() {
                list.push((section, "nodes of one only".to_owned(), only_here, only_there));
            }
        } else if other.as_ref() != Some(&value) {
            list.push((section, name, Some(value), other));
        }
    }
    list.extend(of_b.into_iter().map(|((section, name), value)| (section, name, None, Some(value))));
    list
}
