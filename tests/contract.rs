//! The contract with clients: what holds whatever a variation, a client or a runtime does. Each test is one clause, over
//! real gRPC, on the sample engine with its faults switched on. What concerns the whole process (signals, its memory) is
//! in `contract_process.rs`; the clause about metrics is in `contract_metrics.rs`.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

use common::{
    PATIENCE, WITCH, fault,
    front::{Front, Stream, bits, bulky, connect, health, message, reason, start},
    level,
    machine::kill,
    proxy, settings,
};
use pobatch::{
    app::{App, Drained},
    build::{limits::Limits, variation::Variation},
    client::{Build, Client, Named, Request, RetryPolicy},
    grpc::{
        convert::variation_to_proto,
        server::{LIVENESS, Patience},
    },
    listen::Ages,
    proto::v1::{
        self, FailureReason, evaluate_stream_request, evaluate_stream_response::Response,
        evaluation_service_client::EvaluationServiceClient,
    },
    supervisor::Settings,
    task,
};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_types::StatusExt as _;

fn one_shard() -> Settings {
    Settings { shards: 1, ..settings() }
}

const RUNAWAYS: [&str; 3] = ["loop", "string", "pcall"];

// 1. A deadline ends the whole stream, and what is queued behind it never runs.

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_at_its_deadline_and_what_it_had_queued_never_runs() {
    let front = Front::start(one_shard()).await;
    let channel = connect(&front.url).await;
    // Loads the base, so that the deadline falls into the evaluation.
    Stream::open(channel.clone(), start(None)).await.unwrap();
    let deadline = Duration::from_millis(1500);
    let budget = Duration::from_secs(5);
    let began = Instant::now();
    let mut stream = Stream::open_within(channel.clone(), start(Some(budget)), Some(deadline)).await.unwrap();
    // Each that runs costs its runtime the life, so the resets count them.
    for index in 0..20 {
        stream.send(index, &fault("loop")).await;
    }
    let (outcomes, summary, end) = stream.rest().await;
    let took = began.elapsed();
    eprintln!("deadline {deadline:?}: over after {took:?}");
    assert_eq!(end.unwrap_err().code(), Code::DeadlineExceeded);
    assert!(outcomes.is_empty() && summary.is_none(), "nothing was done in time");
    assert!(took < budget, "it was the deadline and not the first variation's end that ended it");

    let status = front.until("an idle shard", |status| !status.shards[0].busy && status.sessions == 0).await;
    assert_eq!((status.queued, front.resets().await), (0, 1), "only the first ran");
    // And the shard serves on.
    let mut next = Stream::open(channel, start(None)).await.unwrap();
    next.send("next", &level(9)).await;
    assert_eq!(reason(&next.outcome().await), None);
    assert_eq!(front.resets().await, 1);
}

// 2. A client that pushes and does not read is bounded.

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_pushes_50_000_and_reads_none_is_not_read_from_beyond_the_cap() {
    let limits = Limits { in_flight: 64, ..Limits::default() };
    let cap = limits.in_flight;
    let front = Front::start_with(settings(), limits, Patience::default()).await;
    let mut stream = Stream::open(connect(&front.url).await, start(None)).await.unwrap();
    let requests = stream.requests.take().unwrap();
    let (pushed, mut progress) = mpsc::channel(1);
    let pusher = task::spawn("pusher", async move {
        for index in 0..50_000_u32 {
            requests.send(message(index, &bulky(index % 100 + 1))).await.unwrap();
            if index % 64 == 0 {
                pushed.send(index).await.unwrap();
            }
        }
    });
    // Until nothing moves any more: every buffer on the way is full then.
    let mut most = 0;
    while let Ok(Some(_)) = tokio::time::timeout(Duration::from_secs(2), progress.recv()).await {
        let status = front.status().await;
        most = most.max(status.queued);
    }
    assert!(!pusher.is_finished(), "the client could push everything: nothing holds it back");
    assert!(most <= cap, "{most} waited at once");
    front.until("idle shards", |status| status.queued == 0 && status.shards.iter().all(|shard| !shard.busy)).await;

    // When it reads, nothing is missing.
    task::spawn("progress", async move { while progress.recv().await.is_some() {} });
    let (outcomes, summary, end) = stream.rest().await;
    end.unwrap();
    let ids: HashSet<_> = outcomes.iter().map(|outcome| outcome.variation_id.clone()).collect();
    assert_eq!((outcomes.len(), ids.len(), summary.unwrap().succeeded), (50_000, 50_000, 50_000));
}

