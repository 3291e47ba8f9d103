//! What a call is about: its base, its engine, its options.

use std::time::Duration;

use crate::{
    build::{
        base::{BaseId, EngineFacts},
        code, xml,
    },
    grpc::status::CallError,
    proto::v1::{self, base},
    supervisor::Priority,
};

/// The base as a client names it.
#[derive(Debug, PartialEq, Eq)]
pub enum BaseSource {
    /// The build itself, not looked at yet.
    Xml(String),
    /// The build as a share code, not looked at yet.
    ShareCode(String),
    /// A base that is loaded already.
    Id(BaseId),
}

/// The base of a request.
///
/// # Errors
/// [`CallError::Invalid`] if none is given or the id is none, [`CallError::UnknownEngine`].
pub fn base_from_proto(message: Option<v1::Base>, engine: &EngineFacts) -> Result<BaseSource, CallError> {
    let Some(message) = message else {
        return Err(CallError::invalid("base", "a base is needed"));
    };
    engine_named(&message.engine, engine)?;
    match message.build {
        Some(base::Build::Xml(xml)) => Ok(BaseSource::Xml(xml)),
        Some(base::Build::ShareCode(share_code)) => Ok(BaseSource::ShareCode(share_code)),
        Some(base::Build::BaseId(id)) => {
            id.parse().map(BaseSource::Id).map_err(|error| CallError::invalid("base.base_id", error))
        }
        None => Err(CallError::invalid("base", "one of `xml`, `share_code` and `base_id` is needed")),
    }
}

/// Checks that the engine of that name is there; no name means the one that is.
///
/// # Errors
/// [`CallError::UnknownEngine`].
pub fn engine_named(name: &str, engine: &EngineFacts) -> Result<(), CallError> {
    if name.is_empty() || name == engine.name {
        Ok(())
    } else {
        Err(CallError::UnknownEngine { asked: name.chars().take(64).collect(), present: engine.name.clone() })
    }
}

impl BaseSource {
    /// The build's XML, decoded and checked; nothing for an id. Takes milliseconds for a large build: not for an
    /// executor's thread.
    ///
    /// # Errors
    /// [`CallError::BadBuild`].
    pub fn into_xml(self) -> Result<Result<String, BaseId>, CallError> {
        let (field, xml) = match self {
            Self::Id(id) => return Ok(Err(id)),
            Self::Xml(xml) => ("base.xml", xml),
            Self::ShareCode(share_code) => {
                let xml = code::decode(&share_code).map_err(|error| CallError::bad_build("base.share_code", error))?;
                ("base.share_code", xml)
            }
        };
        xml::check(&xml).map_err(|error| CallError::bad_build(field, error))?;
        Ok(Ok(xml))
    }
}

/// Options of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Numbers travel as difference to the base.
    pub difference_to_base: bool,
    /// Outcomes come in the client's order.
    pub ordered: bool,
    /// Warnings become failures.
    pub strict: bool,
    /// Which queue.
    pub priority: Priority,
    /// Time budget of one variation; `None`: the server's.
    pub variation_timeout: Option<Duration>,
}

/// The options of a request.
///
/// # Errors
/// [`CallError::Invalid`] for an unknown priority and for a time budget that is none.
pub fn options_from_proto(
    message: Option<v1::EvaluationOptions>,
    default_priority: Priority,
) -> Result<Options, CallError> {
    let message = message.unwrap_or_default();
    let priority = match v1::Priority::try_from(message.priority) {
        Ok(v1::Priority::Unspecified) => default_priority,
        Ok(v1::Priority::Interactive) => Priority::Interactive,
        Ok(v1::Priority::Batch) => Priority::Batch,
        Err(_) => {
            return Err(CallError::invalid("options.priority", format!("{} is no priority", message.priority)));
        }
    };
    let variation_timeout = match message.variation_time_budget.map(Duration::try_from) {
        None => None,
        Some(Ok(budget)) if !budget.is_zero() => Some(budget),
        Some(_) => {
            return Err(CallError::invalid("options.variation_time_budget", "the time must be greater than zero"));
        }
    };
    Ok(Options {
        difference_to_base: message.difference_to_base,
        ordered: message.ordered,
        strict: message.strict,
        priority,
        variation_timeout,
    })
}
