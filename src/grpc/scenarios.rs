//! The scenarios of a call: what its variations are evaluated under, and what the base is under each of them.

use std::{collections::HashSet, sync::Arc};

use super::{
    convert::{Layout, warning_to_proto},
    decode::{Decoded, Decoder},
    status::CallError,
};
use crate::{
    build::{
        limits::Limit,
        outcome::{Evaluated, Failure, Stats},
        scenario::{self, Scenario},
        variation::Variation,
    },
    proto::v1,
    supervisor::{Session, Submission},
};

/// The scenarios of a call; with none each variation is evaluated once, as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Scenarios(Arc<[Arc<Scenario>]>);

impl Scenarios {
    /// The scenarios of a request.
    pub(super) async fn read(messages: Vec<v1::Scenario>, decoder: &Decoder) -> Result<Self, CallError> {
        let too_many = |exceeded| CallError::limit("scenarios", exceeded);
        decoder.limits().check(Limit::Scenarios, messages.len()).map_err(too_many)?;
        let mut seen = HashSet::new();
        let mut list = Vec::with_capacity(messages.len());
        for (index, v1::Scenario { name, variation }) in messages.into_iter().enumerate() {
            let field = format!("scenarios[{index}].name");
            let too_long = |exceeded| CallError::limit(field.clone(), exceeded);
            decoder.limits().check(Limit::NameSize, name.len()).map_err(too_long)?;
            if !scenario::is_name(&name) {
                return Err(CallError::invalid(field, "a name is a letter or `_`, then letters, digits and `_`"));
            }
            if !seen.insert(name.clone()) {
                return Err(CallError::invalid(field, format!("scenario `{name}` occurs twice")));
            }
            let decoded = decoder.variation(variation.unwrap_or_default()).await;
            let decoded = decoded.map_err(|failure| refused(index, failure))?;
            list.push(Arc::new(Scenario { name, variation: Variation::clone(&decoded.variation) }));
        }
        Ok(Self(list.into()))
    }

    /// Scenarios that nobody read from a request.
    #[cfg(test)]
    pub(super) fn of(list: Vec<Scenario>) -> Self {
        Self(list.into_iter().map(Arc::new).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names, in order.
    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|scenario| scenario.name.as_str()).collect()
    }

    /// How many times each variation is evaluated.
    pub(super) fn each(&self) -> usize {
        self.0.len().max(1)
    }

    /// The variation under the scenario at that place.
    pub(super) async fn under(&self, place: usize, decoder: &Decoder, decoded: &Decoded) -> Result<Decoded, Failure> {
        match self.0.get(place) {
            Some(scenario) => decoder.under(scenario, decoded).await,
            None => Ok(decoded.clone()),
        }
    }

    /// What the base is under each scenario, for the header and as reference of what follows. A scenario that the base
    /// does not take fails the call: nothing could be told against it.
    pub(super) async fn of_base(
        &self,
        session: Session,
        layout: &Layout,
    ) -> Result<(Vec<v1::ScenarioBase>, Vec<Stats>), CallError> {
        let variations = self.0.iter().map(|scenario| Arc::new(scenario.variation.clone()));
        let evaluated = evaluate(session, variations.collect()).await?;
        let (mut told, mut values) = (Vec::with_capacity(self.0.len()), Vec::with_capacity(self.0.len()));
        for (index, (scenario, evaluated)) in self.0.iter().zip(evaluated).enumerate() {
            let stats = evaluated.result.map_err(|failure| refused(index, failure))?;
            let base_stats = layout.values(&stats, None).map_err(|failure| CallError::Internal(failure.message))?;
            told.push(v1::ScenarioBase {
                name: scenario.name.clone(),
                base_stats: Some(base_stats),
                warnings: evaluated.warnings.iter().map(warning_to_proto).collect(),
            });
            values.push(stats);
        }
        Ok((told, values))
    }
}

/// Evaluates all of them in that session; the answers are in the order of the variations.
pub(super) async fn evaluate(session: Session, variations: Vec<Arc<Variation>>) -> Result<Vec<Evaluated>, CallError> {
    let Session { submit, mut outcomes } = session;
    let count = variations.len();
    for (tag, variation) in (0..).zip(variations) {
        submit.send(Submission { tag, variation }).await.map_err(|_| CallError::SessionLost)?;
    }
    drop(submit);
    let mut all = Vec::with_capacity(count);
    while let Some(evaluated) = outcomes.recv().await {
        all.push(evaluated);
    }
    if all.len() != count {
        return Err(CallError::SessionLost);
    }
    all.sort_by_key(|evaluated| evaluated.tag);
    Ok(all)
}

fn refused(index: usize, failure: Failure) -> CallError {
    CallError::of_variation(&format!("scenarios[{index}].variation"), failure)
}
