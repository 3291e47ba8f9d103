//! One evaluation at work: it carries out what the exchange orders, and tells it what happens.
//!
//! Each call is a task of its own that passes on what it hears (`call.rs`); everything else happens within
//! [`Evaluation::next`]. An evaluation that nobody asks for outcomes sends nothing and, once its few buffers are full,
//! reads nothing.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use tonic::Status;

use super::{
    Build, CallFailure, Client, ClientError, Header, Named, Outcome, Reduction, Request, Results, Summary, Sweep,
    call::{Call, Event, Report, Start},
    exchange::{Exchange, GiveUp, Order, Plan},
    outcome::{answer, summary},
    request::scenario_to_proto,
    retry::{Again, chance},
};
use crate::{
    grpc::convert::{Columns, variation_to_proto},
    proto::v1::{self, EvaluateStreamRequest, evaluate_stream_request, evaluate_stream_response::Response},
};

/// Messages of all calls that wait to be taken.
const EVENTS_MAX: usize = 64;
/// How long calls may take to end when all outcomes are there: nothing comes of waiting but a good ending.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// A running evaluation.
pub struct Evaluation<I> {
    client: Client,
    build: Build,
    start: Start,
    in_flight_max: usize,
    exchange: Exchange<Named, Outcome>,
    variations: I,
    /// By endpoint.
    calls: Vec<Option<Running>>,
    /// By endpoint: when the exchange wants to be woken.
    wakes: Vec<Option<Instant>>,
    serial: u64,
    event_sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    room: Arc<Notify>,
    began: Instant,
    header: Option<Header>,
    summary: Option<Summary>,
    has_failed: bool,
}

/// A call, and what its server has said so far.
struct Running {
    call: Call,
    columns: Columns,
    said: Option<Summary>,
}

impl<I: Iterator<Item = Named>> Evaluation<I> {
    pub(super) async fn start(
        client: Client,
        request: Request,
        sweeps: Option<Vec<Sweep>>,
        variations: I,
    ) -> Result<Self, ClientError> {
        let plan = Plan {
            ordered: request.ordered,
            in_flight_max: request.in_flight_max,
            is_sweep: sweeps.is_some(),
            reduction: request.reduction.as_ref().map(Reduction::shape),
        };
        // One variation after the other is put in order here, since calls know nothing of each other; what a call leaves
        // out is known only if it keeps to the order itself.
        let is_whole = plan.is_sweep || plan.reduction.is_some();
        let options = v1::EvaluationOptions {
            ordered: request.ordered && is_whole,
            strict: request.strict,
            ..Default::default()
        };
        let (options, stats) = (Some(options), Some(request.stats.into_proto()));
        let reduction = request.reduction.map(Reduction::into_proto);
        let scenarios = request.scenarios.iter().map(scenario_to_proto).collect();
        let start = match sweeps {
            Some(sweeps) => Start::Sweep(v1::EvaluateSweepRequest {
                base: None,
                sweeps: sweeps.into_iter().map(Sweep::into_proto).collect(),
                stats,
                options,
                reduction,
                scenarios,
            }),
            None => Start::Session(v1::EvaluateStreamStart { base: None, stats, options, reduction, scenarios }),
        };
        let endpoints = client.links.len();
        let (event_sender, events) = mpsc::channel(EVENTS_MAX);
        let mut evaluation = Self {
            exchange: Exchange::new(plan, client.policy, endpoints),
            client,
            build: request.build,
            start,
            in_flight_max: request.in_flight_max.max(1),
            variations,
            calls: (0..endpoints).map(|_| None).collect(),
            wakes: vec![None; endpoints],
            serial: 0,
            event_sender,
            events,
            room: Arc::new(Notify::new()),
            began: Instant::now(),
            header: None,
            summary: None,
            has_failed: false,
        };
        while evaluation.header.is_none() {
            evaluation.step().await?;
        }
        Ok(evaluation)
    }

