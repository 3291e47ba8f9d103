//! Puts the services together: the public API, health and reflection, with the limits that hold for all of them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic::{
    codec::CompressionEncoding,
    server::NamedService,
    transport::{Server, server::Router},
};
use tonic_health::{ServingStatus, server::HealthReporter};

use super::{catalog::Catalog, decode::Decoder, evaluation::Evaluation};
use crate::{
    build::limits::Limits,
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
    let (request_size, response_size) = (limits.request_size, limits.response_size);
    let metadata_size = u32::try_from(limits.metadata_size).unwrap_or(u32::MAX);
    let decoder = Decoder::new(limits);
    let evaluation = Evaluation::new(supervisor.clone(), decoder.clone(), draining.clone());
    let evaluation = EvaluationServiceServer::new(evaluation)
        .max_decoding_message_size(request_size)
        .max_encoding_message_size(response_size)
        .accept_compressed(CompressionEncoding::Gzip);
    let catalog = CatalogServiceServer::new(Catalog::new(supervisor, decoder))
        .max_decoding_message_size(request_size)
        .max_encoding_message_size(response_size)
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
        .http2_max_header_list_size(metadata_size)
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
