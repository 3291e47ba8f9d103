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
//! more than the server allows in flight, or does not read its outcomes, is not read from.
//!
//! The writer ends the call: with a summary when all is answered, with a status when the deadline passes, the client's
//! stream breaks or the supervisor gives up, and with nothing when the client has left. When the server drains, the
//! reader stops, what is in hand is answered, and a status says that it was not all. Whichever it is, the session and
//! the reader are dropped with it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{
    call::Call,
    convert::{Layout, echoed_id, outcome_to_proto, rejected_to_proto},
    decode::{Decoded, Decoder},
    status::CallError,
    tally::Tally,
};
use crate::{
    build::outcome::Failure,
    proto::v1,
    supervisor::{Outcomes, Refusal, Session, Submission},
    task,
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
    pub(super) difference_to_base: bool,
    pub(super) ordered: bool,
    pub(super) in_flight_max: usize,
    /// The server takes no further variations.
    pub(super) draining: CancellationToken,
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
    let draining = plan.draining.clone();
    let reader = Reader { submit, rejected: rejected_sender, decoder, shared: Arc::clone(&shared), draining };
    // Aborted when this task ends.
    let _reader = task::spawn_owned("reader", async move {
        let _ = end_sender.send(reader.run(variations).await);
    });

    let call = plan.call.clone();
    let writer =
        Writer { plan, shared, responses: responses.clone(), tally: Tally::default(), early: BTreeMap::new(), next: 0 };
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
            let _ = responses.send(Err(error.into())).await;
        }
    }
}

/// What reader and writer share.
struct Shared {
    /// The variations that the supervisor has, by tag.
    in_hand: Mutex<HashMap<u64, InHand>>,
    /// Free places for variations between their reading and the sending of their outcomes.
    window: Semaphore,
    /// Free memory for variations that the supervisor has, in bytes of JSON.
    room: Arc<Semaphore>,
}

/// A variation that the supervisor has.
struct InHand {
    id: String,
    /// Goes back when it is answered.
    _room: OwnedSemaphorePermit,
}

impl Shared {
    fn new(in_flight_max: usize, in_flight_bytes_max: usize) -> Self {
        let window = Semaphore::new(in_flight_max.saturating_mul(WINDOW_FACTOR).min(Semaphore::MAX_PERMITS));
        let room = Arc::new(Semaphore::new(in_flight_bytes_max.min(Semaphore::MAX_PERMITS)));
        Self { in_hand: Mutex::default(), window, room }
    }

    /// The map is valid between any two statements, so a panic elsewhere does not matter.
    fn in_hand(&self) -> std::sync::MutexGuard<'_, HashMap<u64, InHand>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A variation that the supervisor never saw.
#[derive(Debug)]
struct Rejected {
    index: u64,
    id: String,
    failure: Failure,
}

struct Reader {
    submit: mpsc::Sender<Submission>,
    rejected: mpsc::Sender<Rejected>,
    decoder: Decoder,
    shared: Arc<Shared>,
    draining: CancellationToken,
}

impl Reader {
    /// Reads until the client says that it has no more.
    async fn run(self, variations: impl Stream<Item = Result<v1::Variation, CallError>>) -> Result<(), CallError> {
        let mut variations = std::pin::pin!(variations);
        let mut index = 0;
        loop {
            let read = async {
                let place = self.shared.window.acquire().await.map_err(|_| CallError::SessionLost)?;
                let permit = self.submit.reserve().await.map_err(|_| CallError::SessionLost)?;
                Ok::<_, CallError>((place, permit, variations.next().await.transpose()?))
            };
            // In this order: who drains reads no further, whatever has arrived. Then a place and a permit go back and no
            // message is lost; reading is over anyway.
            let (place, permit, message) = tokio::select! {
                biased;
                () = self.draining.cancelled() => return Err(CallError::Refused(Refusal::Draining)),
                () = self.submit.closed() => return Err(CallError::SessionLost),
                read = read => read?,
            };
            let Some(message) = message else { return Ok(()) };
            // The writer gives the place back.
            place.forget();
            let id = echoed_id(&message, self.decoder.limits());
            match self.decoder.variation(message).await {
                Ok(Decoded { variation, weight }) => {
                    let room = self.room(weight).await?;
                    self.shared.in_hand().insert(index, InHand { id, _room: room });
                    permit.send(Submission { tag: index, variation: Arc::new(variation) });
                }
                Err(failure) => {
                    drop(permit);
                    let rejected = Rejected { index, id, failure };
                    self.rejected.send(rejected).await.map_err(|_| CallError::SessionLost)?;
                }
            }
            index += 1;
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

struct Writer {
    plan: Plan,
    shared: Arc<Shared>,
    responses: mpsc::Sender<Result<Event, Status>>,
    tally: Tally,
    /// With `ordered`: outcomes that wait for one before them. The window bounds it.
    early: BTreeMap<u64, v1::Outcome>,
    /// With `ordered`: place of the outcome that is to be sent next.
    next: u64,
}

impl Writer {
    async fn run(
        mut self,
        mut outcomes: Outcomes,
        mut rejected: mpsc::Receiver<Rejected>,
        mut reader_end: oneshot::Receiver<Result<(), CallError>>,
    ) -> Result<(), End> {
        let header = std::mem::take(&mut self.plan.header);
        self.send(Event::Header(header)).await?;

        let mut reading = true;
        let mut draining = None;
        loop {
            // All three are cancel safe by their documentation.
            let outcome = tokio::select! {
                Some(evaluated) = outcomes.recv() => {
                    let id = self.shared.in_hand().remove(&evaluated.tag).map_or_else(String::new, |in_hand| in_hand.id);
                    let (layout, difference) = (&self.plan.layout, self.plan.difference_to_base);
                    outcome_to_proto(id, evaluated.tag, &evaluated, layout, difference)
                }
                Some(Rejected { index, id, failure }) = rejected.recv() => rejected_to_proto(id, index, &failure),
                end = &mut reader_end, if reading => {
                    reading = false;
                    match end.unwrap_or_else(|_| Err(CallError::Internal("the reader stopped".to_owned()))) {
                        Ok(()) => {}
                        Err(error @ CallError::Refused(_)) => draining = Some(error),
                        Err(error) => return Err(error.into()),
                    }
                    continue;
                }
                else => break,
            };
            self.pass_on(outcome).await?;
        }
        if !self.shared.in_hand().is_empty() {
            return Err(CallError::SessionLost.into());
        }
        if let Some(refused) = draining {
            return Err(refused.into());
        }
        let summary = self.tally.summary(self.plan.call.arrived.elapsed());
        self.send(Event::Summary(summary)).await
    }

    /// Sends the outcome, at once or when its turn comes.
    async fn pass_on(&mut self, outcome: v1::Outcome) -> Result<(), End> {
        self.tally.count(&outcome);
        if !self.plan.ordered {
            return self.send_outcome(outcome).await;
        }
        self.early.insert(outcome.index, outcome);
        while let Some(outcome) = self.early.remove(&self.next) {
            self.next += 1;
            self.send_outcome(outcome).await?;
        }
        Ok(())
    }

    async fn send_outcome(&self, outcome: v1::Outcome) -> Result<(), End> {
        self.send(Event::Outcome(outcome)).await?;
        self.shared.window.add_permits(1);
        Ok(())
    }

    async fn send(&self, event: Event) -> Result<(), End> {
        self.responses.send(Ok(event)).await.map_err(|_| End::Left)
    }
}

#[cfg(test)]
mod tests;
