//! Puts the services together: the public API, health and reflection, with the limits that hold for all of them.

use std::{sync::Arc, time::Duration};

use tonic::{codec::CompressionEncoding, server::NamedService, transport::Server};
use tonic_health::{ServingStatus, server::HealthReporter};
use tower::layer::util::{Identity, Stack};

use super::{
    admin::Admin, authenticate::Authenticate, catalog::Catalog, codec::Bounded, decode::Decoder,
    evaluation::Evaluation, observe::Observe, weight::Weights,
};
use crate::{
    admission::Admission,
    build::limits::Limits,
    listen::Ages,
    overview::Observer,
    proto::{
        self,
        v1::{
            admin_service_server::AdminServiceServer, catalog_service_server::CatalogServiceServer,
            evaluation_service_server::EvaluationServiceServer,
        },
    },
    supervisor::Supervisor,
    tenants::Tenants,
};

/// Services behind the layers that observe their calls and ask who calls.
pub type Router = tonic::transport::server::Router<Stack<Authenticate, Stack<Observe, Identity>>>;

/// Services behind the layer that observes their calls.
pub type AdminRouter = tonic::transport::server::Router<Stack<Observe, Identity>>;

/// Bytes that a client may send ahead on one stream. A session that is not read from holds them back.
const STREAM_WINDOW_BYTES: u32 = 128 << 10;
/// The same for a whole connection. With hyper's defaults both are the same, and one session that is not read from
/// starves all others of its connection; so there is room for some tens of them.
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;

/// Health name that says whether the server lives, which it also does while it is saturated or drains: a probe that
/// restarts a server for being busy would make the next one busier.
pub const LIVENESS: &str = "pobatch.v1.Liveness";

/// How long the front waits for clients.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long a session may stay open while its client neither sends a variation, nor waits for an outcome, nor reads
    /// those that are there: an optimizer that thinks takes minutes, and a session holds its base and one of few places.
    pub idle_max: Duration,
    /// How often a peer is pinged. One that does not answer is gone, and its sessions are given up.
    pub keepalive_interval: Duration,
    /// How long a peer may take to answer a ping.
    pub keepalive_timeout: Duration,
    /// How old connections and sessions may become.
    pub ages: Ages,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            idle_max: Duration::from_secs(15 * 60),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            ages: Ages::default(),
        }
    }
}

/// All services in front of that supervisor, for these tenants (`None`: for everybody). Health says SERVING from the start: a supervisor is handed out when it is
/// ready.
///
/// Serve it on a listener with `nodelay`: frames are small and many.
///
/// # Errors
/// If the descriptors for reflection are broken, which is a defect of the build.
pub async fn router_with(
    supervisor: Supervisor,
    limits: Limits,
    patience: Patience,
    tenants: Option<Tenants>,
) -> Result<(Router, Health), tonic_reflection::server::Error> {
    let admission = Admission::default();
    let observe = Observe::new(Arc::clone(supervisor.metrics()), limits.request_id_size);
    let authenticate = Authenticate::new(tenants, Arc::clone(supervisor.metrics()));
    let (request_size, response_size) = (limits.request_size, limits.response_size);
    let metadata_size = u32::try_from(limits.metadata_size).unwrap_or(u32::MAX);
    let weights = Arc::new(Weights::of(proto::DESCRIPTORS)?);
    let decoded_size = limits.decoded_size;
    let decoder = Decoder::new(limits);
    let evaluation = Evaluation::new(supervisor.clone(), decoder.clone(), patience, admission.clone());
    let evaluation = EvaluationServiceServer::new(evaluation)
        .max_decoding_message_size(request_size)
        .max_encoding_message_size(response_size)
        .accept_compressed(CompressionEncoding::Gzip);
    let catalog = CatalogServiceServer::new(Catalog::new(supervisor, decoder))
        .max_decoding_message_size(request_size)
        .max_encoding_message_size(response_size)
        .accept_compressed(CompressionEncoding::Gzip);

    let (reporter, health_service) = tonic_health::server::health_reporter();
    let health = Health { reporter, admission };
    health.set_serving(true).await;
    health.reporter.set_service_status(LIVENESS, ServingStatus::Serving).await;

    let reflection = || reflection(&PUBLIC);
    let builder = match patience.ages.connection_max {
        // Without tonic's grace: with it no GOAWAY is sent at all, and connections are cut with their calls when it is over.
        Some(age) => Server::builder().max_connection_age(age),
        None => Server::builder(),
    };
    let router = builder
        .layer(observe)
        .layer(authenticate)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(metadata_size)
        .http2_keepalive_interval(Some(patience.keepalive_interval))
        .http2_keepalive_timeout(Some(patience.keepalive_timeout))
        .add_service(Bounded::new(evaluation, Arc::clone(&weights), decoded_size))
        .add_service(Bounded::new(catalog, weights, decoded_size))
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok((router, health))
}

