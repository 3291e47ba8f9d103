//! The engine `pob` in this process: what it refuses, what it warns of, and the plain way beside the fast one.
//!
//! Skipped loudly where no Path of Building installation is found.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod pob_places;

use std::collections::BTreeMap;

use pob_places::{booted, loaded, places, stats_of, xml};
use pobatch::{
    build::{
        outcome::StatValue,
        passive::{Passive, PassiveKind, PassiveTree},
    },
    runtime::vm::{PlainBase, RawOutcome, Vm, VmError},
};

/// Evaluates and expects a failure of that kind at that field.
#[track_caller]
fn refuses(vm: &mut Vm, variation: &str, kind: &str, field: &str) {
    let outcome = vm.evaluate(variation.as_bytes(), &[], false);
    let failure = outcome.failure.unwrap_or_else(|| panic!("{variation} is not refused"));
    assert_eq!((failure.kind.as_str(), failure.field.as_str()), (kind, field), "{variation}: {}", failure.message);
    assert!(!failure.message.contains('\n') && !failure.message.is_empty());
}

/// Evaluates and expects a warning of that kind at that field beside the outcome.
#[track_caller]
fn warns(vm: &mut Vm, variation: &str, kind: &str, field: &str) {
    let outcome = vm.evaluate(variation.as_bytes(), &[], false);
    assert_eq!(outcome.failure, None, "{variation}");
    let found = outcome.warnings.iter().any(|warning| warning.kind == kind && warning.field == field);
    assert!(found, "{variation}: {:?}", outcome.warnings);
}

fn everything(vm: &mut Vm, variation: &str) -> RawOutcome {
    let mut outcome = vm.evaluate(variation.as_bytes(), &[], false);
    assert_eq!(outcome.failure, None, "{variation}");
    outcome.compute_seconds = 0.0;
    outcome
}

