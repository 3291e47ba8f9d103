//! A variation: one change set over a base.
//!
//! The serde form of these types is the text of `pobatch eval --variations FILE.jsonl`, of the golden files, of the
//! frames between server and runtime, and the table that engines receive; it is written down once, here. Order of
//! fields and of map keys is fixed, so equal variations have equal text: it serves as a cache key.
//!
//! Indices (`group`, `gem`) count from 1 and always mean the *base*, whatever else the variation does: additions
//! come behind what is there, removals happen last.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::named_enum;

named_enum! {
    /// What a variation changes, for those who count.
    VariationKind {
        /// Nothing: it is the base.
        Empty => "empty",
        /// Passive nodes, masteries, tattoos.
        Passives => "passives",
        /// Items, flasks and tinctures.
        Items => "items",
        /// Gems, socket groups, the main skill.
        Gems => "gems",
        /// Config options.
        Config => "config",
        /// Custom modifiers.
        Mods => "mods",
        /// Level, class, ascendancy.
        Character => "character",
        /// The whole build.
        Build => "build",
        /// Several of these.
        Mixed => "mixed",
        /// Nobody knows: it was refused before it was understood.
        Refused => "refused",
    }
}

/// One change set over a base. The empty variation is the base itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Variation {
    /// A whole build (XML) that takes the base's place; the other changes apply on top of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Class, by name (for example `Witch`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Ascendancy, by name (for example `Occultist`); `None` as text means no ascendancy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ascendancy: Option<String>,
    /// Character level, 1 to 100; switches the automatic level off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u32>,
    /// Passive nodes to allocate, by id. A node that nothing connects has no effect and is reported.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allocate: Vec<u32>,
    /// Passive nodes to allocate together with the shortest path that leads to each, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allocate_path: Vec<u32>,
    /// Passive nodes to give up, by id. What they alone connected goes with them and is reported.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deallocate: Vec<u32>,
    /// Mastery effects to choose; the mastery node is allocated if it was not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub masteries: Vec<MasteryChoice>,
    /// Tattoos to put on nodes, or to take off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tattoos: Vec<TattooChange>,
    /// Items to put into slots, or to take out. A slot occurs once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemChange>,
    /// Flasks and tinctures to switch on or off, by slot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flasks: Vec<FlaskChange>,
    /// Gems to change, replace, add or remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gems: Vec<GemChange>,
    /// Socket groups to switch on or off, and the active skill within each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupChange>,
    /// The socket group whose skill is the main one, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_socket_group: Option<u32>,
    /// Config options by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, ConfigValue>,
    /// Modifier lines, one a line; they take the place of the base's own custom modifiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_mods: Option<String>,
}

impl Variation {
    /// What it changes.
    #[must_use]
    pub fn kind(&self) -> VariationKind {
        let passives = [&self.allocate, &self.allocate_path, &self.deallocate].iter().any(|nodes| !nodes.is_empty());
        let gems = !self.gems.is_empty() || !self.groups.is_empty() || self.main_socket_group.is_some();
        let changes = [
            (VariationKind::Passives, passives || !self.masteries.is_empty() || !self.tattoos.is_empty()),
            (VariationKind::Items, !self.items.is_empty() || !self.flasks.is_empty()),
            (VariationKind::Gems, gems),
            (VariationKind::Config, !self.config.is_empty()),
            (VariationKind::Mods, self.custom_mods.is_some()),
            (VariationKind::Character, self.level.is_some() || self.class.is_some() || self.ascendancy.is_some()),
            (VariationKind::Build, self.build.is_some()),
        ];
        let mut kinds = changes.into_iter().filter_map(|(kind, changes)| changes.then_some(kind));
        match (kinds.next(), kinds.next()) {
            (None, _) => VariationKind::Empty,
            (Some(only), None) => only,
            (Some(_), Some(_)) => VariationKind::Mixed,
        }
    }
}

/// The choice of one mastery effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasteryChoice {
    /// The mastery node.
    pub node: u32,
    /// The effect's id in the tree data.
    pub effect: u32,
}

/// A tattoo put on a node, or taken off it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TattooChange {
    /// The node that is overridden.
    pub node: u32,
    /// The tattoo's name; absent: the node's own content comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What happens to one item slot. Exactly one of `text`, `item`, `empty` is set (see `validate`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemChange {
    /// The slot's name (`Ring 1`, `Body Armour`, `Belt Abyssal Socket 1`) or `Jewel N` with the node id of a socket.
    pub slot: String,
    /// Item text as copied from the game or from PoB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Id of an item that the build holds already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// The slot is emptied.
    #[serde(default, skip_serializing_if = "is_false")]
    pub empty: bool,
}

/// A flask or tincture switched on or off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlaskChange {
    /// `Flask 1` to `Flask 5`.
    pub slot: String,
    /// Whether it counts as in use.
    pub active: bool,
}

/// What happens to one gem.
///
/// Without `add` and `remove` the gem at (`group`, `gem`) is changed, and replaced if `replace` names another one.
/// With `add` a gem is put behind the group's last; `gem` is absent then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GemChange {
    /// Socket group, from 1, in the active skill set.
    pub group: u32,
    /// Gem in that group, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gem: Option<u32>,
    /// Name of the gem that takes this one's place (`Arcane Surge Support` or `Arcane Surge`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<String>,
    /// Name of a gem to add to the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<String>,
    /// The gem is taken out.
    #[serde(skip_serializing_if = "is_false")]
    pub remove: bool,
    /// Gem level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u32>,
    /// Quality in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<u32>,
    /// Quality variant (`Default`, `Alternate1`, ...): PoB's `qualityId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Whether the gem is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// How many of it are counted in PoB's full DPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// What happens to one socket group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupChange {
    /// Socket group, from 1, in the active skill set.
    pub group: u32,
    /// Whether the group is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Which of the group's active skills is the selected one, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_active_skill: Option<u32>,
    /// Whether the group counts in PoB's full DPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_in_full_dps: Option<bool>,
}

/// Value of a config option.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ConfigValue {
    /// A check box.
    Bool(bool),
    /// A count or a number; always finite.
    Number(f64),
    /// A choice from a list, or a text.
    Text(String),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variation_is_of_the_kind_that_it_changes() {
        let kind = |json: &str| serde_json::from_str::<Variation>(json).unwrap().kind();
        for (json, expected) in [
            ("{}", VariationKind::Empty),
            (r#"{"allocate_path":[1]}"#, VariationKind::Passives),
            (r#"{"flasks":[{"slot":"Flask 1","active":true}]}"#, VariationKind::Items),
            (r#"{"main_socket_group":2}"#, VariationKind::Gems),
            (r#"{"config":{"enemyIsBoss":"Uber"}}"#, VariationKind::Config),
            (r#"{"custom_mods":""}"#, VariationKind::Mods),
            (r#"{"level":3}"#, VariationKind::Character),
            (r#"{"build":"<PathOfBuilding/>"}"#, VariationKind::Build),
            (r#"{"level":3,"allocate":[1]}"#, VariationKind::Mixed),
        ] {
            assert_eq!(kind(json), expected, "{json}");
        }
    }
}
