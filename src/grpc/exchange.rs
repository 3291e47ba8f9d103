//! The exchange of a streaming call: variations in, outcomes out.
//!
//! ```text
//! client ──> reader ──variations──> supervisor ──outcomes──┐
//!              │                                           ├──> writer ──> client
//!              └───────variations that make no sense───────┘
//! ```
//!
//! Reader and writer are two tasks, and the writer never waits for the reader, so neither can stop the other for good.
//! Before it reads a variation the reader takes a place in the window and a permit of the session: a client that sends
//! more than the server allows in flight, or does not read its outcomes, is not read from. Behind that one variation at
//! most waits for the tenant's quotas, so a client that is over them is not read from either.
//!
//! The writer ends the call: with a summary when all is answered, with a status when the deadline passes, the client's
//! stream breaks or the supervisor gives up, and with nothing when the client has left. When the server drains, or the
//! session is as old as it may become, the reader stops, what is in hand is answered, and behind the summary a status
//! says that it was not all. Whichever it
//! is, the session and the reader are dropped with it. So they are when the client is idle for too long: when it sends
//! nothing and waits for nothing, or when it does not read.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{self, error::SendTimeoutError},
        oneshot,
    },
    time::Instant,
};
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{
    call::Call,
    convert::{Layout, Measure, echoed_id, outcome_to_proto, rejected_to_proto},
    decode::{Decoded, Decoder},
    status::CallError,
    tally::{Reduced, Tally},
};
use crate::{
    build::outcome::Failure,
    metrics::Metrics,
    objective::{Judged, Offer, Reducer},
    proto::v1::{self, outcome},
    supervisor::{Outcomes, Refusal, Session, Submission},
    task,
    tenants::{Tenant, Turn},
};

/// Messages that wait for the client's flow control.
const RESPONSES_MAX: usize = 64;
/// Variations that make no sense and wait for the writer.
const REJECTED_MAX: usize = 64;
/// Size of the window, in multiples of what may be in flight: how far outcomes may run ahead of one that is slow, when
/// they have to be put in order.
const WINDOW_FACTOR: usize = 4;

/// The answer's messages.
pub(super) type Events = ReceiverStream<Result<Event, Status>>;

/// A message of the answer.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are outcomes")]
pub(super) enum Event {
    Header(v1::EvaluationHeader),
    Outcome(v1::Outcome),
    Summary(v1::EvaluationSummary),
}

/// How outcomes are written.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) call: Call,
    pub(super) header: v1::EvaluationHeader,
    pub(super) layout: Layout,
    /// Which outcomes are sent; `None`: all.
    pub(super) measure: Option<Measure>,
    /// Outcomes carry their variations.
    pub(super) echo: bool,
    pub(super) difference_to_base: bool,
    pub(super) ordered: bool,
    pub(super) in_flight_max: usize,
    /// How long the client may neither send, nor wait, nor read.
    pub(super) idle_max: Duration,
    /// When to read no further variations; `None`: the client decides.
    pub(super) age_max: Option<Duration>,
    /// The server takes no further variations.
    pub(super) draining: CancellationToken,
    pub(super) metrics: Arc<Metrics>,
}

/// Starts the exchange and gives the answer's messages.
pub(super) fn start(
    plan: Plan,
    decoder: Decoder,
    session: Session,
    variations: impl Stream<Item = Result<v1::Variation, CallError>> + Send + 'static,
) -> Events {
    let (sender, responses) = mpsc::channel(RESPONSES_MAX);
    task::spawn("exchange", run(plan, decoder, session, variations, sender));
    ReceiverStream::new(responses)
}

/// Why a call ended without a summary.
enum End {
    /// The client has left.
    Left,
    /// The call failed.
    Failed(CallError),
}

impl From<CallError> for End {
    fn from(error: CallError) -> Self {
        Self::Failed(error)
    }
}

