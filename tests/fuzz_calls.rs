//! What strangers send in whole calls to a whole server: scenarios, questions for explanations, reloads, tokens. Whatever it
//! is, it is answered or refused with a reason and a field, and the server, its zygote and its runtimes live on.
//!
//! A short run in CI; `PROPTEST_CASES=100000 cargo test --release --test fuzz_calls` searches for longer.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
mod fuzz_support;

use std::{collections::HashSet, fmt::Debug};

use common::{
    front::{Front, connect},
    guarded::{Mount, serve_tenants, tenant, until},
    raw,
};
use fuzz_support::{any_variation, mutated, mutation, scenario_name, token_header};
use pobatch::{
    build::{limits::Limits, outcome::FailureReason, scenario::is_name, variation::Variation},
    grpc::convert::{failure_from_proto, variation_to_proto},
    grpc::server::admin_router,
    proto::v1::{
        self, admin_service_client::AdminServiceClient, catalog_service_client::CatalogServiceClient,
        evaluate_batch_response, evaluation_service_client::EvaluationServiceClient, outcome, scenario_result,
    },
    supervisor::{ReloadResult, Settings},
    task,
};
use proptest::{
    prelude::*,
    test_runner::{TestCaseResult, TestRunner},
};
use prost::Message as _;
use tokio::runtime::Runtime;
use tonic::{Code, Request, Status, metadata::MetadataValue};
use tonic_types::StatusExt as _;

/// Calls take a hundred times as long as what `fuzz.rs` does.
fn cases() -> u32 {
    ProptestConfig::default().cases.div_ceil(2)
}

/// Runs a test on so many cases.
fn search<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> TestCaseResult)
where
    S::Value: Debug,
{
    let config = ProptestConfig { source_file: Some(file!()), ..ProptestConfig::with_cases(cases) };
    TestRunner::new(config).run(strategy, test).unwrap_or_else(|error| panic!("{error}"));
}

/// A server, and what it runs on.
fn served() -> (Runtime, Front) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let front = runtime.block_on(Front::start(Settings { faults: false, ..common::settings() }));
    (runtime, front)
}

