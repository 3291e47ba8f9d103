//! Questions with one answer: what the engine is, what a build is made of, builds in and out. Whoever answers first, of
//! the client's endpoints, in their order.

use tonic::{Response, Status};

use super::{
    Build, Channel, Client, ClientError, StatChoice,
    retry::{Again, chance},
};
use crate::{
    build::{
        base::StatInfo,
        outcome::{NamedStat, StatValue, Warning},
        passive::PassiveTree,
        variation::Variation,
    },
    grpc::convert::{
        Columns, passive_from_proto, points_from_proto, value_from_proto, variation_to_proto, warning_from_proto,
    },
    proto::v1::{self, Base, StatDirection, catalog_service_client::CatalogServiceClient},
};

/// What a build is made of, and parts of explanations.
pub use crate::proto::v1::{BuildDescription, ExplanationSection};

/// Which engine computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// What the operator calls it.
    pub name: String,
    /// `pob` or `sample`.
    pub kind: String,
    /// The engine's own version.
    pub version: String,
    /// Hash over its calculation files.
    pub fingerprint: String,
}

impl EngineInfo {
    pub(super) fn from_proto(engine: v1::Engine) -> Self {
        Self { name: engine.name, kind: engine.kind, version: engine.version, fingerprint: engine.fingerprint }
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

/// A described build.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// Name of the base.
    pub base_id: String,
    /// What it is made of.
    pub build: BuildDescription,
    /// The selected stats.
    pub stats: Vec<NamedStat>,
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
    pub stats: Option<Vec<NamedStat>>,
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

impl Client {
    /// What the engine is.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn describe_engine(&self) -> Result<EngineDescription, ClientError> {
        let request = v1::DescribeEngineRequest { engine: self.engine.to_string() };
        let describe = |mut catalog: CatalogServiceClient<Channel>| {
            let request = request.clone();
            async move { catalog.describe_engine(request).await }
        };
        let answer = self.ask(describe).await?;
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
        let request = v1::ListStatsRequest { engine: self.engine.to_string() };
        let list = |mut catalog: CatalogServiceClient<Channel>| {
            let request = request.clone();
            async move { catalog.list_stats(request).await }
        };
        let answer = self.ask(list).await?;
        Ok(answer.stats.into_iter().map(stat_info).collect())
    }

    /// The passive nodes of a build.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn passives(&self, build: Build) -> Result<PassiveTree, ClientError> {
        let (mut tree, mut page_token) = (PassiveTree::default(), String::new());
        loop {
            let page = |mut catalog: CatalogServiceClient<Channel>, base| {
                let page_token = page_token.clone();
                let request = v1::ListPassivesRequest { base: Some(base), page_token, ..Default::default() };
                async move { catalog.list_passives(request).await }
            };
            let answer = self.ask_of(&build, page, |answer: &v1::ListPassivesResponse| Some(&answer.base_id)).await?;
            tree.tree_version = answer.tree_version;
            tree.points = answer.points.map(points_from_proto).unwrap_or_default();
            tree.passives.extend(answer.passives.into_iter().map(passive_from_proto));
            if answer.next_page_token.is_empty() {
                return Ok(tree);
            }
            page_token = answer.next_page_token;
        }
    }

