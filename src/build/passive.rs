//! Nodes of a base's passive tree, for those who look for variations. The serde form is the engine's answer to the
//! question `passives` (`pob/types/contract.lua`).

use serde::{Deserialize, Deserializer};

/// A base's passive tree.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct PassiveTree {
    /// Version of the tree.
    pub tree_version: String,
    /// The nodes that points can be spent on, ascending by id.
    pub passives: Vec<Passive>,
    /// Points spent and to be had.
    pub points: Points,
}

/// Points spent, and to be had at the base's level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Points {
    /// Points of the main tree that are spent.
    pub used: u32,
    /// Those that a character of that level has, with all that quests give.
    pub available: u32,
    /// Ascendancy points that are spent.
    pub ascendancy_used: u32,
    /// Those that a character can have.
    pub ascendancy_available: u32,
}

/// A node that points can be spent on.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Passive {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// What it is; `None`: something newer than this program.
    #[serde(deserialize_with = "kind")]
    pub kind: Option<PassiveKind>,
    /// The ascendancy whose points it takes; empty: none.
    pub ascendancy: String,
    /// Whether the base has it.
    pub allocated: bool,
    /// Whether the base lacks it and one point allocates it.
    pub reachable: bool,
    /// Whether the base has it and giving it up disconnects nothing.
    pub removable: bool,
    /// Points that the shortest way to it takes; `None`: the base has it, or no way leads there.
    pub distance: Option<u32>,
    /// The node before it on that way; `None` as above.
    pub toward: Option<u32>,
    /// Its modifier lines.
    pub stats: Vec<String>,
    /// Its neighbours in the list, ascending.
    pub links: Vec<u32>,
    /// Where it is drawn.
    pub x: f64,
    /// Where it is drawn, downwards.
    pub y: f64,
    /// What a mastery offers.
    pub effects: Vec<MasteryEffect>,
    /// Whether a start that the base has is its neighbour.
    pub root: bool,
}

/// An effect that a mastery offers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MasteryEffect {
    /// Its id.
    pub id: u32,
    /// Its modifier lines.
    pub stats: Vec<String>,
    /// Whether the base has chosen it.
    pub chosen: bool,
}

/// What a passive node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassiveKind {
    /// A small node.
    Normal,
    /// A notable.
    Notable,
    /// A keystone.
    Keystone,
    /// A mastery, which is chosen with an effect.
    Mastery,
    /// A jewel socket.
    Socket,
}

impl PassiveKind {
    /// The kind of that name in the Lua contract.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "normal" => Self::Normal,
            "notable" => Self::Notable,
            "keystone" => Self::Keystone,
            "mastery" => Self::Mastery,
            "socket" => Self::Socket,
            _ => return None,
        })
    }
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PassiveKind>, D::Error> {
    String::deserialize(deserializer).map(|name| PassiveKind::from_name(&name))
}