async fn run(
    plan: Plan,
    decoder: Decoder,
    session: Session,
    variations: impl Stream<Item = Result<v1::Variation, CallError>> + Send + 'static,
    responses: mpsc::Sender<Result<Event, Status>>,
) {
    let Session { submit, outcomes } = session;
    let shared = Arc::new(Shared::new(plan.in_flight_max, decoder.limits().in_flight_size));
    let (rejected_sender, rejected) = mpsc::channel(REJECTED_MAX);
    let (end_sender, reader_end) = oneshot::channel();
    let (idle_max, draining, metrics) = (plan.idle_max, plan.draining.clone(), Arc::clone(&plan.metrics));
    let aged_at = plan.age_max.and_then(|age| Instant::now().checked_add(age));
    let shared_too = Arc::clone(&shared);
    let (echo, tenant) = (plan.echo, plan.call.tenant.clone());
    let reader = Reader {
        submit,
        rejected: rejected_sender,
        decoder,
        shared: shared_too,
        echo,
        tenant,
        idle_max,
        aged_at,
        draining,
        metrics,
    };
    // Aborted when this task ends.
    let _reader = task::spawn_owned("reader", async move {
        let _ = end_sender.send(reader.run(variations).await);
    });

    let call = plan.call.clone();
    let writer = Writer::new(plan, shared, responses.clone());
    // In this order: a client that has left needs no status, and an expired call gets no further outcome. Whatever the
    // writer held when it is dropped is given up as a whole, so it need not be cancel safe.
    let end = tokio::select! {
        biased;
        () = responses.closed() => Err(End::Left),
        () = call.expired() => Err(End::Failed(CallError::DeadlineExceeded)),
        end = writer.run(outcomes, rejected, reader_end) => end,
    };
    let elapsed = call.arrived.elapsed();
    match end {
        Ok(()) => tracing::info!(request_id = &*call.request_id, ?elapsed, "call served"),
        Err(End::Left) => tracing::info!(request_id = &*call.request_id, ?elapsed, "client left"),
        Err(End::Failed(error)) => {
            tracing::info!(request_id = &*call.request_id, ?elapsed, %error, "call failed");
            // Waits for a client that does not read; the session is given up already.
            let _ = responses.send_timeout(Err(error.into()), idle_max).await;
        }
    }
}

/// What reader and writer share.
struct Shared {
    hand: Mutex<Hand>,
    /// Free places for variations between their reading and the sending of their outcomes.
    window: Semaphore,
    /// Free memory for variations that the supervisor has, in bytes of JSON.
    room: Arc<Semaphore>,
}

/// A variation that the supervisor has.
struct InHand {
    id: String,
    /// The variation, if its outcome is to carry it.
    echo: Option<v1::Variation>,
    /// Goes back when it is answered.
    _room: OwnedSemaphorePermit,
    /// Goes back with it, where the tenant has a quota.
    _turn: Option<Turn>,
}

/// What the supervisor has in hand for this call.
struct Hand {
    /// The variations, by tag.
    variations: HashMap<u64, InHand>,
    /// When the last of them was answered.
    answered: Instant,
}

impl Shared {
    fn new(in_flight_max: usize, in_flight_bytes_max: usize) -> Self {
        let window = Semaphore::new(in_flight_max.saturating_mul(WINDOW_FACTOR).min(Semaphore::MAX_PERMITS));
        let room = Arc::new(Semaphore::new(in_flight_bytes_max.min(Semaphore::MAX_PERMITS)));
        let hand = Hand { variations: HashMap::new(), answered: Instant::now() };
        Self { hand: Mutex::new(hand), window, room }
    }

    /// The hand is valid between any two statements, so a panic elsewhere does not matter.
    fn hand(&self) -> std::sync::MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, tag: u64, variation: InHand) {
        self.hand().variations.insert(tag, variation);
    }

    /// The id of a variation that is no longer in hand, and itself if it was kept.
    fn answered(&self, tag: u64) -> (String, Option<v1::Variation>) {
        let mut hand = self.hand();
        hand.answered = Instant::now();
        hand.variations.remove(&tag).map_or_else(Default::default, |in_hand| (in_hand.id, in_hand.echo))
    }

    /// Since when the client has not been waiting for anything; it may be now.
    fn idle_since(&self) -> Instant {
        let hand = self.hand();
        if hand.variations.is_empty() { hand.answered } else { Instant::now() }
    }
}

/// A variation that the supervisor never saw.
#[derive(Debug)]
struct Rejected {
    index: u64,
    id: String,
    echo: Option<v1::Variation>,
    failure: Failure,
}

struct Reader {
    submit: mpsc::Sender<Submission>,
    rejected: mpsc::Sender<Rejected>,
    decoder: Decoder,
    shared: Arc<Shared>,
    echo: bool,
    tenant: Option<Tenant>,
    idle_max: Duration,
    /// When it reads no further.
    aged_at: Option<Instant>,
    draining: CancellationToken,
    metrics: Arc<Metrics>,
}

