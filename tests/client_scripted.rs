//! What real servers do not do on demand: scripted ones that stall, lie, refuse or break off, and the Rust client.

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{
    PATIENCE,
    fleet::{QUICK, client, each_once, request, variations},
    front::Front,
};
use pobatch::{
    client::{Client, ClientError, Keep, Objective, Reduction, Request, RetryPolicy},
    proto::v1::{
        self, EvaluateStreamResponse,
        evaluate_stream_request::Request as Sent,
        evaluate_stream_response::Response,
        evaluation_service_server::{EvaluationService, EvaluationServiceServer},
        outcome,
    },
    task,
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Code, Response as Answer, Status, Streaming, transport::Server};
use tonic_types::{ErrorDetails, StatusExt as _};

type Said = Result<EvaluateStreamResponse, Status>;

/// What a server does with a call. The last script is played again and again.
#[derive(Clone, Debug)]
enum Script {
    /// Refuses, with that pushback.
    Refuses(Code, Option<&'static str>),
    /// Answers so many variations, then does as it says.
    Answers(usize, Then),
    /// Computes with an engine of its own.
    Differs,
    /// Takes the call and says nothing, ever.
    Silent,
}

#[derive(Clone, Copy, Debug)]
enum Then {
    /// Breaks off with that code.
    Breaks(Code),
    /// Ends the stream without a summary.
    Stops,
    /// Reads on, and answers nothing.
    Stalls,
    /// Says that it did not come to the rest.
    Drains,
    /// Answers something that it was never sent.
    Lies,
    /// Says a summary, though the rest is unanswered.
    SumsUp,
}

struct Scripted {
    url: String,
    /// The names of the variations that each call was sent.
    calls: Arc<Mutex<Vec<Vec<String>>>>,
    _server: task::Owned,
}

impl Scripted {
    async fn start(scripts: &[Script]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let calls = Arc::default();
        let service = Service { scripts: scripts.to_vec(), calls: Arc::clone(&calls) };
        let server = task::spawn_owned("scripted", async move {
            let router = Server::builder().add_service(EvaluationServiceServer::new(service));
            router.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("it serves");
        });
        Self { url, calls, _server: server }
    }

    fn calls(&self) -> Vec<Vec<String>> {
        self.calls.lock().expect("nobody panicked").clone()
    }
}

struct Service {
    scripts: Vec<Script>,
    calls: Arc<Mutex<Vec<Vec<String>>>>,
}

#[expect(clippy::unnecessary_wraps, reason = "as streams have it")]
fn header(engine: &str) -> Said {
    let engine =
        v1::Engine { name: "sample".into(), kind: "sample".into(), version: "1".into(), fingerprint: engine.into() };
    let header = v1::EvaluationHeader { base_id: "1".repeat(64), engine: Some(engine), ..Default::default() };
    Ok(EvaluateStreamResponse { response: Some(Response::Header(header)) })
}

#[expect(clippy::unnecessary_wraps, reason = "as streams have it")]
fn outcome(index: u64, id: String, failure: Option<v1::FailureReason>) -> Said {
    let result = match failure {
        None => outcome::Result::Stats(v1::Stats::default()),
        Some(reason) => outcome::Result::Failure(v1::Failure { reason: reason.into(), ..Default::default() }),
    };
    let outcome = v1::Outcome { variation_id: id, index, result: Some(result), ..Default::default() };
    Ok(EvaluateStreamResponse { response: Some(Response::Outcome(outcome)) })
}

#[expect(clippy::unnecessary_wraps, reason = "as streams have it")]
fn summary() -> Said {
    Ok(EvaluateStreamResponse { response: Some(Response::Summary(v1::EvaluationSummary::default())) })
}

#[tonic::async_trait]
impl EvaluationService for Service {
    type EvaluateBatchStream = ReceiverStream<Result<v1::EvaluateBatchResponse, Status>>;
    type EvaluateStreamStream = ReceiverStream<Said>;
    type EvaluateSweepStream = ReceiverStream<Result<v1::EvaluateSweepResponse, Status>>;

