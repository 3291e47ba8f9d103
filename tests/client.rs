//! The Rust client against real servers: one outcome for each variation, whatever becomes of the servers meanwhile, and
//! with several of them the same as with one.

mod common;

use std::collections::HashSet;

use common::{
    fleet::{client, each_once, fronts, request, said, variations},
    front::{Front, POLL, Stream, connect},
    proxy::Proxy,
    served::Served,
};
use pobatch::{
    build::outcome::FailureReason,
    client::{Build, Client, ClientError, Keep, Objective, Outcome, Reduction, Request, Results, Sweep},
};
use rustix::process::Signal;

async fn all(client: &Client, request: Request, count: u32) -> Results {
    let evaluation = client.evaluate(request, variations(count)).await.expect("it is taken");
    evaluation.collect().await.expect("it comes to its end")
}

/// What one server says that nothing happens to.
async fn truth(request: Request, count: u32) -> Results {
    let front = Front::start(common::settings()).await;
    all(&client([&front.url]).await, request, count).await
}

fn check_same(results: &Results, truth: &Results, count: u32) {
    let (ours, theirs) = (each_once(results, count), each_once(truth, count));
    for (number, outcome) in ours {
        assert_eq!(said(outcome), said(theirs[&number]), "variation {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_say_what_one_says_and_share_the_work() {
    let fronts = fronts(3).await;
    let results = all(&client(fronts.iter().map(|front| &front.url)).await, request(), 300).await;
    check_same(&results, &truth(request(), 300).await, 300);
    let used: HashSet<usize> = results.outcomes.iter().map(|outcome| outcome.endpoint).collect();
    assert!(used.len() > 1, "{used:?}");
    assert_eq!(results.summary.resumed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_come_in_order_if_that_is_asked_for() {
    let fronts = fronts(2).await;
    let client = client(fronts.iter().map(|front| &front.url)).await;
    let results = all(&client, Request { ordered: true, ..request() }, 200).await;
    each_once(&results, 200);
    assert!(results.outcomes.is_sorted_by_key(|outcome| outcome.index));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_server_had_goes_to_the_others() {
    let fronts = fronts(2).await;
    let line = Proxy::start(&fronts[1].url).await;
    let client = client([&fronts[0].url, &line.url]).await;
    let mut evaluation = client.evaluate(request(), variations(400)).await.unwrap();
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut line = Some(line);
    while let Some(outcome) = evaluation.next().await.unwrap() {
        if outcome.endpoint == 1 {
            line = None;
        }
        outcomes.push(outcome);
    }
    assert!(line.is_none(), "it had its share");
    let summary = evaluation.summary().unwrap().clone();
    assert!(summary.resumed >= 1);
    let results = Results { header: evaluation.header().clone(), outcomes, summary };
    check_same(&results, &truth(request(), 400).await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_again_and_again_is_resumed() {
    let served = Served::start(&["--shards", "1"]);
    let address = served.url.trim_start_matches("http://").to_owned();
    let client = Client::connect(&served.url).await.unwrap();
    let mut evaluation = client.evaluate(request(), variations(300)).await.unwrap();
    let mut served = Some(served);
    let mut outcomes = Vec::new();
    while let Some(outcome) = evaluation.next().await.unwrap() {
        outcomes.push(outcome);
        if [20, 100].contains(&outcomes.len()) {
            // Killed, and started again at the same address.
            let killed = served.take().unwrap();
            killed.signal(Signal::KILL);
            killed.ended().await;
            served = Some(Served::start_at(&address, &["--shards", "1"]));
        }
    }
    let summary = evaluation.summary().unwrap().clone();
    assert_eq!(summary.resumed, 2);
    let results = Results { header: evaluation.header().clone(), outcomes, summary };
    check_same(&results, &truth(request(), 300).await, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_drains_is_left_for_another_and_used_again_when_it_is_back() {
    let fronts = fronts(2).await;
    let client = client(fronts.iter().map(|front| &front.url)).await;
    let mut evaluation = client.evaluate(request(), variations(3000)).await.unwrap();
    let mut outcomes: Vec<Outcome> = Vec::new();
    let (mut is_draining, mut was_drained, mut is_back) = (false, false, false);
    let mut alone = 0;
    while let Some(outcome) = evaluation.next().await.unwrap() {
        match outcome.endpoint {
            0 if !is_draining && !was_drained => {
                fronts[0].health.admission().drain();
                (is_draining, alone) = (true, 0);
            }
            1 if is_draining => {
                alone += 1;
                // By then it has answered what it had in hand.
                if alone == 100 {
                    fronts[0].health.admission().undrain().unwrap();
                    (is_draining, was_drained) = (false, true);
                }
            }
            0 if was_drained => is_back = true,
            _ => {}
        }
        outcomes.push(outcome);
    }
    assert!(was_drained && is_back);
    let summary = evaluation.summary().unwrap().clone();
    let results = Results { header: evaluation.header().clone(), outcomes, summary };
    check_same(&results, &truth(request(), 3000).await, 3000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_full_is_asked_again_when_it_says_so() {
    let front = Front::start(pobatch::supervisor::Settings { sessions_max: 1, ..common::settings() }).await;
    let session = Stream::open(connect(&front.url).await, common::front::start(None)).await.unwrap();
    let client = client([&front.url]).await;
    let refused = async {
        // It has one place, which is taken, and says when to come back.
        while front.scrape().await.count("pobatch_refusals_total", &[r#"reason="sessions_full""#]) == 0 {
            tokio::time::sleep(POLL).await;
        }
        drop(session);
    };
    let opening = async { tokio::join!(client.evaluate(request(), variations(20)), refused).0 };
    let evaluation = tokio::time::timeout(common::PATIENCE, opening).await.unwrap().unwrap();
    each_once(&evaluation.collect().await.unwrap(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_a_server_forgot_is_sent_again() {
    let front = Front::start(common::settings()).await;
    let client = client([&front.url]).await;
    let first = all(&client, request(), 5).await;
    let id = first.header.base_id.clone();
    let by_name = Request { build: Build::Id(id.clone()), ..request() };
    for request in [request(), by_name] {
        front.until("the base is idle", |status| status.bases.iter().all(|base| base.sessions == 0)).await;
        front.supervisor.evict(id.parse().unwrap()).await.unwrap();
        let again = all(&client, request, 5).await;
        assert_eq!(again.header.base_id, id);
        check_same(&again, &first, 5);
        front.until("the base is idle", |status| status.bases.iter().all(|base| base.sessions == 0)).await;
        front.supervisor.evict(id.parse().unwrap()).await.unwrap();
        // So are questions that have one answer.
        assert!(!client.passives(Build::Id(id.clone())).await.unwrap().passives.is_empty());
    }
    let other = Request { build: Build::Id("0".repeat(64)), ..self::request() };
    let refused = client.evaluate(other, variations(1)).await.err();
    let Some(ClientError::Call(failure)) = refused else { panic!("{refused:?}") };
    assert_eq!(failure.reason.as_deref(), Some("UNKNOWN_BASE"), "nobody ever had it");
}

fn reduced(keep: Keep) -> Request {
    let objective = |expression: &str, minimize| Objective { expression: expression.to_owned(), minimize };
    let reduction = Reduction {
        constraints: vec!["Life >= 200".to_owned()],
        // Levels have the same life over and over, as far as the objectives see it.
        objectives: vec![objective("min(Life, 1400)", false), objective("Mana", true)],
        keep,
        enough: None,
    };
    Request { reduction: Some(reduction), ..request() }
}

/// Number, scores and values of an outcome, bit for bit.
type Exact = (u64, Vec<u64>, Result<Vec<(String, String)>, &'static str>);

fn in_their_order(results: &Results) -> Vec<Exact> {
    let scores = |outcome: &Outcome| outcome.scores.iter().map(|score| score.to_bits()).collect();
    results.outcomes.iter().map(|outcome| (outcome.index, scores(outcome), said(outcome))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reduction_over_several_servers_gives_the_answer_of_one() {
    let fronts = fronts(3).await;
    let client = client(fronts.iter().map(|front| &front.url)).await;
    for keep in [Keep::Top(25), Keep::ParetoFront(500), Keep::All] {
        let request = Request { ordered: true, ..reduced(keep) };
        let (ours, theirs) = (all(&client, request.clone(), 1000).await, truth(request, 1000).await);
        assert!(ours.outcomes.len() > 10, "{keep:?} keeps something");
        // Failures come as they finish; with several servers they come in order all the same.
        assert_eq!(in_their_order(&ours), in_their_order(&theirs), "{keep:?}");
        let counts = |results: &Results| {
            let summary = &results.summary;
            (summary.succeeded, summary.failed, summary.infeasible, summary.front_truncated)
        };
        assert_eq!(counts(&ours), counts(&theirs), "{keep:?}");
        let used: HashSet<usize> = ours.outcomes.iter().map(|outcome| outcome.endpoint).collect();
        assert!(used.len() > 1, "{keep:?}: {used:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reduction_survives_its_servers_and_hands_nothing_out_twice() {
    for keep in [Keep::Top(25), Keep::All] {
        let fronts = fronts(2).await;
        let line = Proxy::start(&fronts[1].url).await;
        let client = client([&fronts[0].url, &line.url]).await;
        let mut line = Some(line);
        let mut taken = 0;
        let variations = variations(1000).into_iter().inspect(|_| {
            taken += 1;
            if taken == 400 {
                line = None;
            }
        });
        let ours = client.evaluate(reduced(keep), variations).await.unwrap().collect().await.unwrap();
        assert!(ours.summary.resumed >= 1, "{:?}", ours.summary);
        let (mut ours, mut theirs) = (in_their_order(&ours), in_their_order(&truth(reduced(keep), 1000).await));
        if keep == Keep::All {
            ours.sort_by_key(|(index, ..)| *index);
            theirs.sort_by_key(|(index, ..)| *index);
        }
        let kept = |all: &[Exact]| all.iter().filter(|one| !one.1.is_empty()).cloned().collect::<Vec<_>>();
        assert_eq!(kept(&ours), kept(&theirs), "{keep:?}");
        assert_eq!(ours.len(), theirs.len(), "{keep:?}: each failure comes once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_enough_for_all_servers_when_it_is_for_one() {
    let fronts = fronts(2).await;
    let client = client(fronts.iter().map(|front| &front.url)).await;
    let reduction = Reduction { enough: Some(1.0), ..reduced(Keep::Top(1)).reduction.unwrap() };
    let endless = (0..).map(|number| variations(number % 100 + 1).pop().unwrap());
    let request = Request { reduction: Some(reduction), ..request() };
    let results = client.evaluate(request, endless).await.unwrap().collect().await.unwrap();
    assert!(results.summary.stopped_early);
    assert_eq!(results.outcomes.iter().filter(|outcome| outcome.result.is_ok()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_goes_on_elsewhere_and_hands_nothing_out_twice() {
    let fronts = fronts(2).await;
    let line = Proxy::start(&fronts[0].url).await;
    let client = client([&line.url, &fronts[1].url]).await;
    let sweeps = vec![Sweep::Gems { group: 0, levels: (1..=20).collect(), qualities: (0..=20).collect() }];
    let calm = client.sweep(Request { ordered: true, ..request() }, sweeps.clone()).await.unwrap();
    let calm = calm.collect().await.unwrap();
    assert!(calm.outcomes.len() > 500);

    let mut evaluation = client.sweep(Request { ordered: true, ..request() }, sweeps).await.unwrap();
    let mut outcomes = vec![evaluation.next().await.unwrap().unwrap()];
    drop(line);
    while let Some(outcome) = evaluation.next().await.unwrap() {
        outcomes.push(outcome);
    }
    let summary = evaluation.summary().unwrap().clone();
    assert_eq!(summary.resumed, 1);
    let results = Results { header: evaluation.header().clone(), outcomes, summary };
    assert_eq!(in_their_order(&results), in_their_order(&calm));
    assert_eq!(results.outcomes.last().unwrap().endpoint, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_server_would_take_is_an_error_at_once() {
    let fronts = fronts(2).await;
    let client = client(fronts.iter().map(|front| &front.url)).await;
    let request = Request { stats: pobatch::client::StatChoice::Named(vec!["Lief".into()]), ..request() };
    let refused = client.evaluate(request, variations(5)).await.err();
    let Some(ClientError::Call(failure)) = refused else { panic!("{refused:?}") };
    assert_eq!(failure.reason.as_deref(), Some("UNKNOWN_STAT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_is_left_it_ends() {
    let front = Front::start(common::settings()).await;
    let line = Proxy::start(&front.url).await;
    let client = client([&line.url]).await;
    let mut evaluation = client.evaluate(request(), variations(500)).await.unwrap();
    assert!(evaluation.next().await.unwrap().is_some());
    drop(line);
    let error = loop {
        match evaluation.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("there was more"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ClientError::Lost { tries: 4, .. }), "{error:?}");
    assert!(evaluation.next().await.unwrap().is_none(), "it is over");
    assert!(matches!(client.describe_engine().await, Err(ClientError::Lost { tries: 4, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_endpoint_that_answers_is_enough_to_begin() {
    let front = Front::start(common::settings()).await;
    // A port that was free a moment ago.
    let nobody = format!("http://{}", std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let client = client([&nobody, &front.url]).await;
    assert_eq!(client.describe_engine().await.unwrap().engine.name, "sample");
    each_once(&all(&client, request(), 50).await, 50);
    let refused = Client::connect_to([&nobody]).await.err();
    assert!(matches!(refused, Some(ClientError::Connect { .. })), "{refused:?}");
    let none: [&str; 0] = [];
    assert!(matches!(Client::connect_to(none).await, Err(ClientError::NoEndpoint)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variation_that_fails_does_so_alone_and_is_not_tried_again() {
    let fronts = fronts(2).await;
    let client = client(fronts.iter().map(|front| &front.url)).await;
    let mut list = variations(100);
    list[50].variation = common::fault("error");
    let results = client.evaluate(request(), list).await.unwrap().collect().await.unwrap();
    let by_number = each_once(&results, 100);
    let failure = by_number[&50].result.as_ref().unwrap_err();
    assert_eq!(failure.reason, FailureReason::EngineError);
    check_others(&by_number);
}

fn check_others(by_number: &std::collections::BTreeMap<u64, &Outcome>) {
    for (number, outcome) in by_number.iter().filter(|(number, _)| **number != 50) {
        assert_eq!(outcome.result.is_err(), number % 11 == 10, "variation {number}");
    }
}
