use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, UnboundedSender, unbounded_channel};
use tokio_stream::{StreamExt as _, wrappers::UnboundedReceiverStream};
use tonic::{Code, metadata::MetadataMap};

use super::{hand::WINDOW_FACTOR, *};
use crate::{
    build::{limits::Limits, outcome::Selection},
    grpc::{
        convert::resolve,
        fixture::{self, Next, answer, base, engine, held, next},
    },
    proto::v1::outcome,
    supervisor::{
        Priority, SessionSpec, Supervisor,
        scripted::{Event as Question, Item},
    },
};

const IN_FLIGHT: usize = 2;
/// Memory for the variations in flight.
const ROOM: usize = 4 << 10;
const WINDOW: usize = IN_FLIGHT * WINDOW_FACTOR;

/// Longer than anything takes that happens at all: time is paused, so it passes at once when all tasks wait.
const NEVER: Duration = Duration::from_secs(60);

/// Longer than that.
const IDLE_MAX: Duration = Duration::from_secs(3600);

/// A running exchange, with the test as client and as driver.
struct Running {
    client: Option<UnboundedSender<Result<v1::Variation, CallError>>>,
    answers: Events,
    driver: Receiver<Question>,
    _supervisor: Supervisor,
}

impl Running {
    async fn start(change: impl FnOnce(&mut Plan)) -> Self {
        let (supervisor, mut driver) = Supervisor::scripted(engine());
        let layout = resolve(None, &base(), &engine(), &Limits::default()).unwrap();
        let call = Call::new(&MetadataMap::new(), &Limits::default());
        let spec = SessionSpec {
            base: held(),
            selection: Selection::All,
            priority: Priority::Batch,
            strict: false,
            deadline: None,
            variation_timeout: None,
            in_flight_max: IN_FLIGHT,
            request_id: call.request_id.clone(),
        };
        let (session, opened) = tokio::join!(supervisor.open(spec), next(&mut driver));
        assert!(matches!(opened, Some(Next::Opened(_))));
        let header = v1::EvaluationHeader { base_id: "b".into(), ..Default::default() };
        let mut plan = Plan {
            call,
            header,
            terms: Terms {
                base: vec![layout.base().clone()],
                layout,
                with_scenarios: false,
                difference_to_base: false,
            },
            scenarios: Scenarios::default(),
            measure: None,
            echo: false,
            ordered: false,
            in_flight_max: IN_FLIGHT,
            idle_max: IDLE_MAX,
            age_max: None,
            draining: CancellationToken::new(),
            metrics: Arc::clone(supervisor.metrics()),
        };
        change(&mut plan);
        let (client, variations) = unbounded_channel();
        let decoder = Decoder::new(Limits { in_flight_size: ROOM, line_size: ROOM, ..Limits::default() });
        let answers = super::start(plan, decoder, session.unwrap(), UnboundedReceiverStream::new(variations));
        Self { client: Some(client), answers, driver, _supervisor: supervisor }
    }

    fn send(&self, level: u32) {
        let variation = v1::Variation { id: format!("v{level}"), level: Some(level), ..Default::default() };
        self.client.as_ref().unwrap().send(Ok(variation)).unwrap();
    }

    fn half_close(&mut self) {
        self.client = None;
    }

    /// What the driver gets within a moment.
    async fn work(&mut self) -> Option<Vec<Item>> {
        match tokio::time::timeout(NEVER, next(&mut self.driver)).await {
            Ok(Some(Next::Work(items))) => Some(items),
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        }
    }

    async fn assert_session_is_given_up(&mut self) {
        loop {
            match tokio::time::timeout(NEVER, next(&mut self.driver)).await {
                Ok(Some(Next::Work(_))) => {}
                Ok(Some(Next::Closed)) => return,
                other => panic!("{other:?}"),
            }
        }
    }

    /// What the client gets within a moment.
    async fn event(&mut self) -> Option<Result<Event, Status>> {
        tokio::time::timeout(NEVER, self.answers.next()).await.expect("the call hangs")
    }

