//! Metrics are right, not only present: what a run of known size leaves behind, what each kind of trouble moves and what
//! it does not, and that nothing is declared that no code path records.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{collections::BTreeSet, fs, process::Stdio, time::Duration};

use common::{
    RANGER, WITCH, fault,
    front::{Front, Stream, connect, reason, start, start_on},
    guarded::{self, Authority, Mount, serve_tls, tenant, trusting, until},
    level,
    machine::kill,
    scrape::{Scrape, get},
    served::Served,
    settings,
};
use pobatch::{
    build::{limits::Limits, variation::Variation},
    client::{Access, Admin, Build, Client, Named, Request},
    grpc::server::Patience,
    proto::v1::{self, FailureReason},
    supervisor::{Settings, ShardState, ShardStatus},
};

const STREAM: &str = "grpc_method=\"EvaluateStream\"";

fn one_shard() -> Settings {
    Settings { shards: 1, ..settings() }
}

fn unknown_node() -> Variation {
    Variation { allocate: vec![4_000_000], ..Variation::default() }
}

/// A variation that is refused before any runtime sees it.
fn refused() -> Variation {
    level(1000)
}

/// Sends all of them in a session of their own and reads to its end.
async fn play(front: &Front, first: v1::EvaluateStreamRequest, variations: &[Variation]) -> Vec<v1::Outcome> {
    let mut stream = Stream::open(connect(&front.url).await, first).await.unwrap();
    for (index, variation) in variations.iter().enumerate() {
        stream.send(index, variation).await;
    }
    stream.half_close();
    let (outcomes, _, end) = stream.rest().await;
    end.unwrap();
    assert_eq!(outcomes.len(), variations.len());
    outcomes
}

