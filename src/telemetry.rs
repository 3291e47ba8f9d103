//! The log: events with fields, on standard error, because standard output belongs to results.

use std::io::{self, IsTerminal as _};

use crate::config::{Log, LogFormat};

/// Starts logging, for the rest of the process. Later calls have no effect.
pub fn start(log: Log) {
    let builder = tracing_subscriber::fmt().with_env_filter(log.filter).with_writer(io::stderr);
    let started = match log.format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(error, "the log was started before");
    }
}

/// Starts the log of a runtime: warnings alone, since it shares standard error with the server, whose log has the rest.
pub fn start_in_runtime() {
    let builder = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_ansi(false);
    let _ = builder.with_writer(io::stderr).try_init();
}
