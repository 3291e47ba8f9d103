//! The log: events with fields, on standard error, because standard output belongs to results.
//!
//! Runtimes share standard error with the server and log as it does; what that is goes with their command line, since
//! they have no environment.

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _},
};

use tracing_subscriber::EnvFilter;

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Which events: a filter that [`check`] has seen.
    pub filter: String,
    /// In which form.
    pub format: LogFormat,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// The forms by name.
pub const LOG_FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];

impl Default for Log {
    /// Warnings, for people.
    fn default() -> Self {
        Self { filter: "warn".into(), format: LogFormat::Text }
    }
}

impl Log {
    /// How it is told to a runtime.
    #[must_use]
    pub fn to_arguments(&self) -> [String; 2] {
        let name = LOG_FORMATS.iter().find(|(_, format)| *format == self.format).map_or("text", |(name, _)| name);
        [name.to_owned(), self.filter.clone()]
    }

    /// What a runtime was told; the default where it was told nothing.
    #[must_use]
    pub fn from_arguments(mut arguments: impl Iterator<Item = OsString>) -> Self {
        let mut next = || arguments.next().and_then(|argument| argument.into_string().ok());
        let format = next().and_then(|name| LOG_FORMATS.iter().find(|(known, _)| *known == name));
        let format = format.map(|(_, format)| *format).unwrap_or_default();
        Self { filter: next().unwrap_or(Self::default().filter), format }
    }
}

/// Whether a filter makes sense.
///
/// # Errors
/// What is wrong, in words.
pub fn check(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter).map(|_| ()).map_err(|error| error.to_string())
}

/// Starts logging, for the rest of the process. Later calls have no effect.
pub fn start(log: &Log) {
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&log.filter)).with_writer(io::stderr);
    let started = match log.format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(error, "the log was started before");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_is_told_what_to_log() {
        for &(_, format) in LOG_FORMATS {
            let log = Log { filter: "error,pobatch::lua=debug".into(), format };
            assert_eq!(Log::from_arguments(log.to_arguments().into_iter().map(OsString::from)), log);
        }
        assert_eq!(Log::from_arguments([].into_iter()), Log::default());
    }
}
