//! `pobatch export`: writes a varied build.

use serde_json::json;

use super::{
    CliError, Output, Verdict,
    eval::{choice, stats_json},
    input,
    server::Server,
};
use crate::config::{self, BuildFormat};

/// Writes it.
pub async fn run(settings: config::Export, output: &mut Output) -> Result<Verdict, CliError> {
    let build = input::build(&settings.base)?;
    let variation = input::variation("--variation", &settings.variation)?;
    let server = Server::connect(settings.target).await?;
    let exported = server.client.export(build, &variation, settings.check.map(choice)).await?;
    server.leave().await;
    match settings.format {
        BuildFormat::Code => output.line(&exported.share_code)?,
        BuildFormat::Xml => output.line(&exported.xml)?,
        BuildFormat::Json => output.json(&json!({
            "share_code": exported.share_code,
            "xml": exported.xml,
            "stats": exported.stats.as_deref().map(stats_json),
            "warnings": exported.warnings.iter().map(|warning| &warning.message).collect::<Vec<_>>(),
        }))?,
    }
    Ok(Verdict::Good)
}
