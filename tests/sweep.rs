//! Sweeps over real gRPC, on the sample engine: each outcome is that of the variation that it carries.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::collections::HashMap;

use common::front::{Front, connect};
use pobatch::{
    proto::v1::{
        self, catalog_service_client::CatalogServiceClient, evaluate_batch_response, evaluate_sweep_response,
        evaluation_service_client::EvaluationServiceClient, outcome::Result as Of, sweep::Family,
    },
    supervisor::Settings,
};
use tokio_stream::StreamExt as _;
use tonic::{Code, transport::Channel};

/// Without the faults, which would be config options like any other.
fn settings() -> Settings {
    Settings { faults: false, ..common::settings() }
}

fn witch() -> v1::Base {
    v1::Base { build: Some(v1::base::Build::Xml(common::WITCH.into())), engine: String::new() }
}

fn request(families: Vec<Family>) -> v1::EvaluateSweepRequest {
    let sweeps = families.into_iter().map(|family| v1::Sweep { family: Some(family) }).collect();
    v1::EvaluateSweepRequest { base: Some(witch()), sweeps, ..Default::default() }
}

async fn sweep(client: &mut EvaluationServiceClient<Channel>, request: v1::EvaluateSweepRequest) -> Vec<v1::Outcome> {
    let answer = client.evaluate_sweep(request).await.unwrap().into_inner();
    let events: Vec<_> = answer.map(|event| event.unwrap().response.unwrap()).collect().await;
    let outcome = |event| match event {
        evaluate_sweep_response::Response::Outcome(outcome) => Some(outcome),
        _ => None,
    };
    let mut outcomes: Vec<_> = events.into_iter().filter_map(outcome).collect();
    outcomes.sort_by_key(|outcome| outcome.index);
    outcomes
}

fn values(outcome: &v1::Outcome) -> Vec<u64> {
    match outcome.result.as_ref().unwrap() {
        Of::Stats(stats) => stats.values.iter().map(|value| value.to_bits()).collect(),
        Of::Failure(failure) => panic!("{}: {failure:?}", outcome.variation_id),
    }
}

fn every_family() -> Vec<Family> {
    let ring = "Rarity: RARE\nSnow Loop\nAquamarine Ring\n+55 to maximum Life".to_owned();
    vec![
        Family::Passives(v1::PassiveSweep { distance_max: 3 }),
        Family::Removable(v1::RemovableSweep {}),
        Family::Pairs(v1::PassivePairSweep { distance_max: 2 }),
        Family::Gems(v1::GemSweep { group: 1, gem: 0, levels: vec![1, 20], qualities: vec![0, 20] }),
        Family::Supports(v1::SupportSweep { group: 1, gem: 0 }),
        Family::Items(v1::ItemSweep { texts: vec![ring], slots: Vec::new() }),
        Family::Config(v1::ConfigSweep { contains: String::new() }),
        Family::Masteries(v1::MasterySweep {}),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_outcome_is_that_of_the_variation_that_it_carries() {
    let front = Front::start(settings()).await;
    let mut client = EvaluationServiceClient::new(connect(&front.url).await);
    for family in every_family() {
        let outcomes = sweep(&mut client, request(vec![family.clone()])).await;
        assert!(outcomes.len() > 1, "{family:?}");
        let variations: Vec<_> = outcomes.iter().map(|outcome| outcome.variation.clone().unwrap()).collect();
        assert!(variations.iter().zip(&outcomes).all(|(one, outcome)| one.id == outcome.variation_id));
        let batch = v1::EvaluateBatchRequest { base: Some(witch()), variations, ..Default::default() };
        let answer = client.evaluate_batch(batch).await.unwrap().into_inner();
        let events: Vec<_> = answer.map(|event| event.unwrap().response.unwrap()).collect().await;
        let one_by_one: HashMap<_, _> = events
            .into_iter()
            .filter_map(|event| match event {
                evaluate_batch_response::Response::Outcome(outcome) => Some((outcome.index, values(&outcome))),
                _ => None,
            })
            .collect();
        for outcome in &outcomes {
            assert_eq!(one_by_one[&outcome.index], values(outcome), "{}", outcome.variation_id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_families_are_what_the_catalogue_lists() {
    let front = Front::start(settings()).await;
    let channel = connect(&front.url).await;
    let mut client = EvaluationServiceClient::new(channel.clone());
    let listing = v1::ListPassivesRequest { base: Some(witch()), ..Default::default() };
    let tree = CatalogServiceClient::new(channel).list_passives(listing).await.unwrap().into_inner().passives;
    let both = vec![Family::Passives(v1::PassiveSweep { distance_max: 3 }), Family::Removable(v1::RemovableSweep {})];
    let outcomes = sweep(&mut client, request(both)).await;
    let mastery = v1::PassiveKind::Mastery;
    let near = tree.iter().filter(|node| node.kind() != mastery && node.distance.is_some_and(|points| points <= 3));
    let leaves = tree.iter().filter(|node| node.removable);
    let expected: Vec<_> = near.chain(leaves).map(|node| format!("{} ({})", node.name, node.id)).collect();
    assert_eq!(outcomes.iter().map(|outcome| outcome.variation_id.as_str()).collect::<Vec<_>>(), expected);
    assert!(outcomes.iter().all(|outcome| outcome.warnings.is_empty()), "each does what it says");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_can_be_reduced_to_its_best() {
    let front = Front::start(settings()).await;
    let mut client = EvaluationServiceClient::new(connect(&front.url).await);
    let whole = v1::EvaluateSweepRequest {
        stats: Some(v1::StatSelection { names: vec!["Life".into()], preset: 0 }),
        ..request(vec![Family::Pairs(v1::PassivePairSweep { distance_max: 9 })])
    };
    let mut all = sweep(&mut client, whole.clone()).await;
    assert!(all.len() > 500, "{}", all.len());
    let life = |outcome: &v1::Outcome| f64::from_bits(values(outcome)[0]);
    all.sort_by(|a, b| life(b).total_cmp(&life(a)));
    let objective = v1::objective::Measure::Expression("Life".into());
    let reduction = v1::Reduction {
        objectives: vec![v1::Objective { measure: Some(objective), minimize: false }],
        keep: Some(v1::reduction::Keep::Top(3)),
        ..Default::default()
    };
    let best = sweep(&mut client, v1::EvaluateSweepRequest { reduction: Some(reduction), ..whole }).await;
    let ids = |list: &[v1::Outcome]| {
        let mut ids: Vec<_> = list.iter().map(|outcome| outcome.variation_id.clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&best), ids(&all[..3]));
    assert!(best.iter().all(|outcome| outcome.variation.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_makes_no_sense_is_refused_with_its_field() {
    let front = Front::start(settings()).await;
    let mut client = EvaluationServiceClient::new(connect(&front.url).await);
    for (families, field) in [
        (vec![], "sweeps"),
        (vec![Family::Removable(v1::RemovableSweep {}), Family::Passives(v1::PassiveSweep::default())], "sweeps[1]"),
        (vec![Family::Items(v1::ItemSweep { texts: vec!["no item".into()], slots: Vec::new() })], "sweeps[0]"),
        (vec![Family::Gems(v1::GemSweep::default())], "sweeps[0]"),
        (vec![Family::Uniques(v1::UniqueSweep { slot: "Ring 1".into() })], "sweeps"),
    ] {
        let status = client.evaluate_sweep(request(families)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().contains(field), "{field}: {status}");
    }
}
