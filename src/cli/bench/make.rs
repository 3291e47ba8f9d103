//! Variations made from a build, for measuring: what an optimizer would try, and no two alike as far as the build goes.
//!
//! Pure. The build's XML is read for its slots and gems, the server is asked for its passive nodes; what a kind needs
//! and the build lacks is said in words. Each maker gives the variation of a number; equal numbers give equal
//! variations, on every machine.

use roxmltree::{Document, Node};

use crate::{
    build::{
        code,
        limits::Limits,
        passive::Passive,
        variation::{ConfigValue, GemChange, ItemChange, Variation},
        xml,
    },
    cli::{CliError, eval::one_point_each, input::InputError},
    client::{Build, Named},
    config::Kind,
};

/// Gem levels that are tried; every gem has them.
const GEM_LEVELS: usize = 20;
/// Gem qualities that are tried, from 0.
const GEM_QUALITIES: usize = 21;
/// Lines that are tried on every item, in front of and behind a number. Some of them change the item itself on some slots.
const ITEM_LINES: &[(&str, &str)] = &[
    ("+", " to maximum Life"),
    ("+", "% to Fire Resistance"),
    ("+", " to Strength"),
    ("", "% increased Critical Strike Chance"),
    ("+", " to maximum Energy Shield"),
    ("", "% increased Damage"),
    ("+", " to maximum Mana"),
    ("", "% increased Cast Speed"),
    ("+", " to Intelligence"),
    ("", "% increased Movement Speed"),
    ("+", " to Dexterity"),
    ("+", "% to Chaos Resistance"),
];
/// Numbers that are tried in each line, from 1.
const ITEM_STEPS: usize = 100;
/// Enemy levels that are tried.
const ENEMY_LEVELS: usize = 80;
/// Check boxes that both engines know.
const CHECKS: &[&str] = &[
    "conditionFullLife",
    "conditionLowLife",
    "conditionMoving",
    "conditionKilledRecently",
    "conditionCritRecently",
    "conditionEnemyChilled",
    "buffOnslaught",
    "usePowerCharges",
    "useFrenzyCharges",
    "useEnduranceCharges",
];

/// Variations, and how many of them differ from each other.
pub struct Made {
    pub list: Vec<Named>,
    pub distinct: usize,
}

/// The variation of the first call. It is none of those that are measured.
pub fn first() -> Variation {
    Variation { custom_mods: Some("+1 to maximum Life".to_owned()), ..Variation::default() }
}

/// The XML of a build that was given.
pub fn xml(build: &Build) -> Result<String, CliError> {
    let unusable = |problem: String| InputError::Line { name: "the base".to_owned(), line: 1, problem };
    match build {
        Build::Xml(xml) => Ok(xml.clone()),
        Build::ShareCode(text) => {
            Ok(code::decode(text, &Limits::default()).map_err(|error| unusable(error.to_string()))?)
        }
        Build::Id(_) => Err(unusable("a build is needed, not its name".to_owned()).into()),
    }
}

/// That many variations of that kind.
pub fn variations(
    kind: Kind,
    xml: &str,
    passives: &[Passive],
    nodes: Option<usize>,
    count: usize,
) -> Result<Made, CliError> {
    let sources = match kind {
        Kind::Mixed => vec![Kind::Passives, Kind::Items, Kind::Gems, Kind::Config],
        kind => vec![kind],
    };
    let makers = sources.into_iter().map(|kind| maker(kind, xml, passives, nodes)).collect::<Result<Vec<_>, _>>()?;
    // A kind with few variations begins again when it is through.
    let list = (0..count)
        .map(|number| {
            let maker = &makers[number % makers.len()];
            Named { id: String::new(), variation: (maker.make)(number / makers.len() % maker.distinct) }
        })
        .collect();
    let per_maker = count.div_ceil(makers.len());
    let distinct = makers.iter().map(|maker| maker.distinct.min(per_maker)).sum::<usize>().min(count);
    Ok(Made { list, distinct })
}

/// Makes variations by number, as many as are distinct.
struct Maker {
    distinct: usize,
    make: Box<dyn Fn(usize) -> Variation>,
}

fn maker(kind: Kind, xml: &str, passives: &[Passive], nodes: Option<usize>) -> Result<Maker, CliError> {
    match kind {
        Kind::Passives => match nodes {
            None => self::passives(passives),
            Some(nodes) => sets_of_passives(passives, nodes),
        },
        Kind::Items => items(xml),
        Kind::Gems => gems(xml),
        Kind::Config | Kind::Mixed => Ok(config()),
    }
}

