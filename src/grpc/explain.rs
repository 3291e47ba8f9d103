//! Why a stat of a varied build is what it is: what `Explain` answers.
//!
//! Forks answer that evaluate nothing afterwards: of the base one of its template, of a varied build one of the zygote
//! that loads it from scratch. So whatever an engine does to explain something, no evaluation sees it.

use std::{collections::HashMap, sync::Arc};

use super::{
    convert::{named, warning_to_proto},
    decode::{Decoded, Decoder},
    status::{CallError, Violation},
};
use crate::{
    build::{base::Base, limits::Limit, outcome::StatValue, variation::Variation},
    proto::v1,
    supervisor::{BaseError, Explained, Supervisor},
};

/// The explanation of a stat.
pub(super) async fn explain(
    supervisor: &Supervisor,
    decoder: &Decoder,
    base: &Base,
    variation: v1::Variation,
    stat: String,
) -> Result<v1::ExplainResponse, CallError> {
    let limits = decoder.limits();
    limits.check(Limit::NameSize, stat.len()).map_err(|exceeded| CallError::limit("stat", exceeded))?;
    let refused = |failure| CallError::of_variation("variation", failure);
    let Decoded { variation, .. } = decoder.variation(variation).await.map_err(refused)?;
    let lost = |error| match error {
        BaseError::Build(failure) => refused(failure),
        other => CallError::from_base(other, limits),
    };
    let Explained { stats, warnings, sections } = if *variation == Variation::default() {
        let lost = |error| CallError::from_base(error, limits);
        let sections = supervisor.explain(base, &stat).await.map_err(lost)?;
        Explained { stats: base.stats.clone(), warnings: base.warnings.clone(), sections }
    } else {
        let xml = supervisor.export(base, &variation).await.map_err(lost)?;
        supervisor.explain_once(base.engine.edition, &xml, &stat).await.map_err(lost)?
    };

    let mut values: HashMap<Arc<str>, StatValue> = stats.into_iter().collect();
    let value = values.remove(&*stat);
    let described = &base.engine.stats;
    let is_known = base.stats.iter().any(|(name, _)| **name == *stat) || described.iter().any(|of| of.name == stat);
    if value.is_none() && !is_known {
        let problem = format!("neither the build nor the engine has a stat `{stat}`");
        return Err(CallError::UnknownStats(vec![Violation::new("stat", problem)]));
    }
    let state = match &value {
        None => v1::ExplanationState::Absent,
        Some(_) if sections.is_empty() => v1::ExplanationState::Unexplained,
        Some(_) => v1::ExplanationState::Explained,
    };
    Ok(v1::ExplainResponse {
        base_id: base.id.to_string(),
        value: value.map(|value| named(&stat, value)),
        state: state.into(),
        sections,
        warnings: warnings.iter().map(warning_to_proto).collect(),
    })
}
