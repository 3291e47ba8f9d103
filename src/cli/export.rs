//! `pobatch export`: writes a varied build.

use serde_json::json;

use super::{
    CliError, Output, Verdict,
    eval::{choice, engine_json, stats_json, warning_json, words},
    input,
    server::Server,
    table,
};
use crate::{
    build::outcome::NamedStat,
    client::{EngineDescription, Exported},
    config::{self, BuildFormat, Format},
};

/// Writes it.
pub async fn run(settings: config::Export, output: &mut Output) -> Result<Verdict, CliError> {
    let build = input::build(&settings.base)?;
    let variation = input::variation("--variation", &settings.variation)?;
    let server = Server::connect(settings.target).await?;
    let check = settings.check.map(choice);
    // A table shows what the base has, too: that is what a promise is about.
    let base = match (&check, settings.format) {
        (Some(stats), BuildFormat::Report(Format::Table)) => {
            server.client.describe_build(build.clone(), stats.clone()).await?.stats
        }
        _ => Vec::new(),
    };
    let exported = server.client.export(build, &variation, check).await?;
    let engine = server.engine.clone();
    server.leave().await;
    match settings.format {
        BuildFormat::Code => output.line(&exported.share_code)?,
        BuildFormat::Xml => output.line(&exported.xml)?,
        BuildFormat::Report(Format::Table) => summary(&engine, &base, &exported, output)?,
        BuildFormat::Report(Format::Json) => output.json(&json!({
            "engine": engine_json(&engine.engine),
            "notice": engine.notice,
            "share_code": exported.share_code,
            "xml": exported.xml,
            "stats": exported.stats.as_deref().map(stats_json),
            "warnings": exported.warnings.iter().map(warning_json).collect::<Vec<_>>(),
        }))?,
        BuildFormat::Report(Format::Csv) => {
            let stats = exported.stats.as_deref().unwrap_or_default();
            let named = |name: &str| std::iter::once(name.to_owned());
            let names = stats.iter().map(|(name, _)| name.to_string());
            output.csv(named("share_code").chain(names).chain(named("warnings")))?;
            let values = stats.iter().map(|(_, value)| table::exact(Some(value)));
            output.csv(named(&exported.share_code).chain(values).chain(named(&words(&exported.warnings))))?;
        }
    }
    Ok(Verdict::Good)
}

/// For people: what was proved, what is odd, and the share code.
fn summary(
    engine: &EngineDescription,
    base: &[NamedStat],
    exported: &Exported,
    output: &mut Output,
) -> Result<(), CliError> {
    output.line(&format!("engine {} {}", engine.engine.name, engine.engine.version))?;
    if !engine.notice.is_empty() {
        output.line(&engine.notice)?;
    }
    if let Some(stats) = &exported.stats {
        let mut table = table::new(output, ["stat", "base", "value", "to base"]);
        for (name, value) in stats {
            let before = base.iter().find(|(stat, _)| stat == name).map(|(_, value)| value);
            let change = table::difference(Some(value), before);
            table.add_row([&**name, &table::value(before), &table::value(Some(value)), &change]);
        }
        table::right(&mut table, 1);
        output.line(&table.to_string())?;
        output.line("loaded from scratch, in a runtime that never loaded another build")?;
    }
    for warning in &exported.warnings {
        output.line(&format!("warning: {}", words(std::slice::from_ref(warning))))?;
    }
    output.line(&exported.share_code)
}
