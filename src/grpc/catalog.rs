//! The catalog service: what engines know.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{
    call::Call,
    convert::{base_from_proto, engine_named, engine_to_proto, passive_to_proto, points_to_proto, stat_info_to_proto},
    decode::Decoder,
    evaluation::obtain,
    page::page,
    status::CallError,
    transfer,
};
use crate::{
    build::{base::Base, passive::Passive},
    proto::v1::{self, catalog_service_server::CatalogService},
    supervisor::{BaseError, Supervisor},
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

    async fn base(&self, message: Option<v1::Base>) -> Result<Arc<Base>, CallError> {
        let source = base_from_proto(message, &self.supervisor.engine())?;
        obtain(&self.supervisor, &self.decoder, source).await
    }

    fn lost(&self, error: BaseError) -> CallError {
        CallError::from_base(error, self.decoder.limits())
    }
}

#[tonic::async_trait]
impl CatalogService for Catalog {
    async fn describe_engine(
        &self,
        request: Request<v1::DescribeEngineRequest>,
    ) -> Result<Response<v1::DescribeEngineResponse>, Status> {
        let engine = self.supervisor.engine();
        engine_named(&request.into_inner().engine, &engine)?;
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
        let engine = self.supervisor.engine();
        engine_named(&request.into_inner().engine, &engine)?;
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
            let mut tree = self.supervisor.passives(base.id).await.map_err(|error| self.lost(error))?;
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
}
