//! Path of Building in the sandbox says what it says outside: it boots, loads trees that were not loaded at boot, and
//! reads the tables of timeless jewels, which it does only when a build has one.
//!
//! Skipped loudly where no Path of Building installation is found.

mod common;
mod pob_places;

use common::{PATIENCE, bits, collect, settings, spec, submit_all, with_base};
use pob_places::{places, xml};
use pobatch::{
    build::{
        outcome::Evaluated,
        variation::{ItemChange, Variation},
    },
    supervisor::{EngineChoice, SandboxMode, Settings, Supervisor},
};

/// A jewel of each legion: their tables differ in file and form.
const TIMELESS: [(&str, &str); 5] = [
    (
        "Glorious Vanity",
        "Bathed in the blood of 4000 sacrificed in the name of Doryani\nPassives in radius are Conquered by the Vaal",
    ),
    (
        "Lethal Pride",
        "Commanded leadership over 12000 warriors under Kaom\nPassives in radius are Conquered by the Karui",
    ),
    (
        "Brutal Restraint",
        "Denoted service of 4000 dekhara in the akhara of Asenath\nPassives in radius are Conquered by the Maraketh",
    ),
    (
        "Militant Faith",
        "Carved to glorify 4000 new faithful converted by High Templar Avarius\nPassives in radius are Conquered by the Templars",
    ),
    (
        "Elegant Hubris",
        "Commissioned 40000 coins to commemorate Cadiro\nPassives in radius are Conquered by the Eternal Empire",
    ),
];

/// A socket of the tree that the build has a jewel in.
const SOCKET: &str = "Jewel 61834";

fn timeless(name: &str, lines: &str) -> Variation {
    let text = format!("Rarity: UNIQUE\n{name}\nTimeless Jewel\nRadius: Large\nImplicits: 0\n{lines}\nHistoric");
    let item = ItemChange { slot: SOCKET.into(), text: Some(text), item: None, empty: false };
    Variation { items: vec![item], ..Variation::default() }
}

/// The base and each jewel: values by name as bits, or why there are none (not every installation has every table).
async fn values(settings: Settings, xml: &str) -> Vec<Result<Vec<(String, u64)>, String>> {
    let (supervisor, base): (Supervisor, _) = with_base(settings, xml).await;
    let names: Vec<_> = base.stats.iter().map(|(name, _)| name.to_string()).collect();
    let session = supervisor.open(spec(&base)).await.expect("the session opens");
    let jewels = TIMELESS.iter().map(|(name, lines)| timeless(name, lines));
    let variations = std::iter::once(Variation::default()).chain(jewels);
    let outcomes = collect(submit_all(session, variations).await).await;
    let by_name = |outcome: &Evaluated| match &outcome.result {
        Ok(_) => Ok(names.iter().cloned().zip(bits(outcome)).collect()),
        Err(failure) => Err(failure.message.clone()),
    };
    outcomes.iter().map(by_name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn path_of_building_says_the_same_inside_the_sandbox_as_outside() {
    let Some(places) = places() else { return };
    let engine = EngineChoice::Pob(places.pob.clone());
    let inside = Settings {
        engines: engine.clone().alone(),
        sandbox: SandboxMode::Require,
        variation_timeout: PATIENCE,
        ..settings()
    };
    let outside =
        Settings { engines: engine.alone(), sandbox: SandboxMode::Off, variation_timeout: PATIENCE, ..settings() };
    let own_tree = xml(&places, "dual-wield-coc");
    let older_tree = own_tree.replace("treeVersion=\"3_13\"", "treeVersion=\"3_10\"");
    assert_ne!(own_tree, older_tree, "the build has the tree that was meant");
    for xml in [own_tree, older_tree] {
        let (inside, outside) = tokio::join!(values(inside.clone(), &xml), values(outside.clone(), &xml));
        for (index, (inside, outside)) in inside.iter().zip(&outside).enumerate() {
            match (inside, outside) {
                (Ok(inside), Ok(outside)) => {
                    let wrong: Vec<_> = inside.iter().zip(outside).filter(|(one, other)| one != other).collect();
                    assert!(wrong.is_empty(), "{index}: {wrong:?}");
                }
                _ => assert_eq!(inside.as_ref().err(), outside.as_ref().err(), "{index}"),
            }
        }
        let [base, jewels @ ..] = &inside[..] else { panic!("no outcomes") };
        assert!(base.is_ok(), "the base has values");
        assert!(jewels.iter().any(|jewel| jewel.is_ok() && jewel != base), "no jewel does anything");
    }
}
