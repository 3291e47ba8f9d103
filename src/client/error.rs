//! What can go wrong with a server, as its clients see it.

use std::{io, path::PathBuf, time::Duration};

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Why a client has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is nobody to ask.
    #[error("no endpoint is given")]
    NoEndpoint,
    /// The text is no URL.
    #[error("`{0}` is no URL of a server")]
    Endpoint(String),
    /// Nobody answers there.
    #[error("cannot connect to {endpoint}")]
    Connect {
        /// Where.
        endpoint: String,
        /// Why.
        source: tonic::transport::Error,
    },
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// A file that says how the server is reached cannot be read.
    #[error("cannot read {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no token.
    #[error("{0} holds no token: one line of at least 16 letters, digits and `-._~+/=`")]
    NoToken(PathBuf),
    /// Everybody on the way could take the token.
    #[error("no token is sent to {0}: it is neither https nor on this machine (--allow-plaintext allows it)")]
    PlainToken(String),
    /// Certificates or keys are not usable.
    #[error("cannot use TLS for {endpoint}")]
    Tls {
        /// The server's URL.
        endpoint: String,
        /// Why.
        source: tonic::transport::Error,
    },
    /// The server refused or gave up a call.
    #[error(transparent)]
    Call(#[from] Box<CallFailure>),
    /// No endpoint made any progress, as often as the policy allows.
    #[error("{last} (given up after {tries} tries)")]
    Lost {
        /// How often an endpoint was tried in vain.
        tries: u32,
        /// How it ended the last time.
        last: Box<CallFailure>,
    },
    /// Its outcomes cannot stand beside those of other endpoints, or of its own before it was restarted.
    #[error(
        "{endpoint} computes with another engine, or understands the request in another way, than was asked before"
    )]
    Differs {
        /// Which one.
        endpoint: String,
    },
    /// The server does not keep to the API.
    #[error("the server does not keep to the API: {0}")]
    Protocol(&'static str),
}

/// A call that failed as a whole.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct CallFailure {
    /// Code of the status.
    pub code: Code,
    /// Stable reason, if the server gave one.
    pub reason: Option<String>,
    /// One line for people.
    pub message: String,
    /// Fields of the request that are to blame, each with what is wrong.
    pub fields: Vec<(String, String)>,
}

impl CallFailure {
    /// Whether the same request makes no sense to the same server at any time.
    #[must_use]
    pub fn is_about_the_request(&self) -> bool {
        matches!(self.code, Code::InvalidArgument | Code::FailedPrecondition | Code::Internal)
    }
}

impl ClientError {
    /// That many tries were in vain, and so the last one ended.
    pub(super) fn lost(tries: u32, last: &Status) -> Self {
        Self::Lost { tries, last: Box::new(last.into()) }
    }
}

impl From<&Status> for CallFailure {
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let fields = details.bad_request().map(|bad| {
            bad.field_violations.iter().map(|field| (field.field.clone(), field.description.clone())).collect()
        });
        Self {
            code: status.code(),
            reason: details.error_info().map(|info| info.reason.clone()),
            message: status.message().to_owned(),
            fields: fields.unwrap_or_default(),
        }
    }
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        Self::Call(Box::new((&status).into()))
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn the_fields_that_are_to_blame_are_kept() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("stats.names[0]", "nobody knows it");
        details.set_error_info("UNKNOWN_STAT", "pobatch", std::collections::HashMap::new());
        let failure = CallFailure::from(&Status::with_error_details(Code::InvalidArgument, "unknown stat", details));
        assert_eq!(failure.code, Code::InvalidArgument);
        assert_eq!(failure.reason.as_deref(), Some("UNKNOWN_STAT"));
        assert_eq!(failure.fields, [("stats.names[0]".to_owned(), "nobody knows it".to_owned())]);
        assert_eq!(failure.to_string(), "unknown stat");
    }
}
