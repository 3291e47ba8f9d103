//! Tokens and quotas, over real calls to the real program: who is let in, how much each gets, what changes while streams
//! run, and that no token is ever said.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{fs, time::Duration};

use common::{
    PATIENCE, WITCH, fault,
    front::{Stream, connect, health, reason, start},
    guarded::{
        Authority, LONG, Mount, open, reloaded, scrape, serve_tenants, serve_tls, tenant, trusting, until, with_token,
    },
    level,
    scrape::get,
    served::Served,
};
use pobatch::{
    client::{Access, Client},
    proto::v1::{
        self, catalog_service_client::CatalogServiceClient, evaluation_service_client::EvaluationServiceClient,
    },
};
use tonic::{Code, Request, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};
use tonic_types::StatusExt as _;

const ALPHA: &str = "alpha-alpha-alpha-alpha";
const BETA: &str = "beta-beta-beta-beta";

fn served(tables: &[String]) -> (Served, Mount) {
    let mount = Mount::new(&[("tokens.toml", &tables.concat())]);
    (serve_tenants(&mount, &[]), mount)
}

async fn describe(served: &Served, request: Request<v1::DescribeEngineRequest>) -> Result<(), Status> {
    let mut client = CatalogServiceClient::new(connect(&served.url).await);
    client.describe_engine(request).await.map(drop)
}

async fn describe_as(served: &Served, token: &str) -> Result<(), Status> {
    describe(served, with_token(v1::DescribeEngineRequest::default(), token)).await
}

async fn evaluate_as(served: &Served, token: &str) -> Result<v1::EvaluateResponse, Status> {
    let base = v1::Base { build: Some(v1::base::Build::Xml(WITCH.into())), engine: String::new() };
    let request = v1::EvaluateRequest { base: Some(base), ..Default::default() };
    let mut client = EvaluationServiceClient::new(connect(&served.url).await);
    client.evaluate(with_token(request, token)).await.map(tonic::Response::into_inner)
}

