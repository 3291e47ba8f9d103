//! The admin service: asks the one who knows and passes on what it says.

use std::path::PathBuf;

use tonic::{Request, Response, Status};

use super::{
    convert::{engine_to_proto, overview_to_proto},
    server::Health,
    status::CallError,
};
use crate::{
    build::base::BaseId,
    overview::Observer,
    proto::v1::{self, admin_service_server::AdminService},
    telemetry,
};

/// Longest directory, in bytes: what the kernel takes.
const DIRECTORY_BYTES_MAX: usize = 4 << 10;

/// Longest log filter, in bytes.
const FILTER_BYTES_MAX: usize = 1 << 10;

/// The admin service.
#[derive(Debug)]
pub struct Admin {
    observer: Observer,
    health: Health,
}

impl Admin {
    /// The service of that server.
    #[must_use]
    pub(super) fn new(observer: Observer, health: Health) -> Self {
        Self { observer, health }
    }
}

#[tonic::async_trait]
impl AdminService for Admin {
    async fn get_status(&self, _: Request<v1::GetStatusRequest>) -> Result<Response<v1::GetStatusResponse>, Status> {
        Ok(Response::new(overview_to_proto(&self.observer.look().await)))
    }

    async fn reset_shards(
        &self,
        request: Request<v1::ResetShardsRequest>,
    ) -> Result<Response<v1::ResetShardsResponse>, Status> {
        let shards: Vec<_> = request.into_inner().shards.iter().map(|shard| *shard as usize).collect();
        let count = self.observer.look().await.status.shards.len();
        if let Some(place) = shards.iter().position(|shard| *shard >= count) {
            let words = format!("there is no shard {}, but {count}, counted from 0", shards[place]);
            return Err(CallError::invalid(format!("shards[{place}]"), words).into());
        }
        let reset = self.observer.supervisor().reset(shards).await.map_err(CallError::Refused)?;
        Ok(Response::new(v1::ResetShardsResponse { shards: u32::try_from(reset).unwrap_or(u32::MAX) }))
    }

    async fn evict_base(
        &self,
        request: Request<v1::EvictBaseRequest>,
    ) -> Result<Response<v1::EvictBaseResponse>, Status> {
        let id: BaseId = request.into_inner().base_id.parse().map_err(|error| CallError::invalid("base_id", error))?;
        self.observer.supervisor().evict(id).await.map_err(CallError::from)?;
        Ok(Response::new(v1::EvictBaseResponse {}))
    }

    async fn reload_engine(
        &self,
        request: Request<v1::ReloadEngineRequest>,
    ) -> Result<Response<v1::ReloadEngineResponse>, Status> {
        let v1::ReloadEngineRequest { engine, directory } = request.into_inner();
        if directory.len() > DIRECTORY_BYTES_MAX {
            return Err(CallError::invalid("directory", format!("at most {DIRECTORY_BYTES_MAX} bytes")).into());
        }
        let directory = Some(directory).filter(|directory| !directory.is_empty()).map(PathBuf::from);
        let reloaded = self.observer.supervisor().reload(&engine, directory).await.map_err(CallError::Reload)?;
        Ok(Response::new(v1::ReloadEngineResponse {
            before: Some(engine_to_proto(&reloaded.before)),
            now: Some(engine_to_proto(&reloaded.now)),
        }))
    }

    async fn drain(&self, _: Request<v1::DrainRequest>) -> Result<Response<v1::DrainResponse>, Status> {
        tracing::info!("drained by an operator");
        self.health.drain().await;
        Ok(Response::new(v1::DrainResponse {}))
    }

    async fn undrain(&self, _: Request<v1::UndrainRequest>) -> Result<Response<v1::UndrainResponse>, Status> {
        self.observer.admission().undrain().map_err(CallError::from)?;
        tracing::info!("takes calls again, by an operator");
        Ok(Response::new(v1::UndrainResponse {}))
    }

    async fn set_log_filter(
        &self,
        request: Request<v1::SetLogFilterRequest>,
    ) -> Result<Response<v1::SetLogFilterResponse>, Status> {
        let filter = request.into_inner().filter;
        if filter.is_empty() || filter.len() > FILTER_BYTES_MAX {
            let words = format!("a filter has 1 to {FILTER_BYTES_MAX} bytes");
            return Err(CallError::invalid("filter", words).into());
        }
        let previous = telemetry::set_filter(&filter).map_err(|error| CallError::invalid("filter", error))?;
        Ok(Response::new(v1::SetLogFilterResponse { previous }))
    }
}
