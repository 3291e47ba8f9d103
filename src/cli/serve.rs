//! `pobatch serve`.

use super::{CliError, Output, Verdict};
use crate::{
    app::{App, Drained},
    config,
    shutdown::Signals,
    supervisor::EngineChoice,
};

/// Serves until a signal, drains, and ends; a second signal ends it at once.
pub async fn run(settings: config::Serve, output: &mut Output) -> Result<Verdict, CliError> {
    // Before anything that takes time, so that Ctrl-C while the engine boots is heard.
    let mut signals = Signals::listen().map_err(CliError::Runtime)?;
    let shards = settings.server.shards;
    let engine = settings.server.engine.clone();
    let app = tokio::select! {
        app = App::start(settings.server, settings.listen) => app?.with_drain_delay(settings.drain_delay),
        _ = signals.next() => return Ok(Verdict::Good),
    };

    let facts = app.engine();
    output.line(&format!("pobatch {} listens on {}", env!("CARGO_PKG_VERSION"), app.url()))?;
    let page = app.http_address().map(|address| format!("status page and metrics on http://{address}"));
    let admin = app.admin_address().map(|address| format!("admin service on {address}"));
    let for_operators: Vec<_> = page.into_iter().chain(admin).collect();
    if !for_operators.is_empty() {
        output.line(&for_operators.join(", "))?;
    }
    let place = match &engine {
        EngineChoice::Sample => "embedded; --pob DIR or POBATCH_POB runs Path of Building".to_owned(),
        EngineChoice::Pob(directory) => directory.display().to_string(),
    };
    output.line(&format!("engine {} {} ({place}), {shards} shards", facts.name, facts.version))?;
    if !facts.notice.is_empty() {
        output.line(&facts.notice)?;
    }
    output.finish()?;

    let (first, heard) = tokio::sync::oneshot::channel();
    let stop = async move {
        let _ = heard.await;
    };
    let serving = app.run(stop, settings.drain_grace);
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended.map(|_| Verdict::Good).map_err(CliError::App),
        signal = signals.next() => tracing::info!(signal, grace = ?settings.drain_grace, "draining"),
    }
    let _ = first.send(());
    tokio::select! {
        ended = &mut serving => {
            let drained = ended?;
            tracing::info!(finished = drained == Drained::Finished, "stopped");
            Ok(Verdict::Good)
        }
        signal = signals.next() => Err(CliError::Stopped(signal)),
    }
}
