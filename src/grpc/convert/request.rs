//! What a call is about: its base, its engine, its options.

use std::{sync::Arc, time::Duration};

use crate::{
    build::{
        base::{BaseId, EngineFacts},
        code,
        limits::Limits,
        xml,
    },
    grpc::status::CallError,
    proto::v1::{self, base},
    supervisor::{Engines, Priority},
};

/// What is repeated of the name of an engine that is not here, in characters.
const ENGINE_CHARS_SHOWN: usize = 64;

/// The base as a client names it, and the engine that it names.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedBase {
    /// Name of the engine; empty: not said.
    pub engine: String,
    /// The base.
    pub source: BaseSource,
}

/// Where the base comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum BaseSource {
    /// The build itself.
    Build(BuildSource),
    /// A base that is loaded already.
    Id(BaseId),
}

/// A build that nobody has looked at yet.
#[derive(Debug, PartialEq, Eq)]
pub enum BuildSource {
    /// As XML.
    Xml(String),
    /// As a share code.
    ShareCode(String),
}

/// The base of a request.
///
/// # Errors
/// [`CallError::Invalid`] if none is given or the id is none, [`CallError::UnknownEngine`].
pub fn base_from_proto(message: Option<v1::Base>, engines: &Engines) -> Result<NamedBase, CallError> {
    let Some(message) = message else {
        return Err(CallError::invalid("base", "a base is needed"));
    };
    engine_named(&message.engine, "base.engine", engines)?;
    let source = match message.build {
        Some(base::Build::Xml(xml)) => BaseSource::Build(BuildSource::Xml(xml)),
        Some(base::Build::ShareCode(code)) => BaseSource::Build(BuildSource::ShareCode(code)),
        Some(base::Build::BaseId(id)) => {
            BaseSource::Id(id.parse().map_err(|error| CallError::invalid("base.base_id", error))?)
        }
        None => return Err(CallError::invalid("base", "one of `xml`, `share_code` and `base_id` is needed")),
    };
    Ok(NamedBase { engine: message.engine, source })
}

/// The engine of that name; no name means the first.
///
/// # Errors
/// [`CallError::UnknownEngine`], which blames that field.
pub fn engine_named(name: &str, field: &str, engines: &Engines) -> Result<Arc<EngineFacts>, CallError> {
    engines.named(name).cloned().ok_or_else(|| CallError::UnknownEngine {
        field: field.to_owned(),
        asked: name.chars().take(ENGINE_CHARS_SHOWN).collect(),
        known: engines.names(),
    })
}

impl BuildSource {
    /// The build's XML, decoded and checked. Takes milliseconds for a large build: not for an executor's thread.
    ///
    /// # Errors
    /// [`CallError::Base`], [`CallError::Limit`].
    pub fn into_xml(self, limits: &Limits) -> Result<String, CallError> {
        let (field, xml) = match self {
            Self::Xml(xml) => ("base.xml", xml),
            Self::ShareCode(share_code) => {
                let field = "base.share_code";
                (field, code::decode(&share_code, limits).map_err(|e| CallError::bad_build(field, e.exceeded(), e))?)
            }
        };
        xml::check(&xml, limits).map_err(|error| CallError::bad_build(field, error.exceeded(), error))?;
        Ok(xml)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Engines {
        let facts = EngineFacts {
            name: "sample".into(),
            kind: "sample".into(),
            edition: crate::build::base::EditionId(1),
            version: String::new(),
            tree_versions: Vec::new(),
            fingerprint: String::new(),
            stats: Vec::new(),
            notice: String::new(),
        };
        Engines::new(vec![facts.into()])
    }

    fn base(build: Option<base::Build>, engine: &str) -> v1::Base {
        v1::Base { build, engine: engine.to_owned() }
    }

    #[track_caller]
    fn assert_names<T: std::fmt::Debug>(result: Result<T, CallError>, expected: &str) {
        match result {
            Err(CallError::Invalid(violations)) => assert_eq!(violations[0].field, expected),
            Err(CallError::Base { field, .. }) => assert_eq!(field, expected),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_base_is_given_in_one_of_three_ways() {
        let id = BaseId::of("sample", "x");
        let named = base(Some(base::Build::BaseId(id.to_string())), "sample");
        let found = base_from_proto(Some(named), &engine()).unwrap();
        assert_eq!(found, NamedBase { engine: "sample".into(), source: BaseSource::Id(id) });
        let xml = "<PathOfBuilding/>";
        for build in [base::Build::Xml(xml.into()), base::Build::ShareCode(code::encode(xml))] {
            match base_from_proto(Some(base(Some(build), "")), &engine()).unwrap().source {
                BaseSource::Build(build) => assert_eq!(build.into_xml(&Limits::default()).unwrap(), xml),
                BaseSource::Id(id) => panic!("{id}"),
            }
        }
    }

    #[test]
    fn a_base_that_is_none_is_refused_with_its_field() {
        assert_names(base_from_proto(None, &engine()), "base");
        assert_names(base_from_proto(Some(base(None, "")), &engine()), "base");
        let id = base(Some(base::Build::BaseId("xyz".into())), "");
        assert_names(base_from_proto(Some(id), &engine()), "base.base_id");
        assert_names(BuildSource::Xml("<html/>".into()).into_xml(&Limits::default()), "base.xml");
        assert_names(BuildSource::ShareCode("?".into()).into_xml(&Limits::default()), "base.share_code");
        assert_names(BuildSource::ShareCode(code::encode("<html/>")).into_xml(&Limits::default()), "base.share_code");
        let elsewhere = base_from_proto(Some(base(None, "pob")), &engine());
        assert!(matches!(elsewhere, Err(CallError::UnknownEngine { .. })));
    }

    #[test]
    fn options_have_defaults_and_bounds() {
        let options = options_from_proto(None, Priority::Interactive).unwrap();
        assert_eq!(options.priority, Priority::Interactive);
        assert_eq!(options.variation_timeout, None);

        let priority = v1::EvaluationOptions { priority: 9, ..Default::default() };
        assert_names(options_from_proto(Some(priority), Priority::Batch), "options.priority");
        for (seconds, nanos) in [(0, 0), (-1, 0), (0, -1)] {
            let variation_time_budget = Some(prost_types::Duration { seconds, nanos });
            let budget = v1::EvaluationOptions { variation_time_budget, ..Default::default() };
            assert_names(options_from_proto(Some(budget), Priority::Batch), "options.variation_time_budget");
        }
    }
}
