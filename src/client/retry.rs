//! When it is honest to try again, and after which pause.
//!
//! Evaluating has no side effects, so nothing can be done twice. A call is tried again when the server said that this may
//! help (it drains, is full, lost the session, was idle for too long, no longer knows the base), or when the connection
//! broke. It is not tried again when the same request would fail the same way, when the server has a defect, or when
//! the server asked not to.

use std::{error::Error as _, time::Duration};

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// When a client may try again, in milliseconds (gRFC A6).
const PUSHBACK_HEADER: &str = "grpc-retry-pushback-ms";
/// The reason of a server that has no base of the name that it was told.
const UNKNOWN_BASE: &str = "UNKNOWN_BASE";

/// How often, and after which pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries in a row without any progress, the first included. With several endpoints: of each.
    pub attempts: u32,
    /// The pause before the second try; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause, unless the server asks for a longer one.
    pub longest_pause: Duration,
    /// A server that asks for a longer pause than this is not asked again.
    pub longest_pushback: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        // About 20 seconds in all: a server that is started again needs some to boot its engine.
        Self {
            attempts: 10,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            longest_pushback: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// How long to wait behind that many tries in vain, from 1. Between half of a bound that doubles and all of it, by
    /// `chance` (from 0 to 1), so that clients which lost the same server do not come back at once; never less than
    /// the server asked for.
    #[must_use]
    pub fn pause(&self, tries: u32, pushback: Option<Duration>, chance: f64) -> Duration {
        let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
        let bound = self.first_pause.saturating_mul(doubled).min(self.longest_pause);
        bound.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0)).max(pushback.unwrap_or_default())
    }
}

/// Whether another try may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// The same request fails the same way, wherever it goes.
    Never,
    /// Not at this server, which asked not to be tried again.
    Elsewhere,
    /// After a pause, not shorter than the server asked for.
    Later(Option<Duration>),
    /// At once, with the build instead of its name.
    WithTheBuild,
}

impl Again {
    /// What a status says of it.
    pub(super) fn of(status: &Status, policy: &RetryPolicy) -> Self {
        let details = status.get_error_details();
        if status.code() == Code::NotFound && details.error_info().is_some_and(|info| info.reason == UNKNOWN_BASE) {
            return Self::WithTheBuild;
        }
        // What has a cause on this side was not said by a server: the connection broke. Nor does a server of ours say
        // UNKNOWN or CANCELLED: that is what is left of a call that a proxy, or a server on its way out, cut off.
        let broke = status.source().is_some()
            || matches!(status.code(), Code::Unknown | Code::Cancelled)
            // A defect of a server of ours has an `ErrorInfo`. Without one it is a stream that a proxy ended within a message,
            // when the server behind it was killed.
            || (status.code() == Code::Internal && details.error_info().is_none());
        let asked = matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::Aborted);
        if !broke && !asked {
            return Self::Never;
        }
        let pushback = match status.metadata().get(PUSHBACK_HEADER) {
            // Anything but a number from 0 means that there shall be no other try.
            Some(value) => match value.to_str().ok().and_then(|text| text.parse::<u32>().ok()) {
                Some(milliseconds) => Some(Duration::from_millis(milliseconds.into())),
                None => return Self::Elsewhere,
            },
            None => details.retry_info().and_then(|info| info.retry_delay),
        };
        match pushback {
            Some(pause) if pause > policy.longest_pushback => Self::Elsewhere,
            pushback => Self::Later(pushback),
        }
    }
}

/// A number from 0 to 1, another each time.
pub(super) fn chance() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    // Each state of the standard library's hashers begins with other keys, which is all the chance that pauses need.
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 3,
        first_pause: Duration::from_millis(100),
        longest_pause: Duration::from_secs(1),
        longest_pushback: Duration::from_secs(60),
    };

    fn of(status: &Status) -> Again {
        Again::of(status, &POLICY)
    }

    fn pushed_back(text: &'static str) -> Status {
        let mut status = Status::resource_exhausted("full");
        status.metadata_mut().insert(PUSHBACK_HEADER, text.parse().unwrap());
        status
    }

    #[test]
    fn only_what_may_help_is_tried_again() {
        for code in [Code::Unavailable, Code::ResourceExhausted, Code::Aborted, Code::Unknown, Code::Cancelled] {
            assert_eq!(of(&Status::new(code, "")), Again::Later(None), "{code:?}");
        }
        for code in [
            Code::InvalidArgument,
            Code::NotFound,
            Code::FailedPrecondition,
            Code::OutOfRange,
            Code::DeadlineExceeded,
            Code::Unimplemented,
            Code::Unauthenticated,
            Code::PermissionDenied,
        ] {
            assert_eq!(of(&Status::new(code, "")), Again::Never, "{code:?}");
        }
    }

    #[test]
    fn a_connection_that_broke_is_tried_again_whatever_code_stands_for_it() {
        let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "reset");
        assert_eq!(of(&Status::from_error(Box::new(broken))), Again::Later(None));
    }

    #[test]
    fn a_defect_of_a_server_is_not_tried_again_and_a_stream_that_a_proxy_cut_is() {
        let mut details = ErrorDetails::new();
        details.set_error_info("INTERNAL", "pobatch", HashMap::new());
        assert_eq!(of(&Status::with_error_details(Code::Internal, "", details)), Again::Never);
        let cut = Status::internal("Unexpected EOF decoding stream.");
        assert_eq!(of(&cut), Again::Later(None));
    }

    #[test]
    fn an_unknown_base_is_sent_again() {
        let mut details = ErrorDetails::new();
        details.set_error_info(UNKNOWN_BASE, "pobatch", HashMap::new());
        assert_eq!(of(&Status::with_error_details(Code::NotFound, "", details)), Again::WithTheBuild);
    }

    #[test]
    fn a_server_says_when_and_whether() {
        assert_eq!(of(&pushed_back("1500")), Again::Later(Some(Duration::from_millis(1500))));
        assert_eq!(of(&pushed_back("0")), Again::Later(Some(Duration::ZERO)));
        for text in ["-1", "soon", "", "60001"] {
            assert_eq!(of(&pushed_back(text)), Again::Elsewhere, "{text}");
        }
        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(2)));
        let status = Status::with_error_details(Code::Unavailable, "", details);
        assert_eq!(of(&status), Again::Later(Some(Duration::from_secs(2))));
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_spread() {
        let pause = |tries, chance| POLICY.pause(tries, None, chance).as_millis();
        assert_eq!((pause(1, 0.0), pause(1, 1.0)), (50, 100));
        assert_eq!((pause(3, 0.0), pause(3, 1.0)), (200, 400));
        assert_eq!((pause(5, 1.0), pause(u32::MAX, 1.0)), (1000, 1000));
        assert_eq!(POLICY.pause(1, Some(Duration::from_secs(7)), 0.3), Duration::from_secs(7));
        assert!((0..100).map(|_| chance()).all(|chance| (0.0..=1.0).contains(&chance)));
    }
}
