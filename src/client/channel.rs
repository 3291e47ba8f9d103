//! Making a connection: the only place that says how servers are reached.

use std::time::Duration;

use tonic::{service::interceptor::InterceptedService, transport::Endpoint};

use super::{
    ClientError,
    access::{Access, Channel},
};

/// Longest attempt to connect. A machine that is gone does not answer at all, and there may be others.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a server is pinged while a call is open. One that does not answer is gone, and its calls break.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long a server may take to answer a ping.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// How that server is reached.
pub(super) fn endpoint(url: &str, access: &Access) -> Result<Endpoint, ClientError> {
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|_| ClientError::Endpoint(url.to_owned()))?;
    let endpoint = endpoint
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    access.secure(url, endpoint)
}

/// A connection to the server at that URL, which is made when it is first used, and again whenever it broke.
pub(super) fn channel(url: &str, access: &Access) -> Result<Channel, ClientError> {
    let endpoint = endpoint(url, access)?;
    let bearer = access.bearer(url, &endpoint)?;
    Ok(InterceptedService::new(endpoint.connect_lazy(), bearer))
}

/// The same, made at once: whoever cannot be reached now is known now.
pub(super) async fn connect(url: &str, access: &Access) -> Result<Channel, ClientError> {
    let failed = |source| ClientError::Connect { endpoint: url.to_owned(), source };
    let endpoint = endpoint(url, access)?;
    let bearer = access.bearer(url, &endpoint)?;
    Ok(InterceptedService::new(endpoint.connect().await.map_err(failed)?, bearer))
}
