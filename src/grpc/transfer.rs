//! Builds in and out: what `ImportBuild` and `ExportBuild` answer.

use std::sync::Arc;

use super::{
    convert::{resolve, warning_to_proto},
    decode::{Decoded, Decoder},
    status::CallError,
};
use crate::{
    build::{
        base::{self, Base, BaseId},
        code,
        outcome::Failure,
        variation::Variation,
    },
    proto::v1,
    supervisor::{BaseError, Supervisor},
};

/// The build as the engine writes it.
pub(super) async fn import(
    supervisor: &Supervisor,
    decoder: &Decoder,
    base: &Base,
) -> Result<v1::ImportBuildResponse, CallError> {
    let xml = supervisor.export(base, &Variation::default()).await;
    let xml = xml.map_err(|error| CallError::from_base(error, decoder.limits()))?;
    Ok(v1::ImportBuildResponse {
        base_id: base.id.to_string(),
        share_code: code::encode(&xml),
        xml,
        warnings: base.warnings.iter().map(warning_to_proto).collect(),
    })
}

/// The varied build, and what it is if it is loaded from scratch.
pub(super) async fn export(
    supervisor: &Supervisor,
    decoder: &Decoder,
    base: &Base,
    variation: v1::Variation,
    check: Option<v1::StatSelection>,
) -> Result<v1::ExportBuildResponse, CallError> {
    let refused = |failure| CallError::of_variation("variation", failure);
    let Decoded { variation, .. } = decoder.variation(variation).await.map_err(refused)?;
    let xml = supervisor.export(base, &variation).await.map_err(|error| match error {
        BaseError::Build(failure) => refused(failure),
        other => CallError::from_base(other, decoder.limits()),
    })?;
    let id = BaseId::of(&base.engine.name, &xml);
    let mut response = v1::ExportBuildResponse {
        share_code: code::encode(&xml),
        base_id: id.to_string(),
        ..v1::ExportBuildResponse::default()
    };
    if let Some(check) = check {
        let loaded = supervisor.load_once(base.engine.edition, &xml).await.map_err(|error| match error {
            BaseError::Build(Failure { message, .. }) => {
                CallError::Internal(format!("the exported build does not load: {message}"))
            }
            other => CallError::from_base(other, decoder.limits()),
        })?;
        let label = base::label(&xml);
        let engine = Arc::clone(&base.engine);
        let base = Base { id, engine, xml: xml.as_str().into(), label, stats: loaded.stats, warnings: loaded.warnings };
        let layout = resolve(Some(check), &base, &base.engine, decoder.limits());
        let layout = layout.map_err(|error| error.renamed("stats", "check"))?;
        response.stats = layout.resolved();
        response.values = Some(layout.base_values());
        response.warnings = base.warnings.iter().map(warning_to_proto).collect();
    }
    response.xml = xml;
    Ok(response)
}
