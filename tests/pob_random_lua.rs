//! Random mixed variations of real builds: the fast path must say what the plain path says, bit for bit, whether it is an
//! outcome or a refusal, and the base must be as it was afterwards.
//!
//! `POBATCH_RANDOM_BUILDS` names the files of other builds, separated by colons. `POBATCH_RANDOM_COUNT` tries more of each build (each takes half a second by the plain path), `POBATCH_RANDOM_SEED`
//! repeats a run, `POBATCH_RANDOM_JIT=1` runs the fast path compiled.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "common/chance.rs"]
#[allow(dead_code, reason = "this test needs no second source of chance")]
mod chance;
mod pob_places;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use chance::{Chance, seed};
use pob_places::{booted, places, stats_of};
use pobatch::{
    build::outcome::StatValue,
    runtime::vm::{PlainBase, Vm},
};
use serde_json::{Map, Value, json};

const BUILDS: [&str; 3] = ["occ-vortex", "dual-wield-coc", "perforate-zerker"];
/// Variations of each build, unless the environment says otherwise.
const COUNT: usize = 12;

/// What a build and its tree offer, in the order of the list below.
const OFFERS: &str = r#"
    local function quoted(text)
        return '"' .. text:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
    end
    local function list(values)
        return "[" .. table.concat(values, ",") .. "]"
    end
    local near, far, own = {}, {}, {}
    for id, node in pairs(build.spec.nodes) do
        local group = build.spec.allocNodes[id] and own or far
        for _, other in ipairs(group == far and node.linked or {}) do
            group = build.spec.allocNodes[other.id] and near or group
        end
        group[#group + 1] = id
    end
    local groups, items, options, gems = {}, {}, {}, {}
    for _, group in ipairs(build.skillsTab.socketGroupList) do
        groups[#groups + 1] = not group.source and #group.gemList or nil
    end
    for name, slot in pairs(build.itemsTab.slots) do
        local item = not slot.nodeId and build.itemsTab.items[slot.selItemId]
        items[#items + 1] = item and list({ quoted(name), quoted(item.raw), item.id }) or nil
    end
    for _, option in ipairs(LoadModule("Modules/ConfigOptions")) do
        local value = "3"
        if option.type == "check" then
            value = "true"
        elseif option.type == "list" then
            value = option.list[#option.list].val
            value = type(value) == "string" and quoted(value) or tostring(value)
        end
        if option.var and option.var ~= "customMods" and option.type ~= "text" then
            options[#options + 1] = list({ quoted(option.var), value })
        end
    end
    for _, gem in pairs(data.gems) do
        gems[#gems + 1] = not gem.grantedEffect.unsupported and quoted(gem.name) or nil
    end
    for _, sorted in ipairs({ near, far, own, items, gems }) do
        table.sort(sorted)
    end
    return list({ list(near), list(far), list(own), list(groups), list(items), list(options), list(gems) })
"#;

const LINES: [&str; 7] = [
    "Life Regeneration per second is doubled",
    "Grants Level 20 Bear Trap Skill",
    "+1 to Level of all Skill Gems",
    "Trigger Level 20 Summon Spectral Wolf on Critical Strike",
    "Enemies you Kill have a 20% chance to Explode, dealing a tenth of their maximum Life as Physical Damage",
    "50% of Physical Damage taken as Fire Damage",
    "Socketed Gems are Supported by Level 20 Added Fire Damage",
];

/// What variations of one build are made of.
struct Offers {
    near: Vec<Value>,
    far: Vec<Value>,
    own: Vec<Value>,
    /// Gems of each socket group.
    groups: Vec<Value>,
    /// Slot, text and id.
    items: Vec<Value>,
    /// Name and a value.
    options: Vec<Value>,
    gems: Vec<Value>,
}

impl Offers {
    fn of(vm: &Vm) -> Self {
        let text: String = vm.run(Path::new("offers"), OFFERS).unwrap();
        let lists: Vec<Vec<Value>> = serde_json::from_str(&text).unwrap();
        let [near, far, own, groups, items, options, gems] = lists.try_into().unwrap();
        Self { near, far, own, groups, items, options, gems }
    }

    /// One to three changes, together.
    fn variation(&self, chance: &mut Chance) -> Value {
        let mut variation = Map::new();
        for _ in 0..=chance.below(3) {
            let (kind, change) = match chance.below(10) {
                0 | 1 => ("allocate", self.nodes(chance)),
                2 if chance.per_cent(33) => ("allocate_path", json!([chance.pick(&self.far), chance.pick(&self.far)])),
                2 => ("deallocate", json!([chance.pick(&self.own)])),
                3 if !self.groups.is_empty() => ("gems", self.gem(chance)),
                4 if !self.items.is_empty() => ("items", self.item(chance)),
                5 | 6 => ("config", self.config(chance)),
                7 => ("level", json!(1 + chance.below(100))),
                8 if !self.groups.is_empty() => ("groups", self.group(chance)),
                9 if !self.groups.is_empty() && chance.per_cent(30) => {
                    ("main_socket_group", json!(1 + chance.below(self.groups.len())))
                }
                _ if chance.per_cent(50) => {
                    let slot = format!("Flask {}", 1 + chance.below(5));
                    ("flasks", json!([{ "slot": slot, "active": chance.per_cent(50) }]))
                }
                _ => ("custom_mods", json!(chance.pick(&LINES))),
            };
            variation.insert(kind.to_owned(), change);
        }
        Value::Object(variation)
    }

    fn nodes(&self, chance: &mut Chance) -> Value {
        let one = |chance: &mut Chance| {
            let from = if chance.per_cent(25) { &self.far } else { &self.near };
            chance.pick(from).clone()
        };
        (0..=chance.below(3)).map(|_| one(chance)).collect()
    }

    fn gem(&self, chance: &mut Chance) -> Value {
        let group = chance.below(self.groups.len());
        let gems = usize::try_from(self.groups[group].as_u64().unwrap()).unwrap();
        let mut change = json!({ "group": group + 1 });
        if gems == 0 || chance.per_cent(40) {
            change["add"] = chance.pick(&self.gems).clone();
            change["level"] = json!(1 + chance.below(20));
            return json!([change]);
        }
        change["gem"] = json!(1 + chance.below(gems));
        match chance.below(5) {
            0 => change["level"] = json!(1 + chance.below(25)),
            1 => change["quality"] = json!(chance.below(24)),
            2 => change["enabled"] = json!(chance.per_cent(50)),
            3 => change["remove"] = json!(true),
            _ => change["replace"] = chance.pick(&self.gems).clone(),
        }
        json!([change])
    }

    fn item(&self, chance: &mut Chance) -> Value {
        let (place, other) = (chance.pick(&self.items), chance.pick(&self.items));
        json!([match chance.below(4) {
            0 => json!({ "slot": place[0], "text": place[1] }),
            1 => json!({ "slot": place[0], "empty": true }),
            2 => json!({ "slot": place[0], "item": other[2] }),
            _ => {
                let (life, damage) = (chance.below(90), chance.below(30));
                let lines = format!("+{life} to maximum Life\n{damage}% increased Damage");
                json!({ "slot": place[0], "text": format!("{}\n{lines}", other[1].as_str().unwrap()) })
            }
        }])
    }

    fn config(&self, chance: &mut Chance) -> Value {
        let options = (0..=chance.below(3)).map(|_| chance.pick(&self.options));
        Value::Object(options.map(|option| (option[0].as_str().unwrap().to_owned(), option[1].clone())).collect())
    }

    fn group(&self, chance: &mut Chance) -> Value {
        let mut change = json!({ "group": 1 + chance.below(self.groups.len()) });
        match chance.below(3) {
            0 => change["enabled"] = json!(chance.per_cent(50)),
            1 => change["include_in_full_dps"] = json!(true),
            _ => change["main_active_skill"] = json!(1 + chance.below(3)),
        }
        json!([change])
    }
}

type Stats = BTreeMap<String, StatValue>;

fn same(a: Option<&StatValue>, b: Option<&StatValue>) -> bool {
    match (a, b) {
        (Some(StatValue::Number(a)), Some(StatValue::Number(b))) => {
            a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
        }
        _ => a == b,
    }
}

fn differences(fast: &Stats, plain: &Stats) -> Vec<String> {
    let mut names: Vec<_> = fast.keys().chain(plain.keys()).collect();
    names.sort();
    names.dedup();
    names.retain(|name| !same(fast.get(*name), plain.get(*name)));
    names.iter().map(|name| format!("{name}: fast {:?}, plain {:?}", fast.get(*name), plain.get(*name))).collect()
}

/// What is wrong with one variation; `None`: nothing.
fn compare(fast: &mut Vm, plain: &mut Vm, base: &PlainBase<'_>, variation: &Value) -> Option<String> {
    let text = variation.to_string();
    let names = fast.base_names().to_vec();
    let of_fast = fast.evaluate(text.as_bytes(), &[], false);
    if of_fast.failure.as_ref().is_some_and(|failure| failure.kind == "needs_plain") {
        return None;
    }
    let of_plain = plain.evaluate_plain(base, text.as_bytes(), &[], false);
    match (&of_fast.failure, &of_plain.failure) {
        (None, None) => {
            let wrong = differences(&stats_of(&of_fast, &names), &stats_of(&of_plain, &[]));
            (!wrong.is_empty()).then(|| format!("{} differ: {}", wrong.len(), wrong[..wrong.len().min(4)].join("; ")))
        }
        (Some(a), Some(b)) if (&a.kind, &a.field) == (&b.kind, &b.field) => None,
        (a, b) => Some(format!("fast {a:?}, plain {b:?}")),
    }
}

#[test]
fn random_mixed_variations_are_the_same_by_the_fast_and_the_plain_path() {
    let Some(places) = places() else { return };
    let mut chance = Chance::new(seed("POBATCH_RANDOM_SEED"));
    let count = env::var("POBATCH_RANDOM_COUNT").map_or(COUNT, |text| text.parse().unwrap());
    let mut plain = booted(&places);
    let mut wrong = Vec::new();
    let own = || BUILDS.map(|build| places.builds.join(format!("{build}.xml"))).to_vec();
    let builds = env::var_os("POBATCH_RANDOM_BUILDS").map(|list| env::split_paths(&list).collect::<Vec<PathBuf>>());
    for build in builds.unwrap_or_else(own) {
        let xml = fs::read_to_string(&build).unwrap();
        let build = build.display();
        let mut fast = booted(&places);
        let hints = fast.load_base(&xml).unwrap().hints;
        let base = PlainBase { xml: &xml, hints: &hints, with_others: true };
        let offers = Offers::of(&fast);
        if env::var_os("POBATCH_RANDOM_JIT").is_some() {
            fast.warm_up().unwrap();
        }
        let names = fast.base_names().to_vec();
        let before = stats_of(&fast.evaluate(b"{}", &[], false), &names);
        for _ in 0..count {
            let variation = offers.variation(&mut chance);
            let problem = compare(&mut fast, &mut plain, &base, &variation);
            wrong.extend(problem.map(|problem| format!("{build} {variation}: {problem}")));
            let after = stats_of(&fast.evaluate(b"{}", &[], false), &names);
            assert_eq!(differences(&after, &before), Vec::<String>::new(), "{build}: the base after {variation}");
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
