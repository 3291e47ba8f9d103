//! Scenarios over real gRPC, on the sample engine: each result is that of the varied base under the scenario alone.
#![allow(clippy::float_cmp, reason = "bit for bit is meant")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::collections::HashMap;

use common::{
    chance::{Chance, seed},
    front::{Front, connect, message},
};
use pobatch::{
    build::{
        outcome::{FailureReason, StatValue},
        scenario::Scenario,
        variation::Variation,
    },
    grpc::convert::{Columns, failure_from_proto, variation_to_proto},
    grpc::server::Patience,
    proto::v1::{
        self, evaluate_batch_response, evaluate_stream_request, evaluate_stream_response, evaluate_sweep_response,
        evaluation_service_client::EvaluationServiceClient, outcome, scenario_result,
    },
    supervisor::Settings,
};
use tokio_stream::StreamExt as _;
use tonic::{Code, transport::Channel};

type Client = EvaluationServiceClient<Channel>;

/// Values by name as bits, so that equal means equal; or the reason of the failure and its field.
type Of = Result<Vec<(String, String)>, (FailureReason, String)>;

fn witch() -> v1::Base {
    v1::Base { build: Some(v1::base::Build::Xml(common::WITCH.into())), engine: String::new() }
}

fn all() -> v1::StatSelection {
    v1::StatSelection { names: Vec::new(), preset: v1::StatPreset::All.into() }
}

fn variation(json: &str) -> Variation {
    serde_json::from_str(json).unwrap()
}

fn scenario(name: &str, json: &str) -> Scenario {
    Scenario { name: name.into(), variation: variation(json) }
}

fn told(scenarios: &[Scenario]) -> Vec<v1::Scenario> {
    let told = |scenario: &Scenario| v1::Scenario {
        name: scenario.name.clone(),
        variation: Some(variation_to_proto("means nothing".into(), &scenario.variation)),
    };
    scenarios.iter().map(told).collect()
}

fn bits(layout: &[v1::ResolvedStat], stats: &v1::Stats) -> Vec<(String, String)> {
    let bits = |value| match value {
        StatValue::Number(number) => format!("{:x}", number.to_bits()),
        other => format!("{other:?}"),
    };
    Columns::of(layout).values(stats).into_iter().map(|(name, value)| (name.to_string(), bits(value))).collect()
}

fn failed(failure: &v1::Failure) -> (FailureReason, String) {
    let failure = failure_from_proto(failure.clone());
    (failure.reason, failure.field)
}

fn under_each(layout: &[v1::ResolvedStat], outcome: &v1::Outcome) -> Vec<Of> {
    assert!(outcome.result.is_none(), "the scenarios say it");
    let of = |result: &v1::ScenarioResult| match result.result.as_ref().unwrap() {
        scenario_result::Result::Stats(stats) => Ok(bits(layout, stats)),
        scenario_result::Result::Failure(failure) => Err(failed(failure)),
    };
    outcome.scenarios.iter().map(of).collect()
}

/// The answer of a batch: header, outcomes by index, summary.
async fn batch(
    client: &mut Client,
    request: v1::EvaluateBatchRequest,
) -> (v1::EvaluationHeader, Vec<v1::Outcome>, v1::EvaluationSummary) {
    use evaluate_batch_response::Response;
    let answer = client.evaluate_batch(request).await.unwrap().into_inner();
    let mut events: Vec<_> = answer.map(|event| event.unwrap().response.unwrap()).collect().await;
    let Some(Response::Summary(summary)) = events.pop() else { panic!("the summary is last") };
    let Response::Header(header) = events.remove(0) else { panic!("the header is first") };
    let outcome = |event| match event {
        Response::Outcome(outcome) => outcome,
        other => panic!("{other:?}"),
    };
    let mut outcomes: Vec<_> = events.into_iter().map(outcome).collect();
    outcomes.sort_by_key(|outcome| outcome.index);
    (header, outcomes, summary)
}

