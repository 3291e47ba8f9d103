//! What can be said against a variation without an engine: contradictions, values out of range, sizes.
//!
//! Pure. The first defect found is the one that is reported, with the path of its field; whether nodes, slots, gems and
//! options exist is the engine's to say. Everybody who takes variations from outside calls [`check`] before passing
//! them on.

use std::{collections::HashSet, fmt::Display, hash::Hash};

use super::{
    limits::{Exceeded, Limit, Limits},
    outcome::{Failure, FailureReason},
    variation::{ConfigValue, GemChange, ItemChange, Variation},
    xml,
};

/// Highest character level.
pub const LEVEL_MAX: u32 = 100;
/// Highest level, quality and count of a gem that is passed on; engines take less and say so.
pub const GEM_NUMBER_MAX: u32 = 1_000;

/// Checks a variation.
///
/// # Errors
/// The first defect: [`FailureReason::InvalidVariation`], [`FailureReason::LimitExceeded`], or
/// [`FailureReason::BadBuild`] for the replacement build.
pub fn check(variation: &Variation, limits: &Limits) -> Result<(), Failure> {
    if let Some(build) = &variation.build {
        xml::check(build, limits).map_err(|error| bad_build("build", error.exceeded(), error))?;
    }
    check_changes(variation, limits)
}

/// As [`check`], but for the replacement build.
///
/// # Errors
/// As there.
pub fn check_changes(variation: &Variation, limits: &Limits) -> Result<(), Failure> {
    Check { limits }.variation(variation)
}

/// A build that is none, or exceeds a limit.
#[must_use]
pub fn bad_build(field: &str, exceeded: Option<Exceeded>, error: impl Display) -> Failure {
    let reason = if exceeded.is_some() { FailureReason::LimitExceeded } else { FailureReason::BadBuild };
    Failure::new(reason, field, error)
}

/// The checks that know the limits.
struct Check<'a> {
    limits: &'a Limits,
}

