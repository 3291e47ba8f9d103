//! Several engines in one server, and engines that are reloaded while they are used: nothing is lost, nothing is mixed up,
//! and what is not sound never reaches a caller.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use common::{
    RANGER, WITCH, bits, evaluate,
    front::{self, Front, Stream, connect, reason, start},
    level,
    machine::kill,
    served::Served,
    settings, spec, submit_all,
};
use pobatch::{
    build::{
        base::Base,
        outcome::{FailureReason, StatValue},
    },
    client::{Admin, Client},
    proto::v1::{
        self, catalog_service_client::CatalogServiceClient, evaluation_service_client::EvaluationServiceClient,
    },
    supervisor::{
        BaseError, EngineChoice, EngineSpec, ReloadError, ReloadPolicy, ReloadResult, SelfCheck, Settings, StartError,
        Supervisor, editions::OLD_EDITIONS_MAX,
    },
    task,
};
use rustix::process::Signal;
use tonic::Code;
use tonic_types::StatusExt as _;

/// Servers with these engines, all of them embedded.
fn named(names: &[&str]) -> Settings {
    let engine = |name: &&str| EngineSpec { name: (*name).into(), choice: EngineChoice::Sample };
    Settings { engines: names.iter().map(engine).collect(), ..settings() }
}

fn request(build: v1::base::Build, engine: &str, level: u32) -> v1::EvaluateRequest {
    v1::EvaluateRequest {
        base: Some(v1::Base { build: Some(build), engine: engine.into() }),
        variation: Some(v1::Variation { level: Some(level), ..Default::default() }),
        ..Default::default()
    }
}

fn xml(text: &str) -> v1::base::Build {
    v1::base::Build::Xml(text.into())
}