    /// What all outcomes refer to.
    ///
    /// # Panics
    /// Never: an evaluation that has started has a header.
    pub fn header(&self) -> &Header {
        self.header.as_ref().expect("read before anybody gets the evaluation")
    }

    /// The next outcome; `None` when all are there. Cancel safe.
    ///
    /// # Errors
    /// What ends the whole of it; what is left has no outcome then, and `None` follows. [`ClientError::Call`]: a server
    /// refused it, as any other would. [`ClientError::Lost`]: no endpoint made any progress, as often as the policy
    /// says. [`ClientError::Differs`], [`ClientError::Protocol`].
    pub async fn next(&mut self) -> Result<Option<Outcome>, ClientError> {
        while self.summary.is_none() && !self.has_failed {
            if let Some((number, outcome)) = self.exchange.next_ready() {
                return Ok(Some(Outcome { index: number, ..outcome }));
            }
            if self.exchange.is_done() {
                let elapsed = self.began.elapsed();
                self.farewell().await;
                self.summary = Some(Summary { elapsed, ..self.exchange.summary().clone() });
            } else if let Err(error) = self.step().await {
                self.has_failed = true;
                self.calls.fill_with(|| None);
                return Err(error);
            }
        }
        Ok(None)
    }

    /// What became of the whole, once [`Self::next`] has said `None`.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// All that is left of it.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn collect(mut self) -> Result<Results, ClientError> {
        let mut outcomes = Vec::new();
        while let Some(outcome) = self.next().await? {
            outcomes.push(outcome);
        }
        let header = self.header().clone();
        Ok(Results { header, outcomes, summary: self.summary.unwrap_or_default() })
    }

    /// Does what is to be done, and waits until something happens. Cancel safe: nothing is done behind the wait that
    /// is not done at once.
    async fn step(&mut self) -> Result<(), ClientError> {
        self.carry_out();
        // That the caller has no more may just have turned out; and then nothing happens any more.
        if self.exchange.is_done() && self.calls.iter().all(Option::is_none) {
            return Ok(());
        }
        let wake = self.wakes.iter().flatten().min().copied();
        tokio::select! {
            // Never `None`: this holds a sender.
            Some(event) = self.events.recv() => self.take(event),
            () = self.room.notified() => Ok(()),
            () = tokio::time::sleep_until(wake.unwrap_or(self.began)), if wake.is_some() => {
                self.wake();
                Ok(())
            }
        }
    }

    /// Lets calls that are through end well. Whatever they say, all outcomes are there.
    async fn farewell(&mut self) {
        self.carry_out();
        let ended = async {
            while self.calls.iter().any(Option::is_some) {
                let _ = self.step().await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL_MAX, ended).await;
        self.calls.fill_with(|| None);
    }

    fn carry_out(&mut self) {
        loop {
            let calls = &self.calls;
            let has_room = |endpoint: usize| calls[endpoint].as_ref().is_some_and(|running| running.call.has_room());
            match self.exchange.next_order(&mut self.variations, has_room) {
                None => return,
                Some(Order::Open(endpoint)) => self.open(endpoint),
                Some(Order::Send(endpoint, number)) => {
                    if let (Some(running), Some(named)) = (&self.calls[endpoint], self.exchange.variation(number)) {
                        running.call.send(message(named));
                    }
                }
                Some(Order::HalfClose(endpoint)) => {
                    if let Some(running) = &mut self.calls[endpoint] {
                        running.call.half_close();
                    }
                }
                Some(Order::Cancel(endpoint)) => self.calls[endpoint] = None,
                Some(Order::Wake(endpoint, after)) => self.wakes[endpoint] = Some(Instant::now() + after),
            }
        }
    }

    fn open(&mut self, endpoint: usize) {
        let base = Some(self.client.bases().form(endpoint, &self.build).into_proto(&self.client.engine));
        let start = match self.start.clone() {
            Start::Session(start) => Start::Session(v1::EvaluateStreamStart { base, ..start }),
            Start::Sweep(request) => Start::Sweep(v1::EvaluateSweepRequest { base, ..request }),
        };
        self.serial += 1;
        let (events, room) = (self.event_sender.clone(), Arc::clone(&self.room));
        let report = Report { endpoint, serial: self.serial, events, room };
        let client = self.client.links[endpoint].evaluation.clone();
        let call = Call::open(client, start, self.in_flight_max, report);
        self.calls[endpoint] = Some(Running { call, columns: Columns::default(), said: None });
    }

    fn wake(&mut self) {
        let now = Instant::now();
        for endpoint in 0..self.wakes.len() {
            if self.wakes[endpoint].is_some_and(|wake| wake <= now) {
                self.wakes[endpoint] = None;
                self.exchange.wake(endpoint);
            }
        }
    }

    fn take(&mut self, Event { endpoint, serial, what }: Event) -> Result<(), ClientError> {
        // What calls say that were given up meanwhile is of no interest.
        let Some(running) = self.calls[endpoint].as_mut().filter(|running| running.call.serial == serial) else {
            return Ok(());
        };
        match what {
            Ok(Some(Response::Header(message))) => {
                let (header, columns) = Header::from_proto(message);
                running.columns = columns;
                self.begun(endpoint, header)
            }
            Ok(Some(Response::Outcome(message))) => {
                let answer = answer(endpoint, &running.columns, message)?;
                let unknown = |()| ClientError::Protocol("an outcome of a variation that was not sent");
                self.exchange.outcome(endpoint, answer).map_err(unknown)
            }
            Ok(Some(Response::Summary(message))) => {
                // A server that drains sums up, and then says that it did not read everything.
                running.said = Some(summary(&message));
                Ok(())
            }
            Ok(None) => match running.said.take() {
                Some(said) => {
                    self.calls[endpoint] = None;
                    let last =
                        || CallFailure::from(&Status::unavailable("the server did not come to what it was sent"));
                    self.exchange.ended(endpoint, &said, chance()).map_err(|give_up| gave_up(give_up, last()))
                }
                None => self.broken(endpoint, &Status::unknown("the stream ended without a summary")),
            },
            Err(status) => self.broken(endpoint, &status),
        }
    }

    fn begun(&mut self, endpoint: usize, header: Header) -> Result<(), ClientError> {
        self.client.bases().learn(endpoint, &self.build, &header.base_id);
        match &self.header {
            Some(first) if !first.agrees_with(&header) => {
                return Err(ClientError::Differs { endpoint: self.client.links[endpoint].url.clone() });
            }
            Some(_) => {}
            None => self.header = Some(header),
        }
        self.exchange.header(endpoint);
        Ok(())
    }

    fn broken(&mut self, endpoint: usize, status: &Status) -> Result<(), ClientError> {
        self.calls[endpoint] = None;
        let again = match Again::of(status, &self.client.policy) {
            // Another endpoint may know it.
            Again::WithTheBuild if !self.client.bases().forget(endpoint, &self.build) => Again::Elsewhere,
            again => again,
        };
        tracing::debug!(endpoint = self.client.links[endpoint].url, ?again, %status, "a call broke");
        let broken = self.exchange.broken(endpoint, again, chance());
        broken.map_err(|give_up| gave_up(give_up, status.into()))
    }
}

fn gave_up(give_up: GiveUp, last: CallFailure) -> ClientError {
    match give_up {
        GiveUp::Refused => ClientError::Call(Box::new(last)),
        // No try was in vain: there is nobody who knows the base.
        GiveUp::Exhausted(_) if last.code == tonic::Code::NotFound => ClientError::Call(Box::new(last)),
        GiveUp::Exhausted(tries) => ClientError::Lost { tries, last: Box::new(last) },
    }
}

fn message(Named { id, variation }: &Named) -> EvaluateStreamRequest {
    let variation = variation_to_proto(id.clone(), variation);
    EvaluateStreamRequest { request: Some(evaluate_stream_request::Request::Variation(variation)) }
}
