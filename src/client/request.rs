//! What is asked: builds, stats, variations.

use super::Reduction;
use crate::{
    build::{scenario::Scenario, variation::Variation},
    grpc::convert::variation_to_proto,
    proto::v1::{self, Base, StatPreset, base},
};

/// How many variations are sent ahead, unless a request says otherwise: enough for a server with many shards.
const IN_FLIGHT_MAX: usize = 512;

/// A build, as the server is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Build {
    /// As XML.
    Xml(String),
    /// As a share code.
    ShareCode(String),
    /// As a server named it.
    Id(String),
}

impl Build {
    pub(super) fn into_proto(self, engine: &str) -> Base {
        let build = match self {
            Self::Xml(xml) => base::Build::Xml(xml),
            Self::ShareCode(code) => base::Build::ShareCode(code),
            Self::Id(id) => base::Build::BaseId(id),
        };
        Base { build: Some(build), engine: engine.to_owned() }
    }
}

/// Which stats outcomes carry.
#[derive(Clone, Debug, Default)]
pub enum StatChoice {
    /// The engine's main ones.
    #[default]
    Main,
    /// Every one.
    All,
    /// These.
    Named(Vec<String>),
}

impl StatChoice {
    pub(super) fn into_proto(self) -> v1::StatSelection {
        let (names, preset) = match self {
            Self::Main => (Vec::new(), StatPreset::Main),
            Self::All => (Vec::new(), StatPreset::All),
            Self::Named(names) => (names, StatPreset::Unspecified),
        };
        v1::StatSelection { names, preset: preset.into() }
    }
}

/// What an evaluation is about.
#[derive(Clone, Debug)]
pub struct Request {
    /// The base.
    pub build: Build,
    /// Which stats outcomes carry.
    pub stats: StatChoice,
    /// Outcomes come in the order of the variations.
    pub ordered: bool,
    /// Warnings become failures.
    pub strict: bool,
    /// How many variations each endpoint is sent ahead of their outcomes. A server has a bound of its own, which is the
    /// only one with a reduction: then not every variation has an outcome.
    pub in_flight_max: usize,
    /// Which outcomes come back; `None`: all.
    pub reduction: Option<Reduction>,
    /// Circumstances under which each variation is evaluated; none: the base's.
    pub scenarios: Vec<Scenario>,
}

impl Request {
    /// All outcomes of that build's variations, as they finish, with the engine's main stats.
    #[must_use]
    pub fn new(build: Build) -> Self {
        Self {
            build,
            stats: StatChoice::Main,
            ordered: false,
            strict: false,
            in_flight_max: IN_FLIGHT_MAX,
            reduction: None,
            scenarios: Vec::new(),
        }
    }
}

pub(super) fn scenario_to_proto(Scenario { name, variation }: &Scenario) -> v1::Scenario {
    v1::Scenario { name: name.clone(), variation: Some(variation_to_proto(String::new(), variation)) }
}

/// A variation, and what the client calls it.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The client's name; comes back with the outcome.
    pub id: String,
    /// The variation.
    pub variation: Variation,
}
