//! Asks `grpc.health.v1` of a server, as probes do. Knows nothing of pobatch's own services.

use std::time::Duration;

use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use super::{Access, ClientError, channel};

/// What a server says of itself, or of one of its services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It takes calls.
    Serving,
    /// It does not, or not yet, or not any more.
    NotServing,
    /// It does not know the service.
    Unknown,
}

/// Asks the server at that URL for that service; the empty name is the server as a whole. Connecting and asking together
/// may take `timeout`.
///
/// # Errors
/// [`ClientError::Endpoint`], [`ClientError::Connect`], [`ClientError::Silent`], [`ClientError::Call`], and what is wrong
/// with the files that `access` names. Its token is not sent: health needs none.
pub async fn check(endpoint: &str, access: &Access, service: &str, timeout: Duration) -> Result<Health, ClientError> {
    let parsed = channel::endpoint(endpoint, access)?;
    let connect = |source| ClientError::Connect { endpoint: endpoint.to_owned(), source };
    let ask = async {
        let channel = parsed.connect().await.map_err(connect)?;
        match HealthClient::new(channel).check(HealthCheckRequest { service: service.to_owned() }).await {
            Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => Ok(Health::Serving),
            Ok(_) => Ok(Health::NotServing),
            Err(status) if status.code() == Code::NotFound => Ok(Health::Unknown),
            Err(status) => Err(status.into()),
        }
    };
    tokio::time::timeout(timeout, ask).await.unwrap_or_else(|_| Err(ClientError::Silent(timeout)))
}
