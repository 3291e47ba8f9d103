//! The members of a family of variations. Pure: what is known of build and data comes in, variations come out.

use std::sync::Arc;

use super::Variations;
use crate::{
    build::passive::{Passive, PassiveKind},
    proto::v1::{self, config_value, gem_change, item_change, sweep::Family as Asked},
};

/// What is known; `None`: nobody has asked.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) passives: Option<Vec<Passive>>,
    pub(super) build: Option<v1::BuildDescription>,
    pub(super) gems: Option<Vec<v1::Gem>>,
    pub(super) bases: Option<Vec<v1::ItemBase>>,
    pub(super) uniques: Option<Vec<v1::Unique>>,
    pub(super) options: Option<Vec<v1::ConfigOption>>,
}

/// A family: how many there are, and the members.
pub(super) struct Family {
    pub(super) size: usize,
    pub(super) members: Variations,
}

impl Family {
    fn of(list: Vec<v1::Variation>) -> Self {
        Self { size: list.len(), members: Box::new(list.into_iter()) }
    }
}

/// Makes a family. The error says in words what is wrong with what was asked.
pub(super) fn make(asked: Asked, sources: &Sources) -> Result<Family, String> {
    let passives = sources.passives.as_deref().unwrap_or_default();
    Ok(match asked {
        Asked::Passives(v1::PassiveSweep { distance_max }) => {
            let allocate = |node: &Passive| v1::Variation { allocate: way(passives, node), ..named(title(node)) };
            Family::of(within(passives, distance_max)?.map(allocate).collect())
        }
        Asked::Removable(_) => {
            let leaves = passives.iter().filter(|node| node.removable);
            let give_up = |node: &Passive| v1::Variation { deallocate: vec![node.id], ..named(title(node)) };
            Family::of(leaves.map(give_up).collect())
        }
        Asked::Pairs(v1::PassivePairSweep { distance_max }) => pairs(passives, within(passives, distance_max)?),
        Asked::Gems(asked) => gems(&asked, sources.build.as_ref())?,
        Asked::Supports(v1::SupportSweep { group, gem }) => {
            let supports = sources.gems.iter().flatten().filter(|gem| gem.support);
            let put = |support: &v1::Gem| {
                use gem_change::Operation::{Add, Replace};
                let name = support.name.clone();
                let (gem, operation) = if gem == 0 { (None, Add(name)) } else { (Some(gem), Replace(name)) };
                let change = v1::GemChange { group, gem, operation: Some(operation), ..v1::GemChange::default() };
                v1::Variation { gems: vec![change], ..named(support.name.clone()) }
            };
            Family::of(supports.map(put).collect())
        }
        Asked::Items(v1::ItemSweep { texts, slots }) => items(&texts, &slots, sources)?,
        Asked::Uniques(v1::UniqueSweep { slot }) => {
            if slot.is_empty() {
                return Err("uniques.slot: which slot is not said".to_owned());
            }
            let stem = if slot.starts_with("Jewel") { "Jewel" } else { slot.as_str() };
            let fitting =
                sources.uniques.iter().flatten().filter(|unique| unique.slots.iter().any(|fits| fits == stem));
            Family::of(fitting.map(|unique| wear(unique.name.clone(), &slot, unique.text.clone())).collect())
        }
        Asked::Config(v1::ConfigSweep { contains }) => config(&contains.to_lowercase(), sources),
        Asked::Masteries(_) => masteries(passives),
        Asked::Anoints(_) => anoints(passives, sources.build.as_ref())?,
    })
}

fn named(id: String) -> v1::Variation {
    v1::Variation { id, ..v1::Variation::default() }
}

fn title(node: &Passive) -> String {
    format!("{} ({})", node.name, node.id)
}

fn wear(id: String, slot: &str, text: String) -> v1::Variation {
    let change = v1::ItemChange { slot: slot.to_owned(), source: Some(item_change::Source::Text(text)) };
    v1::Variation { items: vec![change], ..named(id) }
}

/// The nodes that ways of at most so many points reach. A mastery does nothing without an effect.
fn within(passives: &[Passive], distance_max: u32) -> Result<impl Iterator<Item = &Passive>, String> {
    if distance_max == 0 {
        return Err("distance_max must be at least 1".to_owned());
    }
    Ok(passives.iter().filter(move |node| {
        node.kind != Some(PassiveKind::Mastery) && node.distance.is_some_and(|points| points <= distance_max)
    }))
}

