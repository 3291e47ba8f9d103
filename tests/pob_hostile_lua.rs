//! Hostile texts and numbers on a real Path of Building: whatever stands in a variation, it has a typed answer within
//! its time, and the base evaluates to itself afterwards, bit for bit.
//!
//! Skipped loudly where no Path of Building installation is found.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod pob_places;

use std::time::{Duration, Instant};

use pob_places::{booted, loaded, places, xml};
use pobatch::{
    build::{limits::Limits, outcome::FailureReason, validate, variation::Variation},
    runtime::vm::{PlainBase, RawOutcome, Vm, VmError},
};
use serde_json::{Value, json};

/// The build under attack.
const BASE: &str = "occ-vortex";

/// Far more than any of these takes on a machine that has time, and less than anything that runs away.
const PATIENCE: Duration = Duration::from_secs(60);

/// Texts that break programs which paste, match, format or execute them.
#[expect(clippy::too_many_lines, reason = "it is a list")]
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "%f[%w]",
        "%b()",
        "%",
        "%%%",
        "[",
        "[^",
        "%1",
        "(.-)*",
        "$1",
        "%s%s%s%s%n",
        "%99999d",
        "]]",
        "]==]",
        "[[",
        "--[[",
        "\\",
        "\\0",
        "\\x00",
        "'",
        "\"",
        "`id`",
        "$(id)",
        "'; os.exit() --",
        "\" .. os.exit() .. \"",
        "os.exit()",
        "return os.exit()",
        "_G",
        "__index",
        "__gc",
        "nil",
        "nan",
        "inf",
        "-nan",
        "1e999",
        "0x7fffffff",
        "-1",
        "2147483648",
        "9223372036854775808",
        "<a>",
        "</Build>",
        "&lt;",
        "&#0;",
        "]]>",
        "<![CDATA[",
        "<!--",
        "^1red",
        "^xFF0000red",
        "{",
        "}",
        "{variant:1}",
        "{variant:99999999}",
        "{range:nan}",
        "{tags:}",
        "{{{",
        "\u{7f}",
        "\u{80}",
        "\u{fffd}",
        "\u{fffe}",
        "\u{202e}",
        "\u{1f4a9}",
        "\u{e4}",
        "\u{0130}",
        "\n",
        "\r",
        "\t",
        "\r\n",
        " ",
        "+nan to maximum Life",
        "+inf to maximum Life",
        "+1e308 to maximum Life",
        "+-1 to maximum Life",
        "+99999999999999999999 to maximum Life",
        "1e400% increased maximum Life",
        "-100% increased maximum Life",
        "(1-99999999999) to maximum Life",
        "Grants Level 99999 Clarity Skill",
        "Grants Level -1 Clarity Skill",
        "Socketed Gems are Supported by Level 1e9 Arcane Surge",
        "Has 99999 Abyssal Sockets",
        "Has -1 Sockets",
        "Allocates %f[%w]",
        "Allocates Elemental Overload",
        "Trigger Level 20 Vortex when you Use a Skill",
        "Adds 99999 Passive Skills",
        "1 Added Passive Skill is %",
        "Recover 1e300% of Life on Kill",
        "You have Far Shot",
        "Your Maximum Resistances are 1e9%",
        "Limited to: 99999999999",
    ]
    .map(str::to_owned)
    .into();
    // As long as a line may be; what is longer is refused before it comes here.
    let line = Limits::default().line_size - 100;
    for part in [
        "%f[%w]",
        "(",
        "[",
        "a",
        " ",
        "1",
        "-",
        "/",
        "a/",
        "\u{e4}",
        "+1 to maximum Life ",
        "^1",
        "{range:0.5}",
        "(1-2)",
        "&",
        "<",
    ] {
        let long = part.repeat(line / part.len());
        texts.push(format!("+{long} to maximum Life"));
        texts.push([long.as_str(); 8].join("\n"));
        texts.push(long);
    }
    texts.push("\n".repeat(900));
    texts.push(" \n".repeat(900));
    texts.push("+1 to maximum Life\n".repeat(900));
    texts
}

