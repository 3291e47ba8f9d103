//! Variations that come to the same (`pob/fast/alike`): what is not computed again has the bits that it would have, and
//! much is not computed again.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "common/chance.rs"]
#[allow(dead_code, reason = "this test needs no second source of chance")]
mod chance;
#[path = "pob_places/offers.rs"]
#[allow(dead_code, reason = "this test needs no more than it imports")]
mod offers;
mod pob_places;

use std::{collections::BTreeMap, env};

use chance::{Chance, seed};
use offers::{Offers, with_all_that_is_difficult, with_tattoos};
use pob_places::{Places, booted, booted_but, places, stats_of, xml};
use pobatch::{build::outcome::StatValue, runtime::vm::Vm};
use serde_json::{Value, json};

const BUILDS: [&str; 3] = ["occ-vortex", "dual-wield-coc", "perforate-zerker"];

/// Pairs of nodes to allocate, and as many of one to allocate and one to give up, of each build, unless the environment says
/// otherwise.
const PAIRS: usize = 400;
/// Sets of several options of config, of each build, unless the environment says otherwise.
const SETS: usize = 100;
/// Lines of items, of each build, unless the environment says otherwise.
const LINES: usize = 60;

fn from_env(name: &str, otherwise: usize) -> usize {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// An outcome, bit for bit and whoever computed it; its failure; and whether it was not computed again.
fn evaluated(vm: &mut Vm, variation: &Value) -> (BTreeMap<String, String>, Option<String>, bool) {
    let outcome = vm.evaluate(variation.to_string().as_bytes(), &[], false);
    let bits = |value: &StatValue| match value {
        StatValue::Number(number) => format!("{:016x}", number.to_bits()),
        other => format!("{other:?}"),
    };
    let stats = stats_of(&outcome, &[]).iter().map(|(name, value)| (name.clone(), bits(value))).collect();
    let failure = outcome.failure.map(|failure| format!("{failure:?}"));
    (stats, failure, outcome.path == "cached")
}

/// One VM that knows what comes to the same, one that computes everything.
fn with_and_without(places: &Places) -> [Vm; 2] {
    [booted(places), booted_but(places, &["alike"])]
}

/// The builds with a measure for each, and the difficult one with its own.
fn bases(places: &Places, each: usize, difficult: usize) -> Vec<(&'static str, String, usize)> {
    let mut bases = BUILDS.map(|build| (build, xml(places, build), each)).to_vec();
    bases.push(("difficult", with_all_that_is_difficult(places), difficult));
    bases
}

/// Evaluates variations of a build by both VMs, between them some others for the first one, so many in a hundred. Both must
/// say the same. Gives how many were computed and how many were not computed again.
fn compared(
    [with, without]: &mut [Vm; 2],
    (build, xml): (&str, &str),
    variations: impl FnOnce(&Offers, &mut Chance) -> Vec<Value>,
    others_per_cent: usize,
    chance: &mut Chance,
) -> (u32, u32) {
    for vm in [&mut *with, &mut *without] {
        vm.load_base(xml).unwrap();
        vm.warm_up().unwrap();
    }
    let offers = Offers::of(with);
    let base = evaluated(with, &json!({})).0;
    let (mut computed, mut known) = (0, 0);
    for variation in variations(&offers, chance) {
        if chance.per_cent(others_per_cent) {
            let other = offers.other(chance);
            evaluated(with, &other);
        }
        let (stats, failure, cached) = evaluated(with, &variation);
        let (truth, true_failure, _) = evaluated(without, &variation);
        assert_eq!((&stats, &failure), (&truth, &true_failure), "{build} {variation}, cached: {cached}");
        computed += u32::from(failure.is_none() && !cached);
        known += u32::from(cached);
    }
    assert_eq!(evaluated(with, &json!({})).0, base, "{build}: the base afterwards");
    eprintln!("{build}: {computed} computed, {known} not again");
    (computed, known)
}

#[test]
fn what_is_not_computed_again_has_the_bits_that_it_would_have() {
    let Some(places) = places() else { return };
    let mut chance = Chance::new(seed("POBATCH_ALIKE_SEED"));
    let pairs = from_env("POBATCH_ALIKE_PAIRS", PAIRS);
    let mut vms = with_and_without(&places);
    let tattooed = ("tattooed", with_tattoos(&places), pairs / 8);
    for (build, xml, pairs) in bases(&places, pairs, pairs / 20).into_iter().chain([tattooed]) {
        let of_nodes = |offers: &Offers, chance: &mut Chance| offers.of_nodes(pairs, chance);
        let (computed, known) = compared(&mut vms, (build, &xml), of_nodes, 2, &mut chance);
        assert!(computed > 50, "{build}: {computed} computed");
        // The jewels of the difficult one reach much of its tree.
        assert!(known * 5 > computed || build == "difficult", "{build}: {known} of {computed} not again");
    }
}

#[test]
fn config_that_is_not_computed_again_has_the_bits_that_it_would_have() {
    let Some(places) = places() else { return };
    let mut chance = Chance::new(seed("POBATCH_ALIKE_SEED"));
    let sets = from_env("POBATCH_ALIKE_SETS", SETS);
    let mut vms = with_and_without(&places);
    // Of the difficult one every tenth: with all skills in full DPS each takes ten times as long.
    for (build, xml, step) in bases(&places, 1, 10) {
        let of_config = |offers: &Offers, chance: &mut Chance| {
            offers.of_config(sets, chance).into_iter().step_by(step).collect::<Vec<_>>()
        };
        let (computed, known) = compared(&mut vms, (build, &xml), of_config, 5, &mut chance);
        assert!(computed > 10, "{build}: {computed} computed");
        // Numbers and lists bring modifiers that nobody knows ahead; those count until they are asked for.
        assert!(known * 3 > computed, "{build}: {known} of {computed} not again");
    }
}

#[test]
fn items_that_are_not_computed_again_have_the_bits_that_they_would_have() {
    let Some(places) = places() else { return };
    let mut chance = Chance::new(seed("POBATCH_ALIKE_SEED"));
    let lines = from_env("POBATCH_ALIKE_LINES", LINES);
    let mut vms = with_and_without(&places);
    for (build, xml, lines) in bases(&places, lines, lines / 10) {
        let of_items = |offers: &Offers, chance: &mut Chance| offers.of_items(lines, chance);
        let (computed, known) = compared(&mut vms, (build, &xml), of_items, 5, &mut chance);
        assert!(computed > 10, "{build}: {computed} computed");
        // Many lines of uniques change the item itself, or bring what PoB hands on to others; and of the difficult one there
        // are few.
        assert!(known * 20 > computed || build == "difficult", "{build}: {known} of {computed} not again");
    }
}

#[test]
fn the_base_and_variations_of_several_kinds_are_always_computed() {
    let Some(places) = places() else { return };
    let mut vm = booted(&places);
    vm.load_base(&xml(&places, "occ-vortex")).unwrap();
    let id = Offers::of(&vm).near[0].clone();
    for variation in [
        json!({}),
        json!({ "allocate": [id], "level": 70 }),
        json!({ "config": { "conditionLowLife": true }, "allocate": [id] }),
        json!({ "config": { "conditionLowLife": true }, "level": 70 }),
    ] {
        let paths: Vec<_> = (0..2).map(|_| evaluated(&mut vm, &variation).2).collect();
        assert_eq!(paths, [false, false], "{variation}");
    }
    let text = format!("{}\n+7 to maximum Life", Offers::of(&vm).items[0][1].as_str().unwrap());
    let item = json!([{ "slot": Offers::of(&vm).items[0][0], "text": text }]);
    for variation in
        [json!({ "allocate": [id] }), json!({ "config": { "conditionLowLife": true } }), json!({ "items": item })]
    {
        let twice: Vec<_> = (0..2).map(|_| evaluated(&mut vm, &variation).2).collect();
        assert_eq!(twice, [false, true], "{variation}");
    }
}