/// Scrapes when nothing moves any more.
async fn at_rest(front: &Front) -> Scrape {
    front
        .until("rest", |status| {
            // A shard between two runtimes has one again in a moment, and that is no rest.
            let rests = |shard: &ShardStatus| !shard.busy && shard.state != ShardState::Forking;
            status.sessions == 0 && status.queued == 0 && status.shards.iter().all(rests)
        })
        .await;
    // The client has its answer a moment before the server has let go of the call.
    let open = |scrape: &Scrape| scrape.sum("pobatch_rpcs_in_flight", &["EvaluationService"]);
    loop {
        let scrape = front.scrape().await;
        if open(&scrape) == 0.0 {
            return scrape;
        }
        tokio::time::sleep(common::front::POLL).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_run_of_known_size_the_counters_equal_it() {
    let front = Front::start(settings()).await;
    let mut variations: Vec<_> = (0..300).map(|index| level(index % 50 + 1)).collect();
    variations.extend(std::iter::repeat_n(unknown_node(), 7));
    variations.extend(std::iter::repeat_n(refused(), 3));
    variations.push(Variation::default());
    let outcomes = play(&front, start(None), &variations).await;
    assert_eq!(outcomes.iter().filter(|outcome| reason(outcome).is_none()).count(), 301);

    let scrape = at_rest(&front).await;
    let total = |labels: &[&str]| scrape.count("pobatch_variations_total", labels);
    assert_eq!(total(&[]), 311);
    assert_eq!(total(&["kind=\"character\"", "path=\"fast\"", "result=\"succeeded\""]), 300);
    assert_eq!(total(&["kind=\"empty\"", "path=\"fast\"", "result=\"succeeded\""]), 1);
    assert_eq!(total(&["kind=\"passives\"", "result=\"failed\""]), 7);
    assert_eq!(total(&["kind=\"refused\"", "path=\"none\"", "result=\"failed\""]), 3);
    let failures = |reason: &str| scrape.count("pobatch_variation_failures_total", &[reason]);
    assert_eq!((failures("unknown_node"), failures("invalid_variation"), failures("")), (7, 3, 10));

    // Every variation that a shard answered is in exactly one place of each histogram.
    assert_eq!(scrape.count("pobatch_shard_variations_total", &[]), 308);
    let computed = total(&["path=\"fast\""]);
    assert_eq!(scrape.count("pobatch_variation_compute_seconds_count", &[]), computed);
    assert_eq!(scrape.count("pobatch_variation_queue_seconds_count", &["priority=\"batch\""]), computed);
    assert!(
        scrape.sum("pobatch_shard_busy_seconds_total", &[]) >= scrape.sum("pobatch_variation_compute_seconds_sum", &[])
    );

    assert_eq!(scrape.count("grpc_server_started_total", &[STREAM]), 1);
    assert_eq!(scrape.count("grpc_server_handled_total", &[STREAM, "grpc_code=\"OK\""]), 1);
    assert_eq!(scrape.count("grpc_server_handled_total", &[]), 1);
    assert_eq!(scrape.count("grpc_server_handling_seconds_count", &[STREAM]), 1);
    assert_eq!(scrape.count("grpc_server_msg_received_total", &[STREAM]), 1 + 311, "the start and the variations");
    assert_eq!(scrape.count("grpc_server_msg_sent_total", &[STREAM]), 1 + 311 + 1, "header, outcomes, summary");
    assert_eq!(scrape.count("pobatch_base_loads_total", &["loaded"]), 1);
    assert_eq!(scrape.count("pobatch_base_load_seconds_count", &[]), 1);
    assert_eq!(scrape.count("pobatch_shards", &[]), 2);
    assert_eq!(scrape.count("pobatch_bases", &["state=\"loaded\""]), 1);
}

/// What an undisturbed session of one variation moves.
fn ordinary() -> BTreeSet<&'static str> {
    BTreeSet::from([
        "grpc_server_handled_total",
        "grpc_server_handling_seconds_count",
        "grpc_server_msg_received_total",
        "grpc_server_msg_sent_total",
        "grpc_server_started_total",
        "pobatch_shard_variations_total",
        "pobatch_variation_compute_seconds_count",
        "pobatch_variation_queue_seconds_count",
        "pobatch_variations_total",
    ])
}

/// Series that moved, those of an ordinary session left aside.
fn beyond_ordinary(before: &Scrape, after: &Scrape) -> Vec<(String, f64)> {
    let ordinary = ordinary();
    let moved = after.moved_since(before).into_iter();
    moved.filter(|(series, _)| !ordinary.contains(series.split('{').next().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_runtime_moves_exactly_the_series_that_tell_of_it() {
    let front = Front::start(one_shard()).await;
    play(&front, start(None), &[level(1)]).await;
    let before = at_rest(&front).await;
    play(&front, start(None), &[level(2)]).await;
    let after = at_rest(&front).await;
    assert_eq!(beyond_ordinary(&before, &after), [], "an ordinary session moves nothing else");

    let before = after;
    kill(front.status().await.shards[0].pid.unwrap());
    front.until("the loss", |status| status.shards[0].resets == 1).await;
    play(&front, start(None), &[level(3)]).await;
    let after = at_rest(&front).await;
    let expected = [
        ("pobatch_shard_fork_seconds_count{source=\"template\"}".to_owned(), 1.0),
        ("pobatch_shard_resets_total{reason=\"crashed\"}".to_owned(), 1.0),
    ];
    assert_eq!(beyond_ordinary(&before, &after), expected);
    let generation = |scrape: &Scrape| scrape.count("pobatch_shard_generation", &[]);
    assert_eq!(generation(&after), generation(&before) + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watermark_exceeded_moves_exactly_the_series_that_tell_of_it() {
    let mut settings = one_shard();
    // Below what a single variation allocates.
    (settings.memory.soft_bytes, settings.memory.hard_bytes) = (0, 1);
    let front = Front::start(settings).await;
    play(&front, start(None), &[level(1)]).await;
    let before = at_rest(&front).await;
    play(&front, start(None), &[level(2)]).await;
    let after = at_rest(&front).await;
    let expected = [
        ("pobatch_shard_fork_seconds_count{source=\"template\"}".to_owned(), 1.0),
        ("pobatch_shard_resets_total{reason=\"hard_mark\"}".to_owned(), 1.0),
    ];
    assert_eq!(beyond_ordinary(&before, &after), expected);
    let mark = |mark: &str| after.count("pobatch_shard_memory_mark_bytes", &[mark]);
    assert_eq!((mark("mark=\"soft\""), mark("mark=\"hard\"")), (0, 0), "without a runtime there are no marks");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overloaded_queue_moves_exactly_the_series_that_tell_of_it() {
    let front = Front::start(Settings { queue_max: 8, ..one_shard() }).await;
    let channel = connect(&front.url).await;
    let busy = Stream::open(channel.clone(), start(Some(Duration::from_secs(60)))).await.unwrap();
    busy.send("loop", &fault("loop")).await;
    front.until("work", |status| status.shards[0].busy).await;
    for index in 0..20 {
        busy.send(index, &level(index + 1)).await;
    }
    front.until("a full queue", |status| status.queued == 20).await;
    let before = front.scrape().await;
    assert_eq!(before.count("pobatch_queued_variations", &[]), 20);
    assert_eq!(before.count("pobatch_queued_variations_limit", &[]), 8);
    let refused = Stream::open(channel, start(None)).await.err().unwrap();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    let after = front.scrape().await;
    let moved: Vec<_> = after.moved_since(&before).into_iter().filter(|(series, _)| !series.contains("msg_")).collect();
    let labels =
        "grpc_method=\"EvaluateStream\",grpc_service=\"pobatch.v1.EvaluationService\",grpc_type=\"bidi_stream\"";
    let expected = [
        (format!("grpc_server_handled_total{{grpc_code=\"ResourceExhausted\",{labels}}}"), 1.0),
        (format!("grpc_server_handling_seconds_count{{{labels}}}"), 1.0),
        (format!("grpc_server_started_total{{{labels}}}"), 1.0),
        ("pobatch_refusals_total{reason=\"queue_full\"}".to_owned(), 1.0),
    ];
    assert_eq!(moved, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_computed_before_is_counted_as_known_and_not_as_computed() {
    let front = Front::start(Settings { cache_bytes: 1 << 20, ..one_shard() }).await;
    play(&front, start(None), &(1..=20).map(level).collect::<Vec<_>>()).await;
    let before = at_rest(&front).await;
    play(&front, start(None), &(11..=30).map(level).collect::<Vec<_>>()).await;
    let after = at_rest(&front).await;
    let lookups = |result: &str| after.count("pobatch_result_cache_requests_total", &[result]);
    assert_eq!((lookups("hit"), lookups("joined"), lookups("miss")), (10, 0, 30));
    let by = |name: &str, label: &str| after.count(name, &[label]) - before.count(name, &[label]);
    assert_eq!(by("pobatch_variations_total", "path=\"cached\""), 10);
    assert_eq!(by("pobatch_variations_total", "path=\"fast\""), 10);
    assert_eq!(by("pobatch_variation_compute_seconds_count", ""), 10);
    assert_eq!(by("pobatch_shard_variations_total", ""), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_is_counted_as_cancelled_with_all_that_it_had_queued() {
    let front = Front::start(one_shard()).await;
    let stream = Stream::open(connect(&front.url).await, start(Some(Duration::from_millis(500)))).await.unwrap();
    stream.send("loop", &fault("loop")).await;
    front.until("work", |status| status.shards[0].busy).await;
    for index in 0..5 {
        stream.send(index, &level(index + 1)).await;
    }
    front.until("a queue", |status| status.queued == 5).await;
    drop(stream);
    let scrape = at_rest(&front).await;
    assert_eq!(scrape.count("grpc_server_handled_total", &[STREAM, "grpc_code=\"Canceled\""]), 1);
    let failures = |reason: &str| scrape.count("pobatch_variation_failures_total", &[reason]);
    assert_eq!((failures("\"cancelled\""), failures("\"time_limit\"")), (5, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_methods_make_no_series() {
    let front = Front::start(one_shard()).await;
    let before = front.scrape().await;
    let mut grpc = tonic::client::Grpc::new(connect(&front.url).await);
    for method in ["/pobatch.v1.EvaluationService/None", "/x/y"] {
        grpc.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<v1::GetStatusRequest, v1::GetStatusRequest>::default();
        let path = http::uri::PathAndQuery::from_static(method);
        let answer = grpc.unary(tonic::Request::new(v1::GetStatusRequest {}), path, codec).await;
        assert_eq!(answer.unwrap_err().code(), tonic::Code::Unimplemented);
    }
    let after = front.scrape().await;
    assert_eq!(before.series.keys().collect::<Vec<_>>(), after.series.keys().collect::<Vec<_>>());
    let unknown = ["grpc_method=\"unknown\"", "grpc_code=\"Unimplemented\""];
    assert_eq!(after.count("grpc_server_handled_total", &unknown), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_recorded_by_some_code_path() {
    let mut seen = BTreeSet::new();
    let mut declared = BTreeSet::new();
    let mut note = |scrape: &Scrape| {
        declared.extend(scrape.types.keys().cloned());
        let family = |series: &str| {
            let name = series.split('{').next().unwrap().to_owned();
            let whole = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
            whole.filter(|whole| scrape.types.contains_key(*whole)).map_or(name.clone(), str::to_owned)
        };
        seen.extend(scrape.series.iter().filter(|(_, value)| **value != 0.0).map(|(series, _)| family(series)));
    };

    // Work, trouble, refusals.
    let mut settings = Settings { sessions_max: 2, bases_max: 1, ..one_shard() };
    settings.memory.total_bytes = 1 << 40;
    let front = Front::start(settings).await;
    let mut variations = vec![unknown_node(), refused()];
    // The first taints the runtime: soon its base no longer evaluates to itself.
    variations.push(fault("leak"));
    variations.extend((0..450).map(|index| level(index % 50 + 1)));
    play(&front, start(None), &variations).await;
    let open = Stream::open(connect(&front.url).await, start(Some(Duration::from_secs(30)))).await.unwrap();
    open.send("loop", &fault("loop")).await;
    front.until("work", |status| status.shards[0].busy).await;
    open.send("next", &level(3)).await;
    front.until("a queue, a measurement", |status| status.queued == 1 && status.shards[0].resident_bytes > 0).await;
    note(&front.scrape().await);
    assert!(Stream::open(connect(&front.url).await, start_on(RANGER, None)).await.is_err(), "no room for a base");
    drop(open);
    front.until("no session", |status| status.sessions == 0).await;
    play(&front, start_on(RANGER, None), &[level(1)]).await;
    front.health.drain().await;
    assert!(Stream::open(connect(&front.url).await, start(None)).await.is_err(), "it drains");
    note(&front.scrape().await);

    // What is known need not be computed.
    let front = Front::start(Settings { cache_bytes: 1 << 20, ..one_shard() }).await;
    play(&front, start(None), &[level(1), level(1)]).await;
    note(&front.scrape().await);

    // An engine is reloaded.
    front.supervisor.reload("", None).await.unwrap();
    note(&front.scrape().await);

    // The plain path finds what the fast one got wrong.
    let front = Front::start(Settings { verify_ratio: 1.0, ..one_shard() }).await;
    play(&front, start(None), &[fault("leak"), level(10), level(20)]).await;
    note(&front.scrape().await);

    // A heap that grew is collected when its runtime rests.
    let mut settings = one_shard();
    settings.memory.soft_bytes = 0;
    let front = Front::start(settings).await;
    play(&front, start(None), &[level(1)]).await;
    front.until("a collection", |status| status.counters.collections > 0).await;
    note(&front.scrape().await);

    // An idle runtime proves itself after 30 seconds.
    front.until("a canary", |status| status.counters.canaries > 0).await;
    note(&front.scrape().await);

    // Who is let in, who is not, and what each may have.
    let authority = Authority::new("ours");
    let (pair, token) = (authority.issue(), "a-token-of-a-tenant");
    let tokens = |rest: &str| tenant("somebody", token, &format!("calls_max = 1\nvariations_per_second = 1{rest}"));
    let ca = authority.pem();
    let guards = [("tls.crt", pair.certificate.as_str()), ("tls.key", &pair.key), ("ca.crt", &ca)];
    let mut mount = Mount::new(&[&guards[..], &[("tokens.toml", &tokens(""))]].concat());
    let served = serve_tls(&mount, Stdio::null(), &["--tokens", &mount.text("tokens.toml")]);
    fs::write(mount.path("token"), token).unwrap();
    let guarded = Access { token_file: Some(mount.path("token")), ..trusting(&mount) };
    let client = Client::connect_with([&served.url], &guarded).await.unwrap();
    let stranger = Client::connect_with([&served.url], &trusting(&mount)).await.unwrap();
    stranger.describe_engine().await.expect_err("no token");
    let request = Request { in_flight_max: 1, ..Request::new(Build::Xml(WITCH.to_owned())) };
    let named = |at: u32| Named { id: at.to_string(), variation: level(at) };
    let mut session = client.evaluate(request, (1..=2).map(named)).await.unwrap();
    client.describe_engine().await.expect_err("one call is open");
    for _ in 0..2 {
        session.next().await.unwrap().unwrap();
    }
    mount.swap(&[&guards[..], &[("tokens.toml", &tokens("x"))]].concat());
    until(&served, "a refusal", |scrape| scrape.count("pobatch_reload_refused", &["tokens"]) == 1).await;
    note(&guarded::scrape(&served).await);

    // Those of the process are the library's own, whose whole seconds a short test may not fill.
    declared.retain(|name| !name.starts_with("process_"));
    let unrecorded: Vec<_> = declared.difference(&seen).collect();
    assert!(unrecorded.is_empty(), "nothing recorded {unrecorded:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_tells_operators_over_http_how_it_stands() {
    let served = Served::start(&["--shards", "1"]);
    let (status, head, page) = get(&served.http, "/").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-security-policy: default-src 'none'") && page.contains("<title>pobatch</title>"));
    let (status, head, metrics) = get(&served.http, "/metrics").await;
    assert!(status == 200 && head.contains("text/plain; version=0.0.4"));
    assert_eq!(Scrape::parse(&metrics).count("pobatch_ready", &[]), 1);
    assert_eq!(get(&served.http, "/readyz").await.0, 200);
    assert_eq!(get(&served.http, "/nothing").await.0, 404);

    let mut admin = Admin::connect(&served.admin).await.unwrap();
    admin.drain().await.unwrap();
    let (status, _, words) = get(&served.http, "/readyz").await;
    assert_eq!((status, words.as_str()), (503, "draining\n"));
    assert_eq!(get(&served.http, "/livez").await.0, 200);
    let scrape = Scrape::parse(&get(&served.http, "/metrics").await.2);
    assert_eq!((scrape.count("pobatch_ready", &[]), scrape.count("pobatch_draining", &[])), (0, 1));
    let refused = Stream::open(connect(&served.url).await, start(None)).await.err().unwrap();
    assert_eq!(refused.code(), tonic::Code::Unavailable);

    admin.undrain().await.unwrap();
    assert_eq!(get(&served.http, "/readyz").await.0, 200);
    Stream::open(connect(&served.url).await, start(None)).await.expect("it takes calls again");
    let json: serde_json::Value = serde_json::from_str(&get(&served.http, "/status.json").await.2).unwrap();
    assert_eq!(
        (json["state"].as_str(), json["bases"][0]["label"].as_str()),
        (Some("serving"), Some("Frostweaver, level 85"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_can_reset_shards_and_evict_bases_without_loss() {
    let front = Front::start(settings()).await;
    let requested = |scrape: &Scrape| scrape.count("pobatch_shard_resets_total", &["reason=\"requested\""]);
    // Until it came when a shard was at work.
    let mut resets = 0;
    while resets == 0 {
        let mut stream = Stream::open(connect(&front.url).await, start(None)).await.unwrap();
        for index in 0..1000 {
            stream.send(index, &level(index % 50 + 1)).await;
        }
        stream.half_close();
        stream.outcome().await;
        assert_eq!(front.supervisor.reset(Vec::new()).await, Ok(2));
        let (outcomes, _, end) = stream.rest().await;
        end.unwrap();
        assert_eq!(outcomes.iter().filter(|outcome| reason(outcome).is_none()).count(), 999);
        resets = requested(&at_rest(&front).await);
    }
    // At rest all that have a runtime lose it, one that looks after itself when it has done so.
    let living = front.status().await.shards.iter().filter(|shard| shard.pid.is_some()).count();
    front.supervisor.reset(Vec::new()).await.unwrap();
    let all = resets + living as u64;
    front.until("resets", |status| status.shards.iter().map(|shard| shard.resets).sum::<u64>() == all).await;
    let scrape = at_rest(&front).await;
    assert_eq!(requested(&scrape), all);
    assert_eq!(scrape.count("pobatch_shard_resets_total", &[]), requested(&scrape), "and nothing else was lost");

    let base = front.status().await.bases[0].id;
    front.supervisor.evict(base).await.unwrap();
    assert!(front.status().await.bases.is_empty());
    front.supervisor.evict(base).await.expect_err("it is gone");
    let mut stream = Stream::open(connect(&front.url).await, start_on(WITCH, None)).await.unwrap();
    front.supervisor.evict(base).await.expect_err("it is in use");
    stream.send("still", &level(5)).await;
    assert_eq!(reason(&stream.outcome().await), None::<FailureReason>);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_on_request_ids_hold_and_every_answer_names_its_call() {
    let front = Front::start_with(one_shard(), Limits::default(), Patience::default()).await;
    let channel = connect(&front.url).await;
    let mut catalog = v1::catalog_service_client::CatalogServiceClient::new(channel);
    let mut ask = async |id: Option<&str>| {
        let mut request = tonic::Request::new(v1::DescribeEngineRequest::default());
        if let Some(id) = id {
            request.metadata_mut().insert("x-request-id", id.parse().unwrap());
        }
        let answer = catalog.describe_engine(request).await.unwrap();
        answer.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(ask(Some("mine-1")).await, "mine-1");
    assert!(ask(Some("not fit for a log")).await.starts_with("call-"));
    let (first, second) = (ask(None).await, ask(None).await);
    assert!(first.starts_with("call-") && first != second);
}