    /// What a build is made of.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn describe_build(&self, build: Build, stats: StatChoice) -> Result<Described, ClientError> {
        let stats = stats.into_proto();
        let describe = |mut catalog: CatalogServiceClient<Channel>, base| {
            let request = v1::DescribeBuildRequest { base: Some(base), stats: Some(stats.clone()) };
            async move { catalog.describe_build(request).await }
        };
        let answer = self.ask_of(&build, describe, |answer: &v1::DescribeBuildResponse| Some(&answer.base_id)).await?;
        Ok(Described {
            base_id: answer.base_id,
            build: answer.build.unwrap_or_default(),
            stats: Columns::of(&answer.stats).values(&answer.values.unwrap_or_default()),
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
        let (varied, check) = (variation_to_proto(String::new(), variation), check.map(StatChoice::into_proto));
        let export = |mut catalog: CatalogServiceClient<Channel>, base| {
            let request =
                v1::ExportBuildRequest { base: Some(base), variation: Some(varied.clone()), check: check.clone() };
            async move { catalog.export_build(request).await }
        };
        // The answer's name is that of the varied build, which no server has loaded.
        let answer = self.ask_of(&build, export, |_: &v1::ExportBuildResponse| None).await?;
        Ok(Exported {
            stats: answer.values.map(|values| Columns::of(&answer.stats).values(&values)),
            xml: answer.xml,
            share_code: answer.share_code,
            warnings: answer.warnings.into_iter().map(warning_from_proto).collect(),
        })
    }

    /// Says why a stat of a varied build is what it is.
    ///
    /// # Errors
    /// [`ClientError::Call`], also for a variation that makes no sense and for a stat that nobody knows.
    pub async fn explain(&self, build: Build, variation: &Variation, stat: &str) -> Result<Explanation, ClientError> {
        let variation = variation_to_proto(String::new(), variation);
        let explain = |mut catalog: CatalogServiceClient<Channel>, base| {
            let variation = Some(variation.clone());
            let request = v1::ExplainRequest { base: Some(base), variation, stat: stat.to_owned() };
            async move { catalog.explain(request).await }
        };
        let answer = self.ask_of(&build, explain, |answer: &v1::ExplainResponse| Some(&answer.base_id)).await?;
        Ok(Explanation {
            base_id: answer.base_id,
            value: answer.value.as_ref().and_then(value_from_proto),
            sections: answer.sections,
            warnings: answer.warnings.into_iter().map(warning_from_proto).collect(),
        })
    }

    /// Asks one endpoint after the other, until one answers or none will.
    async fn ask<T, F>(&self, call: impl Fn(CatalogServiceClient<Channel>) -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut tries = 0;
        loop {
            let endpoint = tries as usize % self.links.len();
            let status = match call(self.links[endpoint].catalog.clone()).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => status,
            };
            tries += 1;
            self.before_next(tries, status).await?;
        }
    }

    /// The same, about a build, whose name the answer may say.
    async fn ask_of<T, F>(
        &self,
        build: &Build,
        call: impl Fn(CatalogServiceClient<Channel>, Base) -> F,
        id: impl Fn(&T) -> Option<&str>,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut tries = 0;
        loop {
            let endpoint = tries as usize % self.links.len();
            let base = self.bases().form(endpoint, build).into_proto(&self.engine);
            let status = match call(self.links[endpoint].catalog.clone(), base).await {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    if let Some(id) = id(&answer) {
                        self.bases().learn(endpoint, build, id);
                    }
                    return Ok(answer);
                }
                Err(status) => status,
            };
            let forgot = Again::of(&status, &self.policy) == Again::WithTheBuild;
            if forgot && self.bases().forget(endpoint, build) {
                continue;
            }
            tries += 1;
            self.before_next(tries, status).await?;
        }
    }

    /// Waits before the next try, if there is any use in one.
    async fn before_next(&self, tries: u32, status: Status) -> Result<(), ClientError> {
        let endpoints = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
        let again = Again::of(&status, &self.policy);
        let pushback = match again {
            Again::Later(pushback) => pushback,
            // Another endpoint may know the base, or take calls.
            Again::WithTheBuild | Again::Elsewhere if tries < endpoints => return Ok(()),
            Again::WithTheBuild | Again::Elsewhere | Again::Never => return Err(status.into()),
        };
        if tries >= self.policy.attempts.saturating_mul(endpoints) {
            return Err(ClientError::lost(tries, &status));
        }
        // The others are asked at once; who was asked before is given time.
        if tries >= endpoints {
            tokio::time::sleep(self.policy.pause(tries / endpoints, pushback, chance())).await;
        }
        Ok(())
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