    async fn outcome(&mut self) -> v1::Outcome {
        match self.event().await {
            Some(Ok(Event::Outcome(outcome))) => outcome,
            other => panic!("{other:?}"),
        }
    }

    async fn assert_header(&mut self) {
        assert!(matches!(self.event().await, Some(Ok(Event::Header(header))) if header.base_id == "b"));
    }

    async fn summary(&mut self) -> v1::EvaluationSummary {
        match self.event().await {
            Some(Ok(Event::Summary(summary))) => {
                assert!(self.event().await.is_none(), "the summary is last");
                summary
            }
            other => panic!("{other:?}"),
        }
    }

    async fn assert_fails(&mut self, code: Code) {
        loop {
            match self.event().await {
                Some(Ok(_)) => {}
                Some(Err(status)) => break assert_eq!(status.code(), code, "{status}"),
                None => panic!("the call ended well"),
            }
        }
        assert!(self.event().await.is_none(), "a status is last");
    }
}

fn level(outcome: &v1::Outcome) -> f64 {
    match &outcome.result {
        Some(outcome::Result::Stats(stats)) => stats.values[0],
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_has_a_header_an_outcome_for_each_variation_and_a_summary() {
    let mut running = Running::start(|_| {}).await;
    running.assert_header().await;
    for sent in [10, 20, 30] {
        running.send(sent);
        running.work().await.unwrap().into_iter().for_each(answer);
        let outcome = running.outcome().await;
        assert_eq!((outcome.variation_id.as_str(), level(&outcome)), (format!("v{sent}").as_str(), f64::from(sent)));
        assert_eq!((outcome.shard, outcome.generation), (Some(3), Some(1)));
    }
    running.half_close();
    let summary = running.summary().await;
    assert_eq!((summary.succeeded, summary.failed), (3, 0));
    running.assert_session_is_given_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_without_variations_is_a_header_and_a_summary() {
    let mut running = Running::start(|_| {}).await;
    running.half_close();
    running.assert_header().await;
    assert_eq!(running.summary().await.succeeded, 0);
}

#[tokio::test(start_paused = true)]
async fn a_variation_that_makes_no_sense_fails_alone_and_is_not_submitted() {
    let mut running = Running::start(|_| {}).await;
    running.assert_header().await;
    running.send(101);
    let outcome = running.outcome().await;
    assert_eq!((outcome.variation_id.as_str(), outcome.index, outcome.shard), ("v101", 0, None));
    match outcome.result {
        Some(outcome::Result::Failure(failure)) => {
            assert_eq!((failure.reason(), failure.field_path.as_str()), (v1::FailureReason::InvalidVariation, "level"));
        }
        other => panic!("{other:?}"),
    }
    running.send(50);
    let items = running.work().await.unwrap();
    assert_eq!(fixture::variation(&items[0]).level, Some(50), "it is the first that the driver sees");
    items.into_iter().for_each(answer);
    assert_eq!(running.outcome().await.index, 1);
    running.half_close();
    let summary = running.summary().await;
    assert_eq!((summary.succeeded, summary.failed, summary.failures.len()), (1, 1, 1));
}

/// Answers two variations in the wrong order and tells in which order their outcomes come.
async fn order_of_two(ordered: bool) -> [u64; 2] {
    let mut running = Running::start(|plan| plan.ordered = ordered).await;
    running.assert_header().await;
    running.send(1);
    running.send(2);
    let mut items = Vec::new();
    while items.len() < 2 {
        items.extend(running.work().await.unwrap());
    }
    items.into_iter().rev().for_each(answer);
    [running.outcome().await.index, running.outcome().await.index]
}

#[tokio::test(start_paused = true)]
async fn outcomes_come_as_they_finish_or_on_demand_in_order() {
    assert_eq!(order_of_two(false).await, [1, 0]);
    assert_eq!(order_of_two(true).await, [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn in_order_a_slow_variation_is_overtaken_by_no_more_than_the_window_holds() {
    let mut running = Running::start(|plan| plan.ordered = true).await;
    running.assert_header().await;
    (0..3 * WINDOW).for_each(|_| running.send(7));
    let mut slow = None;
    let mut seen = 0;
    while let Some(items) = running.work().await {
        for item in items {
            seen += 1;
            if slow.is_none() { slow = Some(item) } else { answer(item) }
        }
    }
    assert_eq!(seen, WINDOW);

    answer(slow.unwrap());
    for index in 0..WINDOW {
        assert_eq!(running.outcome().await.index, index as u64);
    }
    assert!(running.work().await.is_some(), "the places are free again");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_not_read_from() {
    let mut running = Running::start(|_| {}).await;
    let sent = 20 * (RESPONSES_MAX + WINDOW);
    (0..sent).for_each(|_| running.send(7));
    let mut seen = 0;
    while let Some(items) = running.work().await {
        seen += items.len();
        items.into_iter().for_each(answer);
    }
    assert!((RESPONSES_MAX..=RESPONSES_MAX + WINDOW).contains(&seen), "{seen}");

    // And when it reads, nothing is lost.
    running.half_close();
    running.assert_header().await;
    let mut outcomes = 0;
    loop {
        tokio::select! {
            event = running.answers.next() => match event {
                Some(Ok(Event::Outcome(_))) => outcomes += 1,
                Some(Ok(Event::Summary(_))) => break,
                other => panic!("{other:?}"),
            },
            Some(next) = next(&mut running.driver) => match next {
                Next::Work(items) => items.into_iter().for_each(answer),
                // The exchange may be done before the client has read it all.
                Next::Closed | Next::Opened(_) => {}
            },
        }
    }
    assert_eq!(outcomes, sent);
}

#[tokio::test(start_paused = true)]
async fn variations_wait_until_there_is_memory_for_them() {
    let mut running = Running::start(|_| {}).await;
    let heavy = |running: &Running, bytes: usize| {
        let variation = v1::Variation { custom_mods: Some("x".repeat(bytes)), ..Default::default() };
        running.client.as_ref().unwrap().send(Ok(variation)).unwrap();
    };
    running.assert_header().await;
    for _ in 0..2 {
        heavy(&running, ROOM * 2 / 3);
    }
    let first = running.work().await.unwrap();
    assert!(running.work().await.is_none(), "two of these are more than may be in flight");
    first.into_iter().for_each(answer);
    assert_eq!(running.outcome().await.index, 0);
    running.work().await.expect("there is room again").into_iter().for_each(answer);
    assert_eq!(running.outcome().await.index, 1);

    // What would never have room fails alone instead of waiting for ever.
    heavy(&running, ROOM);
    running.send(7);
    running.work().await.unwrap().into_iter().for_each(answer);
    let (first, second) = (running.outcome().await, running.outcome().await);
    let mut reasons = [first, second].map(|outcome| match outcome.result {
        Some(outcome::Result::Failure(failure)) => Some(failure.reason()),
        _ => None,
    });
    reasons.sort_unstable();
    assert_eq!(reasons, [None, Some(v1::FailureReason::LimitExceeded)]);
}

#[tokio::test(start_paused = true)]
async fn when_the_deadline_passes_the_call_fails_and_its_session_is_given_up() {
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut running = Running::start(|plan| plan.call.deadline = Some(deadline)).await;
    running.send(7);
    let held = running.work().await;
    running.assert_fails(Code::DeadlineExceeded).await;
    running.assert_session_is_given_up().await;
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_holds_for_a_client_that_does_not_read() {
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut running = Running::start(|plan| plan.call.deadline = Some(deadline)).await;
    (0..10 * RESPONSES_MAX).for_each(|_| running.send(7));
    while let Ok(Some(Next::Work(items))) = tokio::time::timeout(NEVER, next(&mut running.driver)).await {
        items.into_iter().for_each(answer);
    }
    running.assert_fails(Code::DeadlineExceeded).await;
}

#[tokio::test(start_paused = true)]
async fn when_the_client_leaves_its_session_is_given_up() {
    let mut running = Running::start(|_| {}).await;
    running.assert_header().await;
    running.send(7);
    let held = running.work().await;
    running.answers.close();
    running.assert_session_is_given_up().await;
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn when_the_request_stream_breaks_the_call_fails_with_its_status() {
    let mut running = Running::start(|_| {}).await;
    let broken = CallError::Inbound(Status::cancelled("reset"));
    running.client.as_ref().unwrap().send(Err(broken)).unwrap();
    running.assert_fails(Code::Cancelled).await;
    running.assert_session_is_given_up().await;
}

#[tokio::test(start_paused = true)]
async fn when_the_supervisor_goes_every_variation_is_answered_and_the_call_fails() {
    let mut running = Running::start(|_| {}).await;
    running.assert_header().await;
    running.send(7);
    drop(running.work().await);
    let outcome = running.outcome().await;
    match outcome.result {
        Some(outcome::Result::Failure(failure)) => assert_eq!(failure.reason(), v1::FailureReason::Unavailable),
        other => panic!("{other:?}"),
    }
    running.driver.close();
    running.send(8);
    running.assert_fails(Code::Unavailable).await;
}

#[tokio::test(start_paused = true)]
async fn when_the_server_drains_what_is_in_hand_is_answered_and_the_call_fails() {
    let draining = CancellationToken::new();
    let mut running = Running::start(|plan| plan.draining = draining.clone()).await;
    running.assert_header().await;
    running.send(7);
    let held = running.work().await.unwrap();
    draining.cancel();
    running.send(8);
    assert!(running.work().await.is_none(), "nothing more is read");
    held.into_iter().for_each(answer);
    assert_eq!(running.outcome().await.variation_id, "v7");
    assert!(matches!(running.event().await, Some(Ok(Event::Summary(summary))) if summary.succeeded == 1));
    running.assert_fails(Code::Unavailable).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_of_age_answers_what_it_has_in_hand_and_says_that_it_was_not_all() {
    let mut running = Running::start(|plan| plan.age_max = Some(NEVER / 4)).await;
    running.assert_header().await;
    running.send(7);
    let held = running.work().await.unwrap();
    assert!(running.work().await.is_none(), "its age passes meanwhile");
    assert!(running.client.as_ref().unwrap().is_closed(), "nothing more is read");
    held.into_iter().for_each(answer);
    assert_eq!(running.outcome().await.variation_id, "v7");
    assert!(matches!(running.event().await, Some(Ok(Event::Summary(summary))) if summary.succeeded == 1));
    running.assert_fails(Code::Unavailable).await;
    running.assert_session_is_given_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_nothing_and_waits_for_nothing_is_sent_away() {
    let mut running = Running::start(|plan| plan.idle_max = NEVER / 4).await;
    running.assert_header().await;
    running.assert_fails(Code::Aborted).await;
    running.assert_session_is_given_up().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_for_its_outcome_is_not_idle() {
    let mut running = Running::start(|plan| plan.idle_max = NEVER / 4).await;
    running.assert_header().await;
    running.send(7);
    let held = running.work().await.unwrap();
    assert!(running.work().await.is_none(), "four times as long as it may be idle");
    let answered = tokio::time::Instant::now();
    held.into_iter().for_each(answer);
    assert_eq!(running.outcome().await.variation_id, "v7");
    running.assert_fails(Code::Aborted).await;
    assert!(answered.elapsed() >= NEVER / 4, "the time counts from the last outcome");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_sent_away() {
    let mut running = Running::start(|plan| plan.idle_max = NEVER / 4).await;
    (0..10 * RESPONSES_MAX).for_each(|_| running.send(7));
    loop {
        match tokio::time::timeout(NEVER, next(&mut running.driver)).await {
            Ok(Some(Next::Work(items))) => items.into_iter().for_each(answer),
            Ok(Some(Next::Closed)) => break,
            other => panic!("{other:?}"),
        }
    }
    running.assert_fails(Code::Aborted).await;
}

mod scenarios;
