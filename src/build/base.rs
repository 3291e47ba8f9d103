//! A base: the build that variations are applied to, named by the hash of its content.

use std::{fmt, str::FromStr, sync::Arc};

use sha2::{Digest, Sha256};

use super::outcome::{StatValue, Warning};

/// Name of a base: SHA-256 over the engine's name and the build's XML, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BaseId([u8; 32]);

impl BaseId {
    /// The id of that XML for that engine.
    #[must_use]
    pub fn of(engine: &str, xml: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(engine.as_bytes());
        hash.update([0]);
        hash.update(xml.as_bytes());
        Self(hash.finalize().into())
    }
}

impl fmt::Display for BaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no base id.
#[derive(Debug, thiserror::Error)]
#[error("a base id has 64 hexadecimal digits")]
pub struct NoBaseId;

impl FromStr for BaseId {
    type Err = NoBaseId;

    fn from_str(text: &str) -> Result<Self, NoBaseId> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(NoBaseId);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NoBaseId)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NoBaseId)?;
        }
        Ok(Self(bytes))
    }
}

/// A loaded base.
#[derive(Debug)]
pub struct Base {
    /// Its name.
    pub id: BaseId,
    /// The build, as XML.
    pub xml: Arc<str>,
    /// Every scalar of its output, ordered by name.
    pub stats: Vec<(String, StatValue)>,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
}

/// What is known of a stat.
#[derive(Clone, Debug, PartialEq)]
pub struct StatInfo {
    /// Name, as in outcomes.
    pub name: String,
    /// For people.
    pub label: String,
    /// `%` or a word; empty: none.
    pub unit: String,
    /// Whether more is better: `Some(true)`, less is better: `Some(false)`, unknown: `None`.
    pub more_is_better: Option<bool>,
    /// Belongs to the preset of the main stats.
    pub main: bool,
}

/// Facts about an engine, as its zygote tells them.
#[derive(Clone, Debug)]
pub struct EngineFacts {
    /// `pob` or `sample`.
    pub name: String,
    /// The engine's own version.
    pub version: String,
    /// Tree versions that it can load, oldest first.
    pub tree_versions: Vec<String>,
    /// SHA-256 over the calculation files, hexadecimal.
    pub fingerprint: String,
    /// Stats that it knows, in display order.
    pub stats: Vec<StatInfo>,
    /// One sentence for people; empty: nothing to say.
    pub notice: String,
}
