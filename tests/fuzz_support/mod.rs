//! Strategies: damage to bytes, texts that look like builds, variations that are nearly right, names of scenarios and what
//! stands in the place of a token.
#![allow(dead_code, reason = "not every test file needs all of it")]

use pobatch::build::variation::{
    ConfigValue, FlaskChange, GemChange, GroupChange, ItemChange, MasteryChoice, TattooChange, Variation,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// One change of a run of bytes; places are fractions of its length.
#[derive(Clone, Debug)]
pub enum Change {
    Flip(f64, u8),
    Cut(f64, f64),
    Repeat(f64, f64),
    Insert(f64, Vec<u8>),
    Swap(f64, f64),
    End(f64),
}

pub fn mutation(most: usize) -> impl Strategy<Value = Vec<Change>> {
    let place = || 0.0..1.0_f64;
    // Pieces that mean something to one parser or another.
    let words = select(vec![
        "<",
        ">",
        "/>",
        "</",
        "&",
        "&amp;",
        "&#0;",
        "&#x110000;",
        "\"",
        "'",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?",
        "\u{0}",
        "-1",
        "0",
        "1e309",
        "nan",
        "99999999999999999999",
        "0x10",
        " ",
        "\n",
        "nil",
        "{",
        "}",
        ",",
        "%",
        "%s",
        "(",
        "[",
        "^$",
        "id=\"1\"",
        "nodes=\"\"",
        "level=\"\"",
        "=",
        "\u{e4}",
        "\u{feff}",
    ]);
    let piece = prop_oneof![words.prop_map(|word| word.as_bytes().to_vec()), vec(any::<u8>(), 1..8)];
    let change = prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, bits)| Change::Flip(at, bits)),
        (place(), 0.0..0.05_f64).prop_map(|(at, length)| Change::Cut(at, length)),
        (place(), 0.0..0.05_f64).prop_map(|(at, length)| Change::Repeat(at, length)),
        (place(), piece).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (place(), place()).prop_map(|(one, other)| Change::Swap(one, other)),
        place().prop_map(Change::End),
    ];
    vec(change, 0..=most)
}

pub fn mutated(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "fractions of a length")]
        let place = |fraction: f64| ((fraction * length as f64) as usize).min(length - 1);
        match change {
            Change::Flip(at, bits) => bytes[place(*at)] ^= bits,
            Change::Cut(at, share) => {
                let at = place(*at);
                bytes.drain(at..(at + place(*share)).min(length));
            }
            Change::Repeat(at, share) => {
                let at = place(*at);
                let piece = bytes[at..(at + place(*share)).min(length)].to_vec();
                bytes.splice(at..at, piece);
            }
            Change::Insert(at, piece) => {
                let at = place(*at);
                bytes.splice(at..at, piece.iter().copied());
            }
            Change::Swap(one, other) => bytes.swap(place(*one), place(*other)),
            Change::End(at) => bytes.truncate(place(*at)),
        }
    }
    bytes
}

/// Texts that look like builds from afar.
pub fn builds() -> impl Strategy<Value = String> {
    let tag = || {
        select(vec!["PathOfBuilding", "PathOfBuilding2", "Build", "Tree", "Spec", "Item", "a", "\u{e4}", "x:y", "1"])
    };
    let attribute = ("[a-z:]{1,6}|xmlns|xmlns:q", "[^\"<&]{0,8}|&amp;|&x;|<")
        .prop_map(|(name, value)| format!(" {name}=\"{value}\""));
    let attributes = vec(attribute, 0..4).prop_map(|all| all.concat());
    let leaf = prop_oneof![
        "[^<&]{0,12}",
        "\\PC{0,8}",
        Just("<!-- c -->".to_owned()),
        Just("<![CDATA[<x>]]>".to_owned()),
        Just("<?pi x?>".to_owned()),
        Just("&#65;&lt;".to_owned()),
        Just("&#0;".to_owned()),
        (tag(), attributes.clone()).prop_map(|(tag, attributes)| format!("<{tag}{attributes}/>")),
    ];
    let inner = leaf.prop_recursive(70, 200, 4, move |inner| {
        (tag(), attributes.clone(), vec(inner, 0..4))
            .prop_map(|(tag, attributes, inner)| format!("<{tag}{attributes}>{}</{tag}>", inner.concat()))
    });
    let head = select(vec!["", "<?xml version=\"1.0\"?>", "\u{feff}", "<!DOCTYPE a [<!ENTITY b \"c\">]>", " \n"]);
    let depth = prop_oneof![4 => Just(0_usize), 1 => 0_usize..200];
    (head, inner, depth).prop_map(|(head, inner, depth)| {
        format!("{head}<PathOfBuilding>{}{inner}{}</PathOfBuilding>", "<a>".repeat(depth), "</a>".repeat(depth))
    })
}