/// The nodes that the shortest way takes, the nearest first. Said outright, it need not be looked for again each time,
/// which takes Path of Building's engine longer than to evaluate it.
fn way(passives: &[Passive], to: &Passive) -> Vec<u32> {
    // Ascending by id, as the engine says them.
    let at = |id: u32| passives.binary_search_by_key(&id, |node| node.id).ok().map(|place| &passives[place]);
    let mut way = vec![to.id];
    let mut next = to.toward.and_then(at);
    while let Some(node) = next.filter(|node| node.distance.is_some() && way.len() < passives.len()) {
        way.push(node.id);
        next = node.toward.and_then(at);
    }
    way.reverse();
    way
}

/// Made as they are asked for: some thousand nodes have millions of pairs.
fn pairs<'a>(passives: &[Passive], nodes: impl Iterator<Item = &'a Passive>) -> Family {
    let nodes: Arc<[_]> = nodes.map(|node| (title(node), way(passives, node))).collect();
    let count = nodes.len();
    let members = (0..count).flat_map(move |first| {
        let nodes = Arc::clone(&nodes);
        (first + 1..count).map(move |second| {
            let ((title_a, way_a), (title_b, way_b)) = (&nodes[first], &nodes[second]);
            let mut allocate = way_a.clone();
            allocate.extend(way_b.iter().filter(|id| !way_a.contains(id)));
            v1::Variation { allocate, ..named(format!("{title_a} + {title_b}")) }
        })
    });
    Family { size: count * count.saturating_sub(1) / 2, members: Box::new(members) }
}

fn gems(asked: &v1::GemSweep, build: Option<&v1::BuildDescription>) -> Result<Family, String> {
    if asked.levels.is_empty() && asked.qualities.is_empty() {
        return Err("gems: neither levels nor qualities are given".to_owned());
    }
    let or_as_it_is = |list: &[u32]| -> Vec<Option<u32>> {
        if list.is_empty() { vec![None] } else { list.iter().copied().map(Some).collect() }
    };
    let (levels, qualities) = (or_as_it_is(&asked.levels), or_as_it_is(&asked.qualities));
    let mut list = Vec::new();
    for (group, content) in (1..).zip(build.iter().flat_map(|build| &build.groups)) {
        for (gem, socketed) in (1..).zip(&content.gems) {
            let is_meant = (asked.group == 0 || asked.group == group) && (asked.gem == 0 || asked.gem == gem);
            // An item's own skills have no name, and no level to be changed.
            if !is_meant || socketed.name.is_empty() {
                continue;
            }
            for &level in &levels {
                for &quality in &qualities {
                    let change = v1::GemChange { group, gem: Some(gem), level, quality, ..v1::GemChange::default() };
                    let (shown_level, shown_quality) =
                        (level.unwrap_or(socketed.level), quality.unwrap_or(socketed.quality));
                    let id = format!("{} {shown_level}/{shown_quality} (group {group})", socketed.name);
                    list.push(v1::Variation { gems: vec![change], ..named(id) });
                }
            }
        }
    }
    Ok(Family::of(list))
}

fn items(texts: &[String], slots: &[String], sources: &Sources) -> Result<Family, String> {
    if texts.is_empty() {
        return Err("items.texts: at least one item is needed".to_owned());
    }
    let sockets =
        sources.passives.iter().flatten().filter(|node| node.allocated && node.kind == Some(PassiveKind::Socket));
    let sockets: Vec<_> = sockets.map(|node| format!("Jewel {}", node.id)).collect();
    let mut list = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let fitting: Vec<&str> = if slots.is_empty() {
            let base = base_of(text, sources.bases.as_deref().unwrap_or_default());
            let base = base.ok_or_else(|| format!("items.texts[{index}]: no line names a kind of item"))?;
            base.slots
                .iter()
                .flat_map(|slot| if slot == "Jewel" { sockets.as_slice() } else { std::slice::from_ref(slot) })
                .map(String::as_str)
                .collect()
        } else {
            slots.iter().map(String::as_str).collect()
        };
        let title = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.contains(':')).unwrap_or("item");
        let title: String = title.chars().take(60).collect();
        list.extend(
            fitting.into_iter().map(|slot| wear(format!("{} {title} in {slot}", index + 1), slot, text.clone())),
        );
    }
    Ok(Family::of(list))
}

