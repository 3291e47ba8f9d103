//! The catalog service: what engines know.

use serde::de::DeserializeOwned;
use tonic::{Request, Response, Status};

use super::{
    call::Call,
    convert::{
        base_from_proto, engine_named, engine_to_proto, passive_to_proto, points_to_proto, resolve, stat_info_to_proto,
        warning_to_proto,
    },
    decode::Decoder,
    evaluation::obtain,
    explain,
    page::page,
    status::CallError,
    transfer,
};
use crate::{
    build::passive::Passive,
    proto::v1::{self, catalog_service_server::CatalogService},
    supervisor::{BaseError, Held, Of, Supervisor},
};

/// The catalog service.
#[derive(Debug)]
pub struct Catalog {
    supervisor: Supervisor,
    decoder: Decoder,
}

impl Catalog {
    /// The service in front of that supervisor.
    #[must_use]
    pub(super) fn new(supervisor: Supervisor, decoder: Decoder) -> Self {
        Self { supervisor, decoder }
    }

    async fn base(&self, message: Option<v1::Base>) -> Result<Held, CallError> {
        let source = base_from_proto(message, &self.supervisor.engines())?;
        obtain(&self.supervisor, &self.decoder, source).await
    }

    /// A page of what an engine's data offers.
    async fn offered<T: DeserializeOwned, R>(
        &self,
        request: &Request<R>,
        engine: &str,
        topic: &str,
        fits: impl Fn(&T) -> bool,
        page_size: u32,
        page_token: &str,
    ) -> Result<(Vec<T>, String), CallError> {
        let call = Call::new(request.metadata(), self.decoder.limits());
        let listing = async {
            engine_named(engine, "engine", &self.supervisor.engines())?;
            let list = self.supervisor.ask_of_engine(Of::Engine(engine.into()), topic).await;
            let mut list: Vec<T> = list.map_err(|error| self.lost(error))?;
            list.retain(fits);
            page(list, page_size, page_token, self.decoder.limits())
        };
        call.within(listing).await
    }

    fn lost(&self, error: BaseError) -> CallError {
        CallError::from_base(error, self.decoder.limits())
    }
}