impl Check<'_> {
    fn variation(&self, variation: &Variation) -> Result<(), Failure> {
        self.character(variation)?;
        self.tree(variation)?;
        self.items(variation)?;
        self.skills(variation)?;
        self.config(variation)
    }

    fn character(&self, variation: &Variation) -> Result<(), Failure> {
        for (field, name) in [("class", &variation.class), ("ascendancy", &variation.ascendancy)] {
            if let Some(name) = name {
                self.name(field, name)?;
            }
        }
        if let Some(level) = variation.level {
            check_range("level", level, LEVEL_MAX)?;
        }
        Ok(())
    }

    fn tree(&self, variation: &Variation) -> Result<(), Failure> {
        let lists = [
            ("allocate", &variation.allocate),
            ("allocate_path", &variation.allocate_path),
            ("deallocate", &variation.deallocate),
        ];
        for (field, nodes) in lists {
            self.count(field, Limit::Nodes, nodes.len())?;
            check_once(nodes.iter(), |index| format!("{field}[{index}]"), |node| format!("node {node}"))?;
        }

        self.count("masteries", Limit::Changes, variation.masteries.len())?;
        let masteries = variation.masteries.iter().map(|choice| choice.node);
        check_once(masteries, |index| format!("masteries[{index}].node"), |node| format!("node {node}"))?;

        self.count("tattoos", Limit::Changes, variation.tattoos.len())?;
        let tattooed = variation.tattoos.iter().map(|change| change.node);
        check_once(tattooed, |index| format!("tattoos[{index}].node"), |node| format!("node {node}"))?;
        for (index, change) in variation.tattoos.iter().enumerate() {
            if let Some(name) = &change.name {
                self.name(&format!("tattoos[{index}].name"), name)?;
            }
        }

        let taken: HashSet<u32> = lists[..2]
            .iter()
            .flat_map(|(_, nodes)| nodes.iter().copied())
            .chain(variation.masteries.iter().map(|choice| choice.node))
            .collect();
        match variation.deallocate.iter().position(|node| taken.contains(node)) {
            None => Ok(()),
            Some(index) => {
                let node = variation.deallocate[index];
                Err(invalid(
                    format!("deallocate[{index}]"),
                    format!("node {node} is to be allocated and to be given up"),
                ))
            }
        }
    }

    fn items(&self, variation: &Variation) -> Result<(), Failure> {
        self.count("items", Limit::Changes, variation.items.len())?;
        for (index, change) in variation.items.iter().enumerate() {
            self.item(&format!("items[{index}]"), change)?;
        }
        let slots = variation.items.iter().map(|change| &change.slot);
        check_once(slots, |index| format!("items[{index}].slot"), |slot| format!("slot `{slot}`"))?;

        self.count("flasks", Limit::Changes, variation.flasks.len())?;
        for (index, change) in variation.flasks.iter().enumerate() {
            self.name(&format!("flasks[{index}].slot"), &change.slot)?;
        }
        let slots = variation.flasks.iter().map(|change| &change.slot);
        check_once(slots, |index| format!("flasks[{index}].slot"), |slot| format!("slot `{slot}`"))
    }

    fn item(&self, path: &str, change: &ItemChange) -> Result<(), Failure> {
        self.name(&format!("{path}.slot"), &change.slot)?;
        match (&change.text, change.item, change.empty) {
            (None, None, false) => Err(invalid(path, "one of `text`, `item` and `empty` is needed")),
            (Some(text), None, false) if text.trim().is_empty() => {
                Err(invalid(format!("{path}.text"), "the text is empty; `empty` takes an item out"))
            }
            (Some(text), None, false) => {
                let field = format!("{path}.text");
                self.text(&field, Limit::ItemTextSize, text)?;
                self.lines(&field, Limit::ItemLines, text)
            }
            (None, Some(_), false) | (None, None, true) => Ok(()),
            _ => Err(invalid(path, "only one of `text`, `item` and `empty` can be set")),
        }
    }

    fn skills(&self, variation: &Variation) -> Result<(), Failure> {
        self.count("gems", Limit::Changes, variation.gems.len())?;
        for (index, change) in variation.gems.iter().enumerate() {
            self.gem(&format!("gems[{index}]"), change)?;
        }
        let mut seen = HashSet::new();
        for (index, change) in variation.gems.iter().enumerate() {
            if let Some(gem) = change.gem
                && !seen.insert((change.group, gem))
            {
                let message =
                    format!("gem {gem} of group {} occurs twice; put all changes of a gem together", change.group);
                return Err(invalid(format!("gems[{index}].gem"), message));
            }
        }

        self.count("groups", Limit::Changes, variation.groups.len())?;
        for (index, change) in variation.groups.iter().enumerate() {
            check_index(&format!("groups[{index}].group"), change.group)?;
            if let Some(skill) = change.main_active_skill {
                check_index(&format!("groups[{index}].main_active_skill"), skill)?;
            }
        }
        let groups = variation.groups.iter().map(|change| change.group);
        check_once(groups, |index| format!("groups[{index}].group"), |group| format!("group {group}"))?;

        variation.main_socket_group.map_or(Ok(()), |group| check_index("main_socket_group", group))
    }

    fn gem(&self, path: &str, change: &GemChange) -> Result<(), Failure> {
        check_index(&format!("{path}.group"), change.group)?;

        let operations = [change.replace.is_some(), change.add.is_some(), change.remove];
        if operations.into_iter().filter(|&set| set).count() > 1 {
            return Err(invalid(path, "only one of `replace`, `add` and `remove` can be set"));
        }
        match (&change.add, change.gem) {
            (Some(_), Some(_)) => {
                return Err(invalid(format!("{path}.gem"), "a gem is added behind the last; it has no index yet"));
            }
            (None, None) => return Err(invalid(format!("{path}.gem"), "which gem is missing")),
            (None, Some(gem)) => check_index(&format!("{path}.gem"), gem)?,
            (Some(_), None) => {}
        }
        for (field, name) in [("replace", &change.replace), ("add", &change.add), ("variant", &change.variant)] {
            if let Some(name) = name {
                self.name(&format!("{path}.{field}"), name)?;
            }
        }

        let numbers = [("level", change.level), ("quality", change.quality), ("count", change.count)];
        let changed =
            change.variant.is_some() || change.enabled.is_some() || numbers.iter().any(|(_, number)| number.is_some());
        if change.remove && changed {
            return Err(invalid(format!("{path}.remove"), "a gem that is removed cannot be changed as well"));
        }
        if let Some(level) = change.level {
            check_index(&format!("{path}.level"), level)?;
        }
        for (field, number) in numbers {
            if number.is_some_and(|number| number > GEM_NUMBER_MAX) {
                return Err(invalid(format!("{path}.{field}"), format!("at most {GEM_NUMBER_MAX} is taken")));
            }
        }
        Ok(())
    }

    fn config(&self, variation: &Variation) -> Result<(), Failure> {
        self.count("config", Limit::Changes, variation.config.len())?;
        for (option, value) in &variation.config {
            self.name("config", option)?;
            let path = format!("config.{option}");
            match value {
                ConfigValue::Number(number) if !number.is_finite() => {
                    return Err(invalid(path, "the number must be finite"));
                }
                ConfigValue::Text(text) => {
                    self.text(&path, Limit::ConfigTextSize, text)?;
                    // One option holds the custom modifiers.
                    self.lines(&path, Limit::CustomModsLines, text)?;
                }
                ConfigValue::Number(_) | ConfigValue::Bool(_) => {}
            }
        }
        let Some(mods) = &variation.custom_mods else { return Ok(()) };
        self.text("custom_mods", Limit::CustomModsSize, mods)?;
        self.lines("custom_mods", Limit::CustomModsLines, mods)
    }

    fn name(&self, field: &str, name: &str) -> Result<(), Failure> {
        if name.trim().is_empty() {
            return Err(invalid(field, "the name is empty"));
        }
        if name.contains(['\n', '\r', '\t']) {
            return Err(invalid(field, "a name has one line"));
        }
        self.text(field, Limit::NameSize, name)
    }

    /// Control characters have no place in XML, so the varied build could not be written down.
    fn text(&self, field: &str, limit: Limit, text: &str) -> Result<(), Failure> {
        self.count(field, limit, text.len())?;
        if text.contains(|c: char| c < ' ' && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(invalid(field, "the text has control characters"));
        }
        Ok(())
    }

    fn lines(&self, field: &str, limit: Limit, text: &str) -> Result<(), Failure> {
        self.count(field, limit, text.lines().count())?;
        let longest = text.split('\n').map(str::len).max().unwrap_or(0);
        self.count(field, Limit::LineSize, longest)
    }

    fn count(&self, field: &str, limit: Limit, came: usize) -> Result<(), Failure> {
        let exceeded = |exceeded| Failure::new(FailureReason::LimitExceeded, field, exceeded);
        self.limits.check(limit, came).map_err(exceeded)
    }
}

