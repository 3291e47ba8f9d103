//! Reductions over real gRPC, on the sample engine: what comes back is what a client computes from every outcome.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{cmp::Ordering, collections::HashMap};

use common::{
    chance::Chance,
    front::{Front, connect},
};
use pobatch::{
    build::variation::{ConfigValue, Variation},
    grpc::convert::variation_to_proto,
    proto::v1::{
        self, evaluate_batch_response::Response, evaluation_service_client::EvaluationServiceClient,
        outcome::Result as Of, reduction::Keep,
    },
};
use tokio_stream::StreamExt as _;
use tonic::{Code, transport::Channel};

const STATS: [&str; 3] = ["Life", "TotalDPS", "TotalEHP"];

/// Variations of which some are alike, some break constraints and some fail.
fn variations(count: u32) -> Vec<v1::Variation> {
    let mut chance = Chance::new(7);
    let nodes = [404, 222, 321, 322, 406, 313, 305, 306];
    let variation = |index: u32| {
        let allocate = vec![nodes[chance.below(nodes.len())], nodes[chance.below(nodes.len())]];
        let level = Some(if index % 11 == 10 { 101 } else { u32::try_from(70 + chance.below(20)).unwrap() });
        let boss = ConfigValue::Text(["None", "Uber"][chance.below(2)].to_owned());
        let config = [("enemyIsBoss".to_owned(), boss)].into();
        variation_to_proto(format!("v{index}"), &Variation { allocate, level, config, ..Variation::default() })
    };
    (0..count).map(variation).collect()
}

struct Answer {
    base: HashMap<String, f64>,
    outcomes: Vec<v1::Outcome>,
    summary: v1::EvaluationSummary,
}

async fn batch(client: &mut EvaluationServiceClient<Channel>, request: v1::EvaluateBatchRequest) -> Answer {
    let answer = client.evaluate_batch(request).await.unwrap().into_inner();
    let mut events: Vec<_> = answer.map(|event| event.unwrap().response.unwrap()).collect().await;
    let Some(Response::Summary(summary)) = events.pop() else { panic!("the summary is last") };
    let Response::Header(header) = events.remove(0) else { panic!("the header is first") };
    let names: Vec<_> = header.stats.iter().map(|stat| stat.name.clone()).collect();
    assert_eq!(names, STATS, "what only an expression asks for is not shown");
    let base = names.into_iter().zip(header.base_stats.unwrap().values).collect();
    let outcome = |event| match event {
        Response::Outcome(outcome) => outcome,
        other => panic!("{other:?}"),
    };
    Answer { base, outcomes: events.into_iter().map(outcome).collect(), summary }
}

fn request(variations: Vec<v1::Variation>, reduction: Option<v1::Reduction>) -> v1::EvaluateBatchRequest {
    v1::EvaluateBatchRequest {
        base: Some(v1::Base { build: Some(v1::base::Build::Xml(common::WITCH.into())), engine: String::new() }),
        variations,
        stats: Some(v1::StatSelection { names: STATS.map(str::to_owned).to_vec(), preset: 0 }),
        reduction,
        ..Default::default()
    }
}

fn expression(text: &str) -> v1::Objective {
    v1::Objective { measure: Some(v1::objective::Measure::Expression(text.into())), minimize: false }
}

fn values(outcome: &v1::Outcome) -> Option<[f64; 3]> {
    match outcome.result.as_ref().unwrap() {
        Of::Stats(stats) => Some(stats.values.clone().try_into().unwrap()),
        Of::Failure(_) => None,
    }
}

fn ids(outcomes: &[v1::Outcome]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome.variation_id.as_str()).collect()
}

