use super::*;
use crate::build::{
    scenario::Scenario,
    variation::{ConfigValue, Variation},
};

/// As many scenarios, more than may be in flight at once; each says a mana of its own.
fn under_scenarios(plan: &mut Plan) {
    let variation = |shock: u32| Variation {
        config: [("enemyShock".to_owned(), ConfigValue::Number(shock.into()))].into(),
        ..Variation::default()
    };
    let scenario = |shock: u32| Scenario { name: format!("s{shock}"), variation: variation(shock) };
    plan.scenarios = Scenarios::of((0..SCENARIOS).map(scenario).collect());
    plan.terms.with_scenarios = true;
    plan.terms.base = vec![plan.terms.layout.base().clone(); SCENARIOS as usize];
}

const SCENARIOS: u32 = 3;

#[tokio::test(start_paused = true)]
async fn a_variation_under_scenarios_has_one_outcome_when_the_last_of_them_is_answered() {
    let mut running = Running::start(under_scenarios).await;
    running.assert_header().await;
    running.send(7);
    let mut seen = 0;
    let mut held = Vec::new();
    while let Some(items) = running.work().await {
        for item in items {
            assert_eq!(fixture::variation(&item).config.len(), 1);
            seen += 1;
            // One is kept back, so the others must not be told.
            if held.is_empty() { held.push(item) } else { answer(item) }
        }
    }
    assert_eq!(seen, SCENARIOS, "more than {IN_FLIGHT} in flight, one after the other");
    held.into_iter().for_each(answer);
    let outcome = running.outcome().await;
    assert_eq!((outcome.variation_id.as_str(), outcome.scenarios.len()), ("v7", 3));
    assert!(outcome.result.is_none() && outcome.shard.is_none());
    running.half_close();
    let summary = running.summary().await;
    assert_eq!((summary.succeeded, summary.failed), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drains_evaluates_a_variation_under_all_scenarios_or_none() {
    let draining = CancellationToken::new();
    let mut running = Running::start(|plan| {
        under_scenarios(plan);
        plan.draining = draining.clone();
    })
    .await;
    running.assert_header().await;
    running.send(7);
    let first = running.work().await.unwrap();
    draining.cancel();
    running.send(8);
    first.into_iter().for_each(answer);
    // The session ends with the last of them.
    loop {
        match tokio::time::timeout(NEVER, next(&mut running.driver)).await {
            Ok(Some(Next::Work(items))) => items.into_iter().for_each(answer),
            Ok(Some(Next::Closed)) => break,
            other => panic!("{other:?}"),
        }
    }
    let outcome = running.outcome().await;
    assert_eq!((outcome.variation_id.as_str(), outcome.scenarios.len()), ("v7", 3));
    assert!(matches!(running.event().await, Some(Ok(Event::Summary(summary))) if summary.succeeded == 1));
    running.assert_fails(Code::Unavailable).await;
}

#[tokio::test(start_paused = true)]
async fn a_variation_that_makes_no_sense_makes_none_under_any_scenario() {
    let mut running = Running::start(under_scenarios).await;
    running.assert_header().await;
    running.send(101);
    let outcome = running.outcome().await;
    let is_refused = |of: &v1::ScenarioResult| match &of.result {
        Some(v1::scenario_result::Result::Failure(failure)) => failure.field_path == "level",
        _ => false,
    };
    assert!(outcome.scenarios.len() == 3 && outcome.scenarios.iter().all(is_refused));
    running.half_close();
    let summary = running.summary().await;
    assert_eq!((summary.succeeded, summary.failed, summary.failures[0].count), (0, 1, 1));
}