fn invalid(field: impl Into<String>, message: impl Display) -> Failure {
    Failure::new(FailureReason::InvalidVariation, field, message)
}

fn check_range(field: &str, number: u32, most: u32) -> Result<(), Failure> {
    if (1..=most).contains(&number) { Ok(()) } else { Err(invalid(field, format!("must be 1 to {most}"))) }
}

fn check_index(field: &str, index: u32) -> Result<(), Failure> {
    if index == 0 { Err(invalid(field, "counts from 1")) } else { Ok(()) }
}

fn check_once<T: Eq + Hash>(
    keys: impl Iterator<Item = T>,
    path: impl Fn(usize) -> String,
    name: impl Fn(&T) -> String,
) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for (index, key) in keys.enumerate() {
        if seen.contains(&key) {
            return Err(invalid(path(index), format!("{} occurs twice", name(&key))));
        }
        seen.insert(key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variation: &Variation) -> Result<(), Failure> {
        super::check(variation, &Limits::default())
    }

    /// The JSONL form is the shortest way to write a variation down.
    fn variation(json: &str) -> Variation {
        serde_json::from_str(json).unwrap()
    }

    #[track_caller]
    fn assert_refused(json: &str, field: &str, words: &str) {
        let failure = check(&variation(json)).unwrap_err();
        assert_eq!((failure.reason, failure.field.as_str()), (FailureReason::InvalidVariation, field), "{failure}");
        assert!(failure.message.contains(words), "{failure}");
    }

    #[track_caller]
    fn assert_taken(json: &str) {
        assert_eq!(check(&variation(json)), Ok(()), "{json}");
    }

    #[test]
    fn sensible_variations_pass() {
        assert_taken("{}");
        assert_taken(
            r#"{"build":"<PathOfBuilding/>","class":"Witch","ascendancy":"None","level":100,"allocate":[1,2],
            "allocate_path":[2],"deallocate":[3],"masteries":[{"node":4,"effect":5}],"tattoos":[{"node":3}],
            "items":[{"slot":"Ring 1","text":"Rarity: RARE\nX"},{"slot":"Ring 2","item":0},{"slot":"Belt","empty":true}],
            "flasks":[{"slot":"Flask 1","active":false}],"groups":[{"group":1,"main_active_skill":2}],
            "gems":[{"group":1,"gem":1,"level":21},{"group":1,"add":"Clarity"},{"group":1,"add":"Clarity"},
            {"group":1,"gem":2,"remove":true},{"group":2,"gem":1,"replace":"Haste","quality":0}],
            "main_socket_group":3,"config":{"a":true,"b":-1.5,"c":""},"custom_mods":""}"#,
        );
    }

    #[test]
    fn levels_run_from_1_to_100() {
        assert_refused(r#"{"level":0}"#, "level", "1 to 100");
        assert_refused(r#"{"level":101}"#, "level", "1 to 100");
        assert_taken(r#"{"level":1}"#);
    }

    #[test]
    fn a_node_cannot_be_taken_and_given_up() {
        assert_refused(r#"{"allocate":[1],"deallocate":[2,1]}"#, "deallocate[1]", "node 1");
        assert_refused(r#"{"allocate_path":[7],"deallocate":[7]}"#, "deallocate[0]", "node 7");
        assert_refused(r#"{"masteries":[{"node":7,"effect":1}],"deallocate":[7]}"#, "deallocate[0]", "node 7");
    }

    #[test]
    fn nothing_occurs_twice() {
        assert_refused(r#"{"allocate":[5,6,5]}"#, "allocate[2]", "node 5 occurs twice");
        assert_refused(
            r#"{"masteries":[{"node":7,"effect":1},{"node":7,"effect":2}]}"#,
            "masteries[1].node",
            "occurs twice",
        );
        assert_refused(r#"{"tattoos":[{"node":7},{"node":7,"name":"T"}]}"#, "tattoos[1].node", "occurs twice");
        assert_refused(
            r#"{"items":[{"slot":"Belt","empty":true},{"slot":"Belt","item":1}]}"#,
            "items[1].slot",
            "`Belt` occurs twice",
        );
        assert_refused(
            r#"{"flasks":[{"slot":"Flask 1","active":true},{"slot":"Flask 1","active":true}]}"#,
            "flasks[1].slot",
            "occurs twice",
        );
        assert_refused(
            r#"{"gems":[{"group":1,"gem":2,"level":3},{"group":1,"gem":2,"remove":true}]}"#,
            "gems[1].gem",
            "gem 2 of group 1 occurs twice",
        );
        assert_refused(r#"{"groups":[{"group":1},{"group":1}]}"#, "groups[1].group", "occurs twice");
    }

    #[test]
    fn an_item_has_exactly_one_source() {
        assert_refused(r#"{"items":[{"slot":"Belt"}]}"#, "items[0]", "is needed");
        assert_refused(r#"{"items":[{"slot":"Belt","item":1,"empty":true}]}"#, "items[0]", "only one");
        assert_refused(r#"{"items":[{"slot":"Belt","text":"x","item":1}]}"#, "items[0]", "only one");
        assert_refused(r#"{"items":[{"slot":"Belt","text":" \n"}]}"#, "items[0].text", "empty");
    }

    #[test]
    fn a_gem_has_at_most_one_operation_and_an_index_unless_it_is_added() {
        assert_refused(r#"{"gems":[{"group":1,"gem":1,"replace":"A","remove":true}]}"#, "gems[0]", "only one");
        assert_refused(r#"{"gems":[{"group":1,"gem":1,"add":"A"}]}"#, "gems[0].gem", "no index yet");
        assert_refused(r#"{"gems":[{"group":1,"level":2}]}"#, "gems[0].gem", "missing");
        assert_refused(r#"{"gems":[{"group":1,"gem":1,"remove":true,"level":2}]}"#, "gems[0].remove", "as well");
        assert_refused(r#"{"gems":[{"group":1,"gem":1,"remove":true,"enabled":true}]}"#, "gems[0].remove", "as well");
        assert_refused(r#"{"gems":[{"group":1,"gem":1,"level":0}]}"#, "gems[0].level", "from 1");
        assert_refused(r#"{"gems":[{"group":1,"gem":1,"quality":1001}]}"#, "gems[0].quality", "1000");
    }

    #[test]
    fn indices_count_from_1() {
        assert_refused(r#"{"gems":[{"group":0,"gem":1}]}"#, "gems[0].group", "from 1");
        assert_refused(r#"{"gems":[{"group":1,"gem":0}]}"#, "gems[0].gem", "from 1");
        assert_refused(r#"{"groups":[{"group":0}]}"#, "groups[0].group", "from 1");
        assert_refused(r#"{"groups":[{"group":1,"main_active_skill":0}]}"#, "groups[0].main_active_skill", "from 1");
        assert_refused(r#"{"main_socket_group":0}"#, "main_socket_group", "from 1");
    }

    #[test]
    fn config_numbers_are_finite() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let config = [("enemyLevel".to_owned(), ConfigValue::Number(number))].into();
            let failure = check(&Variation { config, ..Variation::default() }).unwrap_err();
            assert_eq!(failure.field, "config.enemyLevel");
        }
    }

    #[test]
    fn names_and_texts_are_printable() {
        assert_refused(r#"{"ascendancy":" "}"#, "ascendancy", "empty");
        assert_refused(r#"{"items":[{"slot":"Be\nlt","item":1}]}"#, "items[0].slot", "one line");
        assert_refused(r#"{"tattoos":[{"node":1,"name":""}]}"#, "tattoos[0].name", "empty");
        assert_refused(r#"{"config":{"":true}}"#, "config", "empty");
        assert_refused(r#"{"config":{"a":"\u0000"}}"#, "config.a", "control characters");
        assert_refused(r#"{"items":[{"slot":"Belt","text":"\u001b[0m"}]}"#, "items[0].text", "control characters");
    }

    /// The variation with as much of something as the limit says is taken, the one with one more is not.
    #[track_caller]
    fn assert_edge(limit: Limit, field: &str, variation: impl Fn(usize) -> Variation) {
        let limits = Limits::default();
        let most = limits.get(limit);
        assert_eq!(super::check(&variation(most), &limits), Ok(()), "{limit:?} {field}");
        let exceeded = Exceeded { limit, most, came: most + 1 };
        let expected = Failure::new(FailureReason::LimitExceeded, field, exceeded);
        assert_eq!(super::check(&variation(most + 1), &limits), Err(expected));
        assert!(exceeded.to_string().contains(limit.flag()));
    }

    fn x(length: usize) -> String {
        "x".repeat(length)
    }

    fn lines(count: usize) -> String {
        vec!["x"; count].join("\n")
    }

    /// A list of that length, each entry made from its index.
    fn list<T: serde::Serialize>(count: usize, entry: impl Fn(usize) -> T) -> serde_json::Value {
        (0..count).map(|index| serde_json::to_value(entry(index)).unwrap()).collect()
    }

    fn with(field: &str, value: serde_json::Value) -> Variation {
        let variation = serde_json::Map::from_iter([(field.to_owned(), value)]);
        serde_json::from_value(variation.into()).unwrap()
    }

    #[test]
    fn names_are_bounded_wherever_they_stand() {
        let item = |slot: &str| serde_json::json!([{"slot": slot, "empty": true}]);
        let gem = |field: &str, name| serde_json::json!([{"group": 1, "gem": 1, field: name}]);
        assert_edge(Limit::NameSize, "class", |size| with("class", x(size).into()));
        assert_edge(Limit::NameSize, "ascendancy", |size| with("ascendancy", x(size).into()));
        assert_edge(Limit::NameSize, "items[0].slot", |size| with("items", item(&x(size))));
        assert_edge(Limit::NameSize, "flasks[0].slot", |size| {
            with("flasks", serde_json::json!([{"slot": x(size), "active": true}]))
        });
        assert_edge(Limit::NameSize, "tattoos[0].name", |size| {
            with("tattoos", serde_json::json!([{"node": 1, "name": x(size)}]))
        });
        assert_edge(Limit::NameSize, "gems[0].replace", |size| with("gems", gem("replace", x(size))));
        assert_edge(Limit::NameSize, "gems[0].variant", |size| with("gems", gem("variant", x(size))));
        assert_edge(Limit::NameSize, "gems[0].add", |size| {
            with("gems", serde_json::json!([{"group": 1, "add": x(size)}]))
        });
        assert_edge(Limit::NameSize, "config", |size| with("config", serde_json::json!({ x(size): true })));
    }

    #[test]
    fn texts_are_bounded_in_bytes_and_lines() {
        let item = |text: String| with("items", serde_json::json!([{"slot": "Belt", "text": text}]));
        let config = |text: String| with("config", serde_json::json!({ "a": text }));
        let mods = |text: String| with("custom_mods", text.into());
        // As many bytes, in lines of a size that is taken.
        let text = |size: usize| (1..=size).map(|at| if at % 500 == 0 { '\n' } else { 'x' }).collect();
        assert_edge(Limit::LineSize, "items[0].text", |size| item(x(size)));
        assert_edge(Limit::LineSize, "config.a", |size| config(x(size)));
        assert_edge(Limit::LineSize, "custom_mods", |size| mods(x(size)));
        assert_edge(Limit::ItemTextSize, "items[0].text", |size| item(text(size)));
        assert_edge(Limit::ItemLines, "items[0].text", |count| item(lines(count)));
        assert_edge(Limit::ConfigTextSize, "config.a", |size| config(text(size)));
        assert_edge(Limit::CustomModsLines, "config.a", |count| config(lines(count)));
        assert_edge(Limit::CustomModsSize, "custom_mods", |size| mods(text(size)));
        assert_edge(Limit::CustomModsLines, "custom_mods", |count| mods(lines(count)));
    }

    #[test]
    fn lists_are_bounded() {
        use serde_json::json;
        for field in ["allocate", "allocate_path", "deallocate"] {
            assert_edge(Limit::Nodes, field, |count| with(field, list(count, |index| index)));
        }
        let slot = |index: usize| format!("S{index}");
        let edge = |field: &str, entry: &dyn Fn(usize) -> serde_json::Value| {
            assert_edge(Limit::Changes, field, |count| with(field, list(count, entry)));
        };
        edge("masteries", &|index| json!({"node": index, "effect": 1}));
        edge("tattoos", &|index| json!({"node": index}));
        edge("items", &|index| json!({"slot": slot(index), "empty": true}));
        edge("flasks", &|index| json!({"slot": slot(index), "active": true}));
        edge("gems", &|_| json!({"group": 1, "add": "A"}));
        edge("groups", &|index| json!({"group": index + 1}));
        assert_edge(Limit::Changes, "config", |count| {
            let options = (0..count).map(|index| (slot(index), ConfigValue::Bool(true)));
            Variation { config: options.collect(), ..Variation::default() }
        });
    }

    #[test]
    fn a_replacement_build_that_is_too_large_says_so_by_the_limit() {
        let build = |size: usize| {
            let build = "<PathOfBuilding></PathOfBuilding>";
            build.replace("><", &format!(">{}<", " ".repeat(size - build.len())))
        };
        let limits = Limits { xml_size: 100, ..Limits::default() };
        let check = |size| super::check(&with("build", build(size).into()), &limits);
        assert_eq!(check(100), Ok(()));
        let failure = check(101).unwrap_err();
        assert_eq!((failure.reason, failure.field.as_str()), (FailureReason::LimitExceeded, "build"));
        assert!(failure.message.contains("--xml-size-max"), "{failure}");
    }

    #[test]
    fn a_replacement_build_must_be_a_build() {
        let failure = check(&variation(r#"{"build":"<html/>"}"#)).unwrap_err();
        assert_eq!((failure.reason, failure.field.as_str()), (FailureReason::BadBuild, "build"));
    }
}