    async fn evaluate_stream(
        &self,
        request: tonic::Request<Streaming<v1::EvaluateStreamRequest>>,
    ) -> Result<Answer<Self::EvaluateStreamStream>, Status> {
        let number = {
            let mut calls = self.calls.lock().expect("nobody panicked");
            calls.push(Vec::new());
            calls.len() - 1
        };
        let script = self.scripts.get(number).or(self.scripts.last()).expect("a script").clone();
        if let Script::Refuses(code, pushback) = script {
            // As servers of ours do: what says no reason may be a proxy's.
            let details = ErrorDetails::with_error_info("SCRIPTED", "pobatch", []);
            let mut status = Status::with_error_details(code, "not now", details);
            if let Some(pushback) = pushback {
                status.metadata_mut().insert("grpc-retry-pushback-ms", pushback.parse().expect("ASCII"));
            }
            return Err(status);
        }
        if let Script::Silent = script {
            std::future::pending::<()>().await;
        }
        let (say, said) = mpsc::channel(16);
        let calls = Arc::clone(&self.calls);
        task::spawn("script", async move {
            let mut inbound = request.into_inner();
            // The start.
            let _ = inbound.message().await;
            let (answers, then) = match script {
                Script::Answers(answers, then) => (answers, then),
                _ => (usize::MAX, Then::SumsUp),
            };
            let engine = if matches!(script, Script::Differs) { "another" } else { "one" };
            let _ = say.send(header(engine)).await;
            let mut count = 0;
            while let Ok(Some(message)) = inbound.message().await {
                let Some(Sent::Variation(variation)) = message.request else { panic!("{message:?}") };
                calls.lock().expect("nobody panicked")[number].push(variation.id.clone());
                let index = count as u64;
                count += 1;
                if count <= answers {
                    let _ = say.send(outcome(index, variation.id, None)).await;
                    continue;
                }
                let _ = match then {
                    Then::Breaks(code) => say.send(Err(Status::new(code, "broken off"))).await,
                    Then::Stops => return,
                    Then::Stalls => continue,
                    Then::Drains => {
                        let drains = outcome(index, variation.id, Some(v1::FailureReason::Unavailable));
                        let _ = say.send(drains).await;
                        continue;
                    }
                    Then::Lies => say.send(outcome(index + 1000, variation.id, None)).await,
                    Then::SumsUp => say.send(summary()).await,
                };
                return;
            }
            let _ = say.send(summary()).await;
        });
        Ok(Answer::new(ReceiverStream::new(said)))
    }

    async fn evaluate_batch(
        &self,
        _: tonic::Request<v1::EvaluateBatchRequest>,
    ) -> Result<Answer<Self::EvaluateBatchStream>, Status> {
        Err(Status::unimplemented("no script"))
    }

    async fn evaluate_sweep(
        &self,
        _: tonic::Request<v1::EvaluateSweepRequest>,
    ) -> Result<Answer<Self::EvaluateSweepStream>, Status> {
        Err(Status::unimplemented("no script"))
    }

