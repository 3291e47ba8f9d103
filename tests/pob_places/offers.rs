//! What a build offers to vary, and variations of it by chance.

use std::path::Path;

use pobatch::runtime::vm::Vm;
use serde_json::{Map, Value, json};

use super::{
    chance::Chance,
    pob_places::{Places, xml},
};

/// Nodes beside the tree, nodes of the tree, groups of skills, their gems, names of all gems that there are, options of config
/// with a value each, slots with the texts of their items, lines of items; as a JSON list of lists.
const OFFERS: &str = r#"
    local near, own, groups, gems, gem_names, options, items, lines = {}, {}, {}, {}, {}, {}, {}, {}
    local function quoted(text)
        return '"' .. text:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("%c", " ") .. '"'
    end
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
        for gem in ipairs(not group.source and group.gemList or {}) do
            gems[#gems + 1] = "[" .. index .. "," .. gem .. "]"
        end
    end
    for _, gem in pairs(data.gems) do
        gem_names[#gem_names + 1] = quoted(gem.name)
    end
    for _, option in ipairs(LoadModule("Modules/ConfigOptions")) do
        for _, choice in ipairs(option.list or { { val = option.type == "check" or 3 } }) do
            local value = type(choice.val) == "string" and '"' .. choice.val .. '"' or tostring(choice.val)
            if option.var and option.type ~= "text" then
                options[#options + 1] = '["' .. option.var .. '",' .. value .. "]"
            end
        end
    end
    for name, slot in pairs(build.itemsTab.slots) do
        local item = not slot.nodeId and build.itemsTab.items[slot.selItemId]
        items[#items + 1] = item and item.raw and "[" .. quoted(name) .. "," .. quoted(item.raw) .. "]" or nil
    end
    local seen = {}
    local function offer(line)
        line = line:gsub("{[^}]*}", ""):gsub("%((%-?[%d.]+)%-%-?[%d.]+%)", "%1")
        local mods, rest = modLib.parseMod(line)
        if mods and mods[1] and not rest and not seen[line] then
            seen[line] = true
            lines[#lines + 1] = quoted(line)
        end
    end
    for _, affix in pairs(data.itemMods.Item) do
        for _, line in ipairs(affix) do
            offer(line)
        end
    end
    for _, texts in pairs(data.uniques) do
        for _, text in ipairs(texts) do
            for line in (text:match("Implicits: %d+\n(.*)") or ""):gmatch("[^\n]+") do
                offer(line)
            end
        end
    end
    local parts = {}
    for index, list in ipairs({ near, own, groups, gems, gem_names, options, items, lines }) do
        table.sort(list)
        parts[index] = "[" .. table.concat(list, ",") .. "]"
    end
    return "[" .. table.concat(parts, ",") .. "]"
"#;

/// What makes up the variations of a build.
pub struct Offers {
    pub near: Vec<Value>,
    pub own: Vec<Value>,
    pub groups: Vec<Value>,
    /// Group and place in it.
    pub gems: Vec<Value>,
    pub gem_names: Vec<Value>,
    pub options: Vec<Value>,
    /// Slot and text.
    pub items: Vec<Value>,
    /// Lines of affixes and uniques that Path of Building understands.
    pub lines: Vec<Value>,
}

impl Offers {
    pub fn of(vm: &Vm) -> Self {
        let text: String = vm.run(Path::new("offers"), OFFERS).unwrap();
        let lists: Vec<Vec<Value>> = serde_json::from_str(&text).unwrap();
        let [near, own, groups, gems, gem_names, options, items, lines] = lists.try_into().unwrap();
        Self { near, own, groups, gems, gem_names, options, items, lines }
    }

    /// Every node by itself, and so many pairs of two kinds, in an order of chance.
    pub fn of_nodes(&self, pairs: usize, chance: &mut Chance) -> Vec<Value> {
        let mut list: Vec<_> = self.near.iter().map(|id| json!({ "allocate": [id] })).collect();
        list.extend(self.own.iter().map(|id| json!({ "deallocate": [id] })));
        for _ in 0..pairs {
            let (a, b) = (chance.pick(&self.near), chance.pick(&self.near));
            list.push(json!({ "allocate": [a, b] }));
            list.push(json!({ "allocate": [a], "deallocate": [chance.pick(&self.own)] }));
        }
        for last in (1..list.len()).rev() {
            list.swap(last, chance.below(last + 1));
        }
        list
    }

    /// So many changes of gems, some of two at once, some with another group switched off, another main skill, or a node.
    pub fn of_skills(&self, count: usize, chance: &mut Chance) -> Vec<Value> {
        let change = |chance: &mut Chance| {
            let gem = chance.pick(&self.gems);
            let mut change = json!({ "group": gem[0], "gem": gem[1] });
            let (field, value) = match chance.below(8) {
                0..=2 => ("level", json!(1 + chance.below(30))),
                3..=4 => ("quality", json!(chance.below(24))),
                5 => ("enabled", json!(chance.per_cent(20))),
                _ => ("replace", chance.pick(&self.gem_names).clone()),
            };
            change[field] = value;
            change
        };
        let of_one = |_| {
            let mut changes = vec![change(chance)];
            if chance.per_cent(25) {
                changes.push(change(chance));
            }
            let mut variation = json!({ "gems": changes });
            match chance.below(12) {
                0 => variation["groups"] = json!([{ "group": chance.pick(&self.groups), "enabled": false }]),
                1 => variation["main_socket_group"] = chance.pick(&self.groups).clone(),
                2 => variation["allocate"] = json!([chance.pick(&self.near)]),
                3 => variation["deallocate"] = json!([chance.pick(&self.own)]),
                _ => {}
            }
            variation
        };
        (0..count).map(of_one).collect()
    }

    /// Each of so many lines on some of the items that are worn, on one or two at a time, some in place of an item's last.
    pub fn of_items(&self, lines: usize, chance: &mut Chance) -> Vec<Value> {
        let few: Vec<_> = (0..lines).map(|_| chance.pick(&self.lines)).collect();
        let change = |line: &str, chance: &mut Chance| {
            let item = chance.pick(&self.items);
            let text = item[1].as_str().unwrap();
            let kept = if chance.per_cent(15) { text.rsplit_once('\n').unwrap().0 } else { text };
            json!({ "slot": item[0], "text": format!("{kept}\n{line}") })
        };
        let mut list = Vec::new();
        for line in &few {
            for _ in 0..4 {
                let mut text = line.as_str().unwrap().to_owned();
                if chance.per_cent(20) {
                    text = format!("{text}\n{}", chance.pick(&few).as_str().unwrap());
                }
                let mut changes = vec![change(&text, chance)];
                if chance.per_cent(15) {
                    changes.push(change(chance.pick(&few).as_str().unwrap(), chance));
                }
                list.push(json!({ "items": changes }));
            }
        }
        list
    }

    /// Every option of config by itself, and so many sets of several, some with a modifier beside them.
    pub fn of_config(&self, sets: usize, chance: &mut Chance) -> Vec<Value> {
        let of = |options: &[&Value]| -> Map<String, Value> {
            options.iter().map(|option| (option[0].as_str().unwrap().to_owned(), option[1].clone())).collect()
        };
        let mut list: Vec<_> = self.options.iter().map(|option| json!({ "config": of(&[option]) })).collect();
        for _ in 0..sets {
            let options: Vec<_> = (0..=chance.below(4)).map(|_| chance.pick(&self.options)).collect();
            let mut variation = json!({ "config": of(&options) });
            if chance.per_cent(20) {
                variation["custom_mods"] = json!(format!("+{} to maximum Life", 1 + chance.below(3)));
            }
            list.push(variation);
        }
        list
    }

    /// Something that the environment is not prepared for, to leave traces if there are any.
    pub fn other(&self, chance: &mut Chance) -> Value {
        match chance.below(5) {
            0 => json!({ "items": [{ "slot": chance.pick(&self.items)[0], "empty": true }] }),
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

/// A build with tattoos on its small attributes, one of which counts the tribes of the others.
pub fn with_tattoos(places: &Places) -> String {
    const NODES: [u32; 12] = [7388, 8948, 47251, 48778, 32710, 1031, 4397, 60398, 37671, 19501, 33479, 19635];
    const TATTOOS: [&str; 3] =
        ["Tattoo of the Hinekora Deathwarden", "Tattoo of the Valako Scout", "Ancestral Tattoo of Bloodlines"];
    let of_node = |(place, node): (usize, &u32)| {
        let name = if place == 0 { TATTOOS[2] } else { TATTOOS[place % 2] };
        format!("<Override nodeId=\"{node}\" dn=\"{name}\" icon=\"\" activeEffectImage=\"\"/>")
    };
    let overrides: String = NODES.iter().enumerate().map(of_node).collect();
    let changed = xml(places, "occ-vortex").replacen("<URL>", &format!("<Overrides>{overrides}</Overrides><URL>"), 1);
    assert!(changed.contains(TATTOOS[2]));
    changed
}

/// A build whose jewels change the nodes around them, allocated or not, and all of whose skills count for full DPS.
pub fn with_all_that_is_difficult(places: &Places) -> String {
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