/// The reason of a status, its key `quota`, and when to come again.
fn details(status: &Status) -> (String, String, Option<Duration>) {
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    let retry = details.retry_info().and_then(|retry| retry.retry_delay);
    (info.reason.clone(), info.metadata.get("quota").cloned().unwrap_or_default(), retry)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_good_token_is_refused_and_not_told_what_is_wrong_with_it() {
    let (served, _mount) = served(&[tenant("alpha", ALPHA, "")]);
    describe_as(&served, ALPHA).await.unwrap();

    let plain = || Request::new(v1::DescribeEngineRequest::default());
    let with = |value: &str| {
        let mut request = plain();
        request.metadata_mut().insert("authorization", value.parse().unwrap());
        request
    };
    let mut twice = with(&format!("Bearer {ALPHA}"));
    twice.metadata_mut().append("authorization", format!("Bearer {ALPHA}").parse().unwrap());
    let mut words = Vec::new();
    for request in [plain(), with(&format!("Bearer {BETA}")), with(&format!("Basic {ALPHA}")), with(ALPHA), twice] {
        let status = describe(&served, request).await.unwrap_err();
        assert_eq!((status.code(), details(&status).0.as_str()), (Code::Unauthenticated, "UNAUTHENTICATED"));
        assert_eq!(details(&status).2, None, "trying again does not help");
        words.push(status.message().to_owned());
    }
    words.dedup();
    assert_eq!(words, ["a valid token is needed: `authorization: Bearer TOKEN`"]);
    assert_eq!(
        Stream::open(connect(&served.url).await, start(None)).await.err().unwrap().code(),
        Code::Unauthenticated
    );
    let scrape = scrape(&served).await;
    let failures = |reason: &str| scrape.count("pobatch_authentication_failures_total", &[reason]);
    assert_eq!((failures("no_token"), failures("unknown_token"), failures("revoked")), (5, 1, 0));
    assert_eq!(scrape.count("grpc_server_handled_total", &["Unauthenticated"]), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_open_for_probes_and_reflection_is_not() {
    let (served, _mount) = served(&[tenant("alpha", ALPHA, "calls_max = 1")]);
    let channel = connect(&served.url).await;
    assert_eq!(health(channel.clone(), "").await, Some(ServingStatus::Serving));

    let list = || {
        let message_request = Some(MessageRequest::ListServices(String::new()));
        tokio_stream::iter([ServerReflectionRequest { host: String::new(), message_request }])
    };
    let mut reflection = ServerReflectionClient::new(channel);
    let refused = reflection.server_reflection_info(list()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let mut answers = reflection.server_reflection_info(with_token(list(), ALPHA)).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_its_calls_and_leaves_those_of_others_alone() {
    let (served, _mount) = served(&[tenant("alpha", ALPHA, "calls_max = 2"), tenant("beta", BETA, "")]);
    let one = open(&served.url, ALPHA, start(None)).await.unwrap();
    let _two = open(&served.url, ALPHA, start(None)).await.unwrap();
    for _ in 0..2 {
        let refused = open(&served.url, ALPHA, start(None)).await.err().unwrap();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        let (reason, quota, retry) = details(&refused);
        assert_eq!((reason.as_str(), quota.as_str()), ("QUOTA_EXCEEDED", "calls_max"));
        assert!(retry.is_some() && refused.metadata().contains_key("grpc-retry-pushback-ms"));
    }
    open(&served.url, BETA, start(None)).await.expect("another tenant has its own");
    let now = scrape(&served).await;
    assert_eq!(now.count("pobatch_tenant_calls", &["alpha"]), 2);
    assert_eq!(now.count("pobatch_tenant_refusals_total", &["alpha", "quota=\"calls\""]), 2);
    assert_eq!(now.count("pobatch_tenant_refusals_total", &["beta"]), 0);
    drop(one);
    until(&served, "room", |scrape| scrape.count("pobatch_tenant_calls", &["alpha"]) == 1).await;
    open(&served.url, ALPHA, start(None)).await.expect("a call that is over makes room");
}

#[tokio::test(flavor = "multi_thread")]
async fn variations_in_flight_are_counted_over_all_streams_of_a_tenant() {
    let (served, _mount) = served(&[tenant("alpha", ALPHA, "in_flight_max = 1")]);
    let busy = open(&served.url, ALPHA, start(LONG)).await.unwrap();
    let mut waiting = open(&served.url, ALPHA, start(None)).await.unwrap();
    busy.send("busy", &fault("loop")).await;
    let variations =
        |count| move |scrape: &common::scrape::Scrape| scrape.count("pobatch_tenant_variations_total", &[]) == count;
    until(&served, "work", variations(1)).await;
    waiting.send("waiting", &level(5)).await;
    let refused = evaluate_as(&served, ALPHA).await.unwrap_err();
    assert_eq!((refused.code(), details(&refused).1.as_str()), (Code::ResourceExhausted, "in_flight_max"));
    assert!(variations(1)(&scrape(&served).await), "one shard is idle, and yet nothing more is let in");
    drop(busy);
    assert_eq!(waiting.outcome().await.variation_id, "waiting");
    let waits = scrape(&served).await.sum("pobatch_tenant_wait_seconds_total", &["quota=\"in_flight\""]);
    assert!(waits > 0.0);
    // A stream that is open and has nothing to do keeps nobody from anything.
    evaluate_as(&served, ALPHA).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_slows_streams_down_and_refuses_single_calls() {
    let (alpha, beta) = ("variations_per_second = 20", "variations_per_second = 1");
    let (served, _mount) = served(&[tenant("alpha", ALPHA, alpha), tenant("beta", BETA, beta)]);
    let mut stream = open(&served.url, ALPHA, start(None)).await.unwrap();
    for at in 0..30 {
        stream.send(at, &level(at + 1)).await;
    }
    // What makes no sense counts as well: it has to be read and judged.
    stream.send("nonsense", &level(1000)).await;
    stream.half_close();
    let (outcomes, summary, end) = stream.rest().await;
    end.expect("it is slowed down and not refused");
    assert_eq!((outcomes.len(), summary.unwrap().succeeded), (31, 30));
    let slowed = scrape(&served).await;
    assert_eq!(slowed.count("pobatch_tenant_variations_total", &["alpha"]), 31);
    assert!(slowed.sum("pobatch_tenant_wait_seconds_total", &["alpha", "quota=\"rate\""]) > 0.0);

    let refused = async {
        loop {
            if let Err(status) = evaluate_as(&served, BETA).await {
                return status;
            }
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.expect("more than one a second comes");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let (reason, quota, retry) = details(&refused);
    assert_eq!((reason.as_str(), quota.as_str()), ("QUOTA_EXCEEDED", "variations_per_second"));
    assert!(retry.unwrap() <= Duration::from_secs(1), "{retry:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_priority_is_capped() {
    let (served, _mount) = served(&[tenant("alpha", ALPHA, "priority = \"batch\""), tenant("beta", BETA, "")]);
    evaluate_as(&served, ALPHA).await.unwrap();
    evaluate_as(&served, BETA).await.unwrap();
    let scrape = scrape(&served).await;
    let queued = |priority: &str| scrape.count("pobatch_variation_queue_seconds_count", &[priority]);
    // The cache answers the second one, which is in no queue.
    assert_eq!((queued("batch"), queued("interactive")), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_come_change_and_go_while_streams_run() {
    let (served, mut mount) = served(&[tenant("alpha", ALPHA, "calls_max = 1"), tenant("beta", BETA, "")]);
    let mut alpha = open(&served.url, ALPHA, start(None)).await.unwrap();
    let mut beta = open(&served.url, BETA, start(None)).await.unwrap();

    let gamma = "gamma-gamma-gamma";
    let grown =
        [tenant("alpha", ALPHA, "calls_max = 2"), tenant("beta", BETA, ""), tenant("gamma", gamma, "")].concat();
    mount.swap(&[("tokens.toml", &grown)]);
    reloaded(&served, "tokens", "taken", 1).await;
    describe_as(&served, gamma).await.expect("a new tenant");
    open(&served.url, ALPHA, start(None)).await.expect("a larger quota");

    mount.swap(&[("tokens.toml", &format!("{grown}[[tenant]]\nname = \"broken"))]);
    reloaded(&served, "tokens", "refused", 1).await;
    describe_as(&served, gamma).await.expect("what was there before stays in use");
    assert_eq!(scrape(&served).await.count("pobatch_reload_refused", &["tokens"]), 1);

    mount.swap(&[("tokens.toml", &tenant("alpha", ALPHA, ""))]);
    reloaded(&served, "tokens", "taken", 2).await;
    let ended = beta.next().await.unwrap_err();
    assert_eq!(ended.code(), Code::Unauthenticated, "who was taken off the list is let go of");
    assert_eq!(describe_as(&served, BETA).await.unwrap_err().code(), Code::Unauthenticated);
    alpha.send("on", &level(7)).await;
    assert_eq!(reason(&alpha.outcome().await), None, "who stays has noticed nothing");
    let now = until(&served, "the session's end", |scrape| scrape.count("pobatch_sessions", &[]) == 1).await;
    assert_eq!(now.count("pobatch_reload_refused", &["tokens"]), 0);
    assert_eq!(now.count("pobatch_authentication_failures_total", &["revoked"]), 1);
    assert!(!now.series.keys().any(|series| series.contains("beta") || series.contains("gamma")), "no series are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_drains_does_not_wait_for_a_quota() {
    let (served, _mount) = served(&[tenant("alpha", ALPHA, "variations_per_second = 1")]);
    let mut stream = open(&served.url, ALPHA, start(None)).await.unwrap();
    for at in 0..1000 {
        stream.send(at, &level(1)).await;
    }
    stream.outcome().await;
    served.signal(rustix::process::Signal::TERM);
    let (_, summary, end) = stream.rest().await;
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
    assert!(summary.unwrap().succeeded < 1000);
    assert_eq!(served.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_said_anywhere() {
    let authority = Authority::new("ours");
    let pair = authority.issue();
    let mut mount = Mount::new(&[
        ("tls.crt", &pair.certificate),
        ("tls.key", &pair.key),
        ("ca.crt", &authority.pem()),
        ("tokens.toml", &tenant("alpha", ALPHA, "variations_per_second = 5")),
        ("good", ALPHA),
        ("bad", BETA),
    ]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = fs::File::create(&path).unwrap();
    let served = serve_tls(&mount, log, &["--tokens", &mount.text("tokens.toml"), "--log", "trace"]);
    let mut said = Vec::new();
    for file in ["good", "bad"] {
        let access = Access { token_file: Some(mount.path(file)), ..trusting(&mount) };
        let client = Client::connect_with([&served.url], &access).await.unwrap();
        said.push(format!("{client:?} {access:?} {:?}", client.describe_engine().await));
    }
    let broken = tenant("alpha", ALPHA, &format!("tokens_sha256 = [\"{BETA}\"]"));
    let (certificate, key) = (pair.certificate.clone(), pair.key.clone());
    mount.swap(&[("tls.crt", &key), ("tls.key", &certificate), ("ca.crt", &authority.pem()), ("tokens.toml", &broken)]);
    reloaded(&served, "tokens", "refused", 1).await;
    reloaded(&served, "tls", "refused", 1).await;
    for page in ["/", "/status.json", "/metrics"] {
        said.push(get(&served.http, page).await.2);
    }
    let mut admin = pobatch::client::Admin::connect(&served.admin).await.unwrap();
    said.push(format!("{:?}", admin.status().await.unwrap()));
    served.signal(rustix::process::Signal::TERM);
    served.ended().await;
    let logged = fs::read_to_string(path).unwrap();
    assert!(logged.contains("changed files are refused") && logged.contains("tenant=\"alpha\""), "{logged}");
    said.push(logged);

    let body = |pem: &str| pem.lines().nth(1).unwrap().to_owned();
    for secret in [ALPHA, BETA, &body(&pair.key)] {
        for said in &said {
            assert!(!said.contains(secret), "{secret} is said in {said}");
        }
    }
}
