//! The log: events with fields, on standard error, because standard output belongs to results. Its filter can be changed
//! while the program runs. With the feature `otlp` spans go to a collector too.

#[cfg(feature = "otlp")]
mod otlp;

use std::{
    io::{self, IsTerminal as _},
    sync::OnceLock,
};

use tracing_subscriber::{
    EnvFilter, Layer as _, Registry, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};

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
pub fn start(log: Log) {
    let (filter, handle) = reload::Layer::new(log.filter);
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

/// Starts the log of a runtime: warnings alone, since it shares standard error with the server, whose log has the rest.
pub fn start_in_runtime() {
    let builder = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_ansi(false);
    let _ = builder.with_writer(io::stderr).try_init();
}