/// Numbers that are no index of anything.
const NUMBERS: [u32; 9] = [0, 1, 65_535, 65_536, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, u32::MAX - 1, u32::MAX];

/// Every place of a variation that takes a text.
fn with_text(text: &str) -> Vec<Value> {
    let item = |lines: &str| json!({ "items": [{ "slot": "Ring 1", "text": lines }] });
    vec![
        item(text),
        item(&format!("Rarity: RARE\n{text}\nCoral Ring\n+10 to maximum Life")),
        item(&format!("Rarity: RARE\nA\n{text}\n+10 to maximum Life")),
        item(&format!("Rarity: RARE\nA\nCoral Ring\nImplicits: 1\n{text}\n{text}")),
        item(&format!("Rarity: {text}\nA\nCoral Ring\nQuality: {text}\nSockets: {text}\nLevelReq: {text}")),
        item(&format!("Rarity: RARE\nA\nCoral Ring\nImplicits: {text}\nSelected Variant: {text}\nVariant: {text}")),
        item(&format!("Rarity: UNIQUE\n{text}\nCrimson Jewel\nRadius: {text}\nLimited to: {text}\n{text}")),
        json!({ "items": [{ "slot": text, "empty": true }] }),
        json!({ "flasks": [{ "slot": text, "active": true }] }),
        json!({ "custom_mods": text }),
        json!({ "custom_mods": format!("+10 to maximum Life\n{text}\n{text}") }),
        json!({ "config": { text: true } }),
        json!({ "config": { "enemyIsBoss": text } }),
        json!({ "config": { "customMods": text } }),
        json!({ "config": { "conditionLowLife": text, "enemyLevel": text } }),
        json!({ "gems": [{ "group": 1, "add": text }] }),
        json!({ "gems": [{ "group": 1, "gem": 1, "replace": text }] }),
        json!({ "gems": [{ "group": 1, "gem": 1, "variant": text }] }),
    ]
}

/// What has no fast path, and texts that go through a file.
fn plain_with_text(text: &str) -> Vec<Value> {
    let item = format!("Rarity: RARE\n{text}\nCoral Ring\n{text}");
    vec![
        json!({ "class": text }),
        json!({ "class": "Witch", "ascendancy": text }),
        json!({ "tattoos": [{ "node": 36678, "name": text }] }),
        json!({ "custom_mods": text, "items": [{ "slot": "Ring 1", "text": item }], "config": { "enemyIsBoss": "None" } }),
    ]
}

fn with_number(number: u32) -> Vec<Value> {
    let mut variations = vec![
        json!({ "items": [{ "slot": "Ring 1", "item": number }] }),
        json!({ "items": [{ "slot": format!("Jewel {number}"), "empty": true }] }),
        json!({ "gems": [{ "group": number, "gem": 1, "level": 1 }] }),
        json!({ "gems": [{ "group": 1, "gem": number, "level": 1 }] }),
        json!({ "gems": [{ "group": 1, "gem": 1, "level": number, "quality": number, "count": number }] }),
        json!({ "groups": [{ "group": number, "main_active_skill": number }] }),
        json!({ "groups": [{ "group": 1, "main_active_skill": number }] }),
        json!({ "main_socket_group": number }),
        json!({ "level": number }),
        json!({ "tattoos": [{ "node": number }] }),
        json!({ "masteries": [{ "node": number, "effect": number }] }),
    ];
    for list in ["allocate", "allocate_path", "deallocate"] {
        variations.push(json!({ list: [number] }));
    }
    for value in [f64::from(number), -f64::from(number), f64::from(number) * 1e300, 1e-320, 0.5] {
        variations.push(json!({ "config": { "multiplierPoisonOnEnemy": value, "enemyFireResist": value } }));
    }
    variations
}

