//! Why a command could not do what it was asked to, in words and as an exit code (those of sysexits.h).

use std::{error::Error, io};

use tonic::Code;

use super::input::InputError;
use crate::{app::AppError, client::ClientError};

/// Why a command gave up.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// What it was given cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Its own server did not start.
    #[error("the server did not start")]
    App(#[from] AppError),
    /// The server did not answer as it should.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Standard output is gone.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// No threads, or no signals.
    #[error("the program cannot start")]
    Runtime(#[source] io::Error),
    /// A stat that was asked for is not there.
    #[error("there is no stat `{0}` to sort by; --preset all shows every stat")]
    NoStat(String),
    /// The build gives nothing to make variations of.
    #[error("no variations of that kind can be made from this build: {0}")]
    NothingToVary(&'static str),
    /// A session ended without a word.
    #[error("a session ended without a word")]
    Session,
    /// Another program did not do what a suite needs of it.
    #[error("`{command}` {problem}")]
    Other {
        /// The program.
        command: String,
        /// What it did instead.
        problem: String,
    },
    /// Stopped by a second signal.
    #[error("stopped at once by {0}")]
    Stopped(&'static str),
}

impl CliError {
    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        const EX_USAGE: u8 = 64;
        const EX_DATAERR: u8 = 65;
        const EX_NOINPUT: u8 = 66;
        const EX_UNAVAILABLE: u8 = 69;
        const EX_SOFTWARE: u8 = 70;
        const EX_IOERR: u8 = 74;
        const EX_NOPERM: u8 = 77;
        match self {
            Self::Input(InputError::Read { .. } | InputError::NoSuchFile(_))
            | Self::Client(ClientError::File { .. }) => EX_NOINPUT,
            Self::Input(_)
            | Self::NothingToVary(_)
            | Self::Client(ClientError::NoToken(_) | ClientError::Tls { .. }) => EX_DATAERR,
            Self::App(_)
            | Self::Runtime(_)
            | Self::Other { .. }
            | Self::Client(ClientError::Connect { .. } | ClientError::Lost { .. } | ClientError::Silent(_)) => {
                EX_UNAVAILABLE
            }
            Self::Client(ClientError::Endpoint(_) | ClientError::NoEndpoint | ClientError::PlainToken(_))
            | Self::NoStat(_) => EX_USAGE,
            Self::Client(ClientError::Protocol(_) | ClientError::Differs { .. }) | Self::Stopped(_) | Self::Session => {
                EX_SOFTWARE
            }
            Self::Client(ClientError::Call(failure)) => match failure.code {
                Code::InvalidArgument | Code::NotFound | Code::FailedPrecondition | Code::OutOfRange => EX_DATAERR,
                Code::Unavailable | Code::ResourceExhausted => EX_UNAVAILABLE,
                Code::Unauthenticated => EX_NOPERM,
                _ => EX_SOFTWARE,
            },
            Self::Output(_) => EX_IOERR,
        }
    }
}

/// The error with its causes, and with the fields that a server blamed.
pub fn in_words(error: &CliError) -> String {
    let mut words = format!("pobatch: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        // Transparent errors say what their cause says.
        let text = error.to_string();
        if !words.ends_with(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = error.source();
    }
    if let CliError::Client(ClientError::Call(failure)) = error {
        for (field, description) in &failure.fields {
            words.extend(["\n  ", field, ": ", description]);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once_each() {
        let refused = io::Error::new(io::ErrorKind::AddrInUse, "address in use");
        let error = AppError::Listen { address: "127.0.0.1:7".into(), source: refused };
        let words = in_words(&error.into());
        assert_eq!(words, "pobatch: the server did not start: cannot listen on 127.0.0.1:7: address in use");
    }
}