impl Reader {
    /// Reads until the client says that it has no more.
    async fn run(self, variations: impl Stream<Item = Result<v1::Variation, CallError>>) -> Result<(), CallError> {
        let mut variations = std::pin::pin!(variations);
        let mut aged = std::pin::pin!(until(self.aged_at));
        let mut index = 0;
        loop {
            let read = async {
                let place = self.shared.window.acquire().await.map_err(|_| CallError::SessionLost)?;
                let permit = self.submit.reserve().await.map_err(|_| CallError::SessionLost)?;
                let message = self.next(&mut variations).await?;
                let turn = self.turn(message.as_ref()).await;
                Ok::<_, CallError>((place, permit, message, turn))
            };
            // In this order: who drains, or is too old, reads no further, whatever has arrived. Then a place and a permit go back and no
            // message is lost; reading is over anyway.
            let (place, permit, message, turn) = tokio::select! {
                biased;
                () = self.draining.cancelled() => return Err(CallError::Refused(Refusal::Draining)),
                () = &mut aged => return Err(CallError::SessionAged),
                () = self.submit.closed() => return Err(CallError::SessionLost),
                read = read => read?,
            };
            let Some(message) = message else { return Ok(()) };
            // The writer gives the place back.
            place.forget();
            let id = echoed_id(&message, self.decoder.limits());
            let echo = self.echo.then(|| message.clone());
            match self.decoder.variation(message).await {
                Ok(Decoded { variation, weight }) => {
                    let room = self.room(weight).await?;
                    self.shared.take(index, InHand { id, echo, _room: room, _turn: turn });
                    permit.send(Submission { tag: index, variation: Arc::new(variation) });
                }
                Err(failure) => {
                    drop(permit);
                    self.metrics.work.rejected(failure.reason);
                    let rejected = Rejected { index, id, echo, failure };
                    self.rejected.send(rejected).await.map_err(|_| CallError::SessionLost)?;
                }
            }
            index += 1;
        }
    }

    /// The next variation, if the client sends it or waits for others within the time that it may be idle.
    async fn next(
        &self,
        variations: &mut (impl Stream<Item = Result<v1::Variation, CallError>> + Unpin),
    ) -> Result<Option<v1::Variation>, CallError> {
        let mut since = Instant::now();
        loop {
            match tokio::time::timeout_at(since + self.idle_max, variations.next()).await {
                Ok(message) => return message.transpose(),
                Err(_) if self.shared.idle_since() > since => since = self.shared.idle_since(),
                Err(_) => return Err(CallError::Idle),
            }
        }
    }

    /// Waits until the tenant may have one more variation evaluated. Behind the reading of it: a stream whose client sends
    /// nothing would keep others of the same tenant from theirs.
    async fn turn(&self, message: Option<&v1::Variation>) -> Option<Turn> {
        match (message, &self.tenant) {
            (Some(_), Some(tenant)) => Some(tenant.turn().await),
            _ => None,
        }
    }

    /// Waits until there is memory for a variation of that weight; no variation weighs more than there is.
    async fn room(&self, weight: usize) -> Result<OwnedSemaphorePermit, CallError> {
        let permits = u32::try_from(weight).unwrap_or(u32::MAX);
        tokio::select! {
            room = Arc::clone(&self.shared.room).acquire_many_owned(permits) => {
                room.map_err(|_| CallError::SessionLost)
            }
            () = self.submit.closed() => Err(CallError::SessionLost),
        }
    }
}

/// Waits until then; without a time, for ever.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

struct Writer {
    plan: Plan,
    shared: Arc<Shared>,
    responses: mpsc::Sender<Result<Event, Status>>,
    tally: Tally,
    /// With `ordered`: outcomes that wait for one before them. The window bounds it.
    early: BTreeMap<u64, Option<v1::Outcome>>,
    /// With `ordered`: place of the outcome that is to be sent next.
    next: u64,
    /// With a reduction: what it keeps.
    reducer: Option<Reducer<v1::Outcome>>,
}

impl Writer {
    fn new(plan: Plan, shared: Arc<Shared>, responses: mpsc::Sender<Result<Event, Status>>) -> Self {
        let reducer = plan.measure.as_ref().map(|measure| Reducer::new(&measure.reduction));
        Self { plan, shared, responses, tally: Tally::default(), early: BTreeMap::new(), next: 0, reducer }
    }