async fn client() -> (Front, EvaluationServiceClient<Channel>) {
    let front = Front::start(common::settings()).await;
    let client = EvaluationServiceClient::new(connect(&front.url).await);
    (front, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_top_and_the_front_are_what_a_client_computes_from_every_outcome() {
    let (_front, mut client) = client().await;
    let list = variations(400);
    let Answer { base, mut outcomes, summary } = batch(&mut client, request(list.clone(), None)).await;
    outcomes.sort_by_key(|outcome| outcome.index);
    assert_eq!((outcomes.len(), summary.sent), (400, 400));

    // The constraint and the objectives, written down once more.
    let constraint = |[life, dps, _]: [f64; 3]| life >= 1000.0 && dps >= base["TotalDPS"];
    let good: Vec<_> = outcomes.iter().filter(|outcome| values(outcome).is_some_and(constraint)).collect();
    let constraints = vec!["Life >= 1000".to_owned(), "TotalDPS - base(TotalDPS) >= 0".to_owned()];

    let mut best = good.clone();
    let score = |outcome: &v1::Outcome| {
        let [life, dps, _] = values(outcome).unwrap();
        2.0 * (life / base["Life"]) + 1.0 * (dps / base["TotalDPS"])
    };
    best.sort_by(|a, b| score(b).partial_cmp(&score(a)).unwrap().then(a.index.cmp(&b.index)));
    let weighted = v1::Objective {
        measure: Some(v1::objective::Measure::WeightedSum(v1::WeightedSum {
            terms: vec![
                v1::WeightedStat { stat: "Life".into(), weight: 2.0 },
                v1::WeightedStat { stat: "TotalDPS".into(), weight: 1.0 },
            ],
            relative_to_base: true,
        })),
        minimize: false,
    };
    let reduction = v1::Reduction {
        constraints: constraints.clone(),
        objectives: vec![weighted],
        keep: Some(Keep::Top(20)),
        ..Default::default()
    };
    let top = batch(&mut client, request(list.clone(), Some(reduction))).await;
    let expected: Vec<_> = best.iter().take(20).map(|outcome| outcome.variation_id.as_str()).collect();
    assert_eq!(ids(&top.outcomes), expected);
    for (got, wanted) in top.outcomes.iter().zip(&best) {
        assert_eq!(values(got).map(|v| v.map(f64::to_bits)), values(wanted).map(|v| v.map(f64::to_bits)));
        assert_eq!(got.scores[0].to_bits(), score(wanted).to_bits());
    }
    assert_eq!((top.summary.sent, top.summary.succeeded, top.summary.failed), (20, summary.succeeded, summary.failed));
    assert_eq!(top.summary.infeasible, summary.succeeded - good.len() as u64);

    // Both grow with the level, and less of one is asked for; a stat that the client does not see takes part.
    let goals = |outcome: &v1::Outcome| {
        let [life, _, ehp] = values(outcome).unwrap();
        (-ehp, life)
    };
    let outdone = |one: &v1::Outcome| {
        let (a, b) = goals(one);
        good.iter().any(|other| {
            let (x, y) = goals(other);
            x >= a && y >= b && (x > a || y > b || other.index < one.index)
        })
    };
    let mut front: Vec<_> = good.iter().copied().filter(|one| !outdone(one)).collect();
    front.sort_by(|a, b| goals(b).0.partial_cmp(&goals(a).0).unwrap_or(Ordering::Equal));
    let reduction = v1::Reduction {
        constraints: [constraints, vec!["Mana > 0".to_owned()]].concat(),
        objectives: vec![v1::Objective { minimize: true, ..expression("TotalEHP") }, expression("max(Life, 0)")],
        keep: Some(Keep::ParetoFront(100)),
        ..Default::default()
    };
    let got = batch(&mut client, request(list, Some(reduction))).await;
    assert_eq!(ids(&got.outcomes), front.iter().map(|outcome| outcome.variation_id.as_str()).collect::<Vec<_>>());
    assert!(got.outcomes.len() > 1 && !got.summary.front_truncated);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bound_what_meets_the_constraints_streams_and_failures_only_on_demand() {
    let (_front, mut client) = client().await;
    let list = variations(100);
    let all = batch(&mut client, request(list.clone(), None)).await;
    let good = |outcome: &v1::Outcome| values(outcome).is_some_and(|[life, ..]| life > 1300.0);
    for with_failures in [false, true] {
        let reduction = v1::Reduction { constraints: vec!["Life > 1300".into()], with_failures, ..Default::default() };
        let mut request = request(list.clone(), Some(reduction));
        request.options = Some(v1::EvaluationOptions { ordered: true, ..Default::default() });
        let got = batch(&mut client, request).await;
        let mut expected: Vec<_> = all
            .outcomes
            .iter()
            .filter(|outcome| good(outcome) || (with_failures && values(outcome).is_none()))
            .collect();
        expected.sort_by_key(|outcome| outcome.index);
        assert_eq!(ids(&got.outcomes), expected.iter().map(|one| one.variation_id.as_str()).collect::<Vec<_>>());
        assert!(got.outcomes.iter().all(|outcome| outcome.scores.is_empty()));
        assert_eq!(got.summary.sent, got.outcomes.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_it_is_enough() {
    let (_front, mut client) = client().await;
    let reduction = v1::Reduction {
        objectives: vec![expression("Life")],
        keep: Some(Keep::Top(1)),
        stop: Some(v1::EarlyStop { score: Some(1.0), without_improvement: 0 }),
        ..Default::default()
    };
    let got = batch(&mut client, request(variations(5000), Some(reduction))).await;
    assert!(got.summary.stopped_early);
    assert_eq!(got.outcomes.len(), 1);
    assert!(got.summary.succeeded + got.summary.failed < 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reduction_that_makes_no_sense_is_refused_with_its_field() {
    let (_front, mut client) = client().await;
    let objectives = vec![expression("Life")];
    for (reduction, field) in [
        (
            v1::Reduction { constraints: vec!["1".into(), "Life >".into()], ..Default::default() },
            "reduction.constraints[1]: it ends early, at byte 6",
        ),
        (
            v1::Reduction { objectives: vec![expression("Lief")], ..Default::default() },
            "reduction.objectives[0].expression",
        ),
        (
            v1::Reduction { objectives: vec![expression("MainSkill")], ..Default::default() },
            "reduction.objectives[0].expression",
        ),
        (v1::Reduction { objectives: vec![v1::Objective::default()], ..Default::default() }, "reduction.objectives[0]"),
        (v1::Reduction { keep: Some(Keep::Top(1)), ..Default::default() }, "reduction.objectives"),
        (
            v1::Reduction { objectives: objectives.clone(), keep: Some(Keep::Top(0)), ..Default::default() },
            "reduction.top",
        ),
        (
            v1::Reduction {
                objectives: objectives.clone(),
                keep: Some(Keep::ParetoFront(1 << 20)),
                ..Default::default()
            },
            "reduction.pareto_front",
        ),
        (v1::Reduction { constraints: vec!["1".into(); 33], ..Default::default() }, "reduction"),
        (v1::Reduction { constraints: vec!["(".repeat(5000)], ..Default::default() }, "reduction.constraints[0]"),
        (
            v1::Reduction {
                objectives,
                stop: Some(v1::EarlyStop { score: Some(f64::NAN), without_improvement: 0 }),
                ..Default::default()
            },
            "reduction.stop.score",
        ),
    ] {
        let status = client.evaluate_batch(request(variations(1), Some(reduction))).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().contains(field), "{field}: {status}");
    }
}
