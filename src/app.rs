//! The composition root: the only place that knows everybody. `Config -> App -> run -> drain`.
//!
//! The listener is bound before the engine boots, so whoever connects meanwhile waits in its queue and is not refused.
//! Draining, in this order: health says `NOT_SERVING`; no new connection, no new call and no further variation is taken;
//! what is in hand is finished, or given up when the grace is over; the runtimes go with the last handle to the
//! supervisor.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::oneshot};
use tonic::transport::server::{Router, TcpIncoming};

use crate::{
    build::base::EngineFacts,
    config,
    grpc::server::{self, Health},
    supervisor::{Settings, StartError, Supervisor},
};

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The engine did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The descriptors for reflection are broken, which is a defect of the build.
    #[error("the API's descriptors are broken")]
    Descriptors(#[from] tonic_reflection::server::Error),
    /// The server broke while it served.
    #[error("the server broke")]
    Serve(#[from] tonic::transport::Error),
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every call in hand was finished.
    Finished,
    /// Calls were still open when the grace was over; they were given up.
    GaveUp,
}

/// A server that is ready to serve.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    listener: TcpListener,
    router: Router,
    health: Health,
    engine: Arc<EngineFacts>,
}

impl App {
    /// Binds the address and boots the engine.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn start(settings: config::Server, listen: SocketAddr) -> Result<Self, AppError> {
        let refused = |source| AppError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let limits = settings.limits;
        let supervisor = Supervisor::start(Settings {
            executable: settings.executable,
            engine: settings.engine,
            shards: settings.shards,
            bases_max: limits.bases,
            sessions_max: limits.sessions,
            queue_max: limits.queue,
            variation_timeout: settings.variation_timeout,
            verify_ratio: settings.verify_ratio,
            memory: settings.memory,
            sandbox: settings.sandbox,
            faults: settings.faults,
        })
        .await?;
        let engine = supervisor.engine();
        let (router, health) = server::router(supervisor, limits).await?;
        tracing::info!(%address, engine = engine.name, version = engine.version, shards = settings.shards, "ready");
        Ok(Self { address, listener, router, health, engine })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it runs.
    #[must_use]
    pub fn engine(&self) -> &EngineFacts {
        &self.engine
    }

    /// Serves until `shutdown`, then drains; calls in hand may take `grace`.
    ///
    /// # Errors
    /// [`AppError::Serve`].
    pub async fn run(self, shutdown: impl Future<Output = ()>, grace: Duration) -> Result<Drained, AppError> {
        let Self { listener, router, health, .. } = self;
        let (stop, stopped) = oneshot::channel::<()>();
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        // A sender that is dropped stops the server too, which is what is meant then.
        let serving = router.serve_with_incoming_shutdown(incoming, async { drop(stopped.await) });
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => return Ok(ended.map(|()| Drained::Finished)?),
            () = shutdown => {}
        }
        health.drain().await;
        let _ = stop.send(());
        match tokio::time::timeout(grace, &mut serving).await {
            Ok(ended) => Ok(ended.map(|()| Drained::Finished)?),
            Err(_) => Ok(Drained::GaveUp),
        }
    }
}
