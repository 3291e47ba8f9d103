//! Variations.

use crate::{
    build::{
        code,
        limits::{Limit, Limits},
        outcome::{Failure, FailureReason},
        validate,
        variation::{
            ConfigValue, FlaskChange, GemChange, GroupChange, ItemChange, MasteryChoice, TattooChange, Variation,
        },
    },
    grpc::status::cut,
    proto::v1::{self, build, config_value, gem_change, item_change},
};

/// The variation of a message, checked as far as that goes without an engine.
///
/// # Errors
/// The first defect, with the path of its field.
pub fn variation_from_proto(message: v1::Variation, limits: &Limits) -> Result<Variation, Failure> {
    let too_long = |exceeded| Failure::new(FailureReason::LimitExceeded, "id", exceeded);
    limits.check(Limit::NameSize, message.id.len()).map_err(too_long)?;
    let variation = Variation {
        build: message.build.map(|build| build_xml(build, limits)).transpose()?,
        class: message.class,
        ascendancy: message.ascendancy,
        level: message.level,
        allocate: message.allocate,
        allocate_path: message.allocate_path,
        deallocate: message.deallocate,
        masteries: message.masteries.into_iter().map(|m| MasteryChoice { node: m.node, effect: m.effect }).collect(),
        tattoos: message.tattoos.into_iter().map(|m| TattooChange { node: m.node, name: m.name }).collect(),
        items: message.items.into_iter().map(item_change).collect(),
        flasks: message.flasks.into_iter().map(|m| FlaskChange { slot: m.slot, active: m.active }).collect(),
        gems: message.gems.into_iter().map(gem_change).collect(),
        groups: message
            .groups
            .into_iter()
            .map(|m| GroupChange {
                group: m.group,
                enabled: m.enabled,
                main_active_skill: m.main_active_skill,
                include_in_full_dps: m.include_in_full_dps,
            })
            .collect(),
        main_socket_group: message.main_socket_group,
        config: message
            .config
            .into_iter()
            .map(|(option, value)| match config_value(value) {
                Some(value) => Ok((option, value)),
                None => Err(Failure::new(
                    FailureReason::InvalidVariation,
                    format!("config.{}", cut(&option, limits.name_size)),
                    "the option has no value",
                )),
            })
            .collect::<Result<_, _>>()?,
        custom_mods: message.custom_mods,
    };
    validate::check(&variation, limits)?;
    Ok(variation)
}

/// The id under which a variation is answered: its own, as far as that is not too long.
#[must_use]
pub fn echoed_id(message: &v1::Variation, limits: &Limits) -> String {
    cut(&message.id, limits.name_size)
}

/// The message of a variation.
#[must_use]
pub fn variation_to_proto(id: String, variation: &Variation) -> v1::Variation {
    v1::Variation {
        id,
        build: variation.build.clone().map(|xml| v1::Build { content: Some(build::Content::Xml(xml)) }),
        class: variation.class.clone(),
        ascendancy: variation.ascendancy.clone(),
        level: variation.level,
        allocate: variation.allocate.clone(),
        allocate_path: variation.allocate_path.clone(),
        deallocate: variation.deallocate.clone(),
        masteries: variation
            .masteries
            .iter()
            .map(|choice| v1::MasteryChoice { node: choice.node, effect: choice.effect })
            .collect(),
        tattoos: variation
            .tattoos
            .iter()
            .map(|change| v1::TattooChange { node: change.node, name: change.name.clone() })
            .collect(),
        items: variation.items.iter().map(item_message).collect(),
        flasks: variation
            .flasks
            .iter()
            .map(|change| v1::FlaskChange { slot: change.slot.clone(), active: change.active })
            .collect(),
        gems: variation.gems.iter().map(gem_message).collect(),
        groups: variation
            .groups
            .iter()
            .map(|change| v1::GroupChange {
                group: change.group,
                enabled: change.enabled,
                main_active_skill: change.main_active_skill,
                include_in_full_dps: change.include_in_full_dps,
            })
            .collect(),
        main_socket_group: variation.main_socket_group,
        config: variation.config.iter().map(|(option, value)| (option.clone(), config_message(value))).collect(),
        custom_mods: variation.custom_mods.clone(),
    }
}

