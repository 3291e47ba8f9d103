//! Explanations by a whole server with Path of Building: of the evaluated value, of PoB's own words, and without a trace in
//! what is evaluated. Skipped loudly without PoB.
#![allow(clippy::float_cmp, reason = "bit for bit is meant")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
mod pob_places;

use common::front::{Front, connect};
use pob_places::{booted, loaded, places, xml};
use pobatch::{
    build::{outcome::StatValue, variation::Variation},
    grpc::convert::{Columns, value_from_proto, variation_to_proto},
    proto::v1::{
        self, ExplanationState as State, catalog_service_client::CatalogServiceClient,
        evaluation_service_client::EvaluationServiceClient, outcome,
    },
    supervisor::{EngineChoice, Settings},
};
use tonic::{Code, transport::Channel};
use tonic_types::StatusExt as _;

/// A few of each kind; some go the plain path.
const VARIATIONS: [&str; 5] = [
    "{}",
    r#"{"level":90}"#,
    r#"{"config":{"enemyIsBoss":"None"},"custom_mods":"+100 to maximum Life"}"#,
    r#"{"items":[{"slot":"Ring 1","empty":true}],"flasks":[{"slot":"Flask 1","active":true}]}"#,
    r#"{"ascendancy":"None"}"#,
];
const STATS: [&str; 8] = ["Life", "TotalDPS", "CombinedDPS", "Speed", "FireResist", "Armour", "CritChance", "TotalEHP"];

fn base(xml: &str) -> v1::Base {
    v1::Base { build: Some(v1::base::Build::Xml(xml.into())), engine: String::new() }
}

fn variation(json: &str) -> v1::Variation {
    variation_to_proto(String::new(), &serde_json::from_str::<Variation>(json).unwrap())
}

fn bits(value: &StatValue) -> String {
    match value {
        StatValue::Number(number) => format!("{:x}", number.to_bits()),
        other => format!("{other:?}"),
    }
}

async fn evaluated(channel: &Channel, xml: &str, json: &str) -> Vec<(String, String)> {
    let stats = Some(v1::StatSelection { names: Vec::new(), preset: v1::StatPreset::All.into() });
    let request =
        v1::EvaluateRequest { base: Some(base(xml)), variation: Some(variation(json)), stats, ..Default::default() };
    let answer = EvaluationServiceClient::new(channel.clone()).evaluate(request).await.unwrap().into_inner();
    let outcome::Result::Stats(stats) = answer.outcome.unwrap().result.unwrap() else { panic!("{json} failed") };
    let values = Columns::of(&answer.header.unwrap().stats).values(&stats);
    values.into_iter().map(|(name, value)| (name.to_string(), bits(&value))).collect()
}

async fn explain(channel: &Channel, xml: &str, json: &str, stat: &str) -> Result<v1::ExplainResponse, tonic::Status> {
    let request = v1::ExplainRequest { base: Some(base(xml)), variation: Some(variation(json)), stat: stat.to_owned() };
    let mut client = CatalogServiceClient::new(channel.clone()).max_decoding_message_size(16 << 20);
    client.explain(request).await.map(tonic::Response::into_inner)
}

