//! The services over loopback, in front of a scripted driver.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio_stream::{StreamExt as _, wrappers::TcpListenerStream};
use tonic::{Code, Request, Status, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::{v1 as reflection_v1, v1alpha as reflection_v1alpha};
use tonic_types::StatusExt as _;

use super::{
    decode::Decoder,
    evaluation::Evaluation,
    fixture::{self, Next, XML, answer_all, base, engine},
    server::{Health, Patience, router},
};
use crate::{
    admission::Admission,
    build::{code, limits::Limits, outcome::Selection},
    proto::v1::{
        self, catalog_service_client::CatalogServiceClient, evaluate_batch_response, evaluate_stream_request,
        evaluate_stream_response, evaluation_service_client::EvaluationServiceClient,
        evaluation_service_server::EvaluationService as _, outcome,
    },
    supervisor::{Priority, Supervisor},
    task,
};

mod limits;

/// A server on a port of its own.
struct Front {
    channel: Channel,
    health: Health,
    _server: task::Owned,
    _driver: task::Owned,
}

impl Front {
    async fn start() -> Self {
        Self::within(Limits::default()).await
    }

    async fn within(limits: Limits) -> Self {
        let (supervisor, events) = Supervisor::scripted(engine());
        Self::serve(supervisor, task::spawn_owned("driver", answer_all(events)), limits).await
    }

    async fn serve(supervisor: Supervisor, driver: task::Owned, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (router, health) = router(supervisor, limits).await.unwrap();
        let server = task::spawn_owned("server", async move {
            router.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
        });
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { channel, health, _server: server, _driver: driver }
    }

    fn evaluation(&self) -> EvaluationServiceClient<Channel> {
        EvaluationServiceClient::new(self.channel.clone())
    }

    fn catalog(&self) -> CatalogServiceClient<Channel> {
        CatalogServiceClient::new(self.channel.clone())
    }
}

fn xml(xml: &str) -> v1::Base {
    v1::Base { build: Some(v1::base::Build::Xml(xml.into())), engine: String::new() }
}

fn variation(level: u32) -> v1::Variation {
    v1::Variation { id: format!("v{level}"), level: Some(level), ..Default::default() }
}

fn values(outcome: &v1::Outcome) -> &[f64] {
    match &outcome.result {
        Some(outcome::Result::Stats(stats)) => &stats.values,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_status(status: &Status, code: Code, reason: &str) {
    assert_eq!(status.code(), code, "{status}");
    assert_eq!(status.get_error_details().error_info().unwrap().reason, reason, "{status}");
}

fn field(status: &Status) -> String {
    status.get_error_details().bad_request().unwrap().field_violations[0].field.clone()
}

#[tokio::test]
async fn a_batch_is_answered_with_header_outcomes_and_summary() {
    use evaluate_batch_response::Response::{Header, Outcome, Summary};

    let front = Front::start().await;
    let options = v1::EvaluationOptions { ordered: true, difference_to_base: true, ..Default::default() };
    let variations = vec![variation(91), variation(200), variation(80)];
    let request =
        v1::EvaluateBatchRequest { base: Some(xml(XML)), variations, options: Some(options), ..Default::default() };
    let answer = front.evaluation().evaluate_batch(request).await.unwrap().into_inner();
    let events: Vec<_> = answer.map(|event| event.unwrap().response.unwrap()).collect().await;

    let [Header(header), Outcome(first), Outcome(second), Outcome(third), Summary(summary)] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(header.base_id, base().id.to_string());
    assert_eq!(header.engine.as_ref().unwrap().name, "test");
    assert_eq!(header.stats[0].name, "Level");
    assert_eq!(header.base_stats.as_ref().unwrap().values, [90.0]);
    assert_eq!((values(first), values(third)), (&[1.0][..], &[-10.0][..]));
    assert!(matches!(&second.result, Some(outcome::Result::Failure(failure)) if failure.field_path == "level"));
    assert_eq!((summary.succeeded, summary.failed), (2, 1));
}

#[tokio::test]
async fn a_session_streams_both_ways_at_once() {
    use evaluate_stream_request::Request as In;
    use evaluate_stream_response::Response as Out;
    let front = Front::start().await;
    let (sender, requests) = tokio::sync::mpsc::channel(1);
    let send = async |request| sender.send(v1::EvaluateStreamRequest { request: Some(request) }).await.unwrap();
    send(In::Start(v1::EvaluateStreamStart { base: Some(xml(XML)), ..Default::default() })).await;
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut answer = front.evaluation().evaluate_stream(requests).await.unwrap().into_inner();
    let mut next = async || answer.message().await.unwrap().unwrap().response.unwrap();

    assert!(matches!(next().await, Out::Header(_)));
    for level in 1..=50 {
        send(In::Variation(variation(level))).await;
        let Out::Outcome(outcome) = next().await else { panic!() };
        assert_eq!((outcome.index, values(&outcome)), (u64::from(level) - 1, &[f64::from(level)][..]));
    }
    drop(sender);
    let Out::Summary(summary) = next().await else { panic!() };
    assert_eq!(summary.succeeded, 50);
}

#[tokio::test]
async fn one_variation_can_be_evaluated_by_share_code_and_then_by_base_id() {
    let front = Front::start().await;
    let base = v1::base::Build::ShareCode(code::encode(XML));
    let base = Some(v1::Base { build: Some(base), engine: "test".into() });
    let request = v1::EvaluateRequest { base, variation: Some(variation(42)), stats: None, ..Default::default() };
    let response = front.evaluation().evaluate(request).await.unwrap().into_inner();
    assert_eq!(values(&response.outcome.unwrap()), [42.0]);

    let id = v1::base::Build::BaseId(response.header.unwrap().base_id);
    let base = Some(v1::Base { build: Some(id), engine: String::new() });
    let request = v1::EvaluateRequest { base, variation: None, stats: None, ..Default::default() };
    let response = front.evaluation().evaluate(request).await.unwrap().into_inner();
    assert_eq!(values(&response.outcome.unwrap()), [90.0], "no variation is the base itself");
}

#[tokio::test]
async fn what_fails_a_whole_call_is_a_status_with_its_reason_and_field() {
    let front = Front::start().await;
    let fail = async |request| front.evaluation().evaluate_batch(request).await.map(|_| ()).unwrap_err();
    let request =
        |base| v1::EvaluateBatchRequest { base, variations: vec![variation(1)], stats: None, ..Default::default() };

    let status = fail(v1::EvaluateBatchRequest { base: Some(xml(XML)), ..Default::default() }).await;
    assert_status(&status, Code::InvalidArgument, "INVALID_REQUEST");
    assert_eq!(field(&status), "variations");

    let status = fail(request(Some(xml("<PathOfBuilding>")))).await;
    assert_status(&status, Code::InvalidArgument, "BAD_BUILD");
    assert_eq!(field(&status), "base.xml");

    let unknown = crate::build::base::BaseId::of("test", "other").to_string();
    let build = Some(v1::base::Build::BaseId(unknown));
    let status = fail(request(Some(v1::Base { build, engine: String::new() }))).await;
    assert_status(&status, Code::NotFound, "UNKNOWN_BASE");

    let status = fail(request(Some(v1::Base { engine: "pob".into(), ..Default::default() }))).await;
    assert_status(&status, Code::NotFound, "UNKNOWN_ENGINE");

    let stats = Some(v1::StatSelection { names: vec!["Mana".into(), "Lief".into()], preset: 0 });
    let status = fail(v1::EvaluateBatchRequest { stats, ..request(Some(xml(XML))) }).await;
    assert_status(&status, Code::InvalidArgument, "UNKNOWN_STAT");
    assert_eq!(field(&status), "stats.names[1]");
}

#[tokio::test]
async fn a_session_starts_with_start_and_has_only_one() {
    use evaluate_stream_request::Request as In;
    let front = Front::start().await;
    let start = || In::Start(v1::EvaluateStreamStart { base: Some(xml(XML)), ..Default::default() });
    let fail = async |requests: Vec<Option<In>>| {
        let requests = tokio_stream::iter(requests).map(|request| v1::EvaluateStreamRequest { request });
        match front.evaluation().evaluate_stream(requests).await {
            Err(status) => status,
            Ok(answer) => {
                let events: Vec<_> = answer.into_inner().collect().await;
                events.into_iter().find_map(Result::err).expect("the call fails")
            }
        }
    };
    for (requests, expected) in [
        (vec![], "start"),
        (vec![Some(In::Variation(variation(1)))], "start"),
        (vec![Some(start()), Some(start())], "start"),
        (vec![Some(start()), None], "request"),
        (vec![Some(In::Start(v1::EvaluateStreamStart::default()))], "start.base"),
    ] {
        let status = fail(requests).await;
        assert_status(&status, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(field(&status), expected);
    }
}

/// A service whose work is taken and never answered. Not over the wire: the client has a timer of its own, which may win
/// on a busy machine; and so time can be paused.
fn unanswered() -> (Evaluation, task::Owned) {
    let (supervisor, mut events) = Supervisor::scripted(engine());
    let driver = task::spawn_owned("driver", async move {
        let mut held = Vec::new();
        while let Some(next) = fixture::next(&mut events).await {
            held.push(next);
        }
    });
    let decoder = Decoder::new(Limits::default());
    let service = Evaluation::new(supervisor, decoder, Patience::default(), Admission::default());
    (service, driver)
}

#[tokio::test(start_paused = true)]
async fn an_expired_call_is_told_so_with_the_right_code() {
    let (service, _driver) = unanswered();
    let request = v1::EvaluateRequest { base: Some(xml(XML)), ..Default::default() };
    let status = service.evaluate(expiring(request)).await.unwrap_err();
    assert_status(&status, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
}

#[tokio::test(start_paused = true)]
async fn an_expired_call_is_told_so_behind_its_header() {
    let (service, _driver) = unanswered();
    let (base, variations) = (Some(xml(XML)), vec![variation(1)]);
    let request = v1::EvaluateBatchRequest { base, variations, ..Default::default() };
    let mut answer = service.evaluate_batch(expiring(request)).await.unwrap().into_inner();
    answer.next().await.unwrap().expect("the header");
    let status = answer.next().await.unwrap().unwrap_err();
    assert_status(&status, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
}

/// The request, with a deadline.
fn expiring<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("grpc-timeout", "5S".parse().unwrap());
    request
}

#[tokio::test]
async fn what_a_client_asks_for_reaches_the_supervisor() {
    let (supervisor, mut events) = Supervisor::scripted(engine());
    let (specs, mut opened) = tokio::sync::mpsc::channel(1);
    let driver = task::spawn_owned("driver", async move {
        while let Some(next) = fixture::next(&mut events).await {
            match next {
                Next::Opened(spec) => specs.send(spec).await.unwrap(),
                Next::Work(items) => items.into_iter().for_each(fixture::answer),
                Next::Closed => {}
            }
        }
    });
    let front = Front::serve(supervisor, driver, Limits::default()).await;

    let request = v1::EvaluateRequest { base: Some(xml(XML)), ..Default::default() };
    front.evaluation().evaluate(request).await.unwrap();
    let spec = opened.recv().await.unwrap();
    assert_eq!((spec.base.id, spec.priority, spec.strict), (base().id, Priority::Interactive, false));
    assert_eq!((spec.deadline, spec.variation_timeout), (None, None));
    assert_eq!(spec.selection, Selection::Named(["Level".to_owned()].into()));

    let options = v1::EvaluationOptions {
        strict: true,
        variation_time_budget: Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }),
        ..Default::default()
    };
    let stats = v1::StatSelection { names: Vec::new(), preset: v1::StatPreset::All.into() };
    let mut request = Request::new(v1::EvaluateBatchRequest {
        base: Some(xml(XML)),
        variations: vec![variation(1)],
        stats: Some(stats),
        options: Some(options),
        ..Default::default()
    });
    request.metadata_mut().insert("grpc-timeout", "1H".parse().unwrap());
    request.metadata_mut().insert("x-request-id", "mine".parse().unwrap());
    front.evaluation().evaluate_batch(request).await.unwrap();
    let spec = opened.recv().await.unwrap();
    assert_eq!((spec.priority, spec.strict, &*spec.request_id), (Priority::Batch, true, "mine"));
    assert_eq!(spec.variation_timeout, Some(Duration::from_millis(1500)));
    assert_eq!(spec.selection, Selection::All);
    assert!(spec.deadline.is_some());
}

#[tokio::test]
async fn the_catalog_describes_the_engine_and_its_stats() {
    let front = Front::start().await;
    let described = front.catalog().describe_engine(v1::DescribeEngineRequest::default()).await.unwrap().into_inner();
    assert_eq!(described.engine.unwrap().fingerprint, "f");
    assert_eq!((described.tree_versions, described.notice), (vec!["3_26".to_owned()], "for tests".to_owned()));
    let stats = front.catalog().list_stats(v1::ListStatsRequest::default()).await.unwrap().into_inner().stats;
    let facts: Vec<_> = stats.iter().map(|stat| (stat.name.as_str(), stat.better(), stat.main)).collect();
    let more = v1::StatDirection::More;
    assert_eq!(facts, [("Level", more, true), ("Mana", more, false)]);

    let status = front.catalog().list_stats(v1::ListStatsRequest { engine: "pob".into() }).await.unwrap_err();
    assert_status(&status, Code::NotFound, "UNKNOWN_ENGINE");
}

#[tokio::test]
async fn health_speaks_for_every_service() {
    let front = Front::start().await;
    for serving in [true, false, true] {
        front.health.set_serving(serving).await;
        for service in ["", "pobatch.v1.EvaluationService", "pobatch.v1.CatalogService"] {
            let request = HealthCheckRequest { service: service.to_owned() };
            let status = HealthClient::new(front.channel.clone()).check(request).await.unwrap().into_inner().status;
            assert_eq!(status, if serving { 1 } else { 2 }, "{service}");
        }
    }
}

#[tokio::test]
async fn a_draining_server_ends_idle_sessions_and_refuses_new_calls() {
    let front = Front::start().await;
    let start = v1::EvaluateStreamStart { base: Some(xml(XML)), ..Default::default() };
    let start = v1::EvaluateStreamRequest { request: Some(evaluate_stream_request::Request::Start(start)) };
    // A session whose client keeps it open.
    let requests = tokio_stream::iter([start]).chain(tokio_stream::pending());
    let mut answer = front.evaluation().evaluate_stream(requests).await.unwrap().into_inner();
    answer.message().await.unwrap().expect("the header");

    front.health.drain().await;
    let last = answer.message().await.unwrap().and_then(|message| message.response);
    assert!(matches!(last, Some(evaluate_stream_response::Response::Summary(_))), "{last:?}");
    assert_status(&answer.message().await.unwrap_err(), Code::Unavailable, "DRAINING");
    let request = v1::EvaluateRequest { base: Some(xml(XML)), ..Default::default() };
    let status = front.evaluation().evaluate(request).await.unwrap_err();
    assert_status(&status, Code::Unavailable, "DRAINING");
    let request = HealthCheckRequest { service: String::new() };
    let health = HealthClient::new(front.channel.clone()).check(request).await.unwrap().into_inner();
    assert_eq!(health.status, 2, "NOT_SERVING");
}

#[tokio::test]
async fn reflection_shows_the_public_services_in_both_versions() {
    use reflection_v1::{server_reflection_request as request, server_reflection_response as response};
    use reflection_v1alpha::{server_reflection_request as old_request, server_reflection_response as old_response};

    let front = Front::start().await;
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "pobatch.v1.CatalogService",
        "pobatch.v1.EvaluationService",
    ];

    let list = request::MessageRequest::ListServices(String::new());
    let list = reflection_v1::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut client = reflection_v1::server_reflection_client::ServerReflectionClient::new(front.channel.clone());
    let mut answer = client.server_reflection_info(tokio_stream::iter([list])).await.unwrap().into_inner();
    match answer.message().await.unwrap().unwrap().message_response.unwrap() {
        response::MessageResponse::ListServicesResponse(list) => {
            let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
            names.sort();
            assert_eq!(names, expected);
        }
        other => panic!("{other:?}"),
    }

    // The private protocol is not shown, and the older version of reflection says so too.
    let hidden = old_request::MessageRequest::FileContainingSymbol("pobatch.runtime.v1.Command".to_owned());
    let shown = old_request::MessageRequest::FileContainingSymbol("pobatch.v1.Variation".to_owned());
    for (symbol, found) in [(hidden, false), (shown, true)] {
        let ask = reflection_v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(symbol) };
        let mut client =
            reflection_v1alpha::server_reflection_client::ServerReflectionClient::new(front.channel.clone());
        let answer = client.server_reflection_info(tokio_stream::iter([ask])).await;
        let message = match answer {
            Ok(answer) => answer.into_inner().message().await.ok().flatten().and_then(|m| m.message_response),
            Err(_) => None,
        };
        let descriptor = matches!(message, Some(old_response::MessageResponse::FileDescriptorResponse(_)));
        assert_eq!(descriptor, found);
    }
}
