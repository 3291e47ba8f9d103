//! `pobatch explain`: why a stat of a varied build is what it is.

use serde_json::json;

use super::{CliError, Output, Verdict, eval::stats_json, input, server::Server, table};
use crate::{
    client::{Explanation, ExplanationSection},
    config::{self, Format},
};

/// Explains.
pub async fn run(settings: config::Explain, output: &mut Output) -> Result<Verdict, CliError> {
    let build = input::build(&settings.base)?;
    let variation = input::variation("--variation", &settings.variation)?;
    let server = Server::connect(settings.target).await?;
    let explained = server.client.explain(build, &variation, &settings.stat).await?;
    let notice = server.engine.notice.clone();
    server.leave().await;
    let Explanation { base_id, value, sections, warnings } = explained;
    if settings.format == Format::Json {
        let stats: Vec<_> = value.into_iter().map(|value| (settings.stat.as_str().into(), value)).collect();
        output.json(&json!({
            "notice": notice,
            "base_id": base_id,
            "stats": stats_json(&stats),
            "sections": sections,
            "warnings": warnings.iter().map(|warning| &warning.message).collect::<Vec<_>>(),
        }))?;
        return Ok(Verdict::Good);
    }
    if !notice.is_empty() {
        output.line(&notice)?;
    }
    let said = match &value {
        None => "the output has no such stat".to_owned(),
        Some(_) if sections.is_empty() => format!("{}, and the engine does not say why", table::value(value.as_ref())),
        Some(_) => table::value(value.as_ref()),
    };
    output.line(&format!("{}: {said}", settings.stat))?;
    for section in &sections {
        write(section, output)?;
    }
    for warning in &warnings {
        output.line(&format!("warning: {}", warning.message))?;
    }
    Ok(Verdict::Good)
}

fn write(section: &ExplanationSection, output: &mut Output) -> Result<(), CliError> {
    if !section.title.is_empty() {
        output.line("")?;
        output.line(&section.title)?;
    }
    for line in &section.lines {
        output.line(&format!("  {line}"))?;
    }
    if let Some(shown) = &section.table {
        let mut table = table::new(output, shown.columns.clone());
        for row in &shown.rows {
            table.add_row(row.cells.clone());
        }
        output.line(&table.to_string())?;
        if !shown.footer.is_empty() {
            output.line(&shown.footer)?;
        }
    }
    if !section.modifiers.is_empty() {
        let mut table = table::new(output, ["value", "stat", "from", "for", "if, and per"]);
        for one in &section.modifiers {
            let from = [one.source.as_str(), &one.source_name].map(str::trim).join(" ");
            table.add_row([&one.value, &one.stat, from.trim_end(), &one.applies_to, &one.conditions]);
        }
        output.line(&table.to_string())?;
    }
    Ok(())
}
