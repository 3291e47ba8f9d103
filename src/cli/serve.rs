//! `pobatch serve`.

use super::{CliError, Output, Verdict};
use crate::{
    app::{App, Drained},
    config,
    shutdown::{HangUps, Signals},
    supervisor::{EngineChoice, Supervisor},
    task,
};

/// Serves until a signal, drains, and ends; a second signal ends it at once.
pub async fn run(settings: config::Serve, output: &mut Output) -> Result<Verdict, CliError> {
    // Before anything that takes time, so that Ctrl-C while the engine boots is heard.
    let mut signals = Signals::listen().map_err(CliError::Runtime)?;
    let hang_ups = HangUps::listen().map_err(CliError::Runtime)?;
    let shards = settings.server.shards;
    let places: Vec<_> = settings.server.engines.iter().map(|engine| engine.choice.clone()).collect();
    let app = tokio::select! {
        app = App::start(settings.server, settings.listen) => app?.with_drain_delay(settings.drain_delay),
        _ = signals.next() => return Ok(Verdict::Good),
    };

    output.line(&format!("pobatch {} listens on {}", env!("CARGO_PKG_VERSION"), app.url()))?;
    let page = app.http_address().map(|address| format!("status page and metrics on http://{address}"));
    let admin = app.admin_address().map(|address| format!("admin service on {address}"));
    let for_operators: Vec<_> = page.into_iter().chain(admin).collect();
    if !for_operators.is_empty() {
        output.line(&for_operators.join(", "))?;
    }
    let supervisor = app.supervisor().clone();
    let mut notices = Vec::new();
    for (facts, choice) in supervisor.engines().iter().zip(&places) {
        let place = match choice {
            EngineChoice::Sample if places.len() == 1 => {
                "embedded; --pob DIR or POBATCH_POB runs Path of Building".into()
            }
            EngineChoice::Sample => "embedded".to_owned(),
            EngineChoice::Pob(directory) => directory.display().to_string(),
        };
        output.line(&format!("engine {} {} ({place}), {shards} shards", facts.name, facts.version))?;
        if !facts.notice.is_empty() && !notices.contains(&facts.notice) {
            notices.push(facts.notice.clone());
        }
    }
    notices.iter().try_for_each(|notice| output.line(notice))?;
    output.finish()?;

    let _reloads = reload_when_told(supervisor, hang_ups);
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

/// Reloads all engines when the process is told to. What comes of it is in the log, the status and the metrics.
fn reload_when_told(supervisor: Supervisor, mut hang_ups: HangUps) -> task::Owned {
    task::spawn_owned("hang-ups", async move {
        loop {
            hang_ups.next().await;
            for engine in supervisor.engines().iter() {
                // One after the other: each takes a zygote's memory while it is checked. Failures are logged by the driver.
                let _ = supervisor.reload(&engine.name, None).await;
            }
        }
    })
}