fn build_xml(message: v1::Build, limits: &Limits) -> Result<String, Failure> {
    match message.content {
        Some(build::Content::Xml(xml)) => Ok(xml),
        Some(build::Content::ShareCode(share_code)) => {
            code::decode(&share_code, limits).map_err(|error| validate::bad_build("build", error.exceeded(), error))
        }
        None => Err(Failure::new(FailureReason::InvalidVariation, "build", "one of `xml` and `share_code` is needed")),
    }
}

fn item_change(message: v1::ItemChange) -> ItemChange {
    let mut change = ItemChange { slot: message.slot, text: None, item: None, empty: false };
    match message.source {
        Some(item_change::Source::Text(text)) => change.text = Some(text),
        Some(item_change::Source::Item(item)) => change.item = Some(item),
        Some(item_change::Source::Empty(empty)) => change.empty = empty,
        None => {}
    }
    change
}

/// A change with several sources is not valid and has no message; the first one is sent.
fn item_message(change: &ItemChange) -> v1::ItemChange {
    let source = match (&change.text, change.item, change.empty) {
        (Some(text), ..) => Some(item_change::Source::Text(text.clone())),
        (None, Some(item), _) => Some(item_change::Source::Item(item)),
        (None, None, true) => Some(item_change::Source::Empty(true)),
        (None, None, false) => None,
    };
    v1::ItemChange { slot: change.slot.clone(), source }
}

fn gem_change(message: v1::GemChange) -> GemChange {
    let (replace, add, remove) = match message.operation {
        Some(gem_change::Operation::Replace(name)) => (Some(name), None, false),
        Some(gem_change::Operation::Add(name)) => (None, Some(name), false),
        Some(gem_change::Operation::Remove(remove)) => (None, None, remove),
        None => (None, None, false),
    };
    GemChange {
        group: message.group,
        gem: message.gem,
        replace,
        add,
        remove,
        level: message.level,
        quality: message.quality,
        variant: message.variant,
        enabled: message.enabled,
        count: message.count,
    }
}

/// A change with several operations is not valid and has no message; the first one is sent.
fn gem_message(change: &GemChange) -> v1::GemChange {
    let operation = match (&change.replace, &change.add, change.remove) {
        (Some(name), ..) => Some(gem_change::Operation::Replace(name.clone())),
        (None, Some(name), _) => Some(gem_change::Operation::Add(name.clone())),
        (None, None, true) => Some(gem_change::Operation::Remove(true)),
        (None, None, false) => None,
    };
    v1::GemChange {
        group: change.group,
        gem: change.gem,
        operation,
        level: change.level,
        quality: change.quality,
        variant: change.variant.clone(),
        enabled: change.enabled,
        count: change.count,
    }
}

fn config_value(message: v1::ConfigValue) -> Option<ConfigValue> {
    message.value.map(|value| match value {
        config_value::Value::Boolean(boolean) => ConfigValue::Bool(boolean),
        config_value::Value::Number(number) => ConfigValue::Number(number),
        config_value::Value::Text(text) => ConfigValue::Text(text),
    })
}