/// Nothing died, and no runtime had to be replaced because it did.
fn lives(runtime: &Runtime, front: &Front, zygotes: &[u32]) {
    let status = runtime.block_on(front.status());
    assert_eq!(status.zygote_pids().collect::<Vec<_>>(), zygotes, "its zygote lives");
    assert!(status.is_ready());
    let bad: Vec<_> = status
        .incidents
        .iter()
        .filter(|incident| ["runtime_lost", "drift", "quarantined"].contains(&incident.what))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

fn zygotes(runtime: &Runtime, front: &Front) -> Vec<u32> {
    runtime.block_on(front.status()).zygote_pids().collect()
}

/// A refusal has a code that says whose fault it is, a reason, and the fields that are to be put right, all of them below
/// one of these.
fn is_refused_at(status: &Status, places: &[&str]) -> TestCaseResult {
    prop_assert!(matches!(status.code(), Code::InvalidArgument | Code::NotFound), "{}", status);
    let details = status.get_error_details();
    prop_assert!(details.error_info().is_some_and(|info| !info.reason.is_empty()), "{}", status);
    let fields: Vec<_> = details.bad_request().into_iter().flat_map(|bad| &bad.field_violations).collect();
    prop_assert!(!fields.is_empty(), "{}", status);
    let is_below = |field: &str| places.iter().any(|place| field.starts_with(place));
    prop_assert!(fields.iter().all(|violation| is_below(&violation.field)), "{:?}", fields);
    Ok(())
}

fn witch() -> v1::Base {
    v1::Base { build: Some(v1::base::Build::Xml(common::WITCH.into())), engine: String::new() }
}

fn scenarios(list: &[(String, Variation)]) -> Vec<v1::Scenario> {
    let told = |(name, variation): &(String, Variation)| v1::Scenario {
        name: name.clone(),
        variation: Some(variation_to_proto(String::new(), variation)),
    };
    list.iter().map(told).collect()
}

fn batch(list: &[(String, Variation)], variation: &Variation) -> v1::EvaluateBatchRequest {
    v1::EvaluateBatchRequest {
        base: Some(witch()),
        variations: vec![variation_to_proto("v".into(), variation)],
        scenarios: scenarios(list),
        ..Default::default()
    }
}

/// Every other one changes little, or no call would get through.
fn some_variation() -> impl Strategy<Value = Variation> {
    let level = (1_u32..=100).prop_map(|level| Variation { level: Some(level), ..Variation::default() });
    prop_oneof![1 => Just(Variation::default()), 1 => level, 2 => any_variation()]
}

/// A few scenarios, or more than there may be.
fn any_scenarios() -> impl Strategy<Value = Vec<(String, Variation)>> {
    let one = (scenario_name(), some_variation()).boxed();
    prop_oneof![8 => prop::collection::vec(one.clone(), 0..4), 1 => prop::collection::vec(one, 12..20)]
}

async fn answers(
    front: &Front,
    request: v1::EvaluateBatchRequest,
) -> Result<Vec<evaluate_batch_response::Response>, Status> {
    let mut client = EvaluationServiceClient::new(connect(&front.url).await);
    let mut answer = client.evaluate_batch(request).await?.into_inner();
    let mut all = Vec::new();
    while let Some(message) = answer.message().await? {
        all.push(message.response.unwrap());
    }
    Ok(all)
}

fn is_the_variations_own(failure: &v1::Failure) -> TestCaseResult {
    let failure = failure_from_proto(failure.clone());
    let ours = [FailureReason::EngineError, FailureReason::RuntimeCrashed, FailureReason::Unavailable];
    prop_assert!(!ours.contains(&failure.reason), "{:?}", failure);
    Ok(())
}

#[test]
fn any_scenarios_are_refused_at_their_field_or_each_has_its_result() {
    use evaluate_batch_response::Response;

    let (runtime, front) = served();
    let zygotes = zygotes(&runtime, &front);
    let limits = Limits::default();
    search(cases(), &(any_scenarios(), some_variation()), |(list, variation)| {
        let names: Vec<_> = list.iter().map(|(name, _)| name.as_str()).collect();
        let are_names = names.iter().all(|name| is_name(name) && name.len() <= limits.name_size);
        let differ = names.iter().collect::<HashSet<_>>().len() == names.len();
        let sound = are_names && differ && names.len() <= limits.scenarios;
        let answers = match runtime.block_on(answers(&front, batch(&list, &variation))) {
            Ok(answers) => answers,
            Err(status) => return is_refused_at(&status, &["scenarios"]),
        };
        prop_assert!(sound, "{:?} were taken", names);
        let Some(Response::Header(header)) = answers.first() else { panic!("{answers:?}") };
        prop_assert_eq!(header.scenarios.iter().map(|of| of.name.as_str()).collect::<Vec<_>>(), &names[..]);
        for answer in &answers {
            let Response::Outcome(outcome) = answer else { continue };
            match &outcome.result {
                // What is wrong with the variation itself is said once.
                Some(outcome::Result::Failure(failure)) => is_the_variations_own(failure)?,
                Some(outcome::Result::Stats(_)) => prop_assert!(names.is_empty()),
                None => prop_assert_eq!(outcome.scenarios.len(), names.len()),
            }
            for result in &outcome.scenarios {
                if let Some(scenario_result::Result::Failure(failure)) = &result.result {
                    is_the_variations_own(failure)?;
                }
            }
        }
        Ok(())
    });
    lives(&runtime, &front, &zygotes);
}

#[test]
fn a_damaged_message_with_scenarios_is_answered_or_refused_by_a_code_that_is_the_clients() {
    let (runtime, front) = served();
    let zygotes = zygotes(&runtime, &front);
    let variation = serde_json::from_str(r#"{"config":{"enemyIsBoss":"Uber"},"custom_mods":"+5 to maximum Life"}"#);
    let level: Variation = serde_json::from_str(r#"{"level":42}"#).unwrap();
    let whole = v1::EvaluateBatchRequest {
        base: None,
        ..batch(&[("map".into(), Variation::default()), ("boss".into(), variation.unwrap())], &level)
    };
    // The damage is not to be lost in the build.
    let (base, rest) = (raw::field(1, &witch().encode_to_vec()), whole.encode_to_vec());
    search(cases(), &mutation(2), |changes| {
        let message = [base.clone(), mutated(&rest, &changes)].concat();
        let is_message = v1::EvaluateBatchRequest::decode(message.as_slice()).is_ok();
        let code = runtime.block_on(async {
            raw::call(connect(&front.url).await, "/pobatch.v1.EvaluationService/EvaluateBatch", message).await
        });
        // Internal is what gRPC has for a message that is none.
        let expected: &[_] =
            if is_message { &[Code::Ok, Code::InvalidArgument, Code::NotFound] } else { &[Code::Internal] };
        prop_assert!(expected.contains(&code), "{:?}", code);
        Ok(())
    });
    lives(&runtime, &front, &zygotes);
}

#[test]
fn any_question_for_an_explanation_is_answered_or_refused_at_its_field() {
    let (runtime, front) = served();
    let zygotes = zygotes(&runtime, &front);
    let channel = runtime.block_on(connect(&front.url));
    let stat = prop_oneof![
        4 => prop::sample::select(vec!["Life", "TotalDPS", "Mana", "FireResist", "Minion.Life"]).prop_map(str::to_owned),
        1 => "\\PC{0,30}",
        1 => any::<String>(),
        1 => "[A-Za-z]{1000,1200}",
        1 => prop::sample::select(vec!["__index", "') os.exit(1) --", "%s%n", "_G", "stats[1]", "boss.Life"])
            .prop_map(str::to_owned),
    ];
    // Loaded from scratch, each of them.
    search(cases().div_ceil(2), &(stat, some_variation()), |(stat, variation)| {
        let request = v1::ExplainRequest {
            base: Some(witch()),
            variation: Some(variation_to_proto(String::new(), &variation)),
            stat: stat.clone(),
        };
        let answer = runtime.block_on(CatalogServiceClient::new(channel.clone()).explain(request));
        match answer {
            Ok(answer) => {
                let answer = answer.into_inner();
                prop_assert!(answer.value.is_none_or(|value| value.name == stat));
                prop_assert!(answer.state != i32::from(v1::ExplanationState::Unspecified));
                Ok(())
            }
            Err(status) => is_refused_at(&status, &["stat", "variation"]),
        }
    });
    lives(&runtime, &front, &zygotes);
}

#[test]
fn a_reload_of_what_is_not_there_is_refused_at_its_field_and_changes_nothing() {
    let (runtime, front) = served();
    let zygotes = zygotes(&runtime, &front);
    let edition = front.supervisor.engine().edition;
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (observer, health) = (front.observer.clone(), front.health.clone());
    let _admin = runtime.block_on(async {
        task::spawn_owned("admin", async move {
            let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
            let router = admin_router(observer, health, &Limits::default()).unwrap();
            router.serve_with_incoming(incoming).await.unwrap();
        })
    });
    let channel = runtime.block_on(connect(&url));
    let engine =
        prop_oneof![Just("sample".to_owned()), Just(String::new()), "[a-z]{1,8}", "\\PC{0,300}", any::<String>()];
    let directory = prop_oneof![
        Just(String::new()),
        Just("/".to_owned()),
        Just("../..".to_owned()),
        "(\\.\\./|/|[a-z]{1,4}/){1,20}",
        "\\PC{1,300}",
        any::<String>(),
        Just("x".repeat(10_000)),
    ];
    search(cases(), &(engine, directory), |(engine, directory)| {
        let is_known = engine.is_empty() || engine == "sample";
        // That would be a reload.
        prop_assume!(!(is_known && directory.is_empty()));
        let request = v1::ReloadEngineRequest { engine, directory: directory.clone() };
        let status = runtime.block_on(AdminServiceClient::new(channel.clone()).reload_engine(request)).unwrap_err();
        let wrong = if is_known || directory.len() > 4096 { "directory" } else { "engine" };
        is_refused_at(&status, &[wrong])
    });
    assert_eq!(front.supervisor.engine().edition, edition, "calls get what they got before");
    let status = runtime.block_on(front.status());
    assert_eq!(status.engines[0].reloads[ReloadResult::Switched as usize], 0);
    lives(&runtime, &front, &zygotes);
}

const TOKEN: &str = "0123456789abcdef-0123456789";

#[test]
fn whatever_stands_where_a_token_should_is_refused_in_the_same_words() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mount = Mount::new(&[("tokens.toml", &tenant("somebody", TOKEN, ""))]);
    let _inside = runtime.enter();
    let served = serve_tenants(&mount, &[]);
    let channel = runtime.block_on(connect(&served.url));
    let ask = |headers: &[Vec<u8>]| {
        let mut request = Request::new(v1::DescribeEngineRequest::default());
        for header in headers {
            request.metadata_mut().append("authorization", MetadataValue::try_from(header.as_slice()).unwrap());
        }
        runtime.block_on(CatalogServiceClient::new(channel.clone()).describe_engine(request))
    };
    let good = format!("Bearer {TOKEN}").into_bytes();
    let refusal = ask(&[]).unwrap_err();
    assert_eq!(refusal.code(), Code::Unauthenticated);
    search(4 * cases(), &prop::collection::vec(token_header(TOKEN), 0..3), |headers| {
        let is_good = |header: &Vec<u8>| {
            let (scheme, token) = header.split_at_checked("Bearer ".len()).unwrap_or_default();
            scheme.eq_ignore_ascii_case(b"Bearer ") && token == TOKEN.as_bytes()
        };
        match ask(&headers) {
            Ok(_) => prop_assert!(headers.len() == 1 && is_good(&headers[0])),
            Err(status) => {
                prop_assert!(headers.len() != 1 || !is_good(&headers[0]), "{}", status);
                prop_assert_eq!(
                    (status.code(), status.message(), status.details()),
                    (refusal.code(), refusal.message(), refusal.details())
                );
            }
        }
        Ok(())
    });
    ask(&[good]).expect("the server lives, and knows its tenant");
    let all_closed = |scrape: &common::scrape::Scrape| scrape.count("pobatch_tenant_calls", &["somebody"]) == 0;
    runtime.block_on(until(&served, "no open call", all_closed));
}