/// What one call without scenarios says of one variation; the change sets are put together here, by hand.
async fn alone(client: &mut Client, variation: &Variation) -> Of {
    let variation = Some(variation_to_proto(String::new(), variation));
    let request = v1::EvaluateRequest { base: Some(witch()), variation, stats: Some(all()), ..Default::default() };
    let answer = client.evaluate(request).await.unwrap().into_inner();
    match answer.outcome.unwrap().result.unwrap() {
        outcome::Result::Stats(stats) => Ok(bits(&answer.header.unwrap().stats, &stats)),
        outcome::Result::Failure(failure) => Err(failed(&failure)),
    }
}

async fn client() -> (Front, Client) {
    let front = Front::start(Settings { faults: false, ..common::settings() }).await;
    let client = EvaluationServiceClient::new(connect(&front.url).await);
    (front, client)
}

/// Options that a scenario or a variation may set, with values of which some are wrong.
const OPTIONS: [(&str, &[&str]); 6] = [
    ("enemyIsBoss", &["\"None\"", "\"Boss\"", "\"Uber\"", "\"Whale\""]),
    ("conditionLowLife", &["true", "false"]),
    ("usePowerCharges", &["true", "false"]),
    ("enemyLevel", &["50", "84"]),
    ("enemyShock", &["0", "30"]),
    ("resistancePenalty", &["0", "-30"]),
];

fn options(chance: &mut Chance, share: usize) -> String {
    let mut list = Vec::new();
    for (name, values) in OPTIONS {
        if chance.per_cent(share) {
            list.push(format!("\"{name}\":{}", chance.pick(values)));
        }
    }
    format!("\"config\":{{{}}}", list.join(","))
}

fn random_variation(chance: &mut Chance) -> Variation {
    let nodes = [404, 222, 321, 322, 406, 313, 305, 306];
    let mut parts = vec![options(chance, 15)];
    if chance.per_cent(70) {
        parts.push(format!("\"allocate\":[{}]", chance.pick(&nodes)));
    }
    if chance.per_cent(30) {
        parts.push(format!("\"level\":{}", 60 + chance.below(45)));
    }
    variation(&format!("{{{}}}", parts.join(",")))
}

fn random_scenario(chance: &mut Chance, index: usize) -> Scenario {
    loop {
        let mut parts = vec![options(chance, 40)];
        if chance.per_cent(20) {
            parts.push("\"allocate\":[404]".to_owned());
        }
        if chance.per_cent(20) {
            parts.push(format!("\"level\":{}", 60 + chance.below(40)));
        }
        let text = format!("{{{}}}", parts.join(","));
        // One that the base does not take fails the call; another test says so.
        if !text.contains("Whale") {
            return scenario(&format!("s{index}"), &text);
        }
    }
}