/// JSON with the names of a variation's fields and values of any kind.
pub fn json() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| format!("{value:e}")),
        any::<String>().prop_map(|value| serde_json::to_string(&value).expect("a text")),
        Just("1e999".to_owned()),
    ];
    let names = || {
        select(vec![
            "build",
            "class",
            "level",
            "allocate",
            "deallocate",
            "masteries",
            "node",
            "effect",
            "items",
            "slot",
            "text",
            "item",
            "empty",
            "gems",
            "group",
            "gem",
            "add",
            "config",
            "custom_mods",
            "unknown",
        ])
    };
    value.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|all| format!("[{}]", all.join(","))),
            vec((names(), inner), 0..5).prop_map(|all| {
                let fields: Vec<_> = all.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn name(known: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![6 => select(known).prop_map(str::to_owned), 1 => "\\PC{0,20}", 1 => any::<String>()]
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![6 => 0_u32..8, 2 => 0_u32..120, 1 => any::<u32>()]
}

fn node() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 300_u32..330, 4 => 100_u32..560, 1 => any::<u32>()]
}

const SLOTS: &[&str] =
    &["Ring 1", "Ring 2", "Belt", "Weapon 1", "Weapon 2", "Helmet", "Jewel 315", "Jewel 1", "Flask 1"];
const GEMS: &[&str] =
    &["Frost Shard", "Focused Mind", "Piercing Cold Support", "Inner Light", "Winter Hex", "Blight Ring"];
const CLASSES: &[&str] = &["Witch", "Ranger", "Marauder", "Scion"];
const ASCENDANCIES: &[&str] = &["None", "Frostweaver", "Hexbinder"];
const TATTOOS: &[&str] = &["Tattoo of the Moth", "Tattoo of the Owl"];
const OPTIONS: &[&str] =
    &["enemyIsBoss", "conditionFullLife", "enemyShock", "usePowerCharges", "enemyLevel", "customMods"];
const TEXTS: &[&str] = &[
    "Rarity: RARE\nSnow Loop\nAquamarine Ring\nImplicits: 1\n+25% to Cold Resistance\n+55 to maximum Life",
    "Rarity: UNIQUE\nX\nSilver Wand\nQuality: 20\n(10-20)% increased Cold Damage",
    "Rarity: NORMAL\nAquamarine Ring",
    "Rarity:",
    "Aquamarine Ring",
];
const MODS: &[&str] = &[
    "+50 to maximum Life\n12% increased Cast Speed while on Full Life",
    "-99999999999999999999% to Cold Resistance",
    "100% more Damage\n100% more Damage\n1e308% increased Damage",
    "%d% increased (Life) [x] %",
    "+nan to maximum Life",
];