/// Each node that one point reaches, then each pair of them.
fn passives(passives: &[Passive]) -> Result<Maker, CliError> {
    let nodes: Vec<u32> = one_point_each(passives)?.iter().flat_map(|named| named.variation.allocate.clone()).collect();
    let pairs = (0..nodes.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
    let mut sets: Vec<Vec<u32>> = nodes.iter().map(|node| vec![*node]).collect();
    sets.extend(pairs.map(|(a, b)| vec![nodes[a], nodes[b]]));
    Ok(Maker {
        distinct: sets.len(),
        make: Box::new(move |number| Variation { allocate: sets[number].clone(), ..Variation::default() }),
    })
}

/// As many nodes at once, of those that one point reaches: every so many of them, beginning with each in turn.
fn sets_of_passives(passives: &[Passive], size: usize) -> Result<Maker, CliError> {
    let nodes: Vec<u32> = one_point_each(passives)?.iter().flat_map(|named| named.variation.allocate.clone()).collect();
    let count = nodes.len();
    if count < size {
        return Err(CliError::NothingToVary("one point reaches fewer nodes"));
    }
    // A set never goes all the way round the circle, so it has one gap that is wider than its others: no two are the same.
    let distinct = if size == 1 { count } else { (count * ((count - 1) / size)).max(1) };
    Ok(Maker {
        distinct,
        make: Box::new(move |number| {
            let (first, stride) = (number % count, number / count + 1);
            let mut allocate: Vec<u32> = (0..size).map(|step| nodes[(first + step * stride) % count]).collect();
            allocate.sort_unstable();
            Variation { allocate, ..Variation::default() }
        }),
    })
}

/// The items that the build wears, each with one more line.
fn items(xml: &str) -> Result<Maker, CliError> {
    let worn = read(xml, worn_items)?;
    if worn.is_empty() {
        return Err(CliError::NothingToVary("it wears no items"));
    }
    Ok(Maker {
        distinct: worn.len() * ITEM_LINES.len() * ITEM_STEPS,
        make: Box::new(move |number| {
            let (slot, text) = &worn[number % worn.len()];
            let step = number / worn.len();
            let (before, behind) = ITEM_LINES[step % ITEM_LINES.len()];
            let text = format!("{text}\n{before}{}{behind}", step / ITEM_LINES.len() + 1);
            let item = ItemChange { slot: slot.clone(), text: Some(text), item: None, empty: false };
            Variation { items: vec![item], ..Variation::default() }
        }),
    })
}

/// The build's gems, each with other levels and qualities.
fn gems(xml: &str) -> Result<Maker, CliError> {
    let gems = read(xml, active_gems)?;
    if gems.is_empty() {
        return Err(CliError::NothingToVary("it has no gems"));
    }
    let number_of = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Maker {
        distinct: gems.len() * GEM_LEVELS * GEM_QUALITIES,
        make: Box::new(move |number| {
            let (group, gem) = gems[number % gems.len()];
            let step = number / gems.len();
            let change = GemChange {
                group,
                gem: Some(gem),
                // From the top: optimizers look there.
                level: Some(number_of(GEM_LEVELS - step % GEM_LEVELS)),
                quality: Some(number_of(step / GEM_LEVELS)),
                ..GemChange::default()
            };
            Variation { gems: vec![change], ..Variation::default() }
        }),
    })
}

/// Sets of check boxes, against enemies of different levels.
fn config() -> Maker {
    let sets = 1 << CHECKS.len();
    Maker {
        distinct: sets * ENEMY_LEVELS,
        make: Box::new(move |number| {
            let checked = (0..CHECKS.len()).filter(|bit| ((number % sets) >> bit) & 1 == 1);
            let mut config: std::collections::BTreeMap<_, _> =
                checked.map(|bit| (CHECKS[bit].to_owned(), ConfigValue::Bool(true))).collect();
            config.insert("enemyLevel".to_owned(), ConfigValue::Number((ENEMY_LEVELS - number / sets) as f64));
            Variation { config, ..Variation::default() }
        }),
    }
}

fn read<T>(xml: &str, part: impl FnOnce(Node<'_, '_>) -> T) -> Result<T, CliError> {
    let unusable = |problem: String| InputError::Line { name: "the base".to_owned(), line: 1, problem };
    // The bounds of the server hold here too.
    xml::check(xml, &Limits::default()).map_err(|error| unusable(error.to_string()))?;
    let document = Document::parse(xml).map_err(|error| unusable(error.to_string()))?;
    Ok(part(document.root_element()))
}

fn children<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.has_tag_name(name))
}

/// The set that a section's attribute names, its first one, or the section itself where the build is older than sets.
fn active<'a, 'i>(section: Node<'a, 'i>, attribute: &str, set: &'static str) -> Node<'a, 'i> {
    let wanted = section.attribute(attribute);
    let named = children(section, set).find(|one| one.attribute("id") == wanted);
    named.or_else(|| children(section, set).next()).unwrap_or(section)
}

