//! The log: events with fields, on standard error, because standard output belongs to results. Its filter can be changed
//! while the program runs. With the feature `otlp` spans go to a collector too.
//!
//! Runtimes share standard error with the server and log as it does; what that is goes with their command line, since
//! they have no environment. They keep the filter that they began with.

#[cfg(feature = "otlp")]
mod otlp;

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _},
    sync::OnceLock,
};

use tracing_subscriber::{
    EnvFilter, Layer as _, Registry, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Which events: a filter that [`check`] has seen.
    pub filter: String,
    /// In which form.
    pub format: LogFormat,
    /// Collector that spans are exported to.
    #[cfg(feature = "otlp")]
    pub otlp_endpoint: Option<String>,
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
        Self {
            filter: "warn".into(),
            format: LogFormat::Text,
            #[cfg(feature = "otlp")]
            otlp_endpoint: None,
        }
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
        let mut log = Self { format: format.map(|(_, format)| *format).unwrap_or_default(), ..Self::default() };
        if let Some(filter) = next() {
            log.filter = filter;
        }
        log
    }
}

/// Whether a filter makes sense.
///
/// # Errors
/// What is wrong, in words.
pub fn check(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter).map(|_| ()).map_err(|error| error.to_string())
}

/// There is one log in a process, so there is one filter.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Why the log's filter stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// It makes no sense.
    #[error("no filter: {0}")]
    Parse(#[from] tracing_subscriber::filter::ParseError),
    /// This process does not log, or somebody else set its log up.
    #[error("the log of this process has no filter of ours")]
    NotOurs,
}

/// Starts logging, for the rest of the process. Later calls have no effect.
pub fn start(log: &Log) {
    let (filter, handle) = reload::Layer::new(EnvFilter::new(&log.filter));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    #[cfg(feature = "otlp")]
    let subscriber = subscriber.with(log.otlp_endpoint.as_deref().and_then(otlp::layer));
    match subscriber.try_init() {
        Ok(()) => drop(FILTER.set(handle)),
        Err(error) => tracing::debug!(%error, "the log was started before"),
    }
}

/// Exports what has not been exported yet. The program is about to end.
pub fn finish() {
    #[cfg(feature = "otlp")]
    otlp::finish();
}

/// Logs by that filter from now on; gives the one before.
///
/// # Errors
/// [`FilterError`].
pub fn set_filter(text: &str) -> Result<String, FilterError> {
    let filter = EnvFilter::try_new(text)?;
    let handle = FILTER.get().ok_or(FilterError::NotOurs)?;
    let previous = handle.clone_current().map_or_else(String::new, |filter| filter.to_string());
    handle.reload(filter).map_err(|_| FilterError::NotOurs)?;
    tracing::warn!(filter = text, previous, "the log has another filter");
    Ok(previous)
}

/// Has a call's span continue the trace that its headers name, where spans are exported.
#[cfg_attr(not(feature = "otlp"), expect(unused_variables, reason = "nothing is exported"))]
pub fn continue_trace(span: &tracing::Span, headers: &http::HeaderMap) {
    #[cfg(feature = "otlp")]
    otlp::continue_trace(span, headers);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_is_told_what_to_log() {
        for &(_, format) in LOG_FORMATS {
            let mut log = Log { filter: "error,pobatch::lua=debug".into(), ..Log::default() };
            log.format = format;
            assert_eq!(Log::from_arguments(log.to_arguments().into_iter().map(OsString::from)), log);
        }
        assert_eq!(Log::from_arguments([].into_iter()), Log::default());
    }
}
