//! A base: the build that variations are applied to, named by the hash of its content.

use std::{fmt, str::FromStr, sync::Arc};

use sha2::{Digest, Sha256};

use super::outcome::{NamedStat, Warning};

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

/// Names an edition of an engine: an installation as it was when it was booted. No two editions of a server have the same
/// number, whichever engines they are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EditionId(pub u64);

impl fmt::Display for EditionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Names a base within a server. Clients know the id alone: the same build under the edition that follows has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BaseKey {
    /// What loaded it.
    pub edition: EditionId,
    /// Its name.
    pub id: BaseId,
}

/// A loaded base.
#[derive(Debug)]
pub struct Base {
    /// Its name.
    pub id: BaseId,
    /// What loaded it.
    pub engine: Arc<EngineFacts>,
    /// The build, as XML.
    pub xml: Arc<str>,
    /// What it is, for people; see [`label`].
    pub label: Arc<str>,
    /// Every scalar of its output, ordered by name.
    pub stats: Vec<NamedStat>,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
}

impl Base {
    /// Its name within the server.
    #[must_use]
    pub fn key(&self) -> BaseKey {
        BaseKey { edition: self.engine.edition, id: self.id }
    }
}

/// Longest label, in characters.
const LABEL_CHARS_MAX: usize = 80;

/// What a build is, for people: ascendancy or class, and level. It quotes the build, so it may be anything.
#[must_use]
pub fn label(xml: &str) -> Arc<str> {
    let Ok(document) = roxmltree::Document::parse(xml) else { return "".into() };
    let build = document.descendants().find(|node| node.has_tag_name("Build"));
    let attribute = |name| build.and_then(|build| build.attribute(name)).filter(|text| !matches!(*text, "" | "None"));
    let class = attribute("ascendClassName").or_else(|| attribute("className")).unwrap_or("?");
    let level = attribute("level").unwrap_or("?");
    format!("{class}, level {level}").chars().take(LABEL_CHARS_MAX).collect::<String>().into()
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
#[derive(Clone, Debug, Default)]
pub struct EngineFacts {
    /// What the operator calls it.
    pub name: String,
    /// `pob` or `sample`.
    pub kind: String,
    /// Which edition of it.
    pub edition: EditionId,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_ascendancy_or_class_and_level_and_never_long() {
        let label = |attributes: &str| label(&format!("<PathOfBuilding><Build {attributes}/></PathOfBuilding>"));
        assert_eq!(&*label(r#"level="90" className="Witch" ascendClassName="Occultist""#), "Occultist, level 90");
        assert_eq!(&*label(r#"level="2" className="Witch" ascendClassName="None""#), "Witch, level 2");
        assert_eq!(&*label(r#"className="&lt;b&gt;""#), "<b>, level ?");
        assert_eq!(label(&format!(r#"className="{}""#, "x".repeat(1000))).chars().count(), LABEL_CHARS_MAX);
        assert_eq!(&*super::label("no XML"), "");
    }
}