/// What the public listener serves, for reflection: not all that there are descriptors of.
const PUBLIC: [&str; 4] = [
    EvaluationServiceServer::<Evaluation>::NAME,
    CatalogServiceServer::<Catalog>::NAME,
    tonic_health::pb::health_server::SERVICE_NAME,
    REFLECTION,
];

const REFLECTION: &str = tonic_reflection::pb::v1::server_reflection_server::SERVICE_NAME;

/// The admin service, for a listener of its own.
///
/// # Errors
/// If the descriptors for reflection are broken, which is a defect of the build.
pub fn admin_router(
    observer: Observer,
    health: Health,
    limits: &Limits,
) -> Result<AdminRouter, tonic_reflection::server::Error> {
    let observe = Observe::new(Arc::clone(observer.supervisor().metrics()), limits.request_id_size);
    let reflection = || reflection(&[AdminServiceServer::<Admin>::NAME, REFLECTION]);
    Ok(Server::builder()
        .layer(observe)
        .add_service(AdminServiceServer::new(Admin::new(observer, health)))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?))
}

fn reflection(services: &[&str]) -> tonic_reflection::server::Builder<'static> {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    services.iter().fold(builder, |builder, service| builder.with_service_name(*service))
}

/// Health names that say whether the server takes calls.
const READINESS: [&str; 3] = ["", EvaluationServiceServer::<Evaluation>::NAME, CatalogServiceServer::<Catalog>::NAME];

/// The same for everybody, with the usual patience.
///
/// # Errors
/// As above.
pub async fn router(
    supervisor: Supervisor,
    limits: Limits,
) -> Result<(Router, Health), tonic_reflection::server::Error> {
    router_with(supervisor, limits, Patience::default(), None).await
}

/// Whether the server takes calls, and what `grpc.health.v1` says about it.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    admission: Admission,
}

impl Health {
    /// Whether the server takes anything new.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Says that it will soon take nothing new, while it takes what comes: load balancers need time to notice.
    pub async fn announce(&self) {
        self.admission.announce();
        self.set_serving(false).await;
    }

    /// Takes no further variations: new calls are refused, and open ones end when what they have in hand is answered.
    pub async fn drain(&self) {
        self.admission.drain();
        self.set_serving(false).await;
    }

    /// The same, for good. Without it a graceful shutdown waits for every client that keeps its session open.
    pub async fn leave(&self) {
        self.admission.leave();
        self.set_serving(false).await;
    }

    /// Says for every service, and for the server as a whole, whether it takes calls. Liveness is another matter.
    pub async fn set_serving(&self, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in READINESS {
            self.reporter.set_service_status(service, status).await;
        }
    }

    /// Ends the streams of those who watch health. They have heard that the server drains, and a graceful shutdown
    /// would wait for them until its grace is over.
    pub async fn dismiss_watchers(&mut self) {
        for service in READINESS.into_iter().chain([LIVENESS]) {
            self.reporter.clear_service_status(service).await;
        }
    }
}
