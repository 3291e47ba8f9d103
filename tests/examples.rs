//! The examples that the README shows: every build loads without complaint, every variation gives values.

mod common;

use common::{WITCH, collect, settings, spec, submit_all, with_base};
use pobatch::{build::variation::Variation, supervisor::Supervisor};

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
