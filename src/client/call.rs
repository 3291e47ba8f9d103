//! One call, as a task: it opens it, and passes on what comes. Decides nothing.

use std::{pin::Pin, sync::Arc};

use tokio::sync::{Notify, mpsc};
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tonic::Status;

use super::Channel;
use crate::{
    proto::v1::{
        self, EvaluateStreamRequest, evaluate_stream_request, evaluate_stream_response::Response,
        evaluate_sweep_response, evaluation_service_client::EvaluationServiceClient,
    },
    task,
};

/// What opens a call.
#[derive(Clone, Debug)]
pub(super) enum Start {
    Session(v1::EvaluateStreamStart),
    Sweep(v1::EvaluateSweepRequest),
}

/// Something that happened in a call.
#[derive(Debug)]
pub(super) struct Event {
    /// Which endpoint's.
    pub endpoint: usize,
    /// Which of all calls.
    pub serial: u64,
    /// A message, the end, or why it broke.
    pub what: Result<Option<Response>, Status>,
}

/// Where a call's events go, and how they are marked.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub endpoint: usize,
    pub serial: u64,
    pub events: mpsc::Sender<Event>,
    /// Told whenever there is room for another message.
    pub room: Arc<Notify>,
}

/// A call at work. Dropped, it is given up.
#[derive(Debug)]
pub(super) struct Call {
    pub serial: u64,
    /// Where messages go; `None`: nothing more comes.
    requests: Option<mpsc::Sender<EvaluateStreamRequest>>,
    _task: task::Owned,
}

impl Call {
    /// Opens a call with room for so many messages.
    pub(super) fn open(client: EvaluationServiceClient<Channel>, start: Start, room: usize, report: Report) -> Self {
        // One more: the start is among them.
        let (requests, outbound) = mpsc::channel(room.saturating_add(1));
        let serial = report.serial;
        let task = match start {
            Start::Session(start) => {
                let first = EvaluateStreamRequest { request: Some(evaluate_stream_request::Request::Start(start)) };
                let notify = Arc::clone(&report.room);
                let outbound = ReceiverStream::new(outbound).map(move |message| {
                    notify.notify_one();
                    message
                });
                let outbound = tokio_stream::once(first).chain(outbound);
                task::spawn_owned("session", async move { report.run(session(client, outbound)).await })
            }
            Start::Sweep(request) => {
                task::spawn_owned("sweep", async move { report.run(sweep(client, request)).await })
            }
        };
        Self { serial, requests: Some(requests), _task: task }
    }

    /// Whether a message can be sent.
    pub(super) fn has_room(&self) -> bool {
        self.requests.as_ref().is_some_and(|requests| requests.capacity() > 0)
    }

    /// Sends a message. One that finds no room, or no call any more, is lost with the call: its end will be heard of.
    pub(super) fn send(&self, message: EvaluateStreamRequest) {
        if let Some(requests) = &self.requests {
            let _ = requests.try_send(message);
        }
    }

    /// Nothing more comes.
    pub(super) fn half_close(&mut self) {
        self.requests = None;
    }
}

/// The answer's messages; those of a sweep look like those of a session.
type Inbound = Pin<Box<dyn Stream<Item = Result<Option<Response>, Status>> + Send>>;

async fn session(
    mut client: EvaluationServiceClient<Channel>,
    outbound: impl Stream<Item = EvaluateStreamRequest> + Send + 'static,
) -> Result<Inbound, Status> {
    let answer = client.evaluate_stream(outbound).await?.into_inner();
    Ok(Box::pin(answer.map(|message| Ok(message?.response))))
}

async fn sweep(
    mut client: EvaluationServiceClient<Channel>,
    request: v1::EvaluateSweepRequest,
) -> Result<Inbound, Status> {
    use evaluate_sweep_response::Response as Swept;
    let as_session = |message: Result<v1::EvaluateSweepResponse, Status>| {
        Ok(message?.response.map(|response| match response {
            Swept::Header(header) => Response::Header(header),
            Swept::Outcome(outcome) => Response::Outcome(outcome),
            Swept::Summary(summary) => Response::Summary(summary),
        }))
    };
    Ok(Box::pin(client.evaluate_sweep(request).await?.into_inner().map(as_session)))
}

impl Report {
    /// Passes on what comes, to its end or until nobody listens.
    async fn run(self, opening: impl Future<Output = Result<Inbound, Status>> + Send) {
        let mut inbound = match opening.await {
            Ok(inbound) => inbound,
            Err(status) => return self.say(Err(status)).await,
        };
        while let Some(message) = inbound.next().await {
            match message {
                // What a newer server says beyond this is of no interest.
                Ok(None) => {}
                Ok(response) => self.say(Ok(response)).await,
                Err(status) => return self.say(Err(status)).await,
            }
        }
        self.say(Ok(None)).await;
    }

    async fn say(&self, what: Result<Option<Response>, Status>) {
        let event = Event { endpoint: self.endpoint, serial: self.serial, what };
        // Nobody listens when the evaluation has been dropped, and this task with it.
        let _ = self.events.send(event).await;
    }
}
