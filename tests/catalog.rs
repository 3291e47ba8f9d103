//! The catalogue over real gRPC, on the sample engine: what it says is what evaluating shows.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::collections::BTreeMap;

use common::front::{Front, connect};
use pobatch::{
    build::{code, limits::Limits, outcome::StatValue, variation::Variation},
    grpc::convert::{stats_from_proto, variation_to_proto},
    proto::v1::{
        self, catalog_service_client::CatalogServiceClient, evaluation_service_client::EvaluationServiceClient,
        outcome::Result as Of,
    },
    supervisor::Settings,
};
use tonic::{Code, transport::Channel};

/// A server, and a connection to it.
struct Served {
    channel: Channel,
    _front: Front,
}

impl Served {
    fn evaluation(&self) -> EvaluationServiceClient<Channel> {
        EvaluationServiceClient::new(self.channel.clone())
    }

    fn catalog(&self) -> CatalogServiceClient<Channel> {
        CatalogServiceClient::new(self.channel.clone())
    }
}

async fn served() -> Served {
    let front = Front::start(Settings { bases_max: 32, ..common::settings() }).await;
    Served { channel: connect(&front.url).await, _front: front }
}

fn build(xml: &str) -> v1::Base {
    v1::Base { build: Some(v1::base::Build::Xml(xml.into())), engine: String::new() }
}

fn all() -> v1::StatSelection {
    v1::StatSelection { names: Vec::new(), preset: v1::StatPreset::All.into() }
}

/// Values by name, with numbers as bits: equal means equal.
fn bits(layout: &[v1::ResolvedStat], stats: &v1::Stats) -> BTreeMap<String, String> {
    let bits = |value| match value {
        StatValue::Number(number) => format!("{:x}", number.to_bits()),
        other => format!("{other:?}"),
    };
    stats_from_proto(layout, stats).into_iter().map(|(name, value)| (name, bits(value))).collect()
}

async fn evaluated(server: &Served, variation: v1::Variation) -> Result<BTreeMap<String, String>, v1::Failure> {
    let request = v1::EvaluateRequest {
        base: Some(build(common::WITCH)),
        variation: Some(variation),
        stats: Some(all()),
        ..Default::default()
    };
    let answer = server.evaluation().evaluate(request).await.unwrap().into_inner();
    match answer.outcome.unwrap().result.unwrap() {
        Of::Stats(stats) => Ok(bits(&answer.header.unwrap().stats, &stats)),
        Of::Failure(failure) => Err(failure),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_variation_loaded_from_scratch_has_exactly_its_stats() {
    let server = served().await;
    for line in include_str!("../examples/variations.jsonl").lines() {
        let variation = variation_to_proto(String::new(), &serde_json::from_str::<Variation>(line).unwrap());
        let expected = evaluated(&server, variation.clone()).await.unwrap();
        let request =
            v1::ExportBuildRequest { base: Some(build(common::WITCH)), variation: Some(variation), check: Some(all()) };
        let exported = server.catalog().export_build(request).await.unwrap().into_inner();
        assert_eq!(bits(&exported.stats, &exported.values.unwrap()), expected, "{line}");
        assert_eq!(code::decode(&exported.share_code, &Limits::default()).unwrap(), exported.xml);

        // What was written is a base like any other, under the name that was promised.
        let request =
            v1::EvaluateRequest { base: Some(build(&exported.xml)), stats: Some(all()), ..Default::default() };
        let answer = server.evaluation().evaluate(request).await.unwrap().into_inner();
        let header = answer.header.unwrap();
        assert_eq!(header.base_id, exported.base_id);
        assert_eq!(bits(&header.stats, &header.base_stats.unwrap()), expected, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_exported_fails_with_the_field_below_variation() {
    let server = served().await;
    for (line, field) in [
        (r#"{"level":101}"#, "variation.level"),
        (r#"{"items":[{"slot":"Third Arm","empty":true}]}"#, "variation.items[0].slot"),
    ] {
        let variation = variation_to_proto(String::new(), &serde_json::from_str::<Variation>(line).unwrap());
        let request =
            v1::ExportBuildRequest { base: Some(build(common::WITCH)), variation: Some(variation), check: None };
        let status = server.catalog().export_build(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(field), "{status}");
    }
    let check = Some(v1::StatSelection { names: vec!["Lief".into()], preset: 0 });
    let request = v1::ExportBuildRequest { base: Some(build(common::WITCH)), variation: None, check };
    let status = server.catalog().export_build(request).await.unwrap_err();
    assert!(status.message().contains("check.names[0]"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_build_comes_back_as_the_same_build() {
    let server = served().await;
    let base = v1::Base { build: Some(v1::base::Build::ShareCode(code::encode(common::WITCH))), engine: String::new() };
    let imported =
        server.catalog().import_build(v1::ImportBuildRequest { base: Some(base) }).await.unwrap().into_inner();
    let values = |xml: &str| {
        let request = v1::EvaluateRequest { base: Some(build(xml)), stats: Some(all()), ..Default::default() };
        let mut client = server.evaluation();
        async move {
            let header = client.evaluate(request).await.unwrap().into_inner().header.unwrap();
            bits(&header.stats, &header.base_stats.unwrap())
        }
    };
    assert_eq!(values(&imported.xml).await, values(common::WITCH).await);
    assert_eq!(code::decode(&imported.share_code, &Limits::default()).unwrap(), imported.xml);
}

#[tokio::test(flavor = "multi_thread")]
async fn passives_come_in_pages_and_within_a_distance() {
    let server = served().await;
    let list = |page_size, page_token: &str, distance_max| {
        let request = v1::ListPassivesRequest {
            base: Some(build(common::WITCH)),
            page_size,
            page_token: page_token.to_owned(),
            distance_max,
        };
        let mut client = server.catalog();
        async move { client.list_passives(request).await.map(tonic::Response::into_inner) }
    };
    let whole = list(0, "", None).await.unwrap();
    assert!(whole.passives.len() > 50 && whole.next_page_token.is_empty());
    assert!(whole.points.unwrap().used > 0);
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(7, &token, None).await.unwrap();
        assert!(page.passives.len() <= 7);
        pages.extend(page.passives);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, whole.passives);
    let near = list(0, "", Some(2)).await.unwrap().passives;
    assert!(near.len() < whole.passives.len());
    assert!(near.iter().all(|node| node.allocated || node.distance.unwrap() <= 2));
    assert_eq!(list(0, "nonsense", None).await.unwrap_err().code(), Code::InvalidArgument);
}
