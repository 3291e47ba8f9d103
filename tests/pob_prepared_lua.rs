//! The environment that is taken down once for each base (`pob/fast/prepared`): with it and without it every outcome has
//! the same bits, in any order; it is made where it can be, and PoB makes it wherever a node has a say in it.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "common/chance.rs"]
#[allow(dead_code, reason = "this test needs no second source of chance")]
mod chance;
mod pob_places;

use std::path::Path;

use chance::{Chance, seed};
use pob_places::{Places, booted, booted_with, places, xml};
use pobatch::runtime::vm::{RawOutcome, Vm, VmError};
use serde_json::{Value, json};

const BUILDS: [&str; 3] = ["occ-vortex", "dual-wield-coc", "perforate-zerker"];

/// Pairs of nodes to allocate, and as many of one to allocate and one to give up, of each build.
const PAIRS: usize = 30;

/// Counts the skills that are created of socket groups: nothing else tells whether PoB set the environment up itself.
const COUNT_SKILLS: &str = "
    created = 0
    local stock = build.calcsTab.calcs.createActiveSkill
    function build.calcsTab.calcs.createActiveSkill(effect, supports, actor, group, ...)
        created = created + (group and 1 or 0)
        return stock(effect, supports, actor, group, ...)
    end
";

/// Nodes beside the tree, nodes of the tree, sockets of skills, slots of items; as a JSON list of lists.
const OFFERS: &str = r#"
    local near, own, groups, slots = {}, {}, {}, {}
    for id, node in pairs(build.spec.nodes) do
        local allocated = build.spec.allocNodes
        if allocated[id] then
            own[#own + 1] = id
        else
            for _, other in ipairs(node.linked) do
                if allocated[other.id] then
                    near[#near + 1] = id
                    break
                end
            end
        end
    end
    for index, group in ipairs(build.skillsTab.socketGroupList) do
        groups[#groups + 1] = not group.source and index or nil
    end
    for name, slot in pairs(build.itemsTab.slots) do
        slots[#slots + 1] = not slot.nodeId and slot.selItemId > 0 and '"' .. name .. '"' or nil
    end
    local parts = {}
    for index, list in ipairs({ near, own, groups, slots }) do
        table.sort(list)
        parts[index] = "[" .. table.concat(list, ",") .. "]"
    end
    return "[" .. table.concat(parts, ",") .. "]"
"#;

/// Loads a base and counts from then on.
fn load(vm: &mut Vm, xml: &str) {
    vm.load_base(xml).unwrap();
    vm.run::<()>(Path::new("count"), COUNT_SKILLS).unwrap();
}

/// An outcome, without the time it took, and how many skills were created for it.
fn evaluated(vm: &mut Vm, variation: &Value) -> (RawOutcome, u32) {
    vm.run::<()>(Path::new("zero"), "created = 0").unwrap();
    let mut outcome = vm.evaluate(variation.to_string().as_bytes(), &[], false);
    outcome.compute_seconds = 0.0;
    (outcome, vm.run(Path::new("created"), "return created").unwrap())
}

/// A VM with all accelerators, and one with all but this.
fn with_and_without(places: &Places) -> (Vm, Vm) {
    let Err(VmError::Engine(refusal)) = booted_with(places, "swiftness") else {
        panic!("an accelerator that does not exist is refused")
    };
    let (_, names) = refusal.message.split_once("; there are: ").unwrap();
    let others: Vec<_> = names.split(", ").filter(|name| *name != "prepared").collect();
    assert!(others.len() > 3 && others.len() + 1 == names.split(", ").count(), "{names}");
    (booted(places), booted_with(places, &others.join(",")).unwrap())
}

/// What makes up the variations of a build.
struct Offers {
    near: Vec<Value>,
    own: Vec<Value>,
    groups: Vec<Value>,
    slots: Vec<Value>,
}

impl Offers {
    fn of(vm: &Vm) -> Self {
        let text: String = vm.run(Path::new("offers"), OFFERS).unwrap();
        let lists: Vec<Vec<Value>> = serde_json::from_str(&text).unwrap();
        let [near, own, groups, slots] = lists.try_into().unwrap();
        Self { near, own, groups, slots }
    }

    /// Every node by itself, and pairs, in an order of chance.
    fn of_nodes(&self, chance: &mut Chance) -> Vec<Value> {
        let mut list: Vec<_> = self.near.iter().map(|id| json!({ "allocate": [id] })).collect();
        list.extend(self.own.iter().map(|id| json!({ "deallocate": [id] })));
        for _ in 0..PAIRS {
            let (a, b) = (chance.pick(&self.near), chance.pick(&self.near));
            list.push(json!({ "allocate": [a, b] }));
            list.push(json!({ "allocate": [a], "deallocate": [chance.pick(&self.own)] }));
        }
        for last in (1..list.len()).rev() {
            list.swap(last, chance.below(last + 1));
        }
        list
    }

    /// Something that the environment is not prepared for, to leave traces if there are any.
    fn other(&self, chance: &mut Chance) -> Value {
        match chance.below(5) {
            0 => json!({ "items": [{ "slot": chance.pick(&self.slots), "empty": true }] }),
            1 => json!({ "groups": [{ "group": 1 + chance.below(self.groups.len()), "enabled": false }] }),
            2 => json!({ "groups": [{ "group": 1 + chance.below(self.groups.len()), "include_in_full_dps": true }] }),
            3 => json!({ "main_socket_group": chance.pick(&self.groups) }),
            _ => json!({ "level": 1 + chance.below(100), "allocate": [chance.pick(&self.near)] }),
        }
    }
}

/// A build with another text for one of its items.
fn with_item(xml: &str, id: u32, text: &str) -> String {
    let head = format!("<Item id=\"{id}\">");
    let start = xml.find(&head).unwrap() + head.len();
    let end = start + xml[start..].find("</Item>").unwrap();
    format!("{}\n{text}\n{}", &xml[..start], &xml[end..])
}

/// A build whose jewels change the nodes around them, allocated or not, and all of whose skills count for full DPS.
fn with_all_that_is_difficult(places: &Places) -> String {
    let xml = xml(places, "occ-vortex").replace("<Skill ", "<Skill includeInFullDPS=\"true\" ");
    let instinct = "Rarity: UNIQUE\nUnnatural Instinct\nViridian Jewel\nRadius: Small\nImplicits: 0\n\
        Allocated Small Passive Skills in Radius grant nothing\n\
        Grants all bonuses of Unallocated Small Passive Skills in Radius";
    let meek = "Rarity: UNIQUE\nMight of the Meek\nCrimson Jewel\nRadius: Large\nImplicits: 0\n\
        50% increased Effect of non-Keystone Passive Skills in Radius\n\
        Notable Passive Skills in Radius grant nothing";
    let threshold = "Rarity: UNIQUE\nFirst Snow\nCobalt Jewel\nRadius: Large\nImplicits: 0\n\
        With at least 40 Intelligence in Radius, Freezing Pulse fires 2 additional Projectiles\n\
        Dexterity from Passives in Radius is Transformed to Strength";
    with_item(&with_item(&with_item(&xml, 17, instinct), 18, meek), 19, threshold)
}

#[test]
fn variations_of_nodes_have_the_same_bits_with_it_and_without_it() {
    let Some(places) = places() else { return };
    let mut chance = Chance::new(seed("POBATCH_PREPARED_SEED"));
    let (mut with, mut without) = with_and_without(&places);
    let mut bases = BUILDS.map(|build| (build, xml(&places, build))).to_vec();
    bases.push(("difficult", with_all_that_is_difficult(&places)));
    for (build, xml) in bases {
        load(&mut with, &xml);
        load(&mut without, &xml);
        // As it is served: compiled.
        with.warm_up().unwrap();
        let offers = Offers::of(&with);
        let base = evaluated(&mut with, &json!({})).0;
        let (mut computed, mut made_by_pob) = (0, 0);
        for variation in offers.of_nodes(&mut chance) {
            if chance.per_cent(20) {
                let other = offers.other(&mut chance);
                assert_eq!(evaluated(&mut with, &other).0, evaluated(&mut without, &other).0, "{build} {other}");
            }
            let (outcome, created) = evaluated(&mut with, &variation);
            let (truth, created_without) = evaluated(&mut without, &variation);
            assert_eq!(outcome, truth, "{build} {variation}");
            if outcome.failure.is_none() {
                assert!(created_without > 0, "{build} {variation}: the count of skills counts nothing");
                computed += 1;
                // For full DPS PoB sets up another environment, in both.
                made_by_pob += u32::from(created >= created_without);
            }
        }
        assert_eq!(evaluated(&mut with, &json!({})).0, base, "{build}: the base afterwards");
        eprintln!("{build}: {computed} outcomes, {made_by_pob} of them of an environment that PoB made");
        assert!(computed > 50 && made_by_pob * 20 < computed, "{build}: {made_by_pob} of {computed}");
    }
}

/// Checks that a node has a say in what is prepared: PoB makes the environment, and the bits are the same.
fn is_made_by_pob(with: &mut Vm, without: &mut Vm, variation: &Value) {
    let (outcome, created) = evaluated(with, variation);
    let (truth, _) = evaluated(without, variation);
    assert_eq!(outcome.failure, None, "{variation}");
    assert_eq!(outcome, truth, "{variation}");
    assert!(created > 0, "{variation}: PoB did not make it");
}

fn is_prepared(with: &mut Vm, variation: &Value) {
    let (outcome, created) = evaluated(with, variation);
    assert_eq!((outcome.failure, created), (None, 0), "{variation}");
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
fn nothing_but_nodes_may_vary() {
    let Some(places) = places() else { return };
    let (mut with, mut without) = with_and_without(&places);
    let xml = xml(&places, "occ-vortex");
    load(&mut with, &xml);
    load(&mut without, &xml);
    let id = Offers::of(&with).near[0].clone();
    is_prepared(&mut with, &json!({ "allocate": [id] }));
    is_made_by_pob(&mut with, &mut without, &json!({ "allocate": [id], "level": 70 }));
    is_made_by_pob(&mut with, &mut without, &json!({ "config": { "conditionLowLife": true } }));
    is_prepared(&mut with, &json!({ "allocate": [id] }));
}

#[test]
fn the_base_by_itself_is_computed_in_both_ways_in_turn() {
    let Some(places) = places() else { return };
    let mut vm = booted(&places);
    load(&mut vm, &xml(&places, "occ-vortex"));
    let four: Vec<_> = (0..4).map(|_| evaluated(&mut vm, &json!({}))).collect();
    assert!(four.iter().all(|(outcome, _)| *outcome == four[0].0));
    let by_pob: Vec<_> = four.iter().map(|(_, created)| *created > 0).collect();
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
