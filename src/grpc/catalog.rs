//! The catalog service: what engines know.

use tonic::{Request, Response, Status};

use super::{
    call::Call,
    convert::{base_from_proto, engine_named, engine_to_proto, passive_to_proto, stat_info_to_proto},
    decode::Decoder,
    evaluation::obtain,
    status::CallError,
};
use crate::{
    proto::v1::{self, catalog_service_server::CatalogService},
    supervisor::Supervisor,
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
            let source = base_from_proto(request.into_inner().base, &self.supervisor.engine())?;
            let base = obtain(&self.supervisor, &self.decoder, source).await?;
            let lost = |error| CallError::from_base(error, self.decoder.limits());
            let passives = self.supervisor.passives(base.id).await.map_err(lost)?;
            Ok::<_, CallError>(v1::ListPassivesResponse {
                base_id: base.id.to_string(),
                passives: passives.iter().map(passive_to_proto).collect(),
            })
        };
        Ok(Response::new(call.within(listing).await?))
    }
}