/// What PoB adds up for life, by its modifiers.
fn added_up(sections: &[v1::ExplanationSection]) -> f64 {
    let numbers = |title: &str| -> Vec<f64> {
        let of = sections.iter().filter(|section| section.title == title);
        of.flat_map(|section| section.modifiers.iter().map(|modifier| modifier.number.unwrap())).collect()
    };
    let more: f64 = numbers("Life: Total More").iter().map(|per_cent| 1.0 + per_cent / 100.0).product();
    let increased: f64 = numbers("Life: Total Increased").iter().sum();
    numbers("Life: Total Base").iter().sum::<f64>() * (1.0 + increased / 100.0) * more
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_explained_is_what_is_evaluated_and_evaluating_does_not_notice() {
    let Some(places) = places() else { return };
    let engines = EngineChoice::Pob(places.pob.clone()).alone();
    let front = Front::start(Settings { engines, faults: false, ..common::settings() }).await;
    let channel = connect(&front.url).await;
    for build in ["occ-vortex", "dual-wield-coc"] {
        let xml = xml(&places, build);
        let before = evaluated(&channel, &xml, "{}").await;
        for json in VARIATIONS {
            let values = evaluated(&channel, &xml, json).await;
            for stat in STATS.iter().take(if json == "{}" { STATS.len() } else { 2 }) {
                let said = explain(&channel, &xml, json, stat).await.unwrap();
                let value = said.value.as_ref().and_then(value_from_proto).unwrap();
                let expected = &values.iter().find(|(name, _)| name == stat).unwrap().1;
                assert_eq!(bits(&value), *expected, "{build} {json} {stat}");
                assert_eq!(said.state() == State::Explained, !said.sections.is_empty());
                if let ("Life", StatValue::Number(life)) = (*stat, value) {
                    assert_eq!(added_up(&said.sections).round(), life, "{build} {json}: {:?}", said.sections);
                }
            }
        }
        assert_eq!(evaluated(&channel, &xml, "{}").await, before);
    }
    let status = front.supervisor.status().await.unwrap();
    assert_eq!((status.counters.drifts, status.counters.mismatches), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_explanation_says_so_and_what_makes_no_sense_is_refused() {
    let Some(places) = places() else { return };
    let engines = EngineChoice::Pob(places.pob.clone()).alone();
    let front = Front::start(Settings { engines, faults: false, ..common::settings() }).await;
    let channel = connect(&front.url).await;
    let xml = xml(&places, "occ-vortex");
    assert_eq!(explain(&channel, &xml, "{}", "Life").await.unwrap().state(), State::Explained);
    let sum = explain(&channel, &xml, "{}", "CombinedDPS").await.unwrap();
    assert_eq!((sum.state(), sum.sections.len()), (State::Unexplained, 0));
    assert!(sum.value.is_some());
    let absent = explain(&channel, &xml, "{}", "MineLayingTime").await;
    let unknown = explain(&channel, &xml, "{}", "Lief").await.unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
    assert_eq!(unknown.get_details_error_info().unwrap().reason, "UNKNOWN_STAT");
    match absent {
        Ok(absent) => assert_eq!((absent.state(), absent.value), (State::Absent, None)),
        Err(status) => assert_eq!(status.get_details_error_info().unwrap().reason, "UNKNOWN_STAT"),
    }
    for (json, field) in [
        (r#"{"level":101}"#, "variation.level"),
        (r#"{"items":[{"slot":"Ring 9","empty":true}]}"#, "variation.items[0]"),
    ] {
        let status = explain(&channel, &xml, json, "Life").await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(field), "{status}");
    }
}

/// Every table and text that PoB has for a build passes through; in this process, which is quicker.
#[test]
fn every_stat_of_a_build_gets_an_answer() {
    let Some(places) = places() else { return };
    let mut vm = booted(&places);
    let stats = loaded(&places, &mut vm, "dual-wield-coc");
    let mut explained = 0;
    let mut kinds = [0; 3];
    for stat in stats.keys() {
        let argument = serde_json::json!({ "stat": stat }).to_string();
        let json = vm.inquire("explain", argument.as_bytes()).unwrap_or_else(|error| panic!("{stat}: {error}"));
        let sections: Vec<v1::ExplanationSection> = serde_json::from_str(&String::from_utf8_lossy(&json)).unwrap();
        explained += usize::from(!sections.is_empty());
        for section in sections {
            let has = [!section.lines.is_empty(), section.table.is_some(), !section.modifiers.is_empty()];
            assert_eq!(has.iter().filter(|&&has| has).count(), 1, "{stat}: {section:?}");
            kinds.iter_mut().zip(has).for_each(|(count, has)| *count += usize::from(has));
            let table = section.table.unwrap_or_default();
            assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()), "{stat}");
        }
    }
    assert!(explained > 100 && kinds.iter().all(|&count| count > 10), "{explained}: {kinds:?}");
}
