//! The whole server on the sample engine, spoken to over real gRPC.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::collections::HashMap;

use pobatch::{
    build::{code, limits::Limits, variation::Variation},
    grpc::{
        convert::{Columns, variation_to_proto},
        server::router,
    },
    proto::v1::{
        self, evaluate_batch_response::Response, evaluation_service_client::EvaluationServiceClient,
        outcome::Result as Of,
    },
    supervisor::Supervisor,
    task,
};
use tokio::net::TcpListener;
use tokio_stream::{StreamExt as _, wrappers::TcpListenerStream};
use tonic::{Code, transport::Channel};

/// A server of two shards, and a client.
async fn start() -> (task::Owned, EvaluationServiceClient<Channel>) {
    let supervisor = Supervisor::start(common::settings()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, _health) = router(supervisor, Limits::default()).await.unwrap();
    let server = task::spawn_owned("server", async move {
        router.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
    });
    (server, EvaluationServiceClient::connect(format!("http://{address}")).await.unwrap())
}

fn witch(share_code: bool) -> v1::Base {
    let build = if share_code {
        v1::base::Build::ShareCode(code::encode(common::WITCH))
    } else {
        v1::base::Build::Xml(common::WITCH.into())
    };
    v1::Base { build: Some(build), engine: "sample".into() }
}

/// The examples' variations, and some that go wrong in one way each.
fn variations() -> Vec<v1::Variation> {
    let good = include_str!("../examples/variations.jsonl").lines();
    let bad = [
        r#"{"level":101}"#,
        r#"{"items":[{"slot":"Third Arm","empty":true}]}"#,
        r#"{"gems":[{"group":1,"gem":99,"level":2}]}"#,
        r#"{"config":{"noSuchOption":true}}"#,
        r#"{"allocate":[4000000000]}"#,
    ];
    let parsed = good.chain(bad).map(|line| serde_json::from_str::<Variation>(line).unwrap());
    (0..).zip(parsed).map(|(index, variation): (u32, _)| variation_to_proto(format!("v{index}"), &variation)).collect()
}

/// What a batch gives: its header, its outcomes by id, its summary.
async fn batch(
    client: &mut EvaluationServiceClient<Channel>,
    request: v1::EvaluateBatchRequest,
) -> (v1::EvaluationHeader, HashMap<String, v1::Outcome>, v1::EvaluationSummary) {
    let answer = client.evaluate_batch(request).await.unwrap().into_inner();
    let mut events: Vec<_> = answer.map(|event| event.unwrap().response.unwrap()).collect().await;
    let Some(Response::Summary(summary)) = events.pop() else { panic!("the summary is last") };
    let Response::Header(header) = events.remove(0) else { panic!("the header is first") };
    let outcomes = events.into_iter().map(|event| match event {
        Response::Outcome(outcome) => (outcome.variation_id.clone(), outcome),
        other => panic!("{other:?}"),
    });
    (header, outcomes.collect(), summary)
}

#[tokio::test(flavor = "multi_thread")]
async fn good_variations_get_values_and_bad_ones_a_failure_that_names_the_field() {
    use v1::FailureReason as Reason;

    let (_server, mut client) = start().await;
    let variations = variations();
    let count = variations.len();
    let all = v1::StatSelection { names: Vec::new(), preset: v1::StatPreset::All.into() };
    let request =
        v1::EvaluateBatchRequest { base: Some(witch(false)), variations, stats: Some(all), ..Default::default() };
    let (header, outcomes, summary) = batch(&mut client, request).await;

    assert_eq!(outcomes.len(), count, "each id has one outcome");
    let fields: Vec<_> = (count - 5..count)
        .map(|index| match &outcomes[&format!("v{index}")].result {
            Some(Of::Failure(failure)) => (failure.reason(), failure.field_path.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        fields,
        [
            (Reason::InvalidVariation, "level"),
            (Reason::UnknownSlot, "items[0].slot"),
            (Reason::UnknownGem, "gems[0].gem"),
            (Reason::UnknownConfig, "config.noSuchOption"),
            (Reason::UnknownNode, "allocate[0]"),
        ]
    );
    let failed = outcomes.values().filter(|outcome| matches!(outcome.result, Some(Of::Failure(_)))).count();
    assert_eq!((summary.succeeded + summary.failed, summary.failed), (count as u64, failed as u64));
    assert_eq!(failed, 5, "every example variation evaluates");

    // The first example is the empty variation: the base itself, bit for bit.
    let Some(Of::Stats(empty)) = &outcomes["v0"].result else { panic!() };
    let base = header.base_stats.as_ref().unwrap();
    let bits = |stats: &v1::Stats| stats.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(empty), bits(base));
    assert_eq!((&empty.absent, &empty.extra), (&base.absent, &base.extra));
    assert!(Columns::of(&header.stats).values(empty).len() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_code_and_a_base_id_name_the_same_base() {
    let (_server, mut client) = start().await;
    let request = |base| v1::EvaluateRequest { base: Some(base), ..Default::default() };
    let by_xml = client.evaluate(request(witch(false))).await.unwrap().into_inner();
    let by_code = client.evaluate(request(witch(true))).await.unwrap().into_inner();
    let id = by_xml.header.as_ref().unwrap().base_id.clone();
    let by_id = v1::Base { build: Some(v1::base::Build::BaseId(id)), engine: String::new() };
    let by_id = client.evaluate(request(by_id)).await.unwrap().into_inner();
    assert_eq!(by_xml.header, by_code.header);
    assert_eq!(by_xml.header, by_id.header);
    let result = |response: v1::EvaluateResponse| response.outcome.unwrap().result;
    let expected = result(by_xml);
    assert!(matches!(expected, Some(Of::Stats(_))));
    assert_eq!((result(by_code), result(by_id)), (expected.clone(), expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_the_engine_does_not_take_fails_the_call() {
    let (_server, mut client) = start().await;
    let build = v1::base::Build::Xml("<PathOfBuilding><Nothing/></PathOfBuilding>".into());
    let base = Some(v1::Base { build: Some(build), engine: String::new() });
    let status = client.evaluate(v1::EvaluateRequest { base, ..Default::default() }).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
}
