//! Puts the services together: the public API, health and reflection, with the limits that hold for all of them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic::{
    codec::CompressionEncoding,
    server::NamedService,
    transport::{Server, server::Router},
};
use tonic_health::{ServingStatus, server::HealthReporter};

use super::{catalog::Catalog, evaluation::Evaluation};
use crate::{
    proto::{
        self,
        v1::{catalog_service_server::CatalogServiceServer, evaluation_service_server::EvaluationServiceServer},
    },
    supervisor::Supervisor,
};

/// A connection whose peer does not answer a ping is closed, and its sessions are given up.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long a peer may take to answer a ping.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Limits of the front.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest message taken, in bytes: a build of [`crate::build::xml::XML_BYTES_MAX`] and as much again.
    pub request_bytes_max: usize,
    /// Largest message sent, in bytes: a header with all stats has about 40 KiB.
    pub response_bytes_max: usize,
    /// Variations in flight within one call. A few assignments for each shard; more only queue.
    pub in_flight_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { request_bytes_max: 16 << 20, response_bytes_max: 16 << 20, in_flight_max: 1024 }
    }
}

/// All services in front of that supervisor. Health says SERVING from the start: a supervisor is handed out when it is
/// ready.
///
/// Serve it on a listener with `nodelay`: frames are small and many.
///
/// # Errors
/// If the descriptors for reflection are broken, which is a defect of the build.
pub async fn router(
    supervisor: Supervisor,
    limits: Limits,
) -> Result<(Router, Health), tonic_reflection::server::Error> {
    let draining = CancellationToken::new();
    let evaluation = EvaluationServiceServer::new(Evaluation::new(supervisor.clone(), limits, draining.clone()))
        .max_decoding_message_size(limits.request_bytes_max)
        .max_encoding_message_size(limits.response_bytes_max)
        .accept_compressed(CompressionEncoding::Gzip);
    let catalog = CatalogServiceServer::new(Catalog::new(supervisor))
        .max_decoding_message_size(limits.request_bytes_max)
        .max_encoding_message_size(limits.response_bytes_max)
        .accept_compressed(CompressionEncoding::Gzip);

    let (reporter, health_service) = tonic_health::server::health_reporter();
    let health = Health { reporter, draining };
    health.set_serving(true).await;

    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let router = Server::builder()
        .tcp_nodelay(true)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_service(evaluation)
        .add_service(catalog)
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok((router, health))
}

/// Whether the server takes calls, and what `grpc.health.v1` says about it.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    draining: CancellationToken,
}

impl Health {
    /// Takes no further variations, for good: new calls are refused, and open ones end when what they have in hand is
    /// answered. Without it a graceful shutdown waits for every client that keeps its session open.
    pub async fn drain(&self) {
        self.set_serving(false).await;
        self.draining.cancel();
    }

    /// Says for every service, and for the server as a whole, whether it takes calls.
    pub async fn set_serving(&self, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        let services = ["", EvaluationServiceServer::<Evaluation>::NAME, CatalogServiceServer::<Catalog>::NAME];
        for service in services {
            self.reporter.set_service_status(service, status).await;
        }
    }
}