#[test]
fn bad_variations_get_typed_answers_and_leave_no_trace() {
    let Some(places) = places() else { return };
    let mut vm = booted(&places);
    loaded(&places, &mut vm, "occ-vortex");
    let before = everything(&mut vm, "{}");

    for (variation, kind, field) in [
        ("{", "invalid_variation", ""),
        (r#"{"allocat": [1]}"#, "invalid_variation", ""),
        (r#"{"level": 0}"#, "invalid_variation", "level"),
        (r#"{"level": 101}"#, "invalid_variation", "level"),
        (r#"{"allocate": [36678, 1]}"#, "unknown_node", "allocate[1]"),
        (r#"{"deallocate": [2]}"#, "unknown_node", "deallocate[0]"),
        (r#"{"allocate_path": [3]}"#, "unknown_node", "allocate_path[0]"),
        (r#"{"allocate": [36678], "deallocate": [36678]}"#, "invalid_variation", "allocate[0]"),
        (r#"{"items": [{"slot": "Ring 4", "empty": true}]}"#, "unknown_slot", "items[0].slot"),
        (r#"{"items": [{"slot": "Jewel 1", "empty": true}]}"#, "unknown_slot", "items[0].slot"),
        (r#"{"items": [{"slot": "Ring 1", "item": 4711}]}"#, "unknown_item", "items[0].item"),
        (r#"{"items": [{"slot": "Ring 1", "text": "a ring, perhaps"}]}"#, "item_not_parsed", "items[0].text"),
        (r#"{"items": [{"slot": "Ring 1", "text": ""}]}"#, "item_not_parsed", "items[0].text"),
        (r#"{"items": [{"slot": "Ring 1"}]}"#, "invalid_variation", "items[0]"),
        (
            r#"{"items": [{"slot": "Ring 1", "empty": true}, {"slot": "Ring 1", "item": 1}]}"#,
            "invalid_variation",
            "items[1].slot",
        ),
        (r#"{"flasks": [{"slot": "Flask 6", "active": true}]}"#, "unknown_slot", "flasks[0].slot"),
        (r#"{"gems": [{"group": 99, "gem": 1, "level": 3}]}"#, "unknown_group", "gems[0].group"),
        (r#"{"gems": [{"group": 1, "gem": 99, "level": 3}]}"#, "unknown_gem", "gems[0].gem"),
        (r#"{"gems": [{"group": 1, "gem": 1, "replace": "No Gem"}]}"#, "unknown_gem", "gems[0].replace"),
        (r#"{"gems": [{"group": 1, "add": "No Gem"}]}"#, "unknown_gem", "gems[0].add"),
        (r#"{"gems": [{"group": 1, "gem": 1, "level": 3, "remove": true}]}"#, "invalid_variation", "gems[0].level"),
        (r#"{"groups": [{"group": 99, "enabled": false}]}"#, "unknown_group", "groups[0].group"),
        (r#"{"main_socket_group": 99}"#, "unknown_group", "main_socket_group"),
        (r#"{"config": {"noSuchOption": true}}"#, "unknown_config", "config.noSuchOption"),
        (r#"{"config": {"enemyIsBoss": "Dragon"}}"#, "unknown_config", "config.enemyIsBoss"),
        (r#"{"config": {"conditionLowLife": 3}}"#, "unknown_config", "config.conditionLowLife"),
        (r#"{"custom_mods": "", "config": {"customMods": "x"}}"#, "invalid_variation", "config.customMods"),
        (r#"{"masteries": [{"node": 1, "effect": 2}]}"#, "needs_plain", ""),
        (r#"{"class": "Witch"}"#, "needs_plain", ""),
    ] {
        refuses(&mut vm, variation, kind, field);
        // Whatever was half done when the refusal came is undone: every kind of change stands before the bad one here.
        let mixed = variation.replacen('{', r#"{"main_socket_group": 1, "level": 50, "#, 1);
        assert!(vm.evaluate(mixed.as_bytes(), &[], false).failure.is_some(), "{mixed} is not refused");
        assert_eq!(everything(&mut vm, "{}"), before, "after {variation}");
    }
}

#[test]
fn what_has_no_effect_is_reported() {
    let Some(places) = places() else { return };
    let mut vm = booted(&places);
    loaded(&places, &mut vm, "occ-vortex");
    let before = everything(&mut vm, "{}");

    warns(&mut vm, r#"{"allocate": [39085]}"#, "node_unchanged", "allocate[0]");
    warns(&mut vm, r#"{"deallocate": [36678]}"#, "node_unchanged", "deallocate[0]");
    warns(&mut vm, r#"{"allocate": [99999]}"#, "node_not_connected", "allocate[0]");
    let mods = r#"{"custom_mods": "+10 to maximum Life\nyour enemies are impressed"}"#;
    warns(&mut vm, mods, "mod_not_understood", "custom_mods");
    let ring =
        r#"{"items": [{"slot": "Ring 1", "text": "Rarity: RARE\nA\nCoral Ring\n+10 to maximum Life\nYou shine"}]}"#;
    warns(&mut vm, ring, "mod_not_understood", "items[0].text");
    let misplaced = r#"{"items": [{"slot": "Helmet", "text": "Rarity: RARE\nA\nCoral Ring\n+10 to maximum Life"}]}"#;
    warns(&mut vm, misplaced, "item_misplaced", "items[0].slot");

    let strict = vm.evaluate(mods.as_bytes(), &[], true);
    assert_eq!(strict.failure.unwrap().kind, "strict_warning");
    assert_eq!(everything(&mut vm, "{}"), before);
}

#[test]
fn bad_builds_are_refused_and_the_next_good_one_loads() {
    let Some(places) = places() else { return };
    let mut vm = booted(&places);
    let good = xml(&places, "perforate-zerker");
    let expected = loaded(&places, &mut vm, "perforate-zerker");
    // Passes every check before PoB's loader, and makes that stop half way.
    let broken_inside = good.replace("<Tree activeSpec=\"1\"", "<Tree activeSpec=\"0\"");
    assert_ne!(broken_inside, good);
    let unknown_tree = good.replace("treeVersion=\"3_13\"", "treeVersion=\"9_99\"");
    assert_ne!(unknown_tree, good);
    for (build, kind) in [
        ("", "bad_build"),
        ("hello", "bad_build"),
        ("<PathOfBuilding>", "bad_build"),
        ("<PathOfBuilding></PathOfBuilding>", "bad_build"),
        ("<PathOfBuilding2><Build/></PathOfBuilding2>", "bad_build"),
        (&good[..good.len() / 2], "bad_build"),
        (broken_inside.as_str(), "bad_build"),
        (unknown_tree.as_str(), "unknown_tree"),
    ] {
        let Err(VmError::Engine(failure)) = vm.load_base(build) else { panic!("a {kind} is not refused") };
        assert_eq!(failure.kind, kind, "{}", failure.message);
        assert_eq!(vm.evaluate(b"{}", &[], false).failure.unwrap().kind, "engine_error", "no base is loaded");
        assert_eq!(loaded(&places, &mut vm, "perforate-zerker"), expected);
    }
}

/// Scalars by name; numbers as bits.
fn by_name(outcome: &RawOutcome) -> BTreeMap<String, StatValue> {
    assert_eq!(outcome.failure, None);
    outcome.extra.iter().map(|stat| (stat.name.clone(), stat.value.clone())).collect()
}

#[test]
fn the_plain_way_agrees_with_the_fast_one() {
    let Some(places) = places() else { return };
    let build = xml(&places, "perforate-zerker");
    let mut fast = booted(&places);
    loaded(&places, &mut fast, "perforate-zerker");
    let mut plain = booted(&places);
    // A selection of a name that does not exist: all values come as extras, whatever the base has.
    for variation in [
        "{}",
        r#"{"allocate": [21941], "deallocate": [33287]}"#,
        r#"{"allocate_path": [25168, 38777]}"#,
        r#"{"gems": [{"group": 1, "gem": 2, "remove": true}, {"group": 1, "add": "Ruthless Support", "level": 12}]}"#,
        r#"{"gems": [{"group": 1, "gem": 2, "replace": "Brutality Support"}], "groups": [{"group": 2, "enabled": false}]}"#,
        r#"{"groups": [{"group": 1, "include_in_full_dps": true}]}"#,
        r#"{"items": [{"slot": "Weapon 1", "empty": true}], "flasks": [{"slot": "Flask 1", "active": true}]}"#,
        r#"{"items": [{"slot": "Weapon 1", "text": "Rarity: RARE\nA\nReaver Axe\n20% increased Attack Speed"}]}"#,
        r#"{"config": {"enemyIsBoss": "Uber", "presetBossSkills": "Shaper Slam", "enemyDamageRollRange": 30}, "level": 70}"#,
        r#"{"items": [{"slot": "Amulet", "text": "Rarity: RARE\nA\nOnyx Amulet\nTrigger Level 20 Summon Phantasm Skill on Kill"}]}"#,
    ] {
        let of_fast = fast.evaluate(variation.as_bytes(), &[], false);
        let of_plain = plain.evaluate_plain(
            &PlainBase { xml: &build, hints: b"", with_others: true },
            variation.as_bytes(),
            &[],
            false,
        );
        assert_eq!(of_fast.failure, None, "{variation}");
        assert_eq!((of_fast.path.as_str(), of_plain.path.as_str()), ("fast", "plain"));
        let mut fast_stats = by_name(&of_fast);
        let names: Vec<String> = fast.base_names().to_vec();
        for ((name, kind), bytes) in names.iter().zip(&of_fast.kinds).zip(of_fast.values.chunks(8)) {
            let number = f64::from_le_bytes(bytes.try_into().unwrap());
            match kind {
                b'n' => fast_stats.insert(name.clone(), StatValue::Number(number)),
                b'b' => fast_stats.insert(name.clone(), StatValue::Boolean(number != 0.0)),
                _ => None,
            };
        }
        let plain_stats = by_name(&of_plain);
        let wrong: Vec<_> = plain_stats
            .iter()
            .filter(|(name, value)| fast_stats.get(*name) != Some(value))
            .map(|(name, value)| format!("{name}: plain {value:?}, fast {:?}", fast_stats.get(name)))
            .chain(
                fast_stats
                    .keys()
                    .filter(|name| !plain_stats.contains_key(*name))
                    .map(|name| format!("{name}: only fast")),
            )
            .collect();
        assert_eq!(wrong, Vec::<String>::new(), "{variation}");
    }
}

/// What a list of nodes is for: one point more, and each does what the list says.
#[test]
fn the_nodes_called_reachable_are_those_that_one_point_allocates() {
    let Some(places) = places() else { return };
    let mut vm = booted(&places);
    loaded(&places, &mut vm, "occ-vortex");
    let PassiveTree { passives, points, .. } = serde_json::from_slice(&vm.inquire("passives", b"{}").unwrap()).unwrap();
    assert!(points.used > 100 && points.used <= points.available, "{points:?}");
    assert!(passives.is_sorted_by(|a, b| a.id < b.id));
    assert!(passives.iter().all(|node| !(node.allocated && node.reachable)));

    let simple =
        |node: &&Passive| !node.allocated && !matches!(node.kind, Some(PassiveKind::Mastery | PassiveKind::Socket));
    let (reachable, far): (Vec<_>, Vec<_>) = passives.iter().filter(simple).partition(|node| node.reachable);
    assert!(reachable.len() > 20 && far.len() > 1000, "{} and {}", reachable.len(), far.len());
    // Of the many that are far a few are enough.
    for node in reachable.iter().chain(far.iter().step_by(40)) {
        let outcome = everything(&mut vm, &format!(r#"{{"allocate": [{}]}}"#, node.id));
        let connected = outcome.warnings.iter().all(|warning| warning.kind != "node_not_connected");
        assert_eq!(connected, node.reachable, "{node:?}");
    }
    // The way is the one that `allocate_path` takes, and each of its steps counts.
    for node in far.iter().filter(|node| node.distance.is_some_and(|points| points < 8)).step_by(20) {
        let mut path = vec![node.id];
        let by_id = |id: u32| passives.iter().find(|node| node.id == id).unwrap();
        while let Some(step) = by_id(path[path.len() - 1]).toward.filter(|&step| passives.iter().any(|n| n.id == step))
        {
            if by_id(step).allocated {
                break;
            }
            path.push(step);
        }
        assert_eq!(path.len(), node.distance.unwrap() as usize, "{node:?}");
        let listed = everything(&mut vm, &format!(r#"{{"allocate": {path:?}}}"#));
        let asked = everything(&mut vm, &format!(r#"{{"allocate_path": [{}]}}"#, node.id));
        assert_eq!(listed.values, asked.values, "{node:?}");
    }
    // Leaves go alone, all others take something with them.
    for node in passives.iter().filter(|node| node.allocated && node.kind != Some(PassiveKind::Mastery)).step_by(5) {
        let outcome = vm.evaluate(format!(r#"{{"deallocate": [{}]}}"#, node.id).as_bytes(), &[], false);
        if outcome.failure.is_none() {
            assert_eq!(outcome.warnings.is_empty(), node.removable, "{node:?}: {:?}", outcome.warnings);
        }
    }
}

/// The Ascendant's "Path of the Marauder" beside a Marauder's own start: no way leads to it, and PoB keeps it.
#[test]
fn an_ascendancys_node_beside_the_tree_is_left_to_the_plain_path() {
    let Some(places) = places() else { return };
    let mut fast = booted(&places);
    let base = loaded(&places, &mut fast, "perforate-zerker");
    refuses(&mut fast, r#"{"allocate": [24755]}"#, "needs_plain", "");
    let mut plain = booted(&places);
    let build = xml(&places, "perforate-zerker");
    let whole = PlainBase { xml: &build, hints: b"", with_others: true };
    let outcome = by_name(&plain.evaluate_plain(&whole, br#"{"allocate": [24755]}"#, &[], false));
    let StatValue::Number(before) = base["ExtraPoints"] else { panic!("a number of points") };
    assert_eq!(outcome["ExtraPoints"], StatValue::Number(before + 2.0));
}

#[test]
fn of_two_guard_skills_the_same_one_counts_in_every_process() {
    /// Twice as many are booted, each with string ids of its own and with them an order of `pairs`: by chance all would
    /// agree once in 128 times.
    const VMS: usize = 4;
    let Some(places) = places() else { return };
    let build = xml(&places, "perforate-zerker");
    // It has Molten Shell already.
    let variation = br#"{"gems": [{"add": "Steelskin", "group": 7, "level": 18}], "level": 31}"#;
    let mut found = Vec::new();
    for _ in 0..VMS {
        let mut vm = booted(&places);
        let base = vm.load_base(&build).unwrap();
        let names = vm.base_names().to_vec();
        let fast = vm.evaluate(variation, &[], false);
        let plain = PlainBase { xml: &build, hints: &base.hints, with_others: true };
        let mut other = booted(&places);
        let plain = other.evaluate_plain(&plain, variation, &[], false);
        found.push(stats_of(&fast, &names).remove("Armour").unwrap());
        found.push(stats_of(&plain, &[]).remove("Armour").unwrap());
    }
    found.dedup();
    assert_eq!(found.len(), 1, "{found:?}");
}