/// A VM under attack.
struct Attacked {
    vm: Vm,
    itself: RawOutcome,
}

impl Attacked {
    fn new(places: &pob_places::Places) -> Self {
        let mut vm = booted(places);
        loaded(places, &mut vm, BASE);
        let itself = timeless(vm.evaluate(b"{}", &[], false));
        assert_eq!(itself.failure, None);
        Self { vm, itself }
    }

    #[track_caller]
    fn assert_itself(&mut self, after: &str) {
        assert_eq!(timeless(self.vm.evaluate(b"{}", &[], false)), self.itself, "after {}", short(after));
    }
}

fn timeless(outcome: RawOutcome) -> RawOutcome {
    RawOutcome { compute_seconds: 0.0, ..outcome }
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Evaluates what passes the checks that stand in front of every runtime, and says what is wrong with the answer.
fn attack(attack: &Value, evaluate: impl FnOnce(&[u8]) -> RawOutcome) -> Option<String> {
    let text = attack.to_string();
    // An infinite number has no JSON; the front refuses it by name.
    let variation: Variation = serde_json::from_str(&text).ok()?;
    if validate::check(&variation, &Limits::default()).is_err() {
        return None;
    }
    let begun = Instant::now();
    let outcome = evaluate(text.as_bytes());
    let mut wrong = Vec::new();
    if begun.elapsed() > Duration::from_secs(1) {
        eprintln!("{:?}: {}", begun.elapsed(), short(&text));
    }
    if begun.elapsed() > PATIENCE {
        wrong.push(format!("took {:?}", begun.elapsed()));
    }
    if let Some(failure) = &outcome.failure {
        let typed = FailureReason::from_name(&failure.kind).is_some() || failure.kind == "needs_plain";
        let brief = failure.message.len() < 600 && !failure.message.contains(['\n', '\r']);
        if !typed || !brief || failure.kind == "engine_error" {
            wrong.push(format!("{failure:?}"));
        }
    }
    if outcome.warnings.len() > 201 || outcome.warnings.iter().any(|warning| warning.message.len() > 600) {
        wrong.push("endless warnings".to_owned());
    }
    if wrong.is_empty() { None } else { Some(format!("{}: {}", short(&text), wrong.join(", "))) }
}

#[track_caller]
fn assert_none_broke(broken: &[String]) {
    assert!(broken.is_empty(), "{} broke:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn no_text_breaks_the_fast_way() {
    let Some(places) = places() else { return };
    let mut attacked = Attacked::new(&places);
    let mut broken = Vec::new();
    for text in texts() {
        for variation in with_text(&text) {
            broken.extend(attack(&variation, |text| attacked.vm.evaluate(text, &[], false)));
        }
        attacked.assert_itself(&text);
    }
    assert_none_broke(&broken);
}

#[test]
fn no_number_breaks_the_fast_way() {
    let Some(places) = places() else { return };
    let mut attacked = Attacked::new(&places);
    let mut broken = Vec::new();
    for number in NUMBERS {
        for variation in with_number(number) {
            broken.extend(attack(&variation, |text| attacked.vm.evaluate(text, &[], false)));
            attacked.assert_itself(&variation.to_string());
        }
    }
    assert_none_broke(&broken);
}

/// Path of Building computes nothing of these either: its own arithmetic stumbles.
#[test]
fn what_path_of_building_stumbles_over_is_an_engine_error_and_leaves_no_trace() {
    let Some(places) = places() else { return };
    let mut attacked = Attacked::new(&places);
    for variation in [
        json!({ "config": { "enemyLevel": 0.5 } }),
        json!({ "custom_mods": "+... to maximum Life" }),
        json!({ "items": [{ "slot": "Ring 1", "text": "Rarity: RARE\nA\nCoral Ring\n+... to maximum Life" }] }),
    ] {
        let failure = attacked.vm.evaluate(variation.to_string().as_bytes(), &[], false).failure.unwrap();
        assert_eq!(failure.kind, "engine_error", "{variation}: {failure:?}");
        attacked.assert_itself(&variation.to_string());
    }
}

#[test]
fn no_text_breaks_the_plain_way() {
    let Some(places) = places() else { return };
    let mut vm = booted(&places);
    let build = xml(&places, BASE);
    let base = PlainBase { xml: &build, hints: b"", with_others: true };
    let itself = timeless(vm.evaluate_plain(&base, b"{}", &[], false));
    let mut broken = Vec::new();
    // A load takes half a second: one text of each sort.
    let texts = [
        "%f[%w]",
        "]]>",
        "</Build>",
        "\u{fffe}",
        "&#0;",
        "' .. os.exit() .. '",
        "\r",
        "+nan to maximum Life",
        "^1",
        "Grants Level 99999 Clarity Skill",
        "Has 99999 Abyssal Sockets",
        "{variant:99999999}{range:nan}x",
    ];
    let long = "(".repeat(1_000);
    for text in texts.into_iter().chain([long.as_str()]) {
        for variation in plain_with_text(text) {
            broken.extend(attack(&variation, |text| vm.evaluate_plain(&base, text, &[], false)));
        }
    }
    assert_eq!(timeless(vm.evaluate_plain(&base, b"{}", &[], false)), itself);
    assert_none_broke(&broken);
}

#[test]
fn no_build_breaks_the_loader_and_the_next_one_loads() {
    let Some(places) = places() else { return };
    let mut vm = booted(&places);
    let good = xml(&places, BASE);
    let itself = vm.load_base(&good).unwrap();
    let mut broken = Vec::new();
    let values = ["", "nan", "inf", "-1", "0", "1e9", "1e308", "2147483648", "%f[%w]", "1,2,x", "%s"];
    let attributes = [
        "level",
        "className",
        "ascendClassName",
        "mainSocketGroup",
        "viewMode",
        "treeVersion",
        "activeSpec",
        "nodes",
        "classId",
        "activeItemSet",
        "itemId",
        "id",
        "activeSkillSet",
        "quality",
        "gemId",
        "skillId",
        "slot",
        "name",
        "nodeId",
        "mainActiveSkill",
        "number",
        "string",
        "boolean",
        "masteryEffects",
        "socketGroup",
    ];
    for (index, attribute) in attributes.into_iter().enumerate() {
        // Every attribute meets a few values, and every value a few attributes.
        for value in values.iter().cycle().skip(index * 3).take(3) {
            let hostile = with_attribute(&good, attribute, value);
            if pobatch::build::xml::check(&hostile, &Limits::default()).is_err() {
                continue;
            }
            let begun = Instant::now();
            let loaded = vm.load_base(&hostile);
            if begun.elapsed() > PATIENCE {
                broken.push(format!("{attribute}={value:?} took {:?}", begun.elapsed()));
            }
            match loaded {
                Ok(_) => {
                    let outcome = vm.evaluate(b"{}", &[], false);
                    if let Some(failure) = outcome.failure {
                        broken.push(format!("{attribute}={value:?} loads but: {failure:?}"));
                    }
                }
                Err(VmError::Engine(failure)) if failure.kind != "engine_error" && failure.message.len() < 600 => {}
                Err(error) => broken.push(format!("{attribute}={value:?}: {error:?}")),
            }
        }
    }
    let again = vm.load_base(&good).unwrap();
    assert_eq!((again.stats, again.warnings), (itself.stats, itself.warnings));
    assert_none_broke(&broken);
}

/// The build with that value wherever the attribute stands.
fn with_attribute(xml: &str, attribute: &str, value: &str) -> String {
    let opening = format!(" {attribute}=\"");
    let mut parts = xml.split(opening.as_str());
    let mut varied = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.split_once('"').map_or("", |(_, rest)| rest);
        varied.extend([opening.as_str(), value, "\"", rest]);
    }
    varied
}