    async fn run(
        mut self,
        mut outcomes: Outcomes,
        mut rejected: mpsc::Receiver<Rejected>,
        mut reader_end: oneshot::Receiver<Result<(), CallError>>,
    ) -> Result<(), End> {
        let header = std::mem::take(&mut self.plan.header);
        self.send(Event::Header(header)).await?;

        let mut reading = true;
        let mut unfinished = None;
        let mut enough = false;
        loop {
            // All three are cancel safe by their documentation.
            let (outcome, judged) = tokio::select! {
                Some(evaluated) = outcomes.recv() => {
                    let (id, echo) = self.shared.answered(evaluated.tag);
                    let (layout, difference) = (&self.plan.layout, self.plan.difference_to_base);
                    let stats = evaluated.result.as_ref().ok();
                    let judged = self.plan.measure.as_ref().zip(stats).map(|(measure, stats)| measure.judge(stats));
                    let outcome = outcome_to_proto(id, evaluated.tag, &evaluated, layout, difference);
                    (v1::Outcome { variation: echo, ..outcome }, judged)
                }
                Some(Rejected { index, id, echo, failure }) = rejected.recv() => {
                    (v1::Outcome { variation: echo, ..rejected_to_proto(id, index, &failure) }, None)
                }
                end = &mut reader_end, if reading => {
                    reading = false;
                    match end.unwrap_or_else(|_| Err(CallError::Internal("the reader stopped".to_owned()))) {
                        Ok(()) => {}
                        Err(error @ (CallError::Refused(_) | CallError::SessionAged)) => unfinished = Some(error),
                        Err(error) => return Err(error.into()),
                    }
                    continue;
                }
                else => break,
            };
            let index = outcome.index;
            let sent = self.reduce(outcome, judged);
            self.pass_on(index, sent).await?;
            if self.reducer.as_ref().is_some_and(Reducer::is_enough) {
                enough = true;
                break;
            }
        }
        if !enough && !self.shared.hand().variations.is_empty() {
            return Err(CallError::SessionLost.into());
        }
        let mut reduced = Reduced { stopped_early: enough, ..Reduced::default() };
        if let Some(reducer) = self.reducer.take() {
            reduced.infeasible = reducer.infeasible();
            reduced.front_truncated = reducer.is_truncated();
            for outcome in reducer.finish() {
                self.tally.sent();
                self.send(Event::Outcome(outcome)).await?;
            }
        }
        let summary = self.tally.summary(self.plan.call.arrived.elapsed(), reduced);
        self.send(Event::Summary(summary)).await?;
        // A call that has enough does not care for what was not read.
        unfinished.filter(|_| !enough).map_or(Ok(()), |error| Err(error.into()))
    }

    /// Counts the outcome, and gives it back if it is to be sent before the end.
    fn reduce(&mut self, mut outcome: v1::Outcome, judged: Option<Judged>) -> Option<v1::Outcome> {
        self.tally.count(&outcome);
        let (Some(reducer), Some(measure)) = (&mut self.reducer, &self.plan.measure) else { return Some(outcome) };
        // What came without being aligned has been made a failure meanwhile.
        let Some(judged) = judged.filter(|_| matches!(outcome.result, Some(outcome::Result::Stats(_)))) else {
            reducer.failed();
            return measure.with_failures.then_some(outcome);
        };
        outcome.scores.clone_from(&judged.scores);
        match reducer.offer(outcome.index, &judged, outcome) {
            Offer::Send(outcome) => Some(outcome),
            Offer::Held => None,
        }
    }

    /// Sends the outcome of that index, if there is one to be sent, at once or when its turn comes.
    async fn pass_on(&mut self, index: u64, outcome: Option<v1::Outcome>) -> Result<(), End> {
        if !self.plan.ordered {
            return self.send_outcome(outcome).await;
        }
        self.early.insert(index, outcome);
        while let Some(outcome) = self.early.remove(&self.next) {
            self.next += 1;
            self.send_outcome(outcome).await?;
        }
        Ok(())
    }

    async fn send_outcome(&mut self, outcome: Option<v1::Outcome>) -> Result<(), End> {
        if let Some(outcome) = outcome {
            self.tally.sent();
            self.send(Event::Outcome(outcome)).await?;
        }
        self.shared.window.add_permits(1);
        Ok(())
    }

    async fn send(&self, event: Event) -> Result<(), End> {
        self.responses.send_timeout(Ok(event), self.plan.idle_max).await.map_err(|error| match error {
            SendTimeoutError::Closed(_) => End::Left,
            SendTimeoutError::Timeout(_) => CallError::Idle.into(),
        })
    }
}

#[cfg(test)]
mod tests;