/// Slots with the text of what is in them. Flasks are left out: what is added to them is not worn.
fn worn_items(root: Node<'_, '_>) -> Vec<(String, String)> {
    let Some(section) = children(root, "Items").next() else { return Vec::new() };
    let text_of = |id: &str| {
        let item = children(section, "Item").find(|item| item.attribute("id") == Some(id))?;
        let text = item.text()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    children(active(section, "activeItemSet", "ItemSet"), "Slot")
        .filter_map(|slot| Some((slot.attribute("name")?, slot.attribute("itemId")?)))
        .filter(|(name, _)| !name.starts_with("Flask") && !name.contains("Swap"))
        .filter_map(|(name, id)| Some((name.to_owned(), text_of(id)?)))
        .collect()
}

/// Group and place, from 1, of every gem that is switched on. A skill that an item grants is in the list too and has no gem
/// that anybody could change.
fn active_gems(root: Node<'_, '_>) -> Vec<(u32, u32)> {
    let Some(section) = children(root, "Skills").next() else { return Vec::new() };
    let is_on = |node: &Node<'_, '_>| node.attribute("enabled") != Some("false");
    let groups = (1..).zip(children(active(section, "activeSkillSet", "SkillSet"), "Skill"));
    groups
        .filter(|(_, group)| is_on(group) && group.attribute("source").is_none())
        .flat_map(|(index, group)| {
            let gems = (1..).zip(children(group, "Gem")).filter(move |(_, gem)| is_on(gem));
            gems.map(move |(place, _)| (index, place)).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const BUILD: &str = r#"<PathOfBuilding><Build level="90"/>
        <Skills activeSkillSet="2"><SkillSet id="1"><Skill><Gem/><Gem/><Gem/></Skill></SkillSet>
        <SkillSet id="2"><Skill enabled="false"><Gem/></Skill><Skill><Gem enabled="false"/><Gem/></Skill>
        <Skill source="Item:1:Ring"><Gem/></Skill></SkillSet></Skills>
        <Items activeItemSet="1"><Item id="1">Rarity: RARE
Ring
Gold Ring
<ModRange id="1" range="0.5"/></Item><Item id="2">Flask</Item>
        <ItemSet id="1"><Slot name="Ring 1" itemId="1"/><Slot name="Ring 2" itemId="0"/><Slot name="Flask 1" itemId="2"/></ItemSet>
        </Items></PathOfBuilding>"#;

    fn node(id: u32, reachable: bool) -> Passive {
        Passive { id, name: "N".into(), allocated: !reachable, reachable, ..Passive::default() }
    }

    fn texts(made: &Made) -> Vec<String> {
        made.list.iter().map(|named| serde_json::to_string(&named.variation).unwrap()).collect()
    }

    #[test]
    fn only_what_the_build_has_is_varied() {
        let items = texts(&variations(Kind::Items, BUILD, &[], None, 2).unwrap());
        assert_eq!(
            items[0],
            r#"{"items":[{"slot":"Ring 1","text":"Rarity: RARE\nRing\nGold Ring\n+1 to maximum Life"}]}"#
        );
        assert!(items[1].contains(r"Gold Ring\n+1% to Fire Resistance"), "{}", items[1]);
        let gems = texts(&variations(Kind::Gems, BUILD, &[], None, 2).unwrap());
        assert_eq!(gems[0], r#"{"gems":[{"group":2,"gem":2,"level":20,"quality":0}]}"#);
        assert_eq!(gems[1], r#"{"gems":[{"group":2,"gem":2,"level":19,"quality":0}]}"#);
        let passives = [node(1, true), node(2, false), node(3, true)];
        let passives = texts(&variations(Kind::Passives, BUILD, &passives, None, 3).unwrap());
        assert_eq!(passives, [r#"{"allocate":[1]}"#, r#"{"allocate":[3]}"#, r#"{"allocate":[1,3]}"#]);
    }

    #[test]
    fn as_many_are_distinct_as_is_said() {
        let passives: Vec<_> = (1..=3).map(|id| node(id, true)).collect();
        for kind in [Kind::Passives, Kind::Items, Kind::Gems, Kind::Config, Kind::Mixed] {
            let made = variations(kind, BUILD, &passives, None, 500).unwrap();
            let texts = texts(&made);
            assert_eq!(texts.len(), 500);
            assert_eq!(texts.iter().collect::<HashSet<_>>().len(), made.distinct, "{kind:?}");
        }
    }

    #[test]
    fn sets_of_nodes_have_that_many_nodes_and_differ() {
        let passives: Vec<_> = (1..=16).map(|id| node(id, true)).collect();
        for size in [1, 2, 3, 8, 15, 16] {
            let made = variations(Kind::Passives, BUILD, &passives, Some(size), 500).unwrap();
            let texts = texts(&made);
            assert_eq!(texts.iter().collect::<HashSet<_>>().len(), made.distinct, "{size}");
            for named in made.list {
                assert_eq!(named.variation.allocate.into_iter().collect::<HashSet<_>>().len(), size);
            }
        }
        assert!(variations(Kind::Passives, BUILD, &passives, Some(17), 1).is_err());
    }

    #[test]
    fn a_build_without_what_is_to_be_varied_is_refused_in_words() {
        let bare = "<PathOfBuilding><Build/></PathOfBuilding>";
        for kind in [Kind::Passives, Kind::Items, Kind::Gems, Kind::Mixed] {
            assert!(matches!(variations(kind, bare, &[], None, 1), Err(CliError::NothingToVary(_))), "{kind:?}");
        }
    }
}
