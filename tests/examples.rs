//! The examples that the README shows: every build loads without complaint, every variation gives values.

mod common;
#[path = "../examples/tree_optimizer.rs"]
#[expect(dead_code, reason = "the test calls what its main calls")]
mod tree_optimizer;

use std::path::Path;

use clap::Parser as _;
use common::{
    WITCH, collect,
    fleet::{client, fronts},
    settings, spec, submit_all, with_base,
};
use pobatch::{
    build::{
        outcome::{NamedStat, StatValue},
        variation::Variation,
    },
    client::{Build, StatChoice},
    supervisor::Supervisor,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_example_build_loads_without_a_warning() {
    let supervisor = Supervisor::start(settings()).await.unwrap();
    for xml in [WITCH, common::RANGER, include_str!("../examples/marauder.xml")] {
        let base = supervisor.load_base("", xml.into()).await.unwrap();
        assert_eq!(base.warnings, []);
        assert!(base.stats.len() > 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_variation_but_the_empty_one_moves_a_stat() {
    let (supervisor, base) = with_base(settings(), WITCH).await;
    let lines = include_str!("../examples/variations.jsonl").lines();
    let variations: Vec<Variation> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let with_empty = std::iter::once(Variation::default()).chain(variations.iter().cloned());
    let outcomes = collect(submit_all(supervisor.open(spec(&base)).await.unwrap(), with_empty).await).await;
    assert_eq!(outcomes.len(), variations.len() + 1);
    for (outcome, variation) in outcomes[1..].iter().zip(&variations) {
        // The file ends with the empty variation, which is the base itself.
        let changes = *variation != Variation::default();
        assert_eq!(common::bits(outcome) != common::bits(&outcomes[0]), changes, "{variation:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_optimizer_improves_a_build_and_keeps_its_promise() {
    let fronts = fronts(2).await;
    let urls: Vec<_> = fronts.iter().map(|front| front.url.as_str()).collect();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("winner.txt");
    let witch = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/witch.xml");
    let arguments =
        ["tree_optimizer", "--endpoint", urls[0], "--endpoint", urls[1], "--generations", "6", "--generation", "32"];
    let files = ["--base", witch.to_str().unwrap(), "--out", file.to_str().unwrap()];
    tree_optimizer::run(tree_optimizer::Arguments::parse_from(arguments.into_iter().chain(files))).await.unwrap();

    let client = client(urls).await;
    let stats = async |build| {
        let names = ["TotalEHP", "TotalDPS"].map(str::to_owned).to_vec();
        let described = client.describe_build(build, StatChoice::Named(names)).await.unwrap();
        assert_eq!(described.warnings, []);
        let number = |(_, value): &NamedStat| match value {
            StatValue::Number(number) => *number,
            other => panic!("{other:?}"),
        };
        (number(&described.stats[0]), number(&described.stats[1]))
    };
    let before = stats(Build::Xml(WITCH.to_owned())).await;
    let after = stats(Build::ShareCode(std::fs::read_to_string(&file).unwrap())).await;
    assert!(after.0 > before.0 && after.1 >= before.1, "{before:?} {after:?}");
}