/// Whether a text contains another, in either case.
fn is_in(part: &str, text: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

/// Whether something fits into a slot. All sockets of the tree are alike.
fn is_for(slot: &str, slots: &[String]) -> bool {
    let stem = if slot.starts_with("Jewel") { "Jewel" } else { slot };
    stem.is_empty() || slots.iter().any(|fitting| fitting == stem)
}

#[tonic::async_trait]
impl CatalogService for Catalog {
    async fn list_engines(
        &self,
        _: Request<v1::ListEnginesRequest>,
    ) -> Result<Response<v1::ListEnginesResponse>, Status> {
        let engines = self.supervisor.engines().iter().map(|engine| engine_to_proto(engine)).collect();
        Ok(Response::new(v1::ListEnginesResponse { engines }))
    }

    async fn describe_engine(
        &self,
        request: Request<v1::DescribeEngineRequest>,
    ) -> Result<Response<v1::DescribeEngineResponse>, Status> {
        let engine = engine_named(&request.into_inner().engine, "engine", &self.supervisor.engines())?;
        Ok(Response::new(v1::DescribeEngineResponse {
            engine: Some(engine_to_proto(&engine)),
            tree_versions: engine.tree_versions.clone(),
            notice: engine.notice.clone(),
        }))
    }

    async fn list_stats(
        &self,
        request: Request<v1::ListStatsRequest>,
    ) -> Result<Response<v1::ListStatsResponse>, Status> {
        let engine = engine_named(&request.into_inner().engine, "engine", &self.supervisor.engines())?;
        Ok(Response::new(v1::ListStatsResponse { stats: engine.stats.iter().map(stat_info_to_proto).collect() }))
    }

    async fn list_passives(
        &self,
        request: Request<v1::ListPassivesRequest>,
    ) -> Result<Response<v1::ListPassivesResponse>, Status> {
        let call = Call::new(request.metadata(), self.decoder.limits());
        let listing = async {
            let v1::ListPassivesRequest { base, page_size, page_token, distance_max } = request.into_inner();
            let base = self.base(base).await?;
            let mut tree = self.supervisor.passives(&base).await.map_err(|error| self.lost(error))?;
            if let Some(most) = distance_max {
                let is_near = |node: &Passive| node.allocated || node.distance.is_some_and(|points| points <= most);
                tree.passives.retain(is_near);
            }
            let (passives, next_page_token) = page(tree.passives, page_size, &page_token, self.decoder.limits())?;
            Ok::<_, CallError>(v1::ListPassivesResponse {
                base_id: base.id.to_string(),
                passives: passives.iter().map(passive_to_proto).collect(),
                tree_version: tree.tree_version,
                points: Some(points_to_proto(tree.points)),
                next_page_token,
            })
        };
        Ok(Response::new(call.within(listing).await?))
    }

    async fn list_config_options(
        &self,
        request: Request<v1::ListConfigOptionsRequest>,
    ) -> Result<Response<v1::ListConfigOptionsResponse>, Status> {
        let v1::ListConfigOptionsRequest { engine, page_size, page_token, contains } = request.get_ref().clone();
        let fits = |option: &v1::ConfigOption| is_in(&contains, &option.name) || is_in(&contains, &option.label);
        let (options, next_page_token) =
            self.offered(&request, &engine, "config_options", fits, page_size, &page_token).await?;
        Ok(Response::new(v1::ListConfigOptionsResponse { options, next_page_token }))
    }

    async fn list_gems(&self, request: Request<v1::ListGemsRequest>) -> Result<Response<v1::ListGemsResponse>, Status> {
        let v1::ListGemsRequest { engine, page_size, page_token, contains, support } = request.get_ref().clone();
        let fits = |gem: &v1::Gem| is_in(&contains, &gem.name) && support.is_none_or(|support| gem.support == support);
        let (gems, next_page_token) = self.offered(&request, &engine, "gems", fits, page_size, &page_token).await?;
        Ok(Response::new(v1::ListGemsResponse { gems, next_page_token }))
    }

    async fn list_item_bases(
        &self,
        request: Request<v1::ListItemBasesRequest>,
    ) -> Result<Response<v1::ListItemBasesResponse>, Status> {
        let v1::ListItemBasesRequest { engine, page_size, page_token, contains, slot } = request.get_ref().clone();
        let fits = |base: &v1::ItemBase| is_in(&contains, &base.name) && is_for(&slot, &base.slots);
        let (bases, next_page_token) =
            self.offered(&request, &engine, "item_bases", fits, page_size, &page_token).await?;
        Ok(Response::new(v1::ListItemBasesResponse { bases, next_page_token }))
    }

    async fn list_uniques(
        &self,
        request: Request<v1::ListUniquesRequest>,
    ) -> Result<Response<v1::ListUniquesResponse>, Status> {
        let v1::ListUniquesRequest { engine, page_size, page_token, contains, slot } = request.get_ref().clone();
        let fits = |unique: &v1::Unique| is_in(&contains, &unique.name) && is_for(&slot, &unique.slots);
        let (uniques, next_page_token) =
            self.offered(&request, &engine, "uniques", fits, page_size, &page_token).await?;
        Ok(Response::new(v1::ListUniquesResponse { uniques, next_page_token }))
    }

    async fn describe_build(
        &self,
        request: Request<v1::DescribeBuildRequest>,
    ) -> Result<Response<v1::DescribeBuildResponse>, Status> {
        let call = Call::new(request.metadata(), self.decoder.limits());
        let describing = async {
            let v1::DescribeBuildRequest { base, stats } = request.into_inner();
            let base = self.base(base).await?;
            let layout = resolve(stats, &base, &base.engine, self.decoder.limits())?;
            let build = self.supervisor.ask_of_base(&base, "build").await.map_err(|error| self.lost(error))?;
            Ok::<_, CallError>(v1::DescribeBuildResponse {
                base_id: base.id.to_string(),
                build: Some(build),
                stats: layout.resolved(),
                values: Some(layout.base_values()),
                warnings: base.warnings.iter().map(warning_to_proto).collect(),
            })
        };
        Ok(Response::new(call.within(describing).await?))
    }

    async fn import_build(
        &self,
        request: Request<v1::ImportBuildRequest>,
    ) -> Result<Response<v1::ImportBuildResponse>, Status> {
        let call = Call::new(request.metadata(), self.decoder.limits());
        let importing = async {
            let base = self.base(request.into_inner().base).await?;
            transfer::import(&self.supervisor, &self.decoder, &base).await
        };
        Ok(Response::new(call.within(importing).await?))
    }

    async fn export_build(
        &self,
        request: Request<v1::ExportBuildRequest>,
    ) -> Result<Response<v1::ExportBuildResponse>, Status> {
        let call = Call::new(request.metadata(), self.decoder.limits());
        let exporting = async {
            let v1::ExportBuildRequest { base, variation, check } = request.into_inner();
            let base = self.base(base).await?;
            transfer::export(&self.supervisor, &self.decoder, &base, variation.unwrap_or_default(), check).await
        };
        Ok(Response::new(call.within(exporting).await?))
    }

    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Result<Response<v1::ExplainResponse>, Status> {
        let call = Call::new(request.metadata(), self.decoder.limits());
        let explaining = async {
            let v1::ExplainRequest { base, variation, stat } = request.into_inner();
            let base = self.base(base).await?;
            explain::explain(&self.supervisor, &self.decoder, &base, variation.unwrap_or_default(), stat).await
        };
        Ok(Response::new(call.within(explaining).await?))
    }
}