/// Variations of the witch: most fields absent, most names known, some of everything wrong.
pub fn any_variation() -> impl Strategy<Value = Variation> {
    let few = |most| 0..=most;
    let character = (
        option::weighted(0.05, "\\PC{0,30}|<PathOfBuilding/>"),
        option::weighted(0.15, name(CLASSES)),
        option::weighted(0.15, name(ASCENDANCIES)),
        option::weighted(0.2, prop_oneof![8 => 1_u32..=100, 1 => any::<u32>()]),
    );
    let tree = (vec(node(), few(2)), vec(node(), few(1)), vec(node(), few(2)));
    let mastery =
        (node(), prop_oneof![3070_u32..3074, any::<u32>()]).prop_map(|(node, effect)| MasteryChoice { node, effect });
    let tattoo = (node(), option::of(name(TATTOOS))).prop_map(|(node, name)| TattooChange { node, name });
    let item = (name(SLOTS), 0_u8..10, name(TEXTS), number()).prop_map(|(slot, what, text, item)| ItemChange {
        slot,
        text: matches!(what, 0..5 | 9).then_some(text),
        item: matches!(what, 5..7 | 9).then_some(item),
        empty: matches!(what, 7),
    });
    let flask = (name(SLOTS), any::<bool>()).prop_map(|(slot, active)| FlaskChange { slot, active });
    let gem = (
        (
            number(),
            option::weighted(0.8, number()),
            option::weighted(0.2, name(GEMS)),
            option::weighted(0.2, name(GEMS)),
        ),
        (
            prop::bool::weighted(0.15),
            option::of(number()),
            option::of(number()),
            option::weighted(0.1, name(&["Default"])),
        ),
        (option::of(any::<bool>()), option::weighted(0.1, number())),
    )
        .prop_map(|((group, gem, replace, add), (remove, level, quality, variant), (enabled, count))| GemChange {
            group,
            gem: if add.is_some() { None } else { gem },
            replace,
            add,
            remove,
            level: if remove { None } else { level },
            quality: if remove { None } else { quality },
            variant: if remove { None } else { variant },
            enabled: if remove { None } else { enabled },
            count: if remove { None } else { count },
        });
    let group = (number(), option::of(any::<bool>()), option::of(number()), option::of(any::<bool>())).prop_map(
        |(group, enabled, main_active_skill, include_in_full_dps)| GroupChange {
            group,
            enabled,
            main_active_skill,
            include_in_full_dps,
        },
    );
    let value = prop_oneof![
        any::<bool>().prop_map(ConfigValue::Bool),
        any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(ConfigValue::Number),
        (0..200_i32).prop_map(|number| ConfigValue::Number(number.into())),
        name(MODS).prop_map(ConfigValue::Text),
        select(vec!["Uber", "Boss", "None", ""]).prop_map(|text| ConfigValue::Text(text.to_owned())),
    ];
    let config = prop::collection::btree_map(name(OPTIONS), value, few(3));
    let lists = (vec(mastery, few(1)), vec(tattoo, few(1)), vec(item, few(2)), vec(flask, few(1)));
    let skills = (vec(gem, few(2)), vec(group, few(1)), option::weighted(0.2, number()));
    (character, tree, lists, skills, config, option::weighted(0.2, name(MODS))).prop_map(
        |(
            (build, class, ascendancy, level),
            (allocate, allocate_path, deallocate),
            (masteries, tattoos, items, flasks),
            (gems, groups, main_socket_group),
            config,
            custom_mods,
        )| Variation {
            build,
            class,
            ascendancy,
            level,
            allocate,
            allocate_path,
            deallocate,
            masteries,
            tattoos,
            items,
            flasks,
            gems,
            groups,
            main_socket_group,
            config,
            custom_mods,
        },
    )
}

/// Names of scenarios: few, so that they meet; and what is none.
pub fn scenario_name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[abc_][a1]{0,2}",
        1 => select(vec!["", "1a", "a.b", "a b", "-", "base", "min", "__index", "a\u{0}", "\u{e4}"]).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[a-z]{250,300}",
    ]
}

/// What stands where `Bearer TOKEN` should: something like it, or nothing of the kind, as far as a header can hold it.
pub fn token_header(token: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let scheme =
        select(vec!["Bearer ", "bearer ", "BEARER ", "Bearer", "Bearer  ", "Basic ", "", "Token ", "Bearer\t"]);
    let near = prop_oneof![
        2 => Just(token.as_bytes().to_vec()),
        4 => mutation(2).prop_map(|changes| mutated(token.as_bytes(), &changes)),
        1 => Just(token.to_uppercase().into_bytes()),
        1 => vec(any::<u8>(), 0..700),
        1 => "[ -~]{0,100}".prop_map(String::into_bytes),
    ];
    let any = prop_oneof![
        8 => (scheme, near).prop_map(|(scheme, token)| [scheme.as_bytes(), &token].concat()),
        1 => vec(any::<u8>(), 0..200),
    ];
    // What no header can hold would not leave the client.
    let fit = |byte: u8| if byte == b'\t' || (byte >= b' ' && byte != 0x7f) { byte } else { b'~' };
    any.prop_map(move |bytes| bytes.into_iter().map(fit).collect())
}