    async fn evaluate(&self, _: tonic::Request<v1::EvaluateRequest>) -> Result<Answer<v1::EvaluateResponse>, Status> {
        Err(Status::unimplemented("no script"))
    }
}

const WELL: Script = Script::Answers(usize::MAX, Then::SumsUp);

#[tokio::test(flavor = "multi_thread")]
async fn whatever_way_a_call_breaks_what_it_did_not_answer_is_sent_again() {
    for then in [
        Then::Breaks(Code::Unavailable),
        Then::Breaks(Code::ResourceExhausted),
        Then::Breaks(Code::Aborted),
        Then::Stops,
        Then::SumsUp,
        Then::Drains,
    ] {
        let server = Scripted::start(&[Script::Answers(3, then), WELL]).await;
        let client = client([&server.url]).await;
        let results = client.evaluate(request(), variations(20)).await.unwrap().collect().await.unwrap();
        each_once(&results, 20);
        let calls = server.calls();
        assert_eq!(calls.len(), 2, "{then:?}");
        // What was answered is not sent again, and what was sent before comes first.
        assert_eq!(calls[1], (3..20).map(|number| number.to_string()).collect::<Vec<_>>(), "{then:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn some_progress_in_each_call_is_enough_to_get_through() {
    let server = Scripted::start(&[Script::Answers(1, Then::Breaks(Code::Unavailable))]).await;
    let client = client([&server.url]).await;
    let results = client.evaluate(request(), variations(15)).await.unwrap().collect().await.unwrap();
    each_once(&results, 15);
    assert_eq!(results.summary.resumed, 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_without_progress_come_to_an_end() {
    let always = Script::Answers(0, Then::Breaks(Code::Unavailable));
    let server = Scripted::start(&[always]).await;
    let client = client([&server.url]).await;
    let mut evaluation = client.evaluate(request(), variations(15)).await.unwrap();
    let error = evaluation.next().await.unwrap_err();
    assert!(matches!(&error, ClientError::Lost { tries: 4, last } if last.code == Code::Unavailable), "{error:?}");
    assert_eq!(server.calls().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_fail_again_is_not_tried_again() {
    for code in [Code::InvalidArgument, Code::Internal, Code::Unauthenticated, Code::DeadlineExceeded] {
        let server = Scripted::start(&[Script::Refuses(code, None)]).await;
        let refused = client([&server.url]).await.evaluate(request(), variations(1)).await.err();
        let Some(ClientError::Call(failure)) = refused else { panic!("{refused:?}") };
        assert_eq!((failure.code, server.calls().len()), (code, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_not_to_be_tried_again_is_left_alone() {
    for pushback in ["-1", "3600000"] {
        let server = Scripted::start(&[Script::Refuses(Code::ResourceExhausted, Some(pushback))]).await;
        let refused = client([&server.url]).await.evaluate(request(), variations(1)).await.err();
        assert!(matches!(refused, Some(ClientError::Lost { tries: 1, .. })), "{refused:?}");
        assert_eq!(server.calls().len(), 1);

        let good = Scripted::start(&[WELL]).await;
        let client = client([&server.url, &good.url]).await;
        let results = client.evaluate(request(), variations(50)).await.unwrap().collect().await.unwrap();
        each_once(&results, 50);
        assert_eq!(server.calls().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_not_tried_again_before_it_says() {
    let full = Script::Refuses(Code::ResourceExhausted, Some("150"));
    let server = Scripted::start(&[full.clone(), full, WELL]).await;
    let client = client([&server.url]).await;
    let began = std::time::Instant::now();
    let results = client.evaluate(request(), variations(5)).await.unwrap().collect().await.unwrap();
    each_once(&results, 5);
    // Its own pauses would be a tenth of that.
    assert!(began.elapsed() >= Duration::from_millis(300), "the client waits at least as long as it was asked to");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_is_slow_with_is_taken_over_and_its_late_answers_are_dropped() {
    let slow = Scripted::start(&[Script::Answers(2, Then::Stalls)]).await;
    let good = Scripted::start(&[WELL]).await;
    let client = client([&slow.url, &good.url]).await;
    let mut evaluation = client.evaluate(request(), variations(100)).await.unwrap();
    let outcomes = async {
        let mut outcomes = Vec::new();
        while let Some(outcome) = evaluation.next().await.unwrap() {
            outcomes.push(outcome);
        }
        outcomes
    };
    let outcomes = tokio::time::timeout(PATIENCE, outcomes).await.unwrap();
    let summary = evaluation.summary().unwrap().clone();
    let stalled = slow.calls().concat().len() - 2;
    assert!(stalled > 0 && summary.stolen >= stalled as u64, "{stalled} {summary:?}");
    assert_eq!(summary.resumed, 0);
    let header = evaluation.header().clone();
    each_once(&pobatch::client::Results { header, outcomes, summary }, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_begins_holds_nobody_up() {
    let (front, silent) = (Front::start(common::settings()).await, Scripted::start(&[Script::Silent]).await);
    let client = client([&silent.url, &front.url]).await;
    let top = Reduction {
        objectives: vec![Objective { expression: "Life".to_owned(), minimize: false }],
        keep: Keep::Top(5),
        ..Reduction::default()
    };
    for (reduction, ordered) in [(None, false), (None, true), (Some(top), false)] {
        let kept = if reduction.is_some() { 5 } else { 300 - 27 };
        let request = Request { reduction, ordered, ..request() };
        let whole = async { client.evaluate(request, variations(300)).await.unwrap().collect().await.unwrap() };
        let results = tokio::time::timeout(PATIENCE, whole).await.expect("it comes to an end");
        assert_eq!(results.summary.succeeded + results.summary.failed, 300);
        assert_eq!(results.outcomes.iter().filter(|outcome| outcome.result.is_ok()).count(), kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variation_that_no_call_comes_to_is_a_failure_in_the_end() {
    let server = Scripted::start(&[Script::Answers(0, Then::Drains)]).await;
    let policy = RetryPolicy { attempts: 3, ..QUICK };
    let client = Client::connect(&server.url).await.unwrap().with_retry(policy);
    let ended = client.evaluate(request(), variations(1)).await.unwrap().collect().await;
    // It is tried as often as a server is, and has its failure when the last server has said so.
    let results = ended.unwrap();
    let failure = results.outcomes[0].result.as_ref().unwrap_err();
    assert_eq!(failure.reason.as_str(), "unavailable");
    assert_eq!((results.outcomes.len(), server.calls().len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn engines_are_not_mixed() {
    let servers = [Scripted::start(&[WELL]).await, Scripted::start(&[Script::Differs]).await];
    let client = client(servers.iter().map(|server| &server.url)).await;
    let ended = match client.evaluate(request(), variations(2000)).await {
        Ok(evaluation) => evaluation.collect().await.err(),
        Err(error) => Some(error),
    };
    assert!(matches!(ended, Some(ClientError::Differs { .. })), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_nothing_that_was_sent_is_an_error() {
    let server = Scripted::start(&[Script::Answers(1, Then::Lies)]).await;
    let evaluation = client([&server.url]).await.evaluate(request(), variations(5)).await.unwrap();
    assert!(matches!(evaluation.collect().await, Err(ClientError::Protocol(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_that_is_dropped_leaves_its_servers() {
    let front = Front::start(common::settings()).await;
    let client = client([&front.url]).await;
    let endless = std::iter::repeat_with(|| variations(1).remove(0));
    let mut evaluation = client.evaluate(request(), endless).await.unwrap();
    assert!(evaluation.next().await.unwrap().is_some());
    drop(evaluation);
    let idle = front.until("the session is over", |status| status.bases.iter().all(|base| base.sessions == 0));
    tokio::time::timeout(PATIENCE, idle).await.unwrap();
}
