//! A connection to a server's admin service, over TCP or a Unix socket.

use tonic::transport::{Channel, Endpoint};

use super::{ClientError, EngineInfo, MESSAGE_BYTES_MAX};
use crate::proto::v1::{self, admin_service_client::AdminServiceClient};

/// The admin service of a server.
#[derive(Clone, Debug)]
pub struct Admin(AdminServiceClient<Channel>);

impl Admin {
    /// Connects to a URL, or to `unix:PATH`.
    ///
    /// # Errors
    /// [`ClientError::Endpoint`], [`ClientError::Connect`].
    pub async fn connect(endpoint: &str) -> Result<Self, ClientError> {
        let failed = |source| ClientError::Connect { endpoint: endpoint.to_owned(), source };
        let parsed =
            Endpoint::from_shared(endpoint.to_owned()).map_err(|_| ClientError::Endpoint(endpoint.to_owned()))?;
        let channel = parsed.connect().await.map_err(failed)?;
        Ok(Self(AdminServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX)))
    }

    /// What the server is doing.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn status(&mut self) -> Result<v1::GetStatusResponse, ClientError> {
        Ok(self.0.get_status(v1::GetStatusRequest {}).await?.into_inner())
    }

    /// Gives shards fresh runtimes, all of them if none is named; says how many.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn reset(&mut self, shards: Vec<u32>) -> Result<u32, ClientError> {
        Ok(self.0.reset_shards(v1::ResetShardsRequest { shards }).await?.into_inner().shards)
    }

    /// Gives up a base.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn evict(&mut self, base_id: String) -> Result<(), ClientError> {
        self.0.evict_base(v1::EvictBaseRequest { base_id }).await?;
        Ok(())
    }

    /// Boots an engine again (empty: the first), from that directory if it is not empty. Gives what calls got before, and
    /// what new ones get.
    ///
    /// # Errors
    /// [`ClientError::Call`]; then nothing has changed.
    pub async fn reload(&mut self, engine: String, directory: String) -> Result<(EngineInfo, EngineInfo), ClientError> {
        let answer = self.0.reload_engine(v1::ReloadEngineRequest { engine, directory }).await?.into_inner();
        let info = |engine: Option<v1::Engine>| EngineInfo::from_proto(engine.unwrap_or_default());
        Ok((info(answer.before), info(answer.now)))
    }

    /// Takes nothing new.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn drain(&mut self) -> Result<(), ClientError> {
        self.0.drain(v1::DrainRequest {}).await?;
        Ok(())
    }

    /// Takes calls again.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn undrain(&mut self) -> Result<(), ClientError> {
        self.0.undrain(v1::UndrainRequest {}).await?;
        Ok(())
    }

    /// Logs by that filter; gives the one before.
    ///
    /// # Errors
    /// [`ClientError::Call`].
    pub async fn set_log_filter(&mut self, filter: String) -> Result<String, ClientError> {
        Ok(self.0.set_log_filter(v1::SetLogFilterRequest { filter }).await?.into_inner().previous)
    }
}
