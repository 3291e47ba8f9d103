//! A whole server within the test, spoken to over real gRPC on the loopback interface.

use std::time::Duration;

use pobatch::{
    build::{limits::Limits, variation::Variation},
    grpc::{
        convert::variation_to_proto,
        server::{Health, Patience, router_with},
    },
    overview::Observer,
    proto::v1::{
        self, EvaluateStreamRequest, EvaluateStreamStart, evaluate_stream_request::Request,
        evaluate_stream_response::Response, evaluation_service_client::EvaluationServiceClient, outcome,
    },
    supervisor::{Settings, Status, Supervisor},
    task,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{
    Streaming,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use super::{PATIENCE, scrape::Scrape};

/// Variations that a test may send ahead without waiting.
const SENT_AHEAD_MAX: usize = 1024;

/// A server.
pub struct Front {
    pub supervisor: Supervisor,
    pub health: Health,
    pub observer: Observer,
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
    _server: task::Owned,
}

impl Front {
    pub async fn start(settings: Settings) -> Self {
        Self::start_with(settings, Limits::default(), Patience::default()).await
    }

    pub async fn start_with(settings: Settings, limits: Limits, patience: Patience) -> Self {
        let supervisor = Supervisor::start(settings).await.expect("the engine boots");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (router, health) =
            router_with(supervisor.clone(), limits, patience, None).await.expect("the descriptors are sound");
        let observer = Observer::new(supervisor.clone(), health.admission().clone());
        let (stop, stopped) = oneshot::channel();
        let server = task::spawn_owned("server", async move {
            let stopped = async { drop(stopped.await) };
            router.serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopped).await.expect("it serves");
        });
        Self { supervisor, health, observer, url, stop: Some(stop), _server: server }
    }

    /// What Prometheus would hear.
    pub async fn scrape(&self) -> Scrape {
        let overview = self.observer.look().await;
        Scrape::parse(&self.supervisor.metrics().render(&overview).expect("sound metrics"))
    }

    /// Takes no connections any more, as the first step of a graceful shutdown.
    pub fn close(&mut self) {
        self.stop = None;
    }

    pub async fn status(&self) -> Status {
        self.supervisor.status().await.expect("the supervisor lives")
    }

    /// Waits until the status is as it should be.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
        let waiting = async {
            loop {
                let status = self.status().await;
                if is_so(&status) {
                    return status;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let Ok(status) = tokio::time::timeout(PATIENCE, waiting).await else {
            panic!("waited in vain for {what}: {:?}", self.status().await);
        };
        status
    }

    /// Runtimes that were replaced or lost since the start.
    pub async fn resets(&self) -> u64 {
        self.status().await.shards.iter().map(|shard| shard.resets).sum()
    }
}

/// Between two looks at something that changes by itself.
pub const POLL: Duration = Duration::from_millis(2);

/// A connection of its own.
pub async fn connect(url: &str) -> Channel {
    let endpoint = Endpoint::from_shared(url.to_owned()).expect("a URL");
    endpoint.tcp_nodelay(true).connect().await.expect("the server listens")
}

/// The first message of a session over the witch.
pub fn start(budget: Option<Duration>) -> EvaluateStreamRequest {
    start_on(super::WITCH, budget)
}

/// The first message of a session over that build.
pub fn start_on(xml: &str, budget: Option<Duration>) -> EvaluateStreamRequest {
    let base = v1::Base { build: Some(v1::base::Build::Xml(xml.into())), engine: String::new() };
    let budget = budget.map(|budget| prost_types::Duration::try_from(budget).expect("a short time"));
    let options = v1::EvaluationOptions { variation_time_budget: budget, ..Default::default() };
    let stats = v1::StatSelection { names: Vec::new(), preset: v1::StatPreset::All.into() };
    let start =
        EvaluateStreamStart { base: Some(base), stats: Some(stats), options: Some(options), ..Default::default() };
    EvaluateStreamRequest { request: Some(Request::Start(start)) }
}

#[expect(clippy::needless_pass_by_value, reason = "callers pass numbers and texts as they are")]
pub fn message(id: impl ToString, variation: &Variation) -> EvaluateStreamRequest {
    EvaluateStreamRequest { request: Some(Request::Variation(variation_to_proto(id.to_string(), variation))) }
}

/// A variation of that level that takes more than a kilobyte on the wire: flow control counts bytes.
pub fn bulky(level: u32) -> Variation {
    Variation { custom_mods: Some(" ".repeat(1000)), ..super::level(level) }
}

/// An open session.
pub struct Stream {
    pub requests: Option<mpsc::Sender<EvaluateStreamRequest>>,
    pub answers: Streaming<v1::EvaluateStreamResponse>,
}

impl Stream {
    /// Opens a session; the header has been read.
    pub async fn open(channel: Channel, first: EvaluateStreamRequest) -> Result<Self, tonic::Status> {
        Self::open_within(channel, first, None).await
    }

    /// The same, with a deadline.
    pub async fn open_within(
        channel: Channel,
        first: EvaluateStreamRequest,
        deadline: Option<Duration>,
    ) -> Result<Self, tonic::Status> {
        let (sender, receiver) = mpsc::channel(SENT_AHEAD_MAX);
        sender.try_send(first).expect("there is room");
        let mut request = tonic::Request::new(ReceiverStream::new(receiver));
        if let Some(deadline) = deadline {
            // The header alone: the client's own timer would answer in the server's place.
            let timeout = format!("{}m", deadline.as_millis()).parse().expect("digits");
            request.metadata_mut().insert("grpc-timeout", timeout);
        }
        let mut client = EvaluationServiceClient::new(channel).max_decoding_message_size(64 << 20);
        let answers = client.evaluate_stream(request).await?.into_inner();
        let mut stream = Self { requests: Some(sender), answers };
        match stream.next().await? {
            Some(Response::Header(_)) => Ok(stream),
            other => panic!("the first message is {other:?}"),
        }
    }

    pub async fn send(&self, id: impl ToString, variation: &Variation) {
        let requests = self.requests.as_ref().expect("not half-closed");
        requests.send(message(id, variation)).await.expect("the call goes on");
    }

    pub fn half_close(&mut self) {
        self.requests = None;
    }

    pub async fn next(&mut self) -> Result<Option<Response>, tonic::Status> {
        let message = tokio::time::timeout(PATIENCE, self.answers.message()).await.expect("the call goes on");
        Ok(message?.map(|message| message.response.expect("a known message")))
    }

    pub async fn outcome(&mut self) -> v1::Outcome {
        match self.next().await {
            Ok(Some(Response::Outcome(outcome))) => outcome,
            other => panic!("{other:?}"),
        }
    }

    /// All that comes until the call ends: the outcomes, the summary, and how it ended.
    pub async fn rest(&mut self) -> (Vec<v1::Outcome>, Option<v1::EvaluationSummary>, Result<(), tonic::Status>) {
        let (mut outcomes, mut summary) = (Vec::new(), None);
        loop {
            match self.next().await {
                Ok(Some(Response::Outcome(outcome))) => outcomes.push(outcome),
                Ok(Some(Response::Summary(message))) => summary = Some(message),
                Ok(Some(Response::Header(_))) => panic!("a second header"),
                Ok(None) => return (outcomes, summary, Ok(())),
                Err(status) => return (outcomes, summary, Err(status)),
            }
        }
    }
}

/// Why an outcome has no values; `None`: it has.
pub fn reason(outcome: &v1::Outcome) -> Option<v1::FailureReason> {
    match outcome.result.as_ref().expect("always set") {
        outcome::Result::Failure(failure) => Some(failure.reason()),
        outcome::Result::Stats(_) => None,
    }
}

/// The values as bits, so that equal means equal.
pub fn bits(outcome: &v1::Outcome) -> Vec<u64> {
    match outcome.result.as_ref() {
        Some(outcome::Result::Stats(stats)) => stats.values.iter().map(|value| value.to_bits()).collect(),
        other => panic!("no values but {other:?}"),
    }
}

/// What health says of that name; `None`: the name is not known.
pub async fn health(channel: Channel, service: &str) -> Option<ServingStatus> {
    let request = HealthCheckRequest { service: service.into() };
    match HealthClient::new(channel).check(request).await {
        Ok(answer) => Some(answer.into_inner().status()),
        Err(status) if status.code() == tonic::Code::NotFound => None,
        Err(status) => panic!("{status}"),
    }
}