/// Whether a process is there, dead or alive.
fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn engines_are_asked_by_name_and_the_first_by_none() {
    let front = Front::start(named(&["left", "right"])).await;
    let mut evaluation = EvaluationServiceClient::new(connect(&front.url).await);
    let mut ask = async |build, engine: &str| evaluation.evaluate(request(build, engine, 90)).await;
    let mut headers = BTreeMap::new();
    for engine in ["", "left", "right"] {
        let answer = ask(xml(WITCH), engine).await.unwrap().into_inner();
        assert_eq!(reason(&answer.outcome.unwrap()), None);
        headers.insert(engine, answer.header.unwrap());
    }
    let engine = |name: &str| headers[name].engine.clone().unwrap();
    assert_eq!((engine("").name, engine("right").name), ("left".to_owned(), "right".to_owned()));
    assert_eq!((engine("left").kind, engine("right").kind), ("sample".to_owned(), "sample".to_owned()));
    assert_eq!(headers[""].base_id, headers["left"].base_id);
    assert_ne!(headers["left"].base_id, headers["right"].base_id, "a base belongs to an engine");

    // An id says by itself which engine it belongs to, and is not known to another.
    let id = v1::base::Build::BaseId(headers["right"].base_id.clone());
    let answer = ask(id.clone(), "").await.unwrap().into_inner();
    assert_eq!(answer.header.unwrap().engine.unwrap().name, "right");
    let elsewhere = ask(id, "left").await.unwrap_err();
    assert_eq!(elsewhere.code(), Code::NotFound);
    assert_eq!(elsewhere.get_error_details().error_info().unwrap().reason, "UNKNOWN_BASE");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_not_there_is_named_with_its_field_and_with_those_that_are() {
    let front = Front::start(named(&["left", "right"])).await;
    let channel = connect(&front.url).await;
    let unary = EvaluationServiceClient::new(channel.clone()).evaluate(request(xml(WITCH), "middle", 90)).await;
    let mut first = start(None);
    if let Some(v1::evaluate_stream_request::Request::Start(start)) = &mut first.request {
        start.base.as_mut().unwrap().engine = "middle".into();
    }
    let stream = Stream::open(channel.clone(), first).await;
    let gems = v1::ListGemsRequest { engine: "middle".into(), ..Default::default() };
    let gems = CatalogServiceClient::new(channel).list_gems(gems).await;
    for (field, status) in [
        ("base.engine", unary.unwrap_err()),
        ("start.base.engine", stream.err().unwrap()),
        ("engine", gems.unwrap_err()),
    ] {
        assert_eq!(status.code(), Code::NotFound, "{status}");
        assert_eq!(status.message(), "there is no engine `middle` here but `left`, `right`");
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "UNKNOWN_ENGINE");
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, field);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_lists_all_engines_and_knows_each() {
    let front = Front::start(named(&["left", "right"])).await;
    let mut catalog = CatalogServiceClient::new(connect(&front.url).await);
    let engines = catalog.list_engines(v1::ListEnginesRequest {}).await.unwrap().into_inner().engines;
    assert_eq!(engines.iter().map(|engine| engine.name.as_str()).collect::<Vec<_>>(), ["left", "right"]);
    for name in ["left", "right"] {
        let described = catalog.describe_engine(v1::DescribeEngineRequest { engine: name.into() }).await.unwrap();
        assert_eq!(described.into_inner().engine.unwrap().name, name);
        let gems = v1::ListGemsRequest { engine: name.into(), ..Default::default() };
        assert!(!catalog.list_gems(gems).await.unwrap().into_inner().gems.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_shard_serves_two_engines_in_turn_and_their_results_are_kept_apart() {
    let settings = Settings { shards: 1, cache_bytes: 1 << 20, ..named(&["left", "right"]) };
    let supervisor = Supervisor::start(settings).await.unwrap();
    let left = supervisor.load_base("left", WITCH.into()).await.unwrap();
    let right = supervisor.load_base("right", WITCH.into()).await.unwrap();
    assert_ne!(left.engine.edition, right.engine.edition);
    for _ in 0..3 {
        let (ours, theirs) = tokio::join!(
            evaluate(&supervisor, &left, (1..40).map(level)),
            evaluate(&supervisor, &right, (1..40).map(level))
        );
        assert_eq!(ours.iter().map(bits).collect::<Vec<_>>(), theirs.iter().map(bits).collect::<Vec<_>>());
    }
    let status = supervisor.status().await.unwrap();
    assert_eq!(status.shards[0].served, 2 * 39, "each engine computed its own, and then knew it");
    assert_eq!(status.bases.iter().filter(|base| &*base.engine == "right").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_broken_takes_the_server_out_of_service_only_if_it_is_the_first() {
    let front = Front::start(named(&["left", "right"])).await;
    // A zygote is booted again a second after its death, which leaves time to look.
    for (place, ready) in [(1, true), (0, false)] {
        let status = front.until("both engines", |status| status.zygote_pids().count() == 2).await;
        kill(status.engines[place].zygote_pid.unwrap());
        let status = front.until("its death", |status| status.engines[place].zygote_pid.is_none()).await;
        assert_eq!(status.is_ready(), ready);
        assert!(!status.is_engine_ready(&status.engines[place]));
        assert!(status.is_engine_ready(&status.engines[1 - place]));
        let sound = status.engines[1 - place].facts.name.clone();
        // The other one is served all the while.
        let base = front.supervisor.load_base(&sound, RANGER.into()).await.unwrap();
        assert!(evaluate(&front.supervisor, &base, [level(50)]).await[0].result.is_ok());
    }
    front.until("both engines again", pobatch::supervisor::Status::is_ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_for_an_engine_that_is_broken_does_not_hold_up_its_neighbour() {
    let front = Front::start(Settings { shards: 1, ..named(&["left", "right"]) }).await;
    let (left, right) = (
        front.supervisor.load_base("left", WITCH.into()).await.unwrap(),
        front.supervisor.load_base("right", WITCH.into()).await.unwrap(),
    );
    // Neither the zygote nor the template of the one is there, and it has work waiting.
    let status = front.status().await;
    kill(status.engines[0].zygote_pid.unwrap());
    let template = status.bases.iter().find(|base| &*base.engine == "left").unwrap().template_pid.unwrap();
    kill(template);
    let session = front.supervisor.open(spec(&left)).await.unwrap();
    let waiting = submit_all(session, (1..20).map(level)).await;
    for outcome in evaluate(&front.supervisor, &right, (1..20).map(level)).await {
        assert!(outcome.result.is_ok(), "{outcome:?}");
    }
    for outcome in common::collect(waiting).await {
        assert!(outcome.result.is_ok(), "it is back, and nothing is lost: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn engines_without_a_name_of_their_own_are_refused() {
    for names in [&[][..], &["one", "one"]] {
        assert!(matches!(Supervisor::start(named(names)).await, Err(StartError::Names)), "{names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_keeps_the_edition_that_it_began_with_and_the_old_one_ends_with_it() {
    let front = Front::start(settings()).await;
    let mut open = Stream::open(connect(&front.url).await, start(None)).await.unwrap();
    open.send(1, &level(50)).await;
    let before = front::bits(&open.outcome().await);
    let old = front.status().await;
    let old_zygote = old.engines[0].zygote_pid.unwrap();

    let reloaded = front.supervisor.reload("", None).await.unwrap();
    assert!(reloaded.now.edition > reloaded.before.edition);
    assert_eq!(front.supervisor.engine().edition, reloaded.now.edition);
    let status = front.status().await;
    assert_eq!(status.engines[0].old.len(), 1, "both live side by side");
    assert!(status.engines[0].old[0].holders >= 1);
    assert_ne!(status.engines[0].zygote_pid.unwrap(), old_zygote);
    assert!(exists(old_zygote));

    // Both serve: what is open, and what is new.
    open.send(2, &level(50)).await;
    assert_eq!(front::bits(&open.outcome().await), before);
    let mut fresh = Stream::open(connect(&front.url).await, start(None)).await.unwrap();
    fresh.send(1, &level(50)).await;
    assert_eq!(front::bits(&fresh.outcome().await), before);
    let editions: Vec<_> = front.status().await.bases.iter().map(|base| base.edition).collect();
    assert!(editions.contains(&reloaded.before.edition) && editions.contains(&reloaded.now.edition));

    open.half_close();
    open.rest().await.2.unwrap();
    drop(open);
    let status = front.until("the end of the old edition", |status| status.engines[0].old.is_empty()).await;
    assert!(status.bases.iter().all(|base| base.edition == reloaded.now.edition));
    let gone = async {
        while exists(old_zygote) {
            tokio::time::sleep(front::POLL).await;
        }
    };
    tokio::time::timeout(common::PATIENCE, gone).await.expect("its zygote goes too");
    fresh.send(2, &level(51)).await;
    assert_eq!(reason(&fresh.outcome().await), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_under_load_fail_no_call_and_change_no_value() {
    const CLIENTS: usize = 4;
    const RELOADS: usize = 4;
    let settings = Settings { bases_max: 2, ..named(&["left", "right"]) };
    let front = Front::start(settings).await;
    let truth = {
        let base = front.supervisor.load_base("left", WITCH.into()).await.unwrap();
        evaluate(&front.supervisor, &base, (1..=50).map(level)).await.iter().map(bits).collect::<Vec<_>>()
    };
    let truth = Arc::new(truth);
    let (over, is_over) = tokio::sync::watch::channel(false);
    let client = |index: usize| {
        let (url, truth, is_over) = (front.url.clone(), Arc::clone(&truth), is_over.clone());
        task::spawn("client", async move {
            let channel = connect(&url).await;
            let mut evaluation = EvaluationServiceClient::new(channel.clone());
            let engine = if index.is_multiple_of(2) { "left" } else { "right" };
            let (mut calls, mut id) = (0, None);
            while !*is_over.borrow() {
                // In turn: a build, its id, a stream.
                let build = id.take().map_or_else(|| xml(WITCH), v1::base::Build::BaseId);
                let by_id = matches!(build, v1::base::Build::BaseId(_));
                let answer = evaluation.evaluate(request(build, engine, 90)).await.unwrap().into_inner();
                assert_eq!(reason(&answer.outcome.unwrap()), None);
                id = Some(answer.header.unwrap().base_id).filter(|_| !by_id);
                let mut first = start(None);
                if let Some(v1::evaluate_stream_request::Request::Start(start)) = &mut first.request {
                    start.base.as_mut().unwrap().engine = engine.into();
                }
                let mut stream = Stream::open(channel.clone(), first).await.unwrap();
                for number in 1..=50 {
                    stream.send(number, &level(number)).await;
                }
                stream.half_close();
                let (mut outcomes, _, end) = stream.rest().await;
                end.unwrap();
                outcomes.sort_by_key(|outcome| outcome.index);
                assert_eq!(outcomes.iter().map(front::bits).collect::<Vec<_>>(), *truth);
                calls += 1;
            }
            calls
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let mut done = 0;
    while done < RELOADS {
        match front.supervisor.reload(["left", "right"][done % 2], None).await {
            Ok(_) => done += 1,
            // Streams of the editions before are still open.
            Err(ReloadError::TooManyOld) => tokio::time::sleep(front::POLL).await,
            Err(error) => panic!("{error}"),
        }
    }
    over.send(true).unwrap();
    for client in clients {
        assert!(client.await.expect("no call fails") > 0);
    }
    let status = front.until("the end of the old ones", |status| status.engines.iter().all(|e| e.old.is_empty())).await;
    assert_eq!(status.counters.drifts + status.counters.mismatches, 0);
    let switched: u64 = status.engines.iter().map(|e| e.reloads[ReloadResult::Switched as usize]).sum();
    assert_eq!(switched, RELOADS as u64);
    assert_eq!(front.scrape().await.count("pobatch_engine_reloads_total", &["result=\"switched\""]), RELOADS as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_is_known_by_its_id_after_a_reload_even_when_the_old_edition_has_ended() {
    let front = Front::start(settings()).await;
    let id = front.supervisor.load_base("", WITCH.into()).await.unwrap().id;
    for _ in 0..2 {
        front.supervisor.reload("", None).await.unwrap();
        front.until("the end of the old one", |status| status.engines[0].old.is_empty()).await;
        assert!(front.status().await.bases.is_empty(), "its template went with it");
    }
    let base = front.supervisor.find_base("", id).await.unwrap();
    assert_eq!((base.id, base.engine.edition), (id, front.supervisor.engine().edition));
    assert!(evaluate(&front.supervisor, &base, [level(50)]).await[0].result.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_of_an_engine_leaves_what_is_known_of_others() {
    let front = Front::start(named(&["left", "right"])).await;
    let id = front.supervisor.load_base("left", WITCH.into()).await.unwrap().id;
    for engine in ["left", "right"] {
        front.supervisor.reload(engine, None).await.unwrap();
        front.until("the end of the old ones", |status| status.engines.iter().all(|e| e.old.is_empty())).await;
    }
    assert_eq!(front.supervisor.find_base("left", id).await.unwrap().id, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_was_on_its_way_when_its_engine_was_reloaded_is_known_behind_it() {
    let front = Front::start(settings()).await;
    // Whichever is faster.
    let (held, reloaded) =
        tokio::join!(front.supervisor.load_base("", WITCH.into()), front.supervisor.reload("", None));
    let id = held.unwrap().id;
    reloaded.unwrap();
    front.until("the end of the old one", |status| status.engines[0].old.is_empty()).await;
    assert_eq!(front.supervisor.find_base("", id).await.unwrap().id, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grace_bounds_how_long_an_old_edition_lives_and_its_work_is_answered() {
    let reload = ReloadPolicy { grace: Duration::from_millis(1), ..ReloadPolicy::default() };
    let front = Front::start(Settings { reload, ..settings() }).await;
    let mut open = Stream::open(connect(&front.url).await, start(None)).await.unwrap();
    open.send(1, &level(50)).await;
    assert_eq!(reason(&open.outcome().await), None);
    front.supervisor.reload("", None).await.unwrap();
    front.until("the end of the grace", |status| status.engines[0].old.is_empty()).await;
    open.send(2, &level(51)).await;
    assert_eq!(reason(&open.outcome().await), Some(v1::FailureReason::Unavailable), "a typed answer, and no silence");
    let mut fresh = Stream::open(connect(&front.url).await, start(None)).await.unwrap();
    fresh.send(1, &level(51)).await;
    assert_eq!(reason(&fresh.outcome().await), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_reload_of_an_engine_runs_at_a_time_and_old_editions_in_use_are_bounded() {
    let supervisor = Supervisor::start(settings()).await.unwrap();
    let (one, other) = tokio::join!(supervisor.reload("", None), supervisor.reload("sample", None));
    let results = [one.is_ok(), other.is_ok()];
    assert_eq!(results.iter().filter(|good| **good).count(), 1);
    assert!([one.err(), other.err()].iter().flatten().all(|error| matches!(error, ReloadError::Running)));

    let mut held = Vec::new();
    for _ in 0..OLD_EDITIONS_MAX {
        held.push(supervisor.load_base("", WITCH.into()).await.unwrap());
        supervisor.reload("", None).await.unwrap();
    }
    assert!(matches!(supervisor.reload("", None).await, Err(ReloadError::TooManyOld)));
    // Whatever holds an edition can use it.
    for base in &held {
        assert!(evaluate(&supervisor, base, [level(50)]).await[0].result.is_ok());
    }
    drop(held);
    let again = async {
        while supervisor.reload("", None).await.is_err() {
            tokio::time::sleep(front::POLL).await;
        }
    };
    tokio::time::timeout(common::PATIENCE, again).await.expect("they end when nobody holds them");
    assert!(matches!(supervisor.reload("other", None).await, Err(ReloadError::Unknown { .. })));
    let embedded = supervisor.reload("", Some("/".into())).await;
    assert!(matches!(embedded, Err(ReloadError::Directory(_))), "{embedded:?}");
}

/// A golden file of the base alone, with one stat changed by that much.
fn golden(base: &Base, stat: &str, by: f64) -> String {
    let json = |name: &str, value: &StatValue| match value {
        StatValue::Number(number) if number.is_nan() => "nan".into(),
        StatValue::Number(number) if number.is_infinite() => if *number > 0.0 { "inf" } else { "-inf" }.into(),
        StatValue::Number(number) => (number + if name == stat { by } else { 0.0 }).into(),
        StatValue::Boolean(boolean) => (*boolean).into(),
        StatValue::Text(text) => serde_json::Value::from(text.as_str()),
    };
    let stats: serde_json::Map<_, _> =
        base.stats.iter().map(|(name, value)| (name.to_string(), json(name, value))).collect();
    serde_json::json!({ "case": "base", "variation": {}, "stats": stats }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_fails_its_golden_file_reaches_nobody() {
    let place = tempfile::tempdir().unwrap();
    let (build, file) = (place.path().join("build.xml"), place.path().join("golden.jsonl"));
    fs::write(&build, WITCH).unwrap();
    let base = common::with_base(settings(), WITCH).await.1;
    fs::write(&file, golden(&base, "", 0.0)).unwrap();
    let check = SelfCheck { engine: "sample".into(), build, golden: file.clone() };
    let reload = ReloadPolicy { self_checks: vec![check], ..ReloadPolicy::default() };
    let settings = Settings { reload, ..settings() };
    let front = Front::start(settings.clone()).await;
    let reloaded = front.supervisor.reload("", None).await.unwrap();

    fs::write(&file, golden(&base, "Life", 1.0)).unwrap();
    let failed = front.supervisor.reload("", None).await.unwrap_err();
    let words = failed.to_string();
    // As it is loaded, and as the case without a change gives it.
    assert!(words.contains("golden.jsonl: 2 values differ: base: Life: expected "), "{words}");
    assert_eq!(failed.result(), ReloadResult::CheckFailed);
    let status = front.status().await;
    assert_eq!(status.engines[0].facts.edition, reloaded.now.edition, "calls get what they got before");
    assert!(status.is_ready() && !status.engines[0].reloading);
    assert_eq!(status.engines[0].last_reload.as_ref().unwrap().1, ReloadResult::CheckFailed);
    assert!(status.incidents.iter().any(|incident| incident.what == "reload_failed"));
    let scrape = front.scrape().await;
    let count = |result: &str| scrape.count("pobatch_engine_reloads_total", &[&format!("result=\"{result}\"")]);
    assert_eq!((count("switched"), count("check_failed"), count("boot_failed")), (1, 1, 0));
    let mut stream = Stream::open(connect(&front.url).await, start(None)).await.unwrap();
    stream.send(1, &level(50)).await;
    assert_eq!(reason(&stream.outcome().await), None);

    let refused = Supervisor::start(settings).await.unwrap_err();
    assert!(matches!(refused, StartError::SelfCheck(_)), "nor does a server start on it: {refused}");
    fs::remove_file(&file).unwrap();
    assert!(matches!(front.supervisor.reload("", None).await, Err(ReloadError::Check(_))), "a check that is gone");
    fs::write(&file, golden(&base, "", 0.0)).unwrap();
    front.supervisor.reload("", None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_is_asked_for_after_its_engine_was_reloaded_fails_as_any_other() {
    let supervisor = Supervisor::start(settings()).await.unwrap();
    supervisor.reload("", None).await.unwrap();
    let unknown = pobatch::build::base::BaseId::of("sample", "nobody sent this");
    assert!(matches!(supervisor.find_base("", unknown).await, Err(BaseError::Unknown(_))));
    let bad = supervisor.load_base("", "<PathOfBuilding/>".into()).await.unwrap_err();
    assert!(matches!(bad, BaseError::Build(failure) if failure.reason == FailureReason::BadBuild));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_reloads_every_engine_and_the_server_serves_on() {
    let served = Served::start(&["--shards", "1", "--engine", "left=sample", "--engine", "right=sample"]);
    let mut admin = Admin::connect(&served.admin).await.unwrap();
    let client = Client::connect(&served.url).await.unwrap();
    assert_eq!(client.describe_engine().await.unwrap().engine.name, "left");
    let before: Vec<_> = admin.status().await.unwrap().engines.iter().map(|engine| engine.edition).collect();
    assert_eq!(before, [1, 2]);

    served.signal(Signal::HUP);
    let reloaded = async {
        loop {
            let engines = admin.status().await.unwrap().engines;
            if engines.iter().all(|engine| engine.last_reload_result == "switched") {
                return engines;
            }
            tokio::time::sleep(front::POLL).await;
        }
    };
    let engines = tokio::time::timeout(common::PATIENCE, reloaded).await.expect("both are reloaded");
    assert!(engines.iter().zip(&before).all(|(engine, before)| engine.ready && engine.edition > *before));
    assert_eq!(client.describe_engine().await.unwrap().engine.name, "left");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_reloads_by_name_and_hears_why_not() {
    let served = Served::start(&["--shards", "1", "--engine", "left=sample", "--engine", "right=sample"]);
    let mut admin = Admin::connect(&served.admin).await.unwrap();
    let (before, now) = admin.reload("right".into(), String::new()).await.unwrap();
    assert_eq!((before.name.as_str(), now.name.as_str()), ("right", "right"));
    assert_eq!(before.fingerprint, now.fingerprint, "nothing was changed");
    let mut refused = async |engine: &str, directory: &str| match admin.reload(engine.into(), directory.into()).await {
        Err(pobatch::client::ClientError::Call(failure)) => {
            (failure.code, failure.fields.first().map(|(field, _)| field.clone()))
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(refused("middle", "").await, (Code::NotFound, Some("engine".to_owned())));
    assert_eq!(refused("left", "/").await, (Code::InvalidArgument, Some("directory".to_owned())));
    let long = "x".repeat(5000);
    assert_eq!(refused("left", &long).await, (Code::InvalidArgument, Some("directory".to_owned())));
}
