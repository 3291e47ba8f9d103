//! Sees every call of a listener go by: counts it, gives it a request id, and opens the span that its log lines are in.
//! Changes nothing but the header `x-request-id`.
//!
//! A stream is over when its body is; so the bodies are watched too. Messages are counted by their heads.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::call::{REQUEST_ID_HEADER, is_request_id, next_request_id, trace_id};
use crate::metrics::{Metrics, Observed};

/// The code of a call whose end nobody waited for.
const CANCELED: usize = 1;
/// The code of a call that ended without saying how.
const UNKNOWN: usize = 2;

/// Observes the calls of a listener.
#[derive(Clone, Debug)]
pub struct Observe {
    metrics: Arc<Metrics>,
    request_id_bytes_max: usize,
}

impl Observe {
    /// Records there.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, request_id_bytes_max: usize) -> Self {
        Self { metrics, request_id_bytes_max }
    }

    /// The call's name in the log: the client's, if it is fit for one.
    fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        let given = headers.get(REQUEST_ID_HEADER);
        let fit = |id: &&HeaderValue| id.to_str().is_ok_and(|id| is_request_id(id, self.request_id_bytes_max));
        // Ids of our own are plain words, for which this cannot fail.
        let own = || HeaderValue::from_str(&next_request_id()).unwrap_or(HeaderValue::from_static("call"));
        given.filter(fit).cloned().unwrap_or_else(own)
    }
}

impl<S> Layer<S> for Observe {
    type Service = Watched<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Watched { inner, observe: self.clone() }
    }
}

/// A service whose calls are observed.
#[derive(Clone, Debug)]
pub struct Watched<S> {
    inner: S,
    observe: Observe,
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for Watched<S>
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
        let observed = self.observe.metrics.rpcs.of(request.uri().path()).clone();
        let request_id = self.observe.request_id(request.headers());
        let span = tracing::info_span!(
            "call",
            method = request.uri().path(),
            request_id = request_id.to_str().unwrap_or_default(),
            trace_id = tracing::field::Empty,
            tenant = tracing::field::Empty,
        );
        if let Some(trace_id) = trace_id(request.headers()) {
            span.record("trace_id", trace_id);
        }
        crate::telemetry::continue_trace(&span, request.headers());
        request.headers_mut().insert(REQUEST_ID_HEADER, request_id.clone());
        let in_flight = InFlight::start(observed.clone(), span.clone());
        let request = request.map(|body| Body::new(Inbound { body, observed, messages: Messages::default() }));
        let answer = span.in_scope(|| self.inner.call(request));
        let answer = async move {
            let mut response = answer.await?;
            response.headers_mut().insert(REQUEST_ID_HEADER, request_id);
            let mut in_flight = in_flight;
            // A call that fails at once says so in its head.
            in_flight.code = code(response.headers());
            Ok(response.map(|body| Body::new(Outbound { body, in_flight, messages: Messages::default() })))
        };
        Box::pin(answer.instrument(span))
    }
}

/// The gRPC code that headers or trailers say.
fn code(headers: &HeaderMap) -> Option<usize> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// A call that is not over; it is when this is dropped.
struct InFlight {
    observed: Observed,
    span: tracing::Span,
    since: Instant,
    code: Option<usize>,
}

impl InFlight {
    fn start(observed: Observed, span: tracing::Span) -> Self {
        observed.start();
        Self { observed, span, since: Instant::now(), code: None }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(CANCELED);
        self.observed.end(code, self.since);
        self.span.in_scope(|| tracing::debug!(code, elapsed = ?self.since.elapsed(), "call ended"));
    }
}

/// What a client sends.
struct Inbound {
    body: Body,
    observed: Observed,
    messages: Messages,
}

impl http_body::Body for Inbound {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            let count = self.messages.count(data);
            self.observed.received.inc_by(count);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a client gets.
struct Outbound {
    body: Body,
    in_flight: InFlight,
    messages: Messages,
}

impl http_body::Body for Outbound {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    let count = self.messages.count(data);
                    self.in_flight.observed.sent.inc_by(count);
                }
                if let Some(trailers) = frame.trailers_ref() {
                    self.in_flight.code = code(trailers);
                }
            }
            Some(Err(status)) => self.in_flight.code = usize::try_from(i32::from(status.code())).ok(),
            None => {
                self.in_flight.code.get_or_insert(UNKNOWN);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Finds the messages in a body: each has a head of five bytes, a flag and its length.
#[derive(Debug, Default)]
struct Messages {
    head: [u8; HEAD],
    /// Bytes of the head that have come.
    come: usize,
    /// Bytes of the message that are still to come.
    left: usize,
}

/// Bytes of a message's head.
const HEAD: usize = 5;

impl Messages {
    /// How many messages begin in what comes next.
    fn count(&mut self, mut data: &[u8]) -> u64 {
        let mut count = 0;
        while !data.is_empty() {
            if self.left > 0 {
                let skipped = self.left.min(data.len());
                self.left -= skipped;
                data = &data[skipped..];
                continue;
            }
            self.head[self.come] = data[0];
            self.come += 1;
            data = &data[1..];
            if self.come == HEAD {
                let [_, a, b, c, d] = self.head;
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                self.come = 0;
                count += 1;
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        let mut body = Vec::new();
        for length in [0_u32, 3, 300, 0, 1] {
            body.push(0);
            body.extend(length.to_be_bytes());
            body.extend(std::iter::repeat_n(7, length as usize));
        }
        for size in [1, 2, 4, 5, 7, 100, 1000] {
            let mut messages = Messages::default();
            assert_eq!(body.chunks(size).map(|chunk| messages.count(chunk)).sum::<u64>(), 5, "chunks of {size}");
        }
    }
}
