//! What the Lua contract's answers are in Rust, and how they are read from the VM's tables. Values cross as bytes, never
//! as mlua numbers: those turn whole doubles into integers and lose the sign of zero.

use mlua::{LuaString, Table};

use crate::build::outcome::StatValue;

/// Why something was not done: the failure of the Lua contract, with its kind as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawFailure {
    /// One of the failure kinds of the contract.
    pub kind: String,
    /// Path of the field; empty: none in particular.
    pub field: String,
    /// One line for people.
    pub message: String,
}

/// A warning of the Lua contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawWarning {
    /// One of the warning kinds of the contract.
    pub kind: String,
    /// Path of the field; empty: none in particular.
    pub field: String,
    /// One line for people.
    pub message: String,
}

/// A named scalar.
#[derive(Clone, Debug, PartialEq)]
pub struct RawStat {
    /// Name, as the engine has it.
    pub name: String,
    /// Value, bit for bit.
    pub value: StatValue,
}

/// How one variation ended: the fields of the runtime protocol's `Outcome`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawOutcome {
    /// One byte for each wanted stat: `n` number, `b` boolean, `-` absent, `x` text (see `extra`).
    pub kinds: Vec<u8>,
    /// Little-endian doubles, one for each wanted stat.
    pub values: Vec<u8>,
    /// Texts, and stats that the base does not have, ordered by name.
    pub extra: Vec<RawStat>,
    /// What the client should know.
    pub warnings: Vec<RawWarning>,
    /// Set if there is no outcome.
    pub failure: Option<RawFailure>,
    /// Computing time.
    pub compute_seconds: f64,
    /// `fast` or `plain`; empty if nothing was computed.
    pub path: String,
}

impl RawOutcome {
    pub(super) fn failed(failure: RawFailure) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }
}

/// What is known of a stat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawStatInfo {
    /// Name, as in outcomes.
    pub name: String,
    /// For people.
    pub label: String,
    /// `%` or a word; empty: none.
    pub unit: String,
    /// 1: more is better, -1: less is better, 0: unknown.
    pub better: i32,
    /// Belongs to the preset of main stats.
    pub main: bool,
}

/// Facts about the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct RawEngineInfo {
    /// `pob` or `sample`.
    pub name: String,
    /// The engine's own version.
    pub version: String,
    /// Oldest first.
    pub tree_versions: Vec<String>,
    /// One sentence for people; empty: nothing to say.
    pub notice: String,
    /// In display order.
    pub stats: Vec<RawStatInfo>,
    /// A build, and some stats that it must have; `None`: the engine offers none.
    pub self_check: Option<(String, Vec<RawStat>)>,
}

/// A loaded base.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawBase {
    /// Every scalar of the output, ordered by name.
    pub stats: Vec<RawStat>,
    /// What is odd about it.
    pub warnings: Vec<RawWarning>,
    /// What the engine wants to be told again by [`super::Vm::evaluate_plain`]; opaque to everybody else.
    pub hints: Vec<u8>,
}

/// A text that may be nil; bytes that are no UTF-8 are replaced.
pub(super) fn optional_text(table: &Table, key: &str) -> mlua::Result<String> {
    Ok(table.get::<Option<LuaString>>(key)?.map_or_else(String::new, |text| text.to_string_lossy()))
}

/// Whole numbers by name, ordered.
pub(super) fn read_expected(table: &Table) -> mlua::Result<Vec<RawStat>> {
    let stat =
        |pair: mlua::Result<(String, f64)>| pair.map(|(name, value)| RawStat { name, value: StatValue::Number(value) });
    let mut stats = table.pairs().map(stat).collect::<mlua::Result<Vec<_>>>()?;
    stats.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(stats)
}

pub(super) fn read_warnings(answer: &Table) -> mlua::Result<Vec<RawWarning>> {
    let Some(list) = answer.get::<Option<Vec<Table>>>("warnings")? else { return Ok(Vec::new()) };
    list.iter()
        .map(|warning| {
            Ok(RawWarning {
                kind: warning.get("kind")?,
                field: optional_text(warning, "field")?,
                message: optional_text(warning, "message")?,
            })
        })
        .collect()
}

pub(super) fn read_outcome(answer: &Table) -> mlua::Result<RawOutcome> {
    let mut extra = match answer.get::<Option<Table>>("extras")? {
        Some(list) => read_stats(&list)?,
        None => Vec::new(),
    };
    extra.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(RawOutcome {
        kinds: answer.get::<LuaString>("kinds")?.as_bytes().to_vec(),
        values: answer.get::<LuaString>("values")?.as_bytes().to_vec(),
        extra,
        warnings: read_warnings(answer)?,
        path: answer.get("path")?,
        ..RawOutcome::default()
    })
}

/// Reads a flat list of names and tagged values (see `pob/outcome.lua`).
pub(super) fn read_stats(list: &Table) -> mlua::Result<Vec<RawStat>> {
    let mut stats = Vec::with_capacity(list.raw_len() / 2);
    let mut items = list.sequence_values::<LuaString>();
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        stats.push(RawStat { name: name?.to_string_lossy(), value: read_tagged(&value?.as_bytes())? });
    }
    Ok(stats)
}

fn read_tagged(bytes: &[u8]) -> mlua::Result<StatValue> {
    match bytes {
        [b'n', number @ ..] if number.len() == 8 => {
            let mut double = [0; 8];
            double.copy_from_slice(number);
            Ok(StatValue::Number(f64::from_le_bytes(double)))
        }
        [b'b', flag] => Ok(StatValue::Boolean(*flag == b'1')),
        [b't', text @ ..] => Ok(StatValue::Text(String::from_utf8_lossy(text).into_owned())),
        _ => Err(mlua::Error::runtime("a tagged value is malformed")),
    }
}
