//! Sweeps: families of variations, made of what the engine says of the base and of its data.
//!
//! [`variations`] asks what it must; `family` makes the variations, one after the other, and is pure.

mod family;

use family::{Family, Sources};

use super::status::CallError;
use crate::{
    build::{
        base::Base,
        limits::{Limit, Limits},
    },
    proto::v1::{self, sweep::Family as Asked},
    supervisor::{Of, Supervisor},
};

/// Variations, made as they are asked for.
pub(super) type Variations = Box<dyn Iterator<Item = v1::Variation> + Send>;

/// The variations of all sweeps, one behind the other.
pub(super) async fn variations(
    supervisor: &Supervisor,
    base: &Base,
    sweeps: Vec<v1::Sweep>,
    limits: &Limits,
) -> Result<Variations, CallError> {
    if sweeps.is_empty() {
        return Err(CallError::invalid("sweeps", "at least one sweep is needed"));
    }
    limits.check(Limit::Changes, sweeps.len()).map_err(|exceeded| CallError::limit("sweeps", exceeded))?;
    let mut sources = Sources::default();
    let mut all: Variations = Box::new(std::iter::empty());
    let mut count = 0;
    for (index, sweep) in sweeps.into_iter().enumerate() {
        let field = format!("sweeps[{index}]");
        let Some(asked) = sweep.family else {
            return Err(CallError::invalid(field, "which family is not said"));
        };
        learn(supervisor, base, &asked, &mut sources, limits).await?;
        let Family { size, members } =
            family::make(asked, &sources).map_err(|problem| CallError::invalid(&field, problem))?;
        count += size;
        limits.check(Limit::Sweep, count).map_err(|exceeded| CallError::limit(field, exceeded))?;
        all = Box::new(all.chain(members));
    }
    if count == 0 {
        return Err(CallError::invalid("sweeps", "they have no members: there is nothing of that kind in this build"));
    }
    Ok(all)
}

/// Asks what the family needs to know and nobody has asked yet.
async fn learn(
    supervisor: &Supervisor,
    base: &Base,
    asked: &Asked,
    sources: &mut Sources,
    limits: &Limits,
) -> Result<(), CallError> {
    // Of the edition that loaded the base: another may know other gems.
    let of = || Of::Edition(base.engine.edition);
    let lost = |error| CallError::from_base(error, limits);
    let is_about_nodes = matches!(
        asked,
        Asked::Passives(_)
            | Asked::Removable(_)
            | Asked::Pairs(_)
            | Asked::Masteries(_)
            | Asked::Anoints(_)
            | Asked::Items(_)
    );
    if is_about_nodes && sources.passives.is_none() {
        sources.passives = Some(supervisor.passives(base).await.map_err(lost)?.passives);
    }
    if matches!(asked, Asked::Gems(_) | Asked::Anoints(_) | Asked::Config(_)) && sources.build.is_none() {
        sources.build = Some(supervisor.ask_of_base(base, "build").await.map_err(lost)?);
    }
    match asked {
        Asked::Supports(_) if sources.gems.is_none() => {
            sources.gems = Some(supervisor.ask_of_engine(of(), "gems").await.map_err(lost)?);
        }
        Asked::Items(_) if sources.bases.is_none() => {
            sources.bases = Some(supervisor.ask_of_engine(of(), "item_bases").await.map_err(lost)?);
        }
        Asked::Uniques(_) if sources.uniques.is_none() => {
            sources.uniques = Some(supervisor.ask_of_engine(of(), "uniques").await.map_err(lost)?);
        }
        Asked::Config(_) if sources.options.is_none() => {
            sources.options = Some(supervisor.ask_of_engine(of(), "config_options").await.map_err(lost)?);
        }
        _ => {}
    }
    Ok(())
}
