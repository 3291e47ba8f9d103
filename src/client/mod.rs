//! The Rust client: a connection, and evaluations over it. It speaks the API's messages and hands out domain values;
//! beside `grpc/` it is the only place that knows `tonic::Status`.

mod admin;
mod error;
mod evaluation;
mod reduction;
mod sweep;

pub use admin::Admin;
pub use error::{CallFailure, ClientError};
pub use evaluation::{Evaluation, Header, Outcome, ScenarioBase, ScenarioResult, Summary};
pub use reduction::{Keep, Objective, Reduction};
pub use sweep::Sweep;

use tonic::transport::{Channel, Endpoint};

use crate::{
    build::{
        base::StatInfo,
        outcome::{StatValue, Warning},
        passive::PassiveTree,
        scenario::Scenario,
        variation::Variation,
    },
    grpc::convert::{
        passive_from_proto, points_from_proto, stats_from_proto, value_from_proto, variation_to_proto,
        warning_from_proto,
    },
    proto::v1::{
        self, Base, StatDirection, StatPreset, base, catalog_service_client::CatalogServiceClient,
        evaluation_service_client::EvaluationServiceClient,
    },
};

/// Largest message taken, in bytes: that of a header with every stat, many times over.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// A build, as the server is told of it.
#[derive(Clone, Debug)]
pub enum Build {
    /// As XML.
    Xml(String),
    /// As a share code.
    ShareCode(String),
    /// As the server named it.
    Id(String),
}

impl Build {
    fn into_proto(self) -> Base {
        let build = match self {
            Self::Xml(xml) => base::Build::Xml(xml),
            Self::ShareCode(code) => base::Build::ShareCode(code),
            Self::Id(id) => base::Build::BaseId(id),
        };
        Base { build: Some(build), engine: String::new() }
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
    fn into_proto(self) -> v1::StatSelection {
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
    /// How many variations are sent ahead of their outcomes. The server has a bound of its own, which is the only one
    /// with a reduction: then not every variation has an outcome.
    pub in_flight_max: usize,
    /// Which outcomes come back; `None`: all.
    pub reduction: Option<Reduction>,
    /// Circumstances under which each variation is evaluated; none: the base's.
    pub scenarios: Vec<Scenario>,
}

/// A variation, and what the client calls it.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The client's name; comes back with the outcome.
    pub id: String,
    /// The variation.
    pub variation: Variation,
}

/// Which engine computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// `pob` or `sample`.
    pub name: String,
    /// The engine's own version.
    pub version: String,
    /// Hash over its calculation files.
    pub fingerprint: String,
}

impl EngineInfo {
    fn from_proto(engine: v1::Engine) -> Self {
        Self { name: engine.name, version: engine.version, fingerprint: engine.fingerprint }
    }
}

/// What a server says of its engine when it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineDescription {
    /// Which engine it is.
    pub engine: EngineInfo,
    /// Versions of the passive tree that it can load, oldest first.
    pub tree_versions: Vec<String>,
    /// One sentence for people; empty: nothing to say.
    pub notice: String,
}

/// What a build is made of, and parts of explanations.
pub use crate::proto::v1::{BuildDescription, ExplanationSection};

/// A described build.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// Name of the base.
    pub base_id: String,
    /// What it is made of.
    pub build: BuildDescription,
    /// The selected stats.
    pub stats: Vec<(String, StatValue)>,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
}

/// A varied build.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// As XML.
    pub xml: String,
    /// As a share code.
    pub share_code: String,
    /// Stats of the build as loaded from scratch, if they were asked for.
    pub stats: Option<Vec<(String, StatValue)>>,
    /// What is odd about it, if it was loaded.
    pub warnings: Vec<Warning>,
}

/// Why a stat of a varied build is what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Name of the base.
    pub base_id: String,
    /// The stat's value; `None`: the output has no such stat.
    pub value: Option<StatValue>,
    /// The engine's breakdown; empty: it has none that leads to this value.
    pub sections: Vec<ExplanationSection>,
    /// What is odd about the varied build.
    pub warnings: Vec<Warning>,
}

