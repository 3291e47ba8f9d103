//! The environment that is taken down once for each base (`pob/fast/prepared`): with it and without it every outcome has
//! the same bits, in any order; it is made where it can be, and PoB makes it wherever a node has a say in it.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "common/chance.rs"]
#[allow(dead_code, reason = "this test needs no second source of chance")]
mod chance;
#[path = "pob_places/offers.rs"]
#[allow(dead_code, reason = "this test needs no more than it imports")]
mod offers;
mod pob_places;

use std::path::Path;

use chance::{Chance, seed};
use offers::{Offers, with_all_that_is_difficult};
use pob_places::{Places, booted, booted_but, places, xml};
use pobatch::runtime::vm::{RawOutcome, Vm};
use serde_json::{Value, json};

const BUILDS: [&str; 3] = ["occ-vortex", "dual-wield-coc", "perforate-zerker"];

/// Pairs of nodes to allocate, and as many of one to allocate and one to give up, of each build.
const PAIRS: usize = 30;

/// Changes of gems and what goes with them, of each build.
const SKILLS: usize = 80;

/// Counts how often PoB begins with an environment, and the skills that it creates of socket groups: nothing else tells
/// whether it set the environment up itself.
const COUNT: &str = "
    begun, created = 0, 0
    local calcs = build.calcsTab.calcs
    local begin, create = calcs.initModDB, calcs.createActiveSkill
    function calcs.initModDB(env, store)
        begun = begun + (store == env.modDB and 1 or 0)
        return begin(env, store)
    end
    function calcs.createActiveSkill(effect, supports, actor, group, ...)
        created = created + (group and 1 or 0)
        return create(effect, supports, actor, group, ...)
    end
";

/// What PoB did for an outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Work {
    /// Environments that it began with.
    begun: u32,
    /// Skills that it created of socket groups.
    skills: u32,
}

/// The builds, and a difficult one, each with its name.
fn bases(places: &Places) -> Vec<(&'static str, String)> {
    let mut bases = BUILDS.map(|build| (build, xml(places, build))).to_vec();
    bases.push(("difficult", with_all_that_is_difficult(places)));
    bases
}

/// Loads a base and counts from then on.
fn load(vm: &mut Vm, xml: &str) {
    vm.load_base(xml).unwrap();
    vm.run::<()>(Path::new("count"), COUNT).unwrap();
}

/// An outcome, without the time it took, and what was done for it.
fn evaluated(vm: &mut Vm, variation: &Value) -> (RawOutcome, Work) {
    vm.run::<()>(Path::new("zero"), "begun, created = 0, 0").unwrap();
    let mut outcome = vm.evaluate(variation.to_string().as_bytes(), &[], false);
    outcome.compute_seconds = 0.0;
    let [begun, skills] = vm.run(Path::new("work"), "return { begun, created }").unwrap();
    (outcome, Work { begun, skills })
}

/// A VM with this accelerator, and one without it. Neither computes but once what comes to the same.
fn with_and_without(places: &Places) -> (Vm, Vm) {
    (booted_but(places, &["alike"]), booted_but(places, &["alike", "prepared"]))
}

/// An outcome that has the same bits with it and without it, and what was done for it in either case.
fn same_bits(with: &mut Vm, without: &mut Vm, build: &str, variation: &Value) -> (RawOutcome, Work, Work) {
    let (outcome, work) = evaluated(with, variation);
    let (truth, work_without) = evaluated(without, variation);
    assert_eq!(outcome, truth, "{build} {variation}");
    (outcome, work, work_without)
}

#[test]
fn variations_of_nodes_have_the_same_bits_with_it_and_without_it() {
    let Some(places) = places() else { return };
    let mut chance = Chance::new(seed("POBATCH_PREPARED_SEED"));
    let (mut with, mut without) = with_and_without(&places);
    for (build, xml) in bases(&places) {
        load(&mut with, &xml);
        load(&mut without, &xml);
        // As it is served: compiled.
        with.warm_up().unwrap();
        let offers = Offers::of(&with);
        let base = evaluated(&mut with, &json!({})).0;
        let (mut computed, mut made_by_pob) = (0, 0);
        for variation in offers.of_nodes(PAIRS, &mut chance) {
            if chance.per_cent(20) {
                let other = offers.other(&mut chance);
                same_bits(&mut with, &mut without, build, &other);
            }
            let (outcome, work, work_without) = same_bits(&mut with, &mut without, build, &variation);
            if outcome.failure.is_none() {
                assert!(work_without.skills > 0, "{build} {variation}: the count of skills counts nothing");
                computed += 1;
                // For full DPS PoB sets up another environment, in both.
                made_by_pob += u32::from(work.skills >= work_without.skills);
            }
        }
        assert_eq!(evaluated(&mut with, &json!({})).0, base, "{build}: the base afterwards");
        eprintln!("{build}: {computed} outcomes, {made_by_pob} of them of an environment that PoB made");
        assert!(computed > 50 && made_by_pob * 20 < computed, "{build}: {made_by_pob} of {computed}");
    }
}

