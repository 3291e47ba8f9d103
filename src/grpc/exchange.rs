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
//! says that it was not all. Whichever it is, the session and the reader are dropped with it. So they are when the
//! client is idle for too long: when it sends nothing and waits for nothing, or when it does not read.

mod hand;
mod reader;
mod writer;

use std::{sync::Arc, time::Duration};

use hand::Shared;
use reader::Reader;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use writer::Writer;

use super::{
    call::Call,
    convert::{Measure, Terms},
    decode::Decoder,
    scenarios::Scenarios,
    status::CallError,
};
use crate::{metrics::Metrics, proto::v1, supervisor::Session, task};

/// Messages that wait for the client's flow control.
const RESPONSES_MAX: usize = 64;
/// Variations that make no sense and wait for the writer.
const REJECTED_MAX: usize = 64;

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
    pub(super) terms: Terms,
    /// Under what each variation is evaluated.
    pub(super) scenarios: Scenarios,
    /// Which outcomes are sent; `None`: all.
    pub(super) measure: Option<Measure>,
    /// Outcomes carry their variations.
    pub(super) echo: bool,
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
    let shared = Arc::new(Shared::new(plan.scenarios.each(), plan.in_flight_max, decoder.limits().in_flight_size));
    let (rejected_sender, rejected) = mpsc::channel(REJECTED_MAX);
    let (end_sender, reader_end) = oneshot::channel();
    let (idle_max, draining, metrics) = (plan.idle_max, plan.draining.clone(), Arc::clone(&plan.metrics));
    let aged_at = plan.age_max.and_then(|age| Instant::now().checked_add(age));
    let shared_too = Arc::clone(&shared);
    let (echo, scenarios, tenant) = (plan.echo, plan.scenarios.clone(), plan.call.tenant.clone());
    let reader = Reader {
        submit,
        rejected: rejected_sender,
        scenarios,
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

#[cfg(test)]
mod tests;
