//! The one mapping from errors to gRPC codes.
//!
//! A [`CallError`] fails a whole call; what is wrong with one variation is a failed outcome and never comes here. Every
//! status carries an `ErrorInfo` of the domain `pobatch` whose reason is stable, invalid arguments a `BadRequest` with
//! the fields, and a `RetryInfo` says when trying again helps.

use std::{collections::HashMap, fmt::Display, time::Duration};

use tonic::{
    Code, Status,
    metadata::{MetadataMap, MetadataValue},
};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::{
    admission::Leaving,
    build::{
        base::BaseId,
        limits::{Exceeded, Limit, Limits},
        outcome::{Failure, FailureReason},
    },
    supervisor::{BaseError, EvictError, Refusal, ReloadError},
    tenants::OverQuota,
};

/// Domain of all reasons.
pub const ERROR_DOMAIN: &str = "pobatch";
/// When to try again after a refusal: about as long as a shard takes for an assignment, several times over.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// The shortest that is asked for: pushback has no fractions of a millisecond, and 0 would be at once.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(1);
/// Most fields that one status names: details travel in headers, which clients bound at 16 KiB.
const VIOLATIONS_MAX: usize = 20;
/// Longest message or description, in bytes; for the same reason.
const TEXT_BYTES_MAX: usize = 300;
/// The reason that stands for every limit.
const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";
/// Delay in milliseconds after which a client may try again (gRFC A6).
const PUSHBACK_HEADER: &str = "grpc-retry-pushback-ms";

/// Why a call cannot be served.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// Fields that make no sense.
    #[error("invalid request: {}", first(.0))]
    Invalid(Vec<Violation>),
    /// More of something than the server takes.
    #[error("{}: {}", violation.field, violation.description)]
    Limit {
        /// Where, and in words.
        violation: Violation,
        /// What.
        exceeded: Exceeded,
    },
    /// Stats that nobody knows.
    #[error("unknown stat: {}", first(.0))]
    UnknownStats(Vec<Violation>),
    /// The engine is not here.
    #[error("there is no engine `{asked}` here but {known}")]
    UnknownEngine {
        /// Which field of the request names it.
        field: String,
        /// Its name.
        asked: String,
        /// The names of those that are here.
        known: String,
    },
    /// An engine was not reloaded.
    #[error(transparent)]
    Reload(ReloadError),
    /// The base is not loaded.
    #[error("no base {0} is known; send the build again")]
    UnknownBase(BaseId),
    /// Sessions use the base.
    #[error("base {0} is in use")]
    BaseInUse(BaseId),
    /// The server stops, and that cannot be undone.
    #[error("the server is stopping")]
    Leaving,
    /// The base did not load.
    #[error("the base was not loaded: {failure}")]
    Base {
        /// Which field of the request holds it.
        field: String,
        /// Why.
        failure: Failure,
    },
    /// The server takes nothing now.
    #[error(transparent)]
    Refused(Refusal),
    /// The server takes nothing now, because of a limit.
    #[error("{0}: {1}")]
    Full(Refusal, Exceeded),
    /// No tenant's token came with it. What is wrong with it is not said, or whoever guesses would learn from it.
    #[error("a valid token is needed: `authorization: Bearer TOKEN`")]
    Unauthenticated,
    /// The tenant has all that it may have.
    #[error(transparent)]
    OverQuota(OverQuota),
    /// The call's deadline has passed.
    #[error("the call's deadline has passed")]
    DeadlineExceeded,
    /// The client neither sent nor read anything for too long.
    #[error("the session was idle for too long; open another one")]
    Idle,
    /// The session is as old as a session may become.
    #[error("the session is as old as sessions may become; open another one")]
    SessionAged,
    /// The supervisor gave the session up.
    #[error("the session was given up with variations unanswered")]
    SessionLost,
    /// The client's side of the stream broke.
    #[error("the request stream broke: {}", .0.message())]
    Inbound(Status),
    /// A defect of the server.
    #[error("internal error: {0}")]
    Internal(String),
}

/// A field that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request, with lists counted from 0.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl Violation {
    /// Something wrong with that field.
    #[must_use]
    pub fn new(field: impl Into<String>, description: impl Display) -> Self {
        Self { field: field.into(), description: description.to_string() }
    }
}