/// A connection to a server. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    evaluation: EvaluationServiceClient<Channel>,
    catalog: CatalogServiceClient<Channel>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// [`ClientError::Endpoint`], [`ClientError::Connect`].
    pub async fn connect(endpoint: &str) -> Result<Self, ClientError> {
        let failed = |source| ClientError::Connect { endpoint: endpoint.to_owned(), source };
        let parsed =
            Endpoint::from_shared(endpoint.to_owned()).map_err(|_| ClientError::Endpoint(endpoint.to_owned()))?;
        let channel = parsed.tcp_nodelay(true).connect().await.map_err(failed)?;
        Ok(Self {
            evaluation: EvaluationServiceClient::new(channel.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX),
            catalog: CatalogServiceClient::new(channel)
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX),
        })
    }

    /// What the server runs.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn describe_engine(&self) -> Result<EngineDescription, ClientError> {
        let mut catalog = self.catalog.clone();
        let answer = catalog.describe_engine(v1::DescribeEngineRequest::default()).await?.into_inner();
        Ok(EngineDescription {
            engine: EngineInfo::from_proto(answer.engine.unwrap_or_default()),
            tree_versions: answer.tree_versions,
            notice: answer.notice,
        })
    }

    /// The stats that the engine describes, in display order.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn stats(&self) -> Result<Vec<StatInfo>, ClientError> {
        let mut catalog = self.catalog.clone();
        let answer = catalog.list_stats(v1::ListStatsRequest::default()).await?.into_inner();
        Ok(answer.stats.into_iter().map(stat_info).collect())
    }

    /// The passive nodes of a build.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn passives(&self, build: Build) -> Result<PassiveTree, ClientError> {
        let mut catalog = self.catalog.clone();
        let mut base = build.into_proto();
        let (mut tree, mut page_token) = (PassiveTree::default(), String::new());
        loop {
            let request =
                v1::ListPassivesRequest { base: Some(base), page_token, ..v1::ListPassivesRequest::default() };
            let answer = catalog.list_passives(request).await?.into_inner();
            tree.tree_version = answer.tree_version;
            tree.points = answer.points.map(points_from_proto).unwrap_or_default();
            tree.passives.extend(answer.passives.into_iter().map(passive_from_proto));
            if answer.next_page_token.is_empty() {
                return Ok(tree);
            }
            page_token = answer.next_page_token;
            base = Build::Id(answer.base_id).into_proto();
        }
    }

    /// What a build is made of.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn describe_build(&self, build: Build, stats: StatChoice) -> Result<Described, ClientError> {
        let mut catalog = self.catalog.clone();
        let request = v1::DescribeBuildRequest { base: Some(build.into_proto()), stats: Some(stats.into_proto()) };
        let answer = catalog.describe_build(request).await?.into_inner();
        Ok(Described {
            base_id: answer.base_id,
            build: answer.build.unwrap_or_default(),
            stats: stats_from_proto(&answer.stats, &answer.values.unwrap_or_default()),
            warnings: answer.warnings.into_iter().map(warning_from_proto).collect(),
        })
    }

    /// Writes a varied build, and with `check` has the server load it from scratch and say those stats of it.
    ///
    /// # Errors
    /// [`ClientError::Call`], also for a variation that makes no sense.
    pub async fn export(
        &self,
        build: Build,
        variation: &Variation,
        check: Option<StatChoice>,
    ) -> Result<Exported, ClientError> {
        let mut catalog = self.catalog.clone();
        let request = v1::ExportBuildRequest {
            base: Some(build.into_proto()),
            variation: Some(variation_to_proto(String::new(), variation)),
            check: check.map(StatChoice::into_proto),
        };
        let answer = catalog.export_build(request).await?.into_inner();
        Ok(Exported {
            stats: answer.values.map(|values| stats_from_proto(&answer.stats, &values)),
            xml: answer.xml,
            share_code: answer.share_code,
            warnings: answer.warnings.into_iter().map(warning_from_proto).collect(),
        })
    }

    /// Says why a stat of a varied build is what it is.
    ///
    /// # Errors
    /// [`ClientError::Call`], also for a variation that makes no sense and for a stat that nobody knows.
    pub async fn explain(&self, build: Build, variation: &Variation, stat: String) -> Result<Explanation, ClientError> {
        let mut catalog = self.catalog.clone();
        let variation = Some(variation_to_proto(String::new(), variation));
        let request = v1::ExplainRequest { base: Some(build.into_proto()), variation, stat };
        let answer = catalog.explain(request).await?.into_inner();
        Ok(Explanation {
            base_id: answer.base_id,
            value: answer.value.as_ref().and_then(value_from_proto),
            sections: answer.sections,
            warnings: answer.warnings.into_iter().map(warning_from_proto).collect(),
        })
    }

    /// Starts an evaluation. Variations are taken from the iterator as there is room for them.
    ///
    /// # Errors
    /// [`ClientError::Call`] if the server refuses the whole of it.
    pub async fn evaluate<I>(&self, request: Request, variations: I) -> Result<Evaluation<I::IntoIter>, ClientError>
    where
        I: IntoIterator<Item = Named>,
    {
        Evaluation::start(self.evaluation.clone(), request, variations.into_iter()).await
    }
}

impl Client {
    /// Starts an evaluation of variations that the server makes.
    ///
    /// # Errors
    /// [`ClientError::Call`] if the server refuses the whole of it.
    pub async fn sweep(
        &self,
        request: Request,
        sweeps: Vec<Sweep>,
    ) -> Result<Evaluation<std::iter::Empty<Named>>, ClientError> {
        Evaluation::sweep(self.evaluation.clone(), request, sweeps).await
    }
}

fn stat_info(message: v1::StatInfo) -> StatInfo {
    let more_is_better = match message.better() {
        StatDirection::More => Some(true),
        StatDirection::Less => Some(false),
        StatDirection::Unspecified => None,
    };
    StatInfo { name: message.name, label: message.label, unit: message.unit, more_is_better, main: message.main }
}