#[test]
fn variations_of_skills_have_the_same_bits_with_it_and_without_it() {
    let Some(places) = places() else { return };
    let mut chance = Chance::new(seed("POBATCH_PREPARED_SEED"));
    let (mut with, mut without) = with_and_without(&places);
    for (build, xml) in bases(&places) {
        load(&mut with, &xml);
        load(&mut without, &xml);
        with.warm_up().unwrap();
        let offers = Offers::of(&with);
        let (mut computed, mut begun_by_pob) = (0_usize, 0_usize);
        for variation in offers.of_skills(SKILLS, &mut chance) {
            let (outcome, work, work_without) = same_bits(&mut with, &mut without, build, &variation);
            if outcome.failure.is_none() {
                assert!(work_without.begun > 0, "{build} {variation}: the count of environments counts nothing");
                computed += 1;
                begun_by_pob += usize::from(work.begun >= work_without.begun);
            }
        }
        eprintln!("{build}: {computed} outcomes, {begun_by_pob} of them of an environment that PoB began with");
        assert!(computed * 2 > SKILLS && begun_by_pob * 2 < computed, "{build}: {begun_by_pob} of {computed}");
    }
}

/// Checks that a node has a say in what is prepared: PoB makes the environment, and the bits are the same.
fn is_made_by_pob(with: &mut Vm, without: &mut Vm, variation: &Value) {
    let (outcome, work, _) = same_bits(with, without, "", variation);
    assert_eq!(outcome.failure, None, "{variation}");
    assert!(work.begun > 0 && work.skills > 0, "{variation}: PoB did not make it");
}

fn is_prepared(with: &mut Vm, variation: &Value) {
    let (outcome, work) = evaluated(with, variation);
    assert_eq!((outcome.failure, work), (None, Work { begun: 0, skills: 0 }), "{variation}");
}

/// Checks that PoB makes what is about skills, and nothing that lies before it.
fn is_prepared_for_skills(with: &mut Vm, without: &mut Vm, variation: &Value) {
    let (outcome, work, _) = same_bits(with, without, "", variation);
    assert_eq!(outcome.failure, None, "{variation}");
    assert!(work.begun == 0 && work.skills > 0, "{variation}: {work:?}");
}

/// The id of a node of that name.
fn node(vm: &Vm, name: &str) -> u32 {
    let search = format!("for id, node in pairs(build.spec.nodes) do if node.dn == '{name}' then return id end end");
    vm.run(Path::new("node"), &search).unwrap()
}

#[test]
fn a_node_that_an_item_or_a_gem_depends_on_leaves_it_to_pob() {
    let Some(places) = places() else { return };
    let (mut with, mut without) = with_and_without(&places);
    let occultist = xml(&places, "occ-vortex");

    // An item asks for the node: a shield.
    load(&mut with, &occultist);
    load(&mut without, &occultist);
    let attunement = json!({ "allocate_path": [node(&with, "Pain Attunement")] });
    is_prepared(&mut with, &attunement);
    let aegis = node(&with, "Necromantic Aegis");
    is_made_by_pob(&mut with, &mut without, &json!({ "allocate_path": [aegis] }));

    // The gems ask for a modifier that the node has.
    let necromancer = occultist.replacen("ascendClassId=\"1\"", "ascendClassId=\"3\"", 1);
    assert_ne!(necromancer, occultist);
    load(&mut with, &necromancer);
    load(&mut without, &necromancer);
    let strength = node(&with, "Unnatural Strength");
    is_made_by_pob(&mut with, &mut without, &json!({ "allocate_path": [strength] }));

    // Without weapon and gloves PoB looks for one keystone among all.
    let unarmed = occultist.lines().filter(|line| !line.contains("<Slot ")).collect::<Vec<_>>().join("\n");
    load(&mut with, &unarmed);
    load(&mut without, &unarmed);
    is_made_by_pob(&mut with, &mut without, &attunement);
}

