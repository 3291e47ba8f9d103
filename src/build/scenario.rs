//! A scenario: circumstances under which variations are evaluated, and how it goes together with a variation.
//!
//! Pure. What two change sets both say something of is a contradiction, even where they say the same: whoever reads an
//! outcome must not have to know which of them was asked first.

use std::{collections::HashSet, hash::Hash};

use super::{
    outcome::{Failure, FailureReason},
    variation::Variation,
};

/// Circumstances under which variations are evaluated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenario {
    /// Its name, as in expressions.
    pub name: String,
    /// What is so.
    pub variation: Variation,
}

/// Whether it can be the name of a scenario: expressions have it before a point, without quotes.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    begins && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Scenario {
    /// The variation under this scenario: in each list its own entries come first.
    ///
    /// # Errors
    /// [`FailureReason::InvalidVariation`] with the variation's field, if both say something of the same thing.
    pub fn applied_to(&self, variation: &Variation) -> Result<Variation, Failure> {
        let (a, b) = (variation, &self.variation);
        let mut both = Both { scenario: &self.name, contradiction: None };
        let combined = Variation {
            build: both.one("build", a.build.as_ref(), b.build.as_ref()),
            class: both.one("class", a.class.as_ref(), b.class.as_ref()),
            ascendancy: both.one("ascendancy", a.ascendancy.as_ref(), b.ascendancy.as_ref()),
            level: both.one("level", a.level.as_ref(), b.level.as_ref()),
            allocate: both.list("allocate", &a.allocate, &b.allocate, |node| Some(*node)),
            allocate_path: both.list("allocate_path", &a.allocate_path, &b.allocate_path, |node| Some(*node)),
            deallocate: both.list("deallocate", &a.deallocate, &b.deallocate, |node| Some(*node)),
            masteries: both.list("masteries", &a.masteries, &b.masteries, |choice| Some(choice.node)),
            tattoos: both.list("tattoos", &a.tattoos, &b.tattoos, |change| Some(change.node)),
            items: both.list("items", &a.items, &b.items, |change| Some(change.slot.clone())),
            flasks: both.list("flasks", &a.flasks, &b.flasks, |change| Some(change.slot.clone())),
            gems: both.list("gems", &a.gems, &b.gems, |change| Some((change.group, change.gem?))),
            groups: both.list("groups", &a.groups, &b.groups, |change| Some(change.group)),
            main_socket_group: both.one(
                "main_socket_group",
                a.main_socket_group.as_ref(),
                b.main_socket_group.as_ref(),
            ),
            config: {
                if let Some(option) = a.config.keys().find(|option| b.config.contains_key(*option)) {
                    both.contradict(format!("config.{option}"));
                }
                a.config.iter().chain(&b.config).map(|(option, value)| (option.clone(), value.clone())).collect()
            },
            custom_mods: both.one("custom_mods", a.custom_mods.as_ref(), b.custom_mods.as_ref()),
        };
        both.contradiction.map_or(Ok(combined), Err)
    }
}

/// Puts fields together, and remembers the first contradiction.
struct Both<'a> {
    scenario: &'a str,
    contradiction: Option<Failure>,
}

impl Both<'_> {
    fn contradict(&mut self, field: String) {
        let message = format!("scenario `{}` says something of it as well", self.scenario);
        self.contradiction.get_or_insert_with(|| Failure::new(FailureReason::InvalidVariation, field, message));
    }

    fn one<T: Clone>(&mut self, field: &str, a: Option<&T>, b: Option<&T>) -> Option<T> {
        if a.is_some() && b.is_some() {
            self.contradict(field.to_owned());
        }
        a.or(b).cloned()
    }

    /// What has no key is an addition, of which there can be any number.
    fn list<T: Clone, K: Eq + Hash>(&mut self, field: &str, a: &[T], b: &[T], key: impl Fn(&T) -> Option<K>) -> Vec<T> {
        if !a.is_empty() && !b.is_empty() {
            let taken: HashSet<K> = b.iter().filter_map(&key).collect();
            if let Some(index) = a.iter().position(|entry| key(entry).is_some_and(|key| taken.contains(&key))) {
                self.contradict(format!("{field}[{index}]"));
            }
        }
        a.iter().chain(b).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variation(json: &str) -> Variation {
        serde_json::from_str(json).unwrap()
    }

    fn scenario(json: &str) -> Scenario {
        Scenario { name: "boss".into(), variation: variation(json) }
    }

    #[test]
    fn a_scenario_that_changes_nothing_changes_nothing() {
        let all = r#"{"build":"<x/>","class":"Witch","ascendancy":"Occultist","level":3,"allocate":[1],"allocate_path":[2],
            "deallocate":[3],"masteries":[{"node":4,"effect":5}],"tattoos":[{"node":6}],"items":[{"slot":"Belt","empty":true}],
            "flasks":[{"slot":"Flask 1","active":true}],"gems":[{"group":1,"add":"Arc"}],"groups":[{"group":1}],
            "main_socket_group":1,"config":{"a":true},"custom_mods":"x"}"#;
        assert_eq!(scenario("{}").applied_to(&variation(all)).unwrap(), variation(all));
        assert_eq!(scenario(all).applied_to(&Variation::default()).unwrap(), variation(all));
    }

    #[test]
    fn the_variations_entries_come_first() {
        let combined = scenario(r#"{"allocate":[1],"gems":[{"group":1,"add":"A"}],"config":{"a":1}}"#)
            .applied_to(&variation(r#"{"allocate":[2],"gems":[{"group":1,"add":"B"}],"config":{"b":2}}"#));
        let expected =
            r#"{"allocate":[2,1],"gems":[{"group":1,"add":"B"},{"group":1,"add":"A"}],"config":{"a":1,"b":2}}"#;
        assert_eq!(combined.unwrap(), variation(expected));
    }

    #[test]
    fn what_both_speak_of_is_a_contradiction_at_the_variations_field() {
        for (ours, theirs, field) in [
            (r#"{"config":{"a":1,"b":2}}"#, r#"{"config":{"b":2}}"#, "config.b"),
            (r#"{"level":3}"#, r#"{"level":3}"#, "level"),
            (r#"{"custom_mods":""}"#, r#"{"custom_mods":"x"}"#, "custom_mods"),
            (r#"{"allocate":[1,2]}"#, r#"{"allocate":[2]}"#, "allocate[1]"),
            (r#"{"items":[{"slot":"Belt","empty":true}]}"#, r#"{"items":[{"slot":"Belt","item":1}]}"#, "items[0]"),
            (
                r#"{"gems":[{"group":2,"gem":1,"level":3}]}"#,
                r#"{"gems":[{"group":2,"gem":1,"remove":true}]}"#,
                "gems[0]",
            ),
            (
                r#"{"flasks":[{"slot":"Flask 2","active":true}]}"#,
                r#"{"flasks":[{"slot":"Flask 2","active":false}]}"#,
                "flasks[0]",
            ),
        ] {
            let failure = scenario(theirs).applied_to(&variation(ours)).unwrap_err();
            assert_eq!((failure.reason, failure.field.as_str()), (FailureReason::InvalidVariation, field));
            assert!(failure.message.contains("`boss`"), "{failure}");
        }
    }

    #[test]
    fn a_name_is_one_word_of_an_expression() {
        assert!(["map", "_", "no_flasks2"].into_iter().all(is_name));
        assert!(!["", "2x", "a.b", "a b", "ä", "a-b"].into_iter().any(is_name));
    }
}