// 3. Overload is refused at the door, in a way that clients can act on.

/// The status with which a call is refused before any header, and checks of what it says.
fn assert_refused(status: &tonic::Status, why: &str) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, why);
    let delay = details.retry_info().unwrap().retry_delay.unwrap();
    let pushback: u128 = status.metadata().get("grpc-retry-pushback-ms").unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(pushback, delay.as_millis(), "both say the same");
    // A status that comes as the answer's head, and not behind one, is in the metadata together with the content type.
    assert!(status.metadata().contains_key("content-type"), "the answer had a head of its own: {status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_too_many_is_refused_before_headers_with_a_time_to_come_back() {
    let front = Front::start(Settings { sessions_max: 1, ..settings() }).await;
    let channel = connect(&front.url).await;
    let mut first = Stream::open(channel.clone(), start(None)).await.unwrap();
    let refused = Stream::open(channel.clone(), start(None)).await.err().unwrap();
    assert_refused(&refused, "SESSIONS_FULL");
    first.half_close();
    first.rest().await.2.unwrap();
    front.until("no session", |status| status.sessions == 0).await;
    Stream::open(channel, start(None)).await.expect("there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_new_sessions_before_headers_and_leaves_open_ones_alone() {
    let front = Front::start(Settings { queue_max: 8, ..one_shard() }).await;
    let channel = connect(&front.url).await;
    let mut first = Stream::open(channel.clone(), start(None)).await.unwrap();
    first.send("stuck", &fault("loop")).await;
    front.until("work", |status| status.shards[0].busy).await;
    for index in 0..20 {
        first.send(index, &level(index + 1)).await;
    }
    front.until("a full queue", |status| status.queued >= 8).await;
    let refused = Stream::open(channel, start(None)).await.err().unwrap();
    assert_refused(&refused, "QUEUE_FULL");
    first.half_close();
    kill_twice_at_work(&front).await;
    let (outcomes, _, end) = first.rest().await;
    end.unwrap();
    assert_eq!(outcomes.len(), 21);
}

// 4. A runaway of any sort is one failed outcome and one reset.

#[tokio::test(flavor = "multi_thread")]
async fn each_runaway_is_one_outcome_and_one_reset_and_its_slot_serves_on() {
    let front = Front::start(one_shard()).await;
    let mut stream = Stream::open(connect(&front.url).await, start(Some(Duration::from_secs(1)))).await.unwrap();
    stream.send("before", &level(30)).await;
    let before = stream.outcome().await;
    for (count, kind) in (1..).zip(RUNAWAYS) {
        stream.send(kind, &fault(kind)).await;
        let outcome = stream.outcome().await;
        assert_eq!((outcome.variation_id.as_str(), reason(&outcome)), (kind, Some(FailureReason::TimeLimit)));
        stream.send("after", &level(30)).await;
        let after = stream.outcome().await;
        assert_eq!(bits(&after), bits(&before), "after {kind}");
        assert_eq!((after.shard, front.resets().await), (Some(0), count), "after {kind}");
    }
}

// 5. A memory bomb fails alone.

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_bomb_fails_alone_and_only_its_shard_is_replaced() {
    let mut settings = settings();
    settings.memory.limit_bytes = 192 << 20;
    let front = Front::start(settings).await;
    let channel = connect(&front.url).await;
    for kind in ["memory", "memory_string", "memory_caught"] {
        let mut stream = Stream::open(channel.clone(), start(None)).await.unwrap();
        let before: Vec<_> = front.status().await.shards;
        for index in 0..10 {
            stream.send(index, &if index == 5 { fault(kind) } else { level(40) }).await;
        }
        stream.half_close();
        let (outcomes, _, end) = stream.rest().await;
        end.unwrap();
        let by_id: HashMap<_, _> = outcomes.iter().map(|outcome| (outcome.variation_id.as_str(), outcome)).collect();
        assert_eq!((outcomes.len(), by_id.len()), (10, 10), "{kind}");
        assert_eq!(reason(by_id["5"]), Some(FailureReason::MemoryLimit), "{kind}");
        for index in (0..10).filter(|index| *index != 5) {
            assert_eq!(bits(by_id[index.to_string().as_str()]), bits(by_id["0"]), "{kind}");
        }
        let after = front.until("rest", |status| status.shards.iter().all(|shard| !shard.busy)).await.shards;
        let lost: u64 = after.iter().zip(&before).map(|(after, before)| after.resets - before.resets).sum();
        assert_eq!(lost, 1, "{kind}");
    }
}

// 6. A runtime that is killed costs its variation a second try, and not more.

/// Kills the only shard's runtime, and the next, while they are at work: what they are at is given up.
async fn kill_twice_at_work(front: &Front) {
    for death in 1..=2 {
        let busy = front.until("a runtime at work", |status| status.shards[0].busy).await;
        kill(busy.shards[0].pid.unwrap());
        front.until("its death", |status| status.shards[0].resets == death).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variation_whose_runtime_is_killed_is_tried_once_more_and_then_given_up() {
    let front = Front::start(one_shard()).await;
    let mut stream = Stream::open(connect(&front.url).await, start(None)).await.unwrap();
    stream.send("before", &level(30)).await;
    let before = stream.outcome().await;
    // An outcome comes before its assignment is over: only then is whoever works at the next.
    front.until("an idle shard", |status| !status.shards[0].busy).await;
    stream.send("victim", &fault("loop")).await;
    kill_twice_at_work(&front).await;
    let outcome = stream.outcome().await;
    assert_eq!((outcome.variation_id.as_str(), reason(&outcome)), ("victim", Some(FailureReason::RuntimeCrashed)));
    stream.send("after", &level(30)).await;
    assert_eq!(bits(&stream.outcome().await), bits(&before), "the stream survives");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variation_whose_runtime_is_killed_once_gets_its_values() {
    let front = Front::start(one_shard()).await;
    let mut stream = Stream::open(connect(&front.url).await, start(Some(Duration::from_secs(2)))).await.unwrap();
    // Stays at work until it is killed; it then fails by its own time budget, and not as crashed.
    stream.send("victim", &fault("loop")).await;
    stream.send("next", &level(30)).await;
    let busy = front.until("a runtime at work", |status| status.shards[0].busy).await;
    kill(busy.shards[0].pid.unwrap());
    let victim = stream.outcome().await;
    assert_eq!((victim.variation_id.as_str(), reason(&victim)), ("victim", Some(FailureReason::TimeLimit)));
    assert_eq!(reason(&stream.outcome().await), None);
    assert_eq!(front.resets().await, 2);
}

// 7. Drain; the signals are in `contract_process.rs`.

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_finishes_what_is_in_hand_sums_up_and_says_that_it_was_not_all() {
    let front = Front::start(one_shard()).await;
    let mut stream = Stream::open(connect(&front.url).await, start(Some(Duration::from_secs(1)))).await.unwrap();
    stream.send("slow", &fault("loop")).await;
    stream.send("next", &level(30)).await;
    front.until("both in hand", |status| status.shards[0].busy && status.queued <= 1).await;
    front.health.drain().await;
    let (outcomes, summary, end) = stream.rest().await;
    assert_eq!(outcomes.len(), 2);
    assert_eq!(summary.unwrap().failed, 1);
    let status = end.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "DRAINING");
    assert!(details.retry_info().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_finished_is_answered_before_the_server_goes() {
    let mut front = Front::start(one_shard()).await;
    let mut stream = Stream::open(connect(&front.url).await, start(None)).await.unwrap();
    stream.send("stuck", &fault("loop")).await;
    front.until("work", |status| status.shards[0].busy).await;
    for index in 0..10 {
        stream.send(index, &level(30)).await;
    }
    front.until("a queue", |status| status.queued == 10).await;
    front.health.drain().await;
    front.close();
    front.supervisor.give_up().await;
    let (outcomes, summary, end) = stream.rest().await;
    assert_eq!(outcomes.len(), 11, "one outcome for each");
    assert!(outcomes.iter().all(|outcome| reason(outcome) == Some(FailureReason::Unavailable)));
    assert_eq!(summary.unwrap().failed, 11);
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
}

// 8. A client that vanishes, in any way, takes its work with it.

/// A session with one variation at work for ever (as far as the test goes) and some behind it.
async fn busy_session(front: &Front, url: &str) -> Stream {
    let stream = Stream::open(connect(url).await, start(Some(Duration::from_secs(5)))).await.unwrap();
    stream.send("first", &fault("loop")).await;
    front.until("work", |status| status.shards[0].busy).await;
    for index in 0..20 {
        stream.send(index, &fault("loop")).await;
    }
    front.until("a queue", |status| status.queued == 20).await;
    stream
}

async fn assert_work_stops(front: &Front, how: &str) {
    let status = front.until("the end of the session", |status| status.sessions == 0).await;
    assert_eq!(status.queued, 0, "{how}");
    let before = front.resets().await;
    front.until("an idle shard", |status| !status.shards[0].busy).await;
    assert!(front.resets().await - before <= 1, "{how}: it ended within the variation that it was at");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_stops_within_one_variation_when_the_client_drops_the_call() {
    let front = Front::start(one_shard()).await;
    let stream = busy_session(&front, &front.url).await;
    drop(stream);
    assert_work_stops(&front, "both halves dropped").await;
}

/// A client of tonic that drops the answers and keeps the requests open sends no reset, and goes on to take in what comes:
/// to the server it is there. It gets what it sent for, and then it is idle.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_drops_the_answers_and_keeps_the_requests_open_is_idle_when_its_work_is_done() {
    let patience = Patience { idle_max: Duration::from_secs(1), ..Patience::default() };
    let front = Front::start_with(settings(), Limits::default(), patience).await;
    let stream = Stream::open(connect(&front.url).await, start(None)).await.unwrap();
    for index in 0..500 {
        stream.send(index, &level(index % 100 + 1)).await;
    }
    let Stream { requests, answers } = stream;
    drop(answers);
    front.until("the end of the session", |status| status.sessions == 0 && status.queued == 0).await;
    drop(requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_stops_when_the_connection_breaks() {
    let front = Front::start(one_shard()).await;
    let proxy = proxy::Proxy::start(&front.url).await;
    let stream = busy_session(&front, &proxy.url).await;
    drop(proxy);
    assert_work_stops(&front, "connection closed").await;
    drop(stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_stops_within_the_keepalive_time_when_the_line_goes_dead() {
    let patience = Patience {
        keepalive_interval: Duration::from_millis(500),
        keepalive_timeout: Duration::from_secs(1),
        ..Patience::default()
    };
    let front = Front::start_with(one_shard(), Limits::default(), patience).await;
    let proxy = proxy::Proxy::start(&front.url).await;
    let stream = busy_session(&front, &proxy.url).await;
    proxy.swallow();
    assert_work_stops(&front, "line dead").await;
    drop(stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_does_not_hold_its_place_for_ever() {
    let patience = Patience { idle_max: Duration::from_secs(1), ..Patience::default() };
    let front = Front::start_with(settings(), Limits::default(), patience).await;
    let mut stream = Stream::open(connect(&front.url).await, start(None)).await.unwrap();
    let status = stream.rest().await.2.unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "IDLE");
    front.until("no session", |status| status.sessions == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_age_is_left_by_new_calls_while_open_ones_go_on() {
    let ages = Ages { connection_max: Some(Duration::from_millis(100)), session_max: None };
    let patience = Patience { ages, ..Patience::default() };
    let front = Front::start_with(settings(), Limits::default(), patience).await;
    let proxy = proxy::Proxy::start(&front.url).await;
    let channel = connect(&proxy.url).await;
    let mut stream = Stream::open(channel.clone(), start(None)).await.unwrap();
    let mut health = HealthClient::new(channel);
    let moved = async {
        while proxy.accepted() < 2 {
            // One that crosses the server's GOAWAY may fail; the next takes another connection.
            let _ = health.check(HealthCheckRequest::default()).await;
        }
    };
    tokio::time::timeout(PATIENCE, moved).await.expect("the client takes another connection");
    stream.send(1, &level(5)).await;
    stream.half_close();
    let (outcomes, summary, end) = stream.rest().await;
    end.unwrap();
    assert_eq!((outcomes.len(), summary.unwrap().succeeded), (1, 1), "the session lives on where it began");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_age_ends_in_order_while_batches_and_reductions_go_on() {
    let ages = Ages { connection_max: None, session_max: Some(Duration::from_millis(1)) };
    let patience = Patience { ages, ..Patience::default() };
    let front = Front::start_with(settings(), Limits::default(), patience).await;
    let channel = connect(&front.url).await;
    let mut stream = Stream::open(channel.clone(), start(None)).await.unwrap();
    let (_, summary, end) = stream.rest().await;
    let status = end.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "SESSION_AGED");
    assert_eq!(summary.unwrap().failed, 0);
    // What a reduction holds back would be lost with its session.
    let mut first = start(None);
    let Some(evaluate_stream_request::Request::Start(opening)) = &mut first.request else { unreachable!() };
    opening.reduction = Some(v1::Reduction { constraints: vec!["Life > 0".into()], ..Default::default() });
    let mut stream = Stream::open(channel.clone(), first).await.unwrap();
    stream.send(1, &level(5)).await;
    assert_eq!(reason(&stream.outcome().await), None, "its age has passed long ago");
    stream.half_close();
    stream.rest().await.2.unwrap();
    let base = v1::Base { build: Some(v1::base::Build::Xml(WITCH.into())), engine: String::new() };
    let variations = (1..=90).map(|index| variation_to_proto(index.to_string(), &level(index))).collect();
    let request = v1::EvaluateBatchRequest { base: Some(base), variations, ..Default::default() };
    let mut client = EvaluationServiceClient::new(channel);
    let mut answers = client.evaluate_batch(request).await.unwrap().into_inner();
    let mut messages = 0;
    while answers.message().await.unwrap().is_some() {
        messages += 1;
    }
    assert_eq!(messages, 92, "a header, the outcomes and a summary");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_opens_another_session_for_one_of_age_and_loses_nothing() {
    const COUNT: u32 = 4_000;
    let ages = Ages { connection_max: None, session_max: Some(Duration::from_millis(100)) };
    let patience = Patience { ages, ..Patience::default() };
    let front = Front::start_with(settings(), Limits::default(), patience).await;
    // On a machine that is busy a session may be old before it has an outcome.
    let policy = RetryPolicy { attempts: 1_000, first_pause: Duration::from_millis(1), ..RetryPolicy::default() };
    let client = Client::connect(&front.url).await.unwrap().with_retry(policy);
    let request = Request { in_flight_max: 4, ..Request::new(Build::Xml(WITCH.into())) };
    let variation = |number: u32| Variation { custom_mods: Some(format!("+{number} to maximum Life")), ..level(9) };
    let variations = (0..COUNT).map(|number| Named { id: number.to_string(), variation: variation(number) });
    let results = client.evaluate(request, variations).await.unwrap().collect().await.unwrap();
    let ids: HashSet<_> = results.outcomes.iter().map(|outcome| outcome.id.as_str()).collect();
    assert_eq!((results.outcomes.len(), ids.len()), (COUNT as usize, COUNT as usize));
    assert_eq!(results.summary.succeeded, u64::from(COUNT));
    assert!(results.summary.resumed > 0, "no session became as old as that");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_never_begins_ends() {
    let patience = Patience { idle_max: Duration::from_secs(1), ..Patience::default() };
    let front = Front::start_with(settings(), Limits::default(), patience).await;
    let (requests, receiver) = mpsc::channel::<v1::EvaluateStreamRequest>(1);
    let mut client = EvaluationServiceClient::new(connect(&front.url).await);
    let refused = client.evaluate_stream(ReceiverStream::new(receiver)).await.err().unwrap();
    assert_eq!(refused.code(), Code::Aborted);
    drop(requests);
}

// 9. No state leaks from one variation into the next. (With the JIT on and off: `tests/jit.rs`.)

#[tokio::test(flavor = "multi_thread")]
async fn a_variation_gives_the_same_bits_on_a_used_runtime_a_fresh_one_and_in_any_order() {
    let variations: Vec<Variation> = include_str!("../examples/variations.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .chain((1..=20).map(|step| level(step * 5)))
        .collect();
    let front = Front::start(one_shard()).await;
    let channel = connect(&front.url).await;
    let mut expected: Vec<Vec<u64>> = Vec::new();
    // Forwards, backwards, and each on a runtime of its own.
    for round in 0..2 {
        let mut stream = Stream::open(channel.clone(), start(None)).await.unwrap();
        let order: Vec<usize> =
            if round == 0 { (0..variations.len()).collect() } else { (0..variations.len()).rev().collect() };
        for index in order {
            stream.send(index, &variations[index]).await;
        }
        stream.half_close();
        let (mut outcomes, _, end) = stream.rest().await;
        end.unwrap();
        outcomes.sort_by_key(|outcome| outcome.variation_id.parse::<usize>().unwrap());
        let found: Vec<_> = outcomes.iter().map(bits).collect();
        if round == 0 {
            expected = found;
        } else {
            assert_eq!(found, expected, "backwards");
        }
    }
    let mut stream = Stream::open(channel, start(Some(Duration::from_secs(1)))).await.unwrap();
    for (index, variation) in variations.iter().enumerate().step_by(7) {
        stream.send("reset", &fault("loop")).await;
        assert_eq!(reason(&stream.outcome().await), Some(FailureReason::TimeLimit));
        stream.send(index, variation).await;
        assert_eq!(bits(&stream.outcome().await), expected[index], "variation {index} on a fresh runtime");
        stream.send(index, variation).await;
        assert_eq!(bits(&stream.outcome().await), expected[index], "variation {index} once more");
    }
    assert_eq!(front.status().await.counters.drifts, 0);
}

// 11. Readiness and liveness.

const READINESS: [&str; 3] = ["", "pobatch.v1.EvaluationService", "pobatch.v1.CatalogService"];

async fn assert_health(channel: &tonic::transport::Channel, serving: bool) {
    let expected = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    for service in READINESS {
        assert_eq!(health(channel.clone(), service).await, Some(expected), "{service}");
    }
    assert_eq!(health(channel.clone(), LIVENESS).await, Some(ServingStatus::Serving), "it lives");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_says_serving_before_the_engine_has_proved_itself() {
    let directory = tempfile::tempdir().unwrap();
    let (script, gate) = (directory.path().join("slow"), directory.path().join("gate"));
    let program = env!("CARGO_BIN_EXE_pobatch");
    rustix::fs::mkfifoat(rustix::fs::CWD, &gate, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let text = format!("#!/bin/sh\nread _ <'{}'\nexec '{program}' \"$@\"\n", gate.display());
    common::script(&script, &text);

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = common::server();
    server.executable = script;
    let starting = task::spawn("starting", App::start(server, free));
    let url = format!("http://{free}");
    let probe = async {
        let channel = loop {
            if let Ok(channel) = tonic::transport::Endpoint::from_shared(url.clone()).unwrap().connect().await {
                break channel;
            }
        };
        health(channel, "").await
    };
    assert!(tokio::time::timeout(Duration::from_secs(1), probe).await.is_err(), "there is no answer yet");
    assert!(!starting.is_finished());
    tokio::task::spawn_blocking(move || std::fs::write(gate, "go\n")).await.unwrap().unwrap();

    let app = starting.await.unwrap().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = task::spawn("running", app.run(async { drop(stopped.await) }, PATIENCE));
    let channel = connect(&url).await;
    assert_health(&channel, true).await;
    stop.send(()).unwrap();
    drop(channel);
    assert_eq!(running.await.unwrap().unwrap(), Drained::Finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saturated_server_is_ready_and_lives_and_a_draining_one_lives() {
    let front = Front::start(Settings { queue_max: 8, ..one_shard() }).await;
    let channel = connect(&front.url).await;
    let stream = Stream::open(channel.clone(), start(Some(Duration::from_secs(5)))).await.unwrap();
    stream.send("first", &fault("loop")).await;
    front.until("work", |status| status.shards[0].busy).await;
    for index in 0..20 {
        stream.send(index, &fault("loop")).await;
    }
    front.until("a full queue", |status| status.queued >= 8).await;
    assert_health(&channel, true).await;
    front.health.drain().await;
    assert_health(&channel, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn during_the_drain_delay_a_server_says_that_it_goes_and_serves_on() {
    let app = App::start(common::server(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let app = app.with_drain_delay(PATIENCE);
    let url = format!("http://{}", app.address());
    let (stop, stopped) = oneshot::channel::<()>();
    let running = task::spawn_owned("running", async move {
        app.run(async { drop(stopped.await) }, PATIENCE).await.unwrap();
    });
    let channel = connect(&url).await;
    let mut stream = Stream::open(channel.clone(), start(None)).await.unwrap();
    stop.send(()).unwrap();
    while health(channel.clone(), "").await == Some(ServingStatus::Serving) {
        tokio::task::yield_now().await;
    }
    assert_health(&channel, false).await;
    stream.send("open session", &level(7)).await;
    assert_eq!(reason(&stream.outcome().await), None);
    let base = v1::Base { build: Some(v1::base::Build::Xml(WITCH.into())), engine: String::new() };
    let mut client = EvaluationServiceClient::new(connect(&url).await);
    let request = v1::EvaluateRequest { base: Some(base), ..Default::default() };
    client.evaluate(request).await.expect("a new connection and a new call are served too");
    stream.half_close();
    assert!(matches!(stream.next().await, Ok(Some(Response::Summary(_)))), "and a session ends as always");
    drop(running);
}