fn config_message(value: &ConfigValue) -> v1::ConfigValue {
    let value = match value {
        ConfigValue::Bool(boolean) => config_value::Value::Boolean(*boolean),
        ConfigValue::Number(number) => config_value::Value::Number(*number),
        ConfigValue::Text(text) => config_value::Value::Text(text.clone()),
    };
    v1::ConfigValue { value: Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variation_from_proto(message: v1::Variation) -> Result<Variation, Failure> {
        super::variation_from_proto(message, &Limits::default())
    }

    const EVERYTHING: &str = r#"{"build":"<PathOfBuilding/>","class":"Witch","ascendancy":"None","level":90,
        "allocate":[1,2],"allocate_path":[3],"deallocate":[4],"masteries":[{"node":5,"effect":6}],
        "tattoos":[{"node":7,"name":"T"},{"node":8}],
        "items":[{"slot":"Ring 1","text":"x"},{"slot":"Ring 2","item":3},{"slot":"Belt","empty":true}],
        "flasks":[{"slot":"Flask 1","active":true},{"slot":"Flask 2","active":false}],
        "gems":[{"group":1,"gem":2,"level":3,"quality":0,"variant":"Alternate1","enabled":false,"count":5},
        {"group":1,"gem":3,"replace":"A"},{"group":2,"add":"B","level":1},{"group":2,"gem":1,"remove":true}],
        "groups":[{"group":1,"enabled":true,"main_active_skill":2,"include_in_full_dps":false}],
        "main_socket_group":4,"config":{"a":true,"b":2.5,"c":"Pinnacle"},"custom_mods":"+1 to Level"}"#;

    #[test]
    fn every_kind_of_change_survives_the_wire() {
        let variation: Variation = serde_json::from_str(EVERYTHING).unwrap();
        let message = variation_to_proto("v".into(), &variation);
        assert_eq!(message.id, "v");
        // Were a kind missing above, this test would say nothing about it.
        let text = serde_json::to_value(&variation).unwrap();
        assert_eq!(text.as_object().unwrap().len(), 16);
        assert_eq!(variation_from_proto(message), Ok(variation));
        assert_eq!(variation_from_proto(v1::Variation::default()), Ok(Variation::default()));
    }

    #[track_caller]
    fn assert_refused(message: v1::Variation, reason: FailureReason, field: &str) {
        let failure = variation_from_proto(message).unwrap_err();
        assert_eq!((failure.reason, failure.field.as_str()), (reason, field), "{failure}");
    }

    #[test]
    fn what_is_left_out_of_a_choice_is_named() {
        let invalid = FailureReason::InvalidVariation;
        let build = Some(v1::Build { content: None });
        assert_refused(v1::Variation { build, ..Default::default() }, invalid, "build");
        let items = vec![v1::ItemChange { slot: "Belt".into(), source: None }];
        assert_refused(v1::Variation { items, ..Default::default() }, invalid, "items[0]");
        let source = Some(item_change::Source::Empty(false));
        let items = vec![v1::ItemChange { slot: "Belt".into(), source }];
        assert_refused(v1::Variation { items, ..Default::default() }, invalid, "items[0]");
        let config = [("a".to_owned(), v1::ConfigValue { value: None })].into();
        assert_refused(v1::Variation { config, ..Default::default() }, invalid, "config.a");
        let level = Some(101);
        assert_refused(v1::Variation { level, ..Default::default() }, invalid, "level");
        let config = [("a".repeat(1000), v1::ConfigValue { value: None })].into();
        let failure = variation_from_proto(v1::Variation { config, ..Default::default() }).unwrap_err();
        assert!(failure.field.len() < 300, "{failure}");
    }

    #[test]
    fn an_id_that_is_too_long_is_refused_and_answered_in_short() {
        let limits = Limits::default();
        let named =
            |size: usize| v1::Variation { id: "\u{e4}x".repeat(size / 3 + 1)[..size].into(), ..Default::default() };
        // 256 bytes end within a character of two bytes if one more byte stands in front.
        let most = limits.name_size;
        assert_eq!(variation_from_proto(named(most - 1)), Ok(Variation::default()));
        assert_eq!(echoed_id(&named(most - 1), &limits), named(most - 1).id);
        let long = v1::Variation { id: "x".repeat(most + 1), ..Default::default() };
        assert_eq!(echoed_id(&long, &limits), format!("{}...", "x".repeat(most)));
        assert_refused(long, FailureReason::LimitExceeded, "id");
        let longest = v1::Variation { id: "x".repeat(most), ..Default::default() };
        assert_eq!(variation_from_proto(longest), Ok(Variation::default()));
    }

    #[test]
    fn a_replacement_build_may_be_a_share_code() {
        let build = |content| v1::Variation { build: Some(v1::Build { content: Some(content) }), ..Default::default() };
        let share_code = code::encode("<PathOfBuilding/>");
        let variation = variation_from_proto(build(build::Content::ShareCode(share_code))).unwrap();
        assert_eq!(variation.build.as_deref(), Some("<PathOfBuilding/>"));
        assert_refused(build(build::Content::ShareCode("!".into())), FailureReason::BadBuild, "build");
        assert_refused(build(build::Content::Xml("<html/>".into())), FailureReason::BadBuild, "build");
    }
}
