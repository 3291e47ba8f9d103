//! The contract with clients and operators, as far as it concerns the whole process: signals, its end, its memory.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{collections::HashSet, time::Duration};

use common::{
    fault,
    front::{Stream, bits, bulky, connect, message, reason, start},
    level,
    machine::kill,
    raw::{call, field},
    scrape::get,
    served::{Served, gone},
};
use pobatch::{build::variation::Variation, grpc::server::LIVENESS, proto::v1::FailureReason, task};
use rustix::process::Signal;
use tokio::sync::mpsc;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_client::HealthClient,
};

async fn watch(url: &str, service: &str) -> tonic::Streaming<HealthCheckResponse> {
    let mut health = HealthClient::new(connect(url).await);
    health.watch(HealthCheckRequest { service: service.into() }).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_drains_a_server_health_first_and_open_sessions_last() {
    let served = Served::start(&["--shards", "1", "--drain-delay", "2s", "--drain-grace", "40s"]);
    let mut ready = watch(&served.url, "").await;
    let mut lives = watch(&served.url, LIVENESS).await;
    assert_eq!(ready.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    assert_eq!(lives.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let channel = connect(&served.url).await;
    let mut idle = Stream::open(channel.clone(), start(None)).await.unwrap();
    let mut busy = Stream::open(channel.clone(), start(Some(Duration::from_secs(2)))).await.unwrap();
    busy.send("slow", &fault("loop")).await;
    for index in 0..20 {
        busy.send(index, &level(index + 1)).await;
    }
    served.signal(Signal::TERM);

    assert_eq!(ready.message().await.unwrap().unwrap().status(), ServingStatus::NotServing, "health is first");
    // Still within the delay: what open sessions send is taken.
    idle.send("late", &level(5)).await;
    let (outcomes, summary, end) = busy.rest().await;
    assert_eq!(outcomes.len(), 21, "what is in hand is finished");
    let failed: Vec<_> = outcomes.iter().filter_map(reason).collect();
    assert_eq!((failed, summary.unwrap().succeeded), (vec![FailureReason::TimeLimit], 20));
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
    let (outcomes, summary, end) = idle.rest().await;
    assert_eq!((outcomes.len(), summary.unwrap().succeeded), (1, 1));
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
    assert!(lives.message().await.unwrap().is_none(), "liveness never said anything else");
    assert_eq!(served.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_hears_that_a_server_will_leave_while_it_still_takes_calls() {
    let served = Served::start(&["--shards", "1", "--drain-delay", "10m"]);
    let mut ready = watch(&served.url, "").await;
    ready.message().await.unwrap();
    assert_eq!(get(&served.http, "/readyz").await.0, 200);
    served.signal(Signal::TERM);
    assert_eq!(ready.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    let (status, _, words) = get(&served.http, "/readyz").await;
    assert_eq!((status, words.as_str()), (503, "draining\n"), "load balancers that speak HTTP hear it too");
    assert_eq!(get(&served.http, "/livez").await.0, 200);
    let mut stream = Stream::open(connect(&served.url).await, start(None)).await.unwrap();
    stream.send("late", &level(5)).await;
    assert_eq!(reason(&stream.outcome().await), None, "a call that nobody has told yet is served");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_grace_is_over_the_rest_is_answered_and_the_server_ends_well() {
    let served = Served::start(&["--shards", "1", "--drain-grace", "8s", "--variation-timeout", "5m"]);
    let mut stream = Stream::open(connect(&served.url).await, start(None)).await.unwrap();
    stream.send("first", &level(9)).await;
    assert_eq!(reason(&stream.outcome().await), None);
    stream.send("stuck", &fault("loop")).await;
    for index in 0..100 {
        stream.send(index, &level(30)).await;
    }
    // A client that neither reads nor goes must not hold the server up either.
    let deaf = Stream::open(connect(&served.url).await, start(None)).await.unwrap();
    for index in 0..500 {
        deaf.send(index, &level(30)).await;
    }
    let runtimes = served.runtimes();
    assert!(runtimes.len() >= 3, "{runtimes:?}");
    served.signal(Signal::TERM);
    let (outcomes, summary, end) = stream.rest().await;
    let others: Vec<_> =
        outcomes.iter().filter(|outcome| reason(outcome) != Some(FailureReason::Unavailable)).collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(summary.unwrap().failed, outcomes.len() as u64, "each that was read has its outcome");
    assert!(outcomes.iter().any(|outcome| outcome.variation_id == "stuck"));
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
    assert_eq!(served.ended().await.code(), Some(0));
    gone(&runtimes).await;
    drop(deaf);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_server_at_once() {
    let served = Served::start(&["--shards", "1", "--drain-grace", "10m", "--variation-timeout", "10m"]);
    let mut stream = Stream::open(connect(&served.url).await, start(None)).await.unwrap();
    stream.send("stuck", &fault("loop")).await;
    let runtimes = served.runtimes();
    let mut ready = watch(&served.url, "").await;
    ready.message().await.unwrap();
    served.signal(Signal::TERM);
    assert_eq!(ready.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    served.signal(Signal::TERM);
    // Its grace is ten times as long as anybody waits here.
    assert_ne!(served.ended().await.code(), Some(0), "it did not end in order");
    assert!(stream.rest().await.2.is_err());
    gone(&runtimes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_runtime_outlives_a_server_that_is_killed_not_even_one_in_an_endless_loop() {
    for kind in ["loop", "string", "pcall"] {
        // Without results that are kept, since both get the same to do.
        let served = Served::start(&["--shards", "2", "--variation-timeout", "10m", "--cache-size", "0"]);
        let stream = Stream::open(connect(&served.url).await, start(None)).await.unwrap();
        stream.send(1, &fault(kind)).await;
        stream.send(2, &fault(kind)).await;
        let waiting = async {
            // Zygote, template, and both shards.
            while served.runtimes().len() < 4 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(common::PATIENCE, waiting).await.expect("both shards get a runtime");
        let runtimes = served.runtimes();
        served.signal(Signal::KILL);
        gone(&runtimes).await;
        served.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_does_not_make_the_server_grow() {
    /// Buffers of one connection in both directions, and what the allocator keeps back.
    const GROWTH_BYTES_MAX: u64 = 64 << 20;

    let served = Served::start(&["--shards", "2"]);
    let channel = connect(&served.url).await;
    let mut warm = Stream::open(channel.clone(), start(None)).await.unwrap();
    warm.send("warm", &Variation::default()).await;
    let expected = bits(&warm.outcome().await);
    let before = served.resident_bytes();

    let mut deaf = Stream::open(channel, start(None)).await.unwrap();
    let requests = deaf.requests.take().unwrap();
    let (pushed, mut progress) = mpsc::channel(1);
    let pusher = task::spawn_owned("pusher", async move {
        for index in 0..1_000_000_u32 {
            if requests.send(message(index, &bulky(index % 100 + 1))).await.is_err() {
                return;
            }
            if index % 64 == 0 {
                let _ = pushed.send(index).await;
            }
        }
    });
    let (mut count, mut most) = (0, before);
    while let Ok(Some(index)) = tokio::time::timeout(Duration::from_secs(2), progress.recv()).await {
        (count, most) = (index, most.max(served.resident_bytes()));
    }
    eprintln!("pushed {count} of 1 KiB, server grew from {} to {} MiB", before >> 20, most >> 20);
    assert!(count < 500_000, "nothing held the client back");
    assert!(most - before < GROWTH_BYTES_MAX, "from {before} to {most} bytes");

    // Others do not notice.
    warm.send("other", &Variation::default()).await;
    assert_eq!(bits(&warm.outcome().await), expected);
    drop(pusher);
}

#[tokio::test(flavor = "multi_thread")]
async fn millions_of_empty_entries_are_refused_before_they_are_decoded() {
    /// The message itself, received in pieces and put together. Decoded it would be a hundred times as much.
    const GROWTH_BYTES_MAX: u64 = 128 << 20;
    const EVALUATE_BATCH: &str = "/pobatch.v1.EvaluationService/EvaluateBatch";

    let served = Served::start(&["--shards", "1"]);
    let channel = connect(&served.url).await;
    let mut warm = Stream::open(channel.clone(), start(None)).await.unwrap();
    let before = served.resident_peak_bytes();
    // As many as a message of the greatest size has room for.
    let empty = |number| field(number, &[]).repeat((8 << 20) - 16);
    let gems = || field(2, &empty(13));
    let names = || field(3, &empty(1));
    for message in [empty(2), gems(), names()] {
        assert_eq!(call(channel.clone(), EVALUATE_BATCH, message).await, Code::InvalidArgument);
    }
    let after = served.resident_peak_bytes();
    eprintln!("the server's peak went from {} to {} MiB", before >> 20, after >> 20);
    assert!(after - before < GROWTH_BYTES_MAX, "from {before} to {after} bytes");
    warm.send("neighbour", &Variation::default()).await;
    assert_eq!(reason(&warm.outcome().await), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_shards_are_all_in_quarantine_is_not_ready_and_lives() {
    let served = Served::start(&["--shards", "1"]);
    let mut ready = watch(&served.url, "").await;
    let mut lives = watch(&served.url, LIVENESS).await;
    assert_eq!(ready.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    lives.message().await.unwrap();
    let stream = Stream::open(connect(&served.url).await, start(None)).await.unwrap();
    let others: HashSet<_> = served.runtimes().into_iter().collect();
    for _ in 0..6 {
        stream.send("victim", &fault("loop")).await;
    }
    // A runtime that is killed before it said hello is a fork that failed, not a crash; so it takes five or more.
    let kill_until_noticed = async {
        loop {
            if let Ok(change) = tokio::time::timeout(Duration::ZERO, ready.message()).await {
                return change.unwrap().unwrap().status();
            }
            if let Some(shard) = served.runtimes().into_iter().find(|pid| !others.contains(pid)) {
                kill(shard);
                gone(&[shard]).await;
            }
            tokio::task::yield_now().await;
        }
    };
    let change = tokio::time::timeout(common::PATIENCE, kill_until_noticed).await.expect("readiness goes");
    assert_eq!(change, ServingStatus::NotServing);
    let change = tokio::time::timeout(common::PATIENCE, ready.message()).await.expect("readiness comes back");
    assert_eq!(change.unwrap().unwrap().status(), ServingStatus::Serving);
    let more = tokio::time::timeout(Duration::ZERO, lives.message()).await;
    assert!(more.is_err(), "liveness never changed: {more:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_zygote_is_not_ready_until_it_is_booted_again() {
    let served = Served::start(&["--shards", "1"]);
    let mut ready = watch(&served.url, "").await;
    assert_eq!(ready.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let runtimes = served.runtimes();
    assert_eq!(runtimes.len(), 1, "as long as nobody asked for anything there is the zygote alone");
    kill(runtimes[0]);
    for status in [ServingStatus::NotServing, ServingStatus::Serving] {
        let change = tokio::time::timeout(common::PATIENCE, ready.message()).await.expect("readiness changes");
        assert_eq!(change.unwrap().unwrap().status(), status);
    }
    Stream::open(connect(&served.url).await, start(None)).await.expect("a base can be loaded");
}
