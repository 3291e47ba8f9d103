//! The Rust client: one server or several that serve alike, and evaluations over them.
//!
//! ```no_run
//! use pobatch::{
//!     build::variation::Variation,
//!     client::{Build, Client, ClientError, Named, Request},
//! };
//!
//! # async fn example() -> Result<(), ClientError> {
//! let client = Client::connect_to(["http://10.0.0.1:50051", "http://10.0.0.2:50051"]).await?;
//! let build = Build::Xml(std::fs::read_to_string("witch.xml").expect("a build"));
//! let levels = (80..=90).map(|level| Named {
//!     id: format!("level {level}"),
//!     variation: Variation { level: Some(level), ..Variation::default() },
//! });
//! let mut evaluation = client.evaluate(Request::new(build), levels).await?;
//! while let Some(outcome) = evaluation.next().await? {
//!     match outcome.result {
//!         Ok(stats) => println!("{}: {stats:?}", outcome.id),
//!         Err(failure) => println!("{}: {failure}", outcome.id),
//!     }
//! }
//! let summary = evaluation.summary().expect("it is over");
//! println!("{} evaluated, {} calls resumed", summary.succeeded, summary.resumed);
//! # Ok(())
//! # }
//! ```
//!
//! * **Nothing is lost.** When a connection breaks, a server drains or is full, what has no outcome is sent again, there
//!   or to another endpoint. Every variation gets exactly one outcome; only when no endpoint makes any progress, as often
//!   as [`RetryPolicy`] says, an evaluation ends with [`ClientError::Lost`].
//! * **All endpoints work at once**, each with [`Request::in_flight_max`] variations in flight. Who is faster gets more; near
//!   the end, who is idle takes over what others are slow with, and the first outcome wins. An endpoint that comes back is
//!   used again.
//! * **Nothing is mixed.** An endpoint that computes with another engine than the others ends the evaluation with
//!   [`ClientError::Differs`].
//! * **A build travels once** to each server; from then on its name does, until the server has forgotten it.
//!
//! The client speaks the API's messages and hands out domain values; beside `grpc/` it is the only place that knows
//! `tonic::Status`. What is pending where, and what to do when a call breaks, is decided in `exchange.rs` and below it.

mod access;
mod admin;
mod bases;
mod call;
mod catalog;
mod channel;
mod error;
mod evaluation;
mod exchange;
pub mod health;
mod outcome;
mod reduction;
mod request;
mod retry;
mod sweep;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use access::{Access, Bearer, Channel};
pub use admin::Admin;
use bases::Bases;
pub use catalog::{
    BuildDescription, Described, EngineDescription, EngineInfo, Explanation, ExplanationSection, Exported,
};
pub use error::{CallFailure, ClientError};
pub use evaluation::Evaluation;
pub use outcome::{Header, Outcome, Results, ScenarioBase, ScenarioResult, Summary};
pub use reduction::{Keep, Objective, Reduction};
pub use request::{Build, Named, Request, StatChoice};
pub use retry::RetryPolicy;
pub use sweep::Sweep;

use crate::proto::v1::{
    catalog_service_client::CatalogServiceClient, evaluation_service_client::EvaluationServiceClient,
};

/// Largest message taken, in bytes: that of a header with every stat, many times over.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Connections to a server, or to several that serve alike. Clones share them.
#[derive(Clone, Debug)]
pub struct Client {
    /// Name of the engine that is asked; empty: each server's first.
    engine: Arc<str>,
    links: Arc<[Link]>,
    bases: Arc<Mutex<Bases>>,
    policy: RetryPolicy,
}

/// A connection to a server.
#[derive(Clone, Debug)]
struct Link {
    url: String,
    evaluation: EvaluationServiceClient<Channel>,
    catalog: CatalogServiceClient<Channel>,
}

impl Link {
    fn new(url: String, channel: Channel) -> Self {
        Self {
            url,
            evaluation: EvaluationServiceClient::new(channel.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX),
            catalog: CatalogServiceClient::new(channel)
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX),
        }
    }
}

impl Client {
    /// Connects to a server that lets everybody in.
    ///
    /// # Errors
    /// [`ClientError::Endpoint`], [`ClientError::Connect`].
    pub async fn connect(endpoint: &str) -> Result<Self, ClientError> {
        Self::connect_to([endpoint]).await
    }

    /// Connects to servers that serve alike. One that answers is enough; the others are used when they do.
    ///
    /// # Errors
    /// [`ClientError::NoEndpoint`], [`ClientError::Endpoint`]; [`ClientError::Connect`] if none can be reached.
    pub async fn connect_to<U: Into<String>>(endpoints: impl IntoIterator<Item = U>) -> Result<Self, ClientError> {
        Self::connect_with(endpoints, &Access::default()).await
    }

    /// The same with servers that want to know whom they talk to.
    ///
    /// # Errors
    /// As [`Self::connect_to`], and what is wrong with the files that `access` names.
    pub async fn connect_with<U: Into<String>>(
        endpoints: impl IntoIterator<Item = U>,
        access: &Access,
    ) -> Result<Self, ClientError> {
        let mut links = Vec::new();
        let mut unreachable = None;
        let mut reached = false;
        for url in endpoints.into_iter().map(Into::into) {
            let channel = if reached {
                channel::channel(&url, access)?
            } else {
                match channel::connect(&url, access).await {
                    Ok(channel) => {
                        reached = true;
                        channel
                    }
                    Err(error @ ClientError::Connect { .. }) => {
                        unreachable.get_or_insert(error);
                        channel::channel(&url, access)?
                    }
                    Err(error) => return Err(error),
                }
            };
            links.push(Link::new(url, channel));
        }
        if !reached {
            return Err(unreachable.unwrap_or(ClientError::NoEndpoint));
        }
        let bases = Arc::new(Mutex::new(Bases::new(links.len())));
        Ok(Self { engine: "".into(), links: links.into(), bases, policy: RetryPolicy::default() })
    }

    /// The same connections, whose questions are for the engine of that name; an empty one means each server's first.
    #[must_use]
    pub fn for_engine(&self, name: &str) -> Self {
        // Names of bases are an engine's own.
        let bases = Arc::new(Mutex::new(Bases::new(self.links.len())));
        Self { engine: name.into(), bases, ..self.clone() }
    }

    /// The same connections, tried again by another policy.
    #[must_use]
    pub fn with_retry(self, policy: RetryPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Starts an evaluation. Variations are taken from the iterator as there is room for them.
    ///
    /// # Errors
    /// [`ClientError::Call`] if a server refuses the whole of it, [`ClientError::Lost`] if none begins with it.
    pub async fn evaluate<I>(&self, request: Request, variations: I) -> Result<Evaluation<I::IntoIter>, ClientError>
    where
        I: IntoIterator<Item = Named>,
    {
        Evaluation::start(self.clone(), request, None, variations.into_iter()).await
    }

    /// Starts an evaluation of variations that the server makes. One endpoint makes and evaluates them; if it breaks,
    /// another one begins anew, and what was handed out is not handed out twice.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub async fn sweep(
        &self,
        request: Request,
        sweeps: Vec<Sweep>,
    ) -> Result<Evaluation<std::iter::Empty<Named>>, ClientError> {
        Evaluation::start(self.clone(), request, Some(sweeps), std::iter::empty()).await
    }

    /// What is known of builds; valid between any two statements, so a panic elsewhere does not matter.
    fn bases(&self) -> MutexGuard<'_, Bases> {
        self.bases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