fn first(violations: &[Violation]) -> String {
    match violations {
        [] => String::new(),
        [only] => format!("{}: {}", only.field, only.description),
        [first, rest @ ..] => format!("{}: {} (and {} more)", first.field, first.description, rest.len()),
    }
}

impl CallError {
    /// One field that makes no sense.
    #[must_use]
    pub fn invalid(field: impl Into<String>, description: impl Display) -> Self {
        Self::Invalid(vec![Violation::new(field, description)])
    }

    /// More of something than the server takes.
    #[must_use]
    pub fn limit(field: impl Into<String>, exceeded: Exceeded) -> Self {
        Self::Limit { violation: Violation::new(field, exceeded), exceeded }
    }

    /// A base that is no build, or exceeds a limit.
    #[must_use]
    pub fn bad_build(field: impl Into<String>, exceeded: Option<Exceeded>, error: impl Display) -> Self {
        match exceeded {
            Some(exceeded) => Self::Limit { violation: Violation::new(field, error), exceeded },
            None => Self::Base { field: field.into(), failure: Failure::new(FailureReason::BadBuild, "", error) },
        }
    }

    /// What is wrong with a variation that the whole call is about, and that is in that field.
    #[must_use]
    pub fn of_variation(field: &str, failure: Failure) -> Self {
        match failure.reason {
            // The engine's doing, or that of its surroundings.
            FailureReason::EngineError
            | FailureReason::TimeLimit
            | FailureReason::MemoryLimit
            | FailureReason::RuntimeCrashed
            | FailureReason::DeadlineExceeded
            | FailureReason::Cancelled
            | FailureReason::Unavailable => Self::Base { field: field.to_owned(), failure },
            _ if failure.field.is_empty() => Self::invalid(field, failure.message),
            _ => Self::invalid(format!("{field}.{}", failure.field), failure.message),
        }
    }

    /// What the supervisor says of a base or a session.
    #[must_use]
    pub fn from_base(error: BaseError, limits: &Limits) -> Self {
        match error {
            BaseError::Build(failure) => Self::Base { field: "base".to_owned(), failure },
            BaseError::Unknown(id) => Self::UnknownBase(id),
            BaseError::Refused(refusal) => match limit_behind(refusal) {
                Some(limit) => {
                    let most = limits.get(limit);
                    Self::Full(refusal, Exceeded { limit, most, came: most.saturating_add(1) })
                }
                None => Self::Refused(refusal),
            },
        }
    }