#[test]
fn gems_that_the_items_see_and_what_sets_all_up_twice_leave_it_to_pob() {
    let Some(places) = places() else { return };
    let (mut with, mut without) = with_and_without(&places);
    let xml = xml(&places, "occ-vortex");
    load(&mut with, &xml);
    load(&mut without, &xml);
    let id = Offers::of(&with).near[0].clone();
    is_prepared_for_skills(&mut with, &mut without, &json!({ "gems": [{ "group": 1, "gem": 1, "level": 3 }] }));
    is_prepared_for_skills(
        &mut with,
        &mut without,
        &json!({ "gems": [{ "group": 1, "gem": 2, "quality": 7 }], "allocate": [id] }),
    );
    is_prepared_for_skills(&mut with, &mut without, &json!({ "main_socket_group": 2 }));
    // Items count the gems that are socketed in them.
    is_made_by_pob(&mut with, &mut without, &json!({ "gems": [{ "group": 1, "gem": 2, "enabled": false }] }));
    is_made_by_pob(&mut with, &mut without, &json!({ "groups": [{ "group": 1, "enabled": false }] }));
    // With this one PoB begins anew as soon as it has found it.
    let energy_blade = json!({ "gems": [{ "group": 1, "gem": 1, "replace": "Energy Blade" }] });
    is_made_by_pob(&mut with, &mut without, &energy_blade);
    is_prepared(&mut with, &json!({ "allocate": [id] }));
}

#[test]
fn nothing_but_nodes_and_skills_may_vary() {
    let Some(places) = places() else { return };
    let (mut with, mut without) = with_and_without(&places);
    let xml = xml(&places, "occ-vortex");
    load(&mut with, &xml);
    load(&mut without, &xml);
    let id = Offers::of(&with).near[0].clone();
    is_prepared(&mut with, &json!({ "allocate": [id] }));
    is_made_by_pob(&mut with, &mut without, &json!({ "allocate": [id], "level": 70 }));
    is_made_by_pob(&mut with, &mut without, &json!({ "config": { "conditionLowLife": true } }));
    let gems = json!([{ "group": 1, "gem": 1, "level": 3 }]);
    is_made_by_pob(&mut with, &mut without, &json!({ "gems": gems, "config": { "conditionLowLife": true } }));
    is_prepared(&mut with, &json!({ "allocate": [id] }));
}

#[test]
fn the_base_by_itself_is_computed_in_both_ways_in_turn() {
    let Some(places) = places() else { return };
    let mut vm = booted(&places);
    load(&mut vm, &xml(&places, "occ-vortex"));
    let four: Vec<_> = (0..4).map(|_| evaluated(&mut vm, &json!({}))).collect();
    assert!(four.iter().all(|(outcome, _)| *outcome == four[0].0));
    let by_pob: Vec<_> = four.iter().map(|(_, work)| work.skills > 0).collect();
    assert!(by_pob == [false, true, false, true] || by_pob == [true, false, true, false], "{by_pob:?}");
}

#[test]
fn a_helper_of_pob_that_is_not_known_leaves_it_to_pob() {
    let Some(places) = places() else { return };
    let (mut with, mut without) = with_and_without(&places);
    let xml = xml(&places, "occ-vortex");
    for helper in ["mergeDB", "tableConcat"] {
        let other = format!(
            "stock = stock or {{}}; stock.{helper} = {helper}; function {helper}(...) return stock.{helper}(...) end"
        );
        with.run::<()>(Path::new("helper"), &other).unwrap();
        load(&mut with, &xml);
        load(&mut without, &xml);
        let id = Offers::of(&with).near[0].clone();
        is_made_by_pob(&mut with, &mut without, &json!({ "allocate": [id] }));
        with.run::<()>(Path::new("helper"), &format!("{helper} = stock.{helper}")).unwrap();
    }
    load(&mut with, &xml);
    let id = Offers::of(&with).near[0].clone();
    is_prepared(&mut with, &json!({ "allocate": [id] }));
}
