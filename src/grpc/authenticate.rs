//! Lets in who has a tenant's token, and nobody else. A layer over all services of the public listener; health alone is
//! open, for probes have no token. What the token allows travels with the request as a tenant.
//!
//! The header is taken off the request here, so nothing behind this can log it. A call whose token is taken away while
//! it is open ends with a status, and its session with it.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use http_body::{Frame, SizeHint};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::status::CallError;
use crate::{
    metrics::{Metrics, Stranger},
    tenants::{OpenCall, Pass, Tenants, is_token},
};

/// Asks every call for its token.
#[derive(Clone, Debug)]
pub struct Authenticate {
    tenants: Option<Tenants>,
    metrics: Arc<Metrics>,
}

impl Authenticate {
    /// Asks for a token of one of these; `None`: everybody may call.
    #[must_use]
    pub fn new(tenants: Option<Tenants>, metrics: Arc<Metrics>) -> Self {
        Self { tenants, metrics }
    }

    /// Who calls. `Ok(None)`: it does not matter.
    fn admit(&self, path: &str, headers: &mut HeaderMap) -> Result<Option<(Pass, OpenCall)>, CallError> {
        let token = bearer(headers);
        headers.remove(AUTHORIZATION);
        let Some(tenants) = &self.tenants else { return Ok(None) };
        if is_health(path) {
            return Ok(None);
        }
        let pass = token.ok_or(Stranger::NoToken);
        let pass = pass.and_then(|token| tenants.find(&token).ok_or(Stranger::UnknownToken));
        let pass = pass.map_err(|why| {
            self.metrics.access.stranger(why);
            CallError::Unauthenticated
        })?;
        tracing::Span::current().record("tenant", pass.tenant.name());
        let open = pass.tenant.open().map_err(CallError::OverQuota)?;
        Ok(Some((pass, open)))
    }
}

fn is_health(path: &str) -> bool {
    let service = path.strip_prefix('/').and_then(|path| path.split_once('/')).map(|(service, _)| service);
    service == Some(tonic_health::pb::health_server::SERVICE_NAME)
}

/// The token, if there is exactly one and it can be one.
fn bearer(headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (all.next(), all.next()) else { return None };
    let (scheme, token) = only.as_bytes().split_at_checked("Bearer ".len())?;
    (scheme.eq_ignore_ascii_case(b"Bearer ") && is_token(token)).then(|| token.to_vec())
}

impl<S> Layer<S> for Authenticate {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded { inner, authenticate: self.clone() }
    }
}

/// A service that is for tenants.
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    inner: S,
    authenticate: Authenticate,
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let path = request.uri().path().to_owned();
        let (pass, open) = match self.authenticate.admit(&path, request.headers_mut()) {
            Ok(Some(admitted)) => admitted,
            Ok(None) => return Box::pin(self.inner.call(request)),
            Err(error) => {
                let refused = Status::from(error).into_http();
                return Box::pin(async move { Ok(refused) });
            }
        };
        let metrics = Arc::clone(&self.authenticate.metrics);
        let mut revoked = Box::pin(pass.revoked.cancelled_owned());
        request.extensions_mut().insert(pass.tenant);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut answer = pin!(answer);
            // Whichever comes first; in this order, or a token that is gone would still get an answer.
            let response = tokio::select! {
                biased;
                () = &mut revoked => {
                    metrics.access.stranger(Stranger::Revoked);
                    return Ok(Status::from(CallError::Unauthenticated).into_http());
                }
                response = &mut answer => response?,
            };
            Ok(response.map(|body| Body::new(Outbound { body, revoked, metrics, over: false, _open: open })))
        })
    }
}

/// What a tenant gets, as long as its token is good.
struct Outbound {
    body: Body,
    revoked: Pin<Box<WaitForCancellationFutureOwned>>,
    metrics: Arc<Metrics>,
    over: bool,
    /// The call is open until this is dropped.
    _open: OpenCall,
}

impl http_body::Body for Outbound {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if self.revoked.as_mut().poll(cx).is_ready() {
            self.over = true;
            // Whatever makes the body hears that nobody wants it.
            self.body = Body::empty();
            self.metrics.access.stranger(Stranger::Revoked);
            let mut trailers = HeaderMap::new();
            let status = Status::from(CallError::Unauthenticated);
            return Poll::Ready(Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn of(values: &[&str]) -> Option<Vec<u8>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        bearer(&headers)
    }

    #[test]
    fn a_token_stands_alone_behind_its_scheme() {
        for value in [format!("Bearer {TOKEN}"), format!("bearer {TOKEN}"), format!("BEARER {TOKEN}")] {
            assert_eq!(of(&[&value]).as_deref(), Some(TOKEN.as_bytes()), "{value}");
        }
        let good = format!("Bearer {TOKEN}");
        for values in [
            &[][..],
            &[good.as_str(), &good],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &["Bearer short"],
            &[TOKEN],
            &[&format!("Basic {TOKEN}")],
            &[&format!("Bearer  {TOKEN}")],
            &[&format!("Bearer {TOKEN} {TOKEN}")],
        ] {
            assert_eq!(of(values), None, "{values:?}");
        }
    }

    #[test]
    fn only_health_is_open() {
        assert!(is_health("/grpc.health.v1.Health/Check") && is_health("/grpc.health.v1.Health/Watch"));
        for path in
            ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.health.v1.Healthy/Check", "/", ""]
        {
            assert!(!is_health(path), "{path}");
        }
    }
}