    /// The same error, for a request that holds the fields within another one.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        match &mut self {
            Self::Invalid(violations) | Self::UnknownStats(violations) => {
                for violation in violations {
                    violation.field = format!("{outer}.{}", violation.field);
                }
            }
            Self::Limit { violation, .. } => violation.field = format!("{outer}.{}", violation.field),
            Self::Base { field, .. } | Self::UnknownEngine { field, .. } => *field = format!("{outer}.{field}"),
            _ => {}
        }
        self
    }

    /// The same error, for a request in which the field has another name.
    #[must_use]
    pub fn renamed(mut self, from: &str, to: &str) -> Self {
        let rename = |field: &mut String| {
            if let Some(rest) = field.strip_prefix(from) {
                *field = format!("{to}{rest}");
            }
        };
        match &mut self {
            Self::Invalid(violations) | Self::UnknownStats(violations) => {
                for violation in violations {
                    rename(&mut violation.field);
                }
            }
            Self::Limit { violation, .. } => rename(&mut violation.field),
            _ => {}
        }
        self
    }

    /// The gRPC code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid(_) | Self::Limit { .. } | Self::UnknownStats(_) => Code::InvalidArgument,
            Self::UnknownEngine { .. } | Self::UnknownBase(_) => Code::NotFound,
            Self::BaseInUse(_) | Self::Leaving => Code::FailedPrecondition,
            Self::Reload(error) => code_of_reload(error),
            Self::Base { failure, .. } => code_of_failure(failure.reason),
            Self::Refused(refusal) | Self::Full(refusal, _) => code_of_refusal(*refusal),
            Self::Unauthenticated => Code::Unauthenticated,
            Self::OverQuota(_) => Code::ResourceExhausted,
            Self::SessionLost | Self::SessionAged => Code::Unavailable,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            // Sending the same again does not help, opening the session again does.
            Self::Idle => Code::Aborted,
            Self::Inbound(status) => status.code(),
            Self::Internal(_) => Code::Internal,
        }
    }

    /// The stable reason, for programs.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Invalid(_) => "INVALID_REQUEST",
            Self::UnknownStats(_) => "UNKNOWN_STAT",
            Self::UnknownEngine { .. } => "UNKNOWN_ENGINE",
            Self::UnknownBase(_) => "UNKNOWN_BASE",
            Self::BaseInUse(_) => "BASE_IN_USE",
            Self::Reload(error) => match error {
                ReloadError::Unknown { .. } => "UNKNOWN_ENGINE",
                ReloadError::Directory(_) => "DIRECTORY_REFUSED",
                ReloadError::Running => "RELOAD_RUNNING",
                ReloadError::TooManyOld => "EDITIONS_FULL",
                ReloadError::Boot(_) => "ENGINE_DOES_NOT_BOOT",
                ReloadError::Check(_) => "SELF_CHECK_FAILED",
                ReloadError::Stopping => "LEAVING",
            },
            Self::Leaving => "LEAVING",
            Self::Base { failure, .. } => return failure.reason.as_str().to_uppercase(),
            Self::Refused(refusal) | Self::Full(refusal, _) => match refusal {
                Refusal::Draining => "DRAINING",
                Refusal::NotReady => "NOT_READY",
                Refusal::BasesFull => "BASES_FULL",
                Refusal::MemoryFull => "MEMORY_FULL",
                Refusal::SessionsFull => "SESSIONS_FULL",
                Refusal::QueueFull => "QUEUE_FULL",
            },
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::OverQuota(_) => "QUOTA_EXCEEDED",
            // The message is a frame of the transport's and no more: only its length was read.
            Self::Inbound(status) if status.code() == Code::OutOfRange => LIMIT_EXCEEDED,
            Self::Limit { .. } => LIMIT_EXCEEDED,
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Idle => "IDLE",
            Self::SessionAged => "SESSION_AGED",
            Self::SessionLost => "SESSION_LOST",
            Self::Inbound(_) => "REQUEST_STREAM_BROKEN",
            Self::Internal(_) => "INTERNAL",
        }
        .to_owned()
    }

    fn violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Invalid(violations) | Self::UnknownStats(violations) => {
                violations.iter().take(VIOLATIONS_MAX).map(field_violation).collect()
            }
            Self::Limit { violation, .. } => vec![field_violation(violation)],
            Self::UnknownEngine { field, .. } => vec![field_violation(&Violation::new(field, self))],
            Self::Reload(ReloadError::Unknown { .. }) => vec![field_violation(&Violation::new("engine", self))],
            Self::Reload(ReloadError::Directory(_)) => vec![field_violation(&Violation::new("directory", self))],
            Self::Base { field, failure } if self.code() == Code::InvalidArgument => {
                vec![FieldViolation::new(field.clone(), cut(&failure.message, TEXT_BYTES_MAX))]
            }
            _ => Vec::new(),
        }
    }

    /// What programs can read of the reason: the limit by its flag, its value, and what came.
    fn metadata(&self) -> HashMap<String, String> {
        let named = |limit: Limit| ("limit".to_owned(), limit.flag().to_owned());
        match self {
            Self::Limit { exceeded, .. } | Self::Full(_, exceeded) => {
                let Exceeded { limit, most, came } = exceeded;
                let numbers = [("max".to_owned(), most.to_string()), ("actual".to_owned(), came.to_string())];
                numbers.into_iter().chain([named(*limit)]).collect()
            }
            Self::OverQuota(OverQuota { quota, max, .. }) => {
                [("quota".to_owned(), quota.key().to_owned()), ("max".to_owned(), max.to_string())].into()
            }
            Self::Inbound(status) if status.code() == Code::OutOfRange => [named(Limit::RequestSize)].into(),
            _ => HashMap::new(),
        }
    }
}

fn field_violation(violation: &Violation) -> FieldViolation {
    FieldViolation::new(cut(&violation.field, TEXT_BYTES_MAX), cut(&violation.description, TEXT_BYTES_MAX))
}