/// Both together, or the first field of which both say something, in the order of the message.
fn together(ours: &Variation, theirs: &Variation) -> Result<Variation, String> {
    let mut both = ours.clone();
    if let Some(level) = theirs.level {
        if ours.level.is_some() {
            return Err("level".into());
        }
        both.level = Some(level);
    }
    if let Some(index) = ours.allocate.iter().position(|node| theirs.allocate.contains(node)) {
        return Err(format!("allocate[{index}]"));
    }
    both.allocate.extend(&theirs.allocate);
    for (option, value) in &theirs.config {
        if both.config.insert(option.clone(), value.clone()).is_some() {
            return Err(format!("config.{option}"));
        }
    }
    Ok(both)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_the_same_as_computing_each_scenario_by_its_own_call() {
    let (_front, mut client) = client().await;
    let mut chance = Chance::new(seed("POBATCH_SCENARIO_SEED"));
    let (mut values, mut contradictions) = (0, 0);
    for round in 0..6 {
        let scenarios: Vec<_> = (0..=chance.below(4)).map(|index| random_scenario(&mut chance, index)).collect();
        let variations: Vec<_> = (0..25).map(|_| random_variation(&mut chance)).collect();
        let request = v1::EvaluateBatchRequest {
            base: Some(witch()),
            variations: variations.iter().map(|one| variation_to_proto(String::new(), one)).collect(),
            stats: Some(all()),
            scenarios: told(&scenarios),
            options: Some(v1::EvaluationOptions { ordered: round % 2 == 0, ..Default::default() }),
            ..Default::default()
        };
        let (header, outcomes, summary) = batch(&mut client, request).await;
        assert_eq!(outcomes.len(), variations.len());
        for (base, scenario) in header.scenarios.iter().zip(&scenarios) {
            assert_eq!(base.name, scenario.name);
            let of_base = Ok(bits(&header.stats, base.base_stats.as_ref().unwrap()));
            assert_eq!(of_base, alone(&mut client, &scenario.variation).await);
        }
        let mut failures = 0;
        for (outcome, variation) in outcomes.iter().zip(&variations) {
            let results = under_each(&header.stats, outcome);
            assert_eq!(results.len(), scenarios.len());
            failures += u64::from(results.iter().any(Result::is_err));
            for (result, scenario) in results.into_iter().zip(&scenarios) {
                let refused = variation.level.is_some_and(|level| level > 100);
                match together(variation, &scenario.variation) {
                    Err(_) if refused => assert_eq!(result.unwrap_err().1, "level"),
                    // Of several, the first is told; maps come in the order of their keys in both.
                    Err(field) => {
                        contradictions += 1;
                        assert_eq!(result, Err((FailureReason::InvalidVariation, field)));
                    }
                    Ok(both) => {
                        values += usize::from(result.is_ok());
                        assert_eq!(result, alone(&mut client, &both).await, "{both:?}");
                    }
                }
            }
        }
        assert_eq!((summary.failed, summary.succeeded), (failures, variations.len() as u64 - failures));
    }
    assert!(values > 50 && contradictions > 5, "{values} with values, {contradictions} contradictions");
}

/// Two scenarios between which the sample engine sees a difference.
fn map_and_boss() -> Vec<Scenario> {
    vec![scenario("map", "{}"), scenario("boss", r#"{"config":{"enemyIsBoss":"Uber","enemyColdResist":50}}"#)]
}

fn life_and_dps() -> v1::StatSelection {
    v1::StatSelection { names: vec!["Life".into(), "TotalDPS".into()], preset: 0 }
}

fn packed(result: &v1::ScenarioResult) -> Vec<f64> {
    match result.result.as_ref().unwrap() {
        scenario_result::Result::Stats(stats) => stats.values.clone(),
        scenario_result::Result::Failure(failure) => panic!("{failure:?}"),
    }
}

fn passives() -> v1::Sweep {
    v1::Sweep { family: Some(v1::sweep::Family::Passives(v1::PassiveSweep { distance_max: 3 })) }
}

async fn sweep(client: &mut Client, request: v1::EvaluateSweepRequest) -> (v1::EvaluationHeader, Vec<v1::Outcome>) {
    use evaluate_sweep_response::Response;
    let answer = client.evaluate_sweep(request).await.unwrap().into_inner();
    let events: Vec<_> = answer.map(|event| event.unwrap().response.unwrap()).collect().await;
    let mut header = None;
    let mut outcomes = Vec::new();
    for event in events {
        match event {
            Response::Header(first) => header = Some(first),
            Response::Outcome(outcome) => outcomes.push(outcome),
            Response::Summary(_) => {}
        }
    }
    (header.unwrap(), outcomes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reduction_scores_a_variation_by_stats_of_scenarios() {
    let (_front, mut client) = client().await;
    let whole = v1::EvaluateSweepRequest {
        base: Some(witch()),
        sweeps: vec![passives()],
        stats: Some(life_and_dps()),
        scenarios: told(&map_and_boss()),
        ..Default::default()
    };
    let (header, all) = sweep(&mut client, whole.clone()).await;
    let base_boss = header.scenarios[1].base_stats.as_ref().unwrap().values[1];
    assert_ne!(base_boss.to_bits(), header.scenarios[0].base_stats.as_ref().unwrap().values[1].to_bits());

    // What the expression says, written down once more.
    let score = |outcome: &v1::Outcome| {
        let (map, boss) = (packed(&outcome.scenarios[0]), packed(&outcome.scenarios[1]));
        boss[1] / base_boss + map[0] / 10_000.0
    };
    let mut best: Vec<_> = all.iter().map(|outcome| (score(outcome), outcome.index)).collect();
    best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let text = "boss.TotalDPS / base(boss.TotalDPS) + map.Life / 10000";
    let objective = v1::objective::Measure::Expression(text.into());
    let reduction = v1::Reduction {
        objectives: vec![v1::Objective { measure: Some(objective), minimize: false }],
        constraints: vec!["boss.TotalDPS > 0".into()],
        keep: Some(v1::reduction::Keep::Top(5)),
        ..Default::default()
    };
    let (_, top) =
        sweep(&mut client, v1::EvaluateSweepRequest { reduction: Some(reduction.clone()), ..whole.clone() }).await;
    let got: Vec<_> = top.iter().map(|outcome| (outcome.scores[0], outcome.index)).collect();
    assert_eq!(got, best[..5]);
    assert!(top.iter().all(|outcome| outcome.variation.is_some() && outcome.scenarios.len() == 2));

    for (text, says) in [("TotalDPS", "`map.TotalDPS`"), ("calm.Life", "`calm`"), ("boss.Lief", "`Lief`")] {
        let reduction = v1::Reduction { constraints: vec![text.into()], ..reduction.clone() };
        let request = v1::EvaluateSweepRequest { reduction: Some(reduction), ..whole.clone() };
        let status = client.evaluate_sweep(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(says) && status.message().contains("constraints[0]"), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_to_the_base_under_the_same_scenario() {
    let (_front, mut client) = client().await;
    let request = |difference_to_base| v1::EvaluateRequest {
        base: Some(witch()),
        variation: Some(variation_to_proto("up".into(), &variation(r#"{"level":95}"#))),
        stats: Some(life_and_dps()),
        options: Some(v1::EvaluationOptions { difference_to_base, ..Default::default() }),
        scenarios: told(&map_and_boss()),
    };
    let values = client.evaluate(request(false)).await.unwrap().into_inner();
    let differences = client.evaluate(request(true)).await.unwrap().into_inner();
    let header = values.header.unwrap();
    let (values, differences) = (values.outcome.unwrap(), differences.outcome.unwrap());
    assert_eq!(values.variation_id, "up");
    for (place, base) in header.scenarios.iter().enumerate() {
        let base = &base.base_stats.as_ref().unwrap().values;
        let (value, difference) = (packed(&values.scenarios[place]), packed(&differences.scenarios[place]));
        let expected: Vec<_> = value.iter().zip(base).map(|(value, base)| (value - base).to_bits()).collect();
        assert_eq!(difference.iter().map(|one| one.to_bits()).collect::<Vec<_>>(), expected);
        assert!(difference[0] > 0.0, "a level is worth something");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_gives_one_outcome_for_each_variation_and_scenarios_count_in_the_metrics() {
    let (front, mut client) = client().await;
    let before = front.scrape().await.sum("pobatch_variations_total", &[]);
    let scenarios = told(&map_and_boss());
    let start = v1::EvaluateStreamStart {
        base: Some(witch()),
        stats: Some(life_and_dps()),
        scenarios,
        options: Some(v1::EvaluationOptions { ordered: true, ..Default::default() }),
        ..Default::default()
    };
    let mut requests =
        vec![v1::EvaluateStreamRequest { request: Some(evaluate_stream_request::Request::Start(start)) }];
    // One is refused as a whole, one contradicts the second scenario.
    let lines = [r#"{"level":90}"#, r#"{"level":101}"#, r#"{"config":{"enemyIsBoss":"Boss"}}"#, "{}"];
    requests.extend(lines.iter().map(|line| message(line, &variation(line))));
    let answer = client.evaluate_stream(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let events: Vec<_> = answer.map(|event| event.unwrap().response.unwrap()).collect().await;
    let outcomes: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            evaluate_stream_response::Response::Outcome(outcome) => Some(outcome),
            _ => None,
        })
        .collect();
    let ids: Vec<_> = outcomes.iter().map(|outcome| outcome.variation_id.as_str()).collect();
    assert_eq!(ids, lines);
    let failures: Vec<Vec<bool>> = outcomes
        .iter()
        .map(|outcome| {
            let failed = |of: &v1::ScenarioResult| matches!(of.result, Some(scenario_result::Result::Failure(_)));
            outcome.scenarios.iter().map(failed).collect()
        })
        .collect();
    assert_eq!(failures, [[false, false], [true, true], [false, true], [false, false]]);
    let Some(evaluate_stream_response::Response::Summary(summary)) = events.last() else { panic!("{events:?}") };
    assert_eq!((summary.succeeded, summary.failed, summary.sent), (2, 2, 4));
    // Two for the base under each, and two for each variation.
    let after = front.scrape().await.sum("pobatch_variations_total", &[]);
    assert_eq!(after - before, 10.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn scenarios_that_make_no_sense_fail_the_call_with_their_field() {
    let (_front, mut client) = client().await;
    let many: Vec<_> = (0..17).map(|index| scenario(&format!("s{index}"), "{}")).collect();
    for (scenarios, field) in [
        (many, "--scenarios-max"),
        (vec![scenario("a b", "{}")], "scenarios[0].name"),
        (vec![scenario("", "{}")], "scenarios[0].name"),
        (vec![scenario("a", "{}"), scenario("a", "{}")], "scenarios[1].name"),
        (vec![scenario("a", r#"{"level":101}"#)], "scenarios[0].variation.level"),
        (
            vec![scenario("a", "{}"), scenario("b", r#"{"config":{"enemyIsBoss":"Whale"}}"#)],
            "scenarios[1].variation.config.enemyIsBoss",
        ),
    ] {
        let request = v1::EvaluateRequest { base: Some(witch()), scenarios: told(&scenarios), ..Default::default() };
        let status = client.evaluate(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().contains(field), "{field}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_variations_under_many_scenarios_pass_through_a_narrow_session() {
    // Fewer may be in flight than a single variation has evaluations.
    let limits = pobatch::build::limits::Limits { in_flight: 2, ..Default::default() };
    let front = Front::start_with(Settings { faults: false, ..common::settings() }, limits, Patience::default()).await;
    let mut client = EvaluationServiceClient::new(connect(&front.url).await);
    let scenarios: Vec<_> = (0..5)
        .map(|index| scenario(&format!("s{index}"), &format!(r#"{{"config":{{"enemyLevel":{}}}}}"#, 70 + index)))
        .collect();
    let variations = (0..200)
        .map(|index| variation_to_proto(index.to_string(), &variation(&format!(r#"{{"level":{}}}"#, 1 + index % 99))));
    let request = v1::EvaluateBatchRequest {
        base: Some(witch()),
        variations: variations.collect(),
        scenarios: told(&scenarios),
        options: Some(v1::EvaluationOptions { ordered: true, ..Default::default() }),
        ..Default::default()
    };
    let (_, outcomes, summary) = batch(&mut client, request).await;
    let by_id: HashMap<_, _> = outcomes.iter().map(|outcome| (outcome.index, outcome.scenarios.len())).collect();
    assert!(by_id.len() == 200 && by_id.values().all(|&count| count == 5));
    assert_eq!(summary.succeeded, 200);
}