/// The kind of an item: the first line that is one, or, for magic items, the longest kind that a name contains.
fn base_of<'a>(text: &str, bases: &'a [v1::ItemBase]) -> Option<&'a v1::ItemBase> {
    let lines: Vec<_> = text.lines().map(str::trim).take(5).collect();
    let exact = lines.iter().find_map(|line| bases.iter().find(|base| base.name == *line));
    exact.or_else(|| {
        let within = bases.iter().filter(|base| lines.iter().any(|line| line.contains(base.name.as_str())));
        within.max_by_key(|base| base.name.len())
    })
}

fn config(contains: &str, sources: &Sources) -> Family {
    use config_value::Value;
    let mut list = Vec::new();
    let set = |name: &str, value: Value, shown: &str| {
        let config = [(name.to_owned(), v1::ConfigValue { value: Some(value) })].into();
        v1::Variation { config, ..named(format!("{name}: {shown}")) }
    };
    for option in sources.options.iter().flatten().filter(|option| option.name.to_lowercase().contains(contains)) {
        let settings = sources.build.iter().flat_map(|build| &build.config);
        let current =
            settings.filter(|setting| setting.name == option.name).find_map(|one| one.value.as_ref()?.value.as_ref());
        match option.kind() {
            v1::ConfigKind::Boolean => {
                let is_on = current == Some(&Value::Boolean(true));
                list.push(set(&option.name, Value::Boolean(!is_on), if is_on { "off" } else { "on" }));
            }
            v1::ConfigKind::List => {
                let others = option.choices.iter().filter_map(|choice| {
                    let value = choice.value.as_ref()?.value.clone()?;
                    (current != Some(&value)).then(|| set(&option.name, value, &choice.label))
                });
                list.extend(others);
            }
            v1::ConfigKind::Number | v1::ConfigKind::Text | v1::ConfigKind::Unspecified => {}
        }
    }
    Family::of(list)
}

fn masteries(passives: &[Passive]) -> Family {
    let near = passives.iter().filter(|node| node.allocated || node.reachable);
    let choices = near.flat_map(|node| node.effects.iter().map(move |effect| (node, effect)));
    // An effect can be chosen once in a tree.
    let taken: Vec<_> =
        passives.iter().flat_map(|node| &node.effects).filter(|effect| effect.chosen).map(|effect| effect.id).collect();
    let choose = |(node, effect): (&Passive, &crate::build::passive::MasteryEffect)| {
        let masteries = vec![v1::MasteryChoice { node: node.id, effect: effect.id }];
        v1::Variation { masteries, ..named(format!("{}: {}", title(node), effect.stats.join(", "))) }
    };
    Family::of(choices.filter(|(_, effect)| !taken.contains(&effect.id)).map(choose).collect())
}

fn anoints(passives: &[Passive], build: Option<&v1::BuildDescription>) -> Result<Family, String> {
    let worn = build.and_then(|build| {
        let slot = build.slots.iter().find(|worn| worn.slot == "Amulet")?;
        build.items.iter().find(|item| item.id == slot.item)
    });
    let amulet = worn.ok_or_else(|| "anoints: the base wears no amulet".to_owned())?;
    let bare = without_anointment(&amulet.text);
    let notables = passives.iter().filter(|node| {
        node.kind == Some(PassiveKind::Notable)
            && !node.allocated
            && node.ascendancy.is_empty()
            && node.id < CLUSTER_NODES_FROM
    });
    let anoint = |node: &Passive| wear(title(node), "Amulet", format!("{}\nAllocates {}", bare.trim_end(), node.name));
    Ok(Family::of(notables.map(anoint).collect()))
}

/// Node ids from here on belong to cluster jewels, which oils know nothing of.
const CLUSTER_NODES_FROM: u32 = 0x1_0000;

