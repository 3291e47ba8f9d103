//! What the headers of a call say: when it must be over, and how the log names it.
//!
//! Tonic's own deadline covers the wait for the response head only, and answers CANCELLED; so deadlines are ours to
//! enforce, over whole streams. [`Call::within`] and [`Call::expired`] are the two places that do.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::HeaderMap;
use tonic::{Request, metadata::MetadataMap};

use super::status::CallError;
use crate::{
    build::limits::Limits,
    supervisor::Priority,
    tenants::{Tenant, Turn},
};

/// The answer to an expired call goes out this much ahead of the deadline, or a tenth of it if that is less: it needs
/// time to travel, and tonic's timer must not be first.
const ANSWER_MARGIN: Duration = Duration::from_millis(10);
/// Header in which clients and proxies name a request.
pub(super) const REQUEST_ID_HEADER: &str = "x-request-id";

/// Header of W3C Trace Context.
const TRACE_PARENT_HEADER: &str = "traceparent";

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it arrived.
    pub arrived: Instant,
    /// When it must be over.
    pub deadline: Option<Instant>,
    /// Its name in the log.
    pub request_id: Arc<str>,
    /// Who calls, where that matters.
    pub tenant: Option<Tenant>,
}

impl Call {
    /// The call of that request, arriving now.
    #[must_use]
    pub fn of<T>(request: &Request<T>, limits: &Limits) -> Self {
        Self { tenant: request.extensions().get().cloned(), ..Self::new(request.metadata(), limits) }
    }

    /// The call with these headers, arriving now.
    #[must_use]
    pub fn new(headers: &MetadataMap, limits: &Limits) -> Self {
        let arrived = Instant::now();
        let timeout = headers.get("grpc-timeout").and_then(|value| parse_timeout(value.to_str().ok()?));
        let deadline =
            timeout.and_then(|timeout| arrived.checked_add(timeout.saturating_sub(ANSWER_MARGIN.min(timeout / 10))));
        let given = headers.get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok());
        let given = given.filter(|id| is_request_id(id, limits.request_id_size));
        Self { arrived, deadline, request_id: given.map_or_else(next_request_id, Arc::from), tenant: None }
    }

    /// The future's answer, or that the deadline has passed.
    ///
    /// # Errors
    /// [`CallError::DeadlineExceeded`], and what the future fails with.
    pub async fn within<T>(&self, future: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        match self.deadline {
            Some(deadline) => {
                tokio::time::timeout_at(deadline.into(), future).await.unwrap_or(Err(CallError::DeadlineExceeded))
            }
            None => future.await,
        }
    }

    /// The priority that it gets if it asks for that one.
    #[must_use]
    pub fn priority(&self, asked: Priority) -> Priority {
        self.tenant.as_ref().map_or(asked, |tenant| tenant.priority(asked))
    }

    /// The right to have one variation evaluated at once.
    ///
    /// # Errors
    /// [`CallError::OverQuota`].
    pub fn turn_now(&self) -> Result<Option<Turn>, CallError> {
        self.tenant.as_ref().map(Tenant::turn_now).transpose().map_err(CallError::OverQuota)
    }

    /// Waits for the deadline: for ever if there is none.
    pub async fn expired(&self) {
        match self.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    }
}

/// A `grpc-timeout`: up to eight digits and a unit. Anything else is no timeout, as everywhere in gRPC.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 60 * 60)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// Request ids go into logs and headers as they are.
pub(super) fn is_request_id(id: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The id of the trace that a call belongs to, if its client traces: 32 hexadecimal digits, not all 0 (W3C Trace Context).
pub(super) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let parent = headers.get(TRACE_PARENT_HEADER)?.to_str().ok()?;
    let is_hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut parts = parent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let known = version != "00" || parts.next().is_none();
    let valid = known && version != "ff" && is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16);
    let zero = |text: &str| text.bytes().all(|byte| byte == b'0');
    (valid && is_hex(flags, 2) && !zero(trace) && !zero(span)).then_some(trace)
}

pub(super) fn next_request_id() -> Arc<str> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("call-{}", NEXT.fetch_add(1, Ordering::Relaxed)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_up_to_eight_digits_and_a_unit() {
        assert_eq!(parse_timeout("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(parse_timeout("2M"), Some(Duration::from_secs(120)));
        assert_eq!(parse_timeout("3S"), Some(Duration::from_secs(3)));
        assert_eq!(parse_timeout("4m"), Some(Duration::from_millis(4)));
        assert_eq!(parse_timeout("5u"), Some(Duration::from_micros(5)));
        assert_eq!(parse_timeout("99999999n"), Some(Duration::from_nanos(99_999_999)));
        assert_eq!(parse_timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for text in ["", "S", "1", "1s", "-1S", "+1S", "123456789S", "1.5S", "1\u{e4}"] {
            assert_eq!(parse_timeout(text), None, "{text}");
        }
    }

    #[test]
    fn the_answer_leaves_ahead_of_the_deadline() {
        for (timeout, seconds) in [("1S", 0.99), ("50m", 0.045), ("0S", 0.0)] {
            let mut headers = MetadataMap::new();
            headers.insert("grpc-timeout", timeout.parse().unwrap());
            let call = Call::new(&headers, &Limits::default());
            assert_eq!(call.deadline.unwrap() - call.arrived, Duration::from_secs_f64(seconds));
        }
        assert_eq!(Call::new(&MetadataMap::new(), &Limits::default()).deadline, None);
    }

    #[test]
    fn a_trace_is_known_by_a_traceparent_that_is_one() {
        let trace = |parent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(TRACE_PARENT_HEADER, parent.parse().unwrap());
            trace_id(&headers).map(str::to_owned)
        };
        let (id, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        assert_eq!(trace(&format!("00-{id}-{span}-01")).as_deref(), Some(id));
        assert_eq!(trace(&format!("cc-{id}-{span}-01-later")).as_deref(), Some(id), "later versions say more");
        for parent in [
            String::new(),
            format!("00-{id}-{span}"),
            format!("00-{id}-{span}-01-more"),
            format!("ff-{id}-{span}-01"),
            format!("00-{}-{span}-01", id.to_uppercase()),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{id}-{}-01", "0".repeat(16)),
            format!("00-{id}-{span}-1"),
        ] {
            assert_eq!(trace(&parent), None, "{parent}");
        }
    }

    #[test]
    fn a_request_id_is_taken_over_if_it_is_fit_for_a_log() {
        let id = |text: &str| {
            let mut headers = MetadataMap::new();
            headers.insert(REQUEST_ID_HEADER, text.parse().unwrap());
            Call::new(&headers, &Limits::default()).request_id
        };
        assert_eq!(&*id("abc-1"), "abc-1");
        let longest = "x".repeat(Limits::default().request_id_size);
        assert_eq!(*id(&longest), *longest);
        for text in ["", "a b", &format!("{longest}x")] {
            assert!(id(text).starts_with("call-"), "{text}");
        }
        let call = || Call::new(&MetadataMap::new(), &Limits::default()).request_id;
        assert_ne!(call(), call());
    }
}