/// The limit that a refusal comes from, if it comes from one.
const fn limit_behind(refusal: Refusal) -> Option<Limit> {
    match refusal {
        Refusal::BasesFull => Some(Limit::Bases),
        Refusal::SessionsFull => Some(Limit::Sessions),
        Refusal::QueueFull => Some(Limit::Queue),
        Refusal::Draining | Refusal::NotReady | Refusal::MemoryFull => None,
    }
}

const fn code_of_refusal(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Draining | Refusal::NotReady => Code::Unavailable,
        Refusal::BasesFull | Refusal::MemoryFull | Refusal::SessionsFull | Refusal::QueueFull => {
            Code::ResourceExhausted
        }
    }
}

/// The code for an engine that was not reloaded. Nothing has changed then, and the same again may succeed only once
/// something else has changed.
const fn code_of_reload(error: &ReloadError) -> Code {
    match error {
        ReloadError::Unknown { .. } => Code::NotFound,
        ReloadError::Directory(_) => Code::InvalidArgument,
        ReloadError::Running | ReloadError::TooManyOld | ReloadError::Boot(_) | ReloadError::Check(_) => {
            Code::FailedPrecondition
        }
        ReloadError::Stopping => Code::Unavailable,
    }
}

/// The code for a base that did not load.
const fn code_of_failure(reason: FailureReason) -> Code {
    match reason {
        FailureReason::InvalidVariation
        | FailureReason::LimitExceeded
        | FailureReason::UnknownNode
        | FailureReason::UnknownMastery
        | FailureReason::UnknownTattoo
        | FailureReason::UnknownSlot
        | FailureReason::UnknownItem
        | FailureReason::ItemNotParsed
        | FailureReason::UnknownGroup
        | FailureReason::UnknownGem
        | FailureReason::UnknownConfig
        | FailureReason::UnknownClass
        | FailureReason::UnknownStat
        | FailureReason::BadBuild
        | FailureReason::UnknownTree
        | FailureReason::Unsupported
        | FailureReason::StrictWarning => Code::InvalidArgument,
        FailureReason::EngineError | FailureReason::RuntimeCrashed => Code::Internal,
        // The build asks for more than a runtime gets; trying again does not help.
        FailureReason::TimeLimit | FailureReason::MemoryLimit => Code::ResourceExhausted,
        FailureReason::DeadlineExceeded => Code::DeadlineExceeded,
        FailureReason::Cancelled => Code::Cancelled,
        FailureReason::Unavailable => Code::Unavailable,
    }
}

impl From<EvictError> for CallError {
    fn from(error: EvictError) -> Self {
        match error {
            EvictError::Unknown(id) => Self::UnknownBase(id),
            EvictError::InUse(id) => Self::BaseInUse(id),
            EvictError::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

impl From<Leaving> for CallError {
    fn from(_: Leaving) -> Self {
        Self::Leaving
    }
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        // What the codec refuses comes back as the end of the stream, and has been given its reason there.
        if let CallError::Inbound(status) = &error
            && status.get_error_details().error_info().is_some_and(|info| info.domain == ERROR_DOMAIN)
        {
            return status.clone();
        }
        let code = error.code();
        let mut details = ErrorDetails::new();
        details.set_error_info(error.reason(), ERROR_DOMAIN, error.metadata());
        let violations = error.violations();
        if !violations.is_empty() {
            details.set_bad_request(violations);
        }
        let mut metadata = MetadataMap::new();
        let refused = matches!(error, CallError::Refused(_) | CallError::Full(..) | CallError::OverQuota(_));
        let delay = match &error {
            CallError::OverQuota(OverQuota { retry_after: Some(delay), .. }) => (*delay).max(RETRY_DELAY_MIN),
            // Nothing is full or broken where a session was too old.
            CallError::SessionAged => Duration::ZERO,
            _ => RETRY_DELAY,
        };
        if refused || code == Code::Unavailable {
            details.set_retry_info(Some(delay));
        }
        if refused && code == Code::ResourceExhausted {
            let delay_ms = u32::try_from(delay.as_millis()).unwrap_or(u32::MAX);
            metadata.insert(PUSHBACK_HEADER, MetadataValue::from(delay_ms));
        }
        Self::with_error_details_and_metadata(code, cut(&error.to_string(), TEXT_BYTES_MAX), details, metadata)
    }
}

/// The text, as far as there is room for it.
pub(super) fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests;