/// The item's text without what an anointment says, and with one implicit line less if it said it there.
fn without_anointment(text: &str) -> String {
    let (mut lines, mut header, mut left) = (Vec::new(), None, 0_u32);
    for line in text.lines() {
        if let Some(count) = line.trim().strip_prefix("Implicits:").and_then(|count| count.trim().parse().ok()) {
            header = Some((lines.len(), count));
            left = count;
            lines.push(line.to_owned());
            continue;
        }
        let plain = line.rsplit('}').next().unwrap_or(line).trim();
        let is_anointment = plain.starts_with("Allocates ");
        if left > 0 {
            left -= 1;
            if let (true, Some((_, count))) = (is_anointment, &mut header) {
                *count -= 1;
            }
        }
        if !is_anointment {
            lines.push(line.to_owned());
        }
    }
    if let Some((place, count)) = header {
        lines[place] = format!("Implicits: {count}");
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: u32, distance: u32, kind: PassiveKind) -> Passive {
        let toward = Some(if distance > 1 { id - 1 } else { 8 });
        Passive { id, name: "N".into(), kind: Some(kind), distance: Some(distance), toward, ..Passive::default() }
    }

    fn members(asked: Asked, sources: &Sources) -> Vec<v1::Variation> {
        let family = make(asked, sources).unwrap();
        let members: Vec<_> = family.members.collect();
        assert_eq!(members.len(), family.size);
        members
    }

    fn tree() -> Sources {
        let mut passives: Vec<_> = (1..=6).map(|id| node(id, id, PassiveKind::Normal)).collect();
        passives.push(node(7, 1, PassiveKind::Mastery));
        passives.push(Passive { id: 8, allocated: true, removable: true, distance: None, ..Passive::default() });
        Sources { passives: Some(passives), ..Sources::default() }
    }

    #[test]
    fn nodes_and_pairs_are_those_within_the_distance() {
        let near = members(Asked::Passives(v1::PassiveSweep { distance_max: 3 }), &tree());
        assert_eq!(
            near.iter().map(|one| one.allocate.clone()).collect::<Vec<_>>(),
            [vec![1], vec![1, 2], vec![1, 2, 3]]
        );
        let pairs = members(Asked::Pairs(v1::PassivePairSweep { distance_max: 3 }), &tree());
        assert_eq!(
            pairs.iter().map(|one| one.allocate.clone()).collect::<Vec<_>>(),
            [vec![1, 2], vec![1, 2, 3], vec![1, 2, 3]]
        );
        assert_eq!(members(Asked::Removable(v1::RemovableSweep {}), &tree())[0].deallocate, [8]);
        assert!(make(Asked::Passives(v1::PassiveSweep { distance_max: 0 }), &tree()).is_err());
    }

    #[test]
    fn an_item_goes_into_every_slot_that_its_kind_fits_into() {
        let base = |name: &str, slots: &[&str]| v1::ItemBase {
            name: name.into(),
            slots: slots.iter().map(|&slot| slot.to_owned()).collect(),
            ..v1::ItemBase::default()
        };
        let socket = Passive { id: 9, allocated: true, kind: Some(PassiveKind::Socket), ..Passive::default() };
        let sources = Sources {
            bases: Some(vec![
                base("Ring", &["Ring 1", "Ring 2"]),
                base("Gold Ring", &["Ring 1"]),
                base("Jewel", &["Jewel"]),
            ]),
            passives: Some(vec![socket]),
            ..Sources::default()
        };
        let slots = |texts: &[&str]| -> Vec<String> {
            let texts = texts.iter().map(|&text| text.to_owned()).collect();
            let list = members(Asked::Items(v1::ItemSweep { texts, slots: Vec::new() }), &sources);
            list.into_iter().map(|one| one.items[0].slot.clone()).collect()
        };
        assert_eq!(slots(&["Rarity: RARE\nName\nRing", "Rarity: RARE\nX\nJewel"]), ["Ring 1", "Ring 2", "Jewel 9"]);
        assert_eq!(slots(&["Rarity: MAGIC\nFoul Gold Ring of Rot"]), ["Ring 1"], "the longest kind in the name");
        let nonsense = v1::ItemSweep { texts: vec!["x".into()], slots: Vec::new() };
        assert!(make(Asked::Items(nonsense), &sources).is_err());
    }

    #[test]
    fn an_anointment_takes_the_place_of_another() {
        let text = "Rarity: RARE\nName\nAmulet\nImplicits: 2\n{enchant}Allocates Old\n+1 to Life\n+2 to Mana";
        assert_eq!(without_anointment(text), "Rarity: RARE\nName\nAmulet\nImplicits: 1\n+1 to Life\n+2 to Mana");
        assert_eq!(without_anointment("A\n+1 to Life"), "A\n+1 to Life");
    }
}
