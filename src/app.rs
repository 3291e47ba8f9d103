//! The composition root: the only place that knows everybody. `Config -> App -> run -> drain`.
//!
//! The listener is bound before the engine boots, so whoever connects meanwhile waits in its queue and is not refused.
//! Draining, in this order:
//!
//! 1. Health says `NOT_SERVING`, and for the drain delay all goes on, so that load balancers learn of it.
//! 2. No new connection, no new call and no further variation is taken; idle sessions end.
//! 3. What is in hand is finished. Shortly before the grace is over the rest is answered that the server stops.
//! 4. When the grace is over whoever is still connected is left alone. The runtimes go with the last handle to the
//!    supervisor.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::oneshot};
use tonic::transport::server::{Router, TcpIncoming};

use crate::{
    build::base::EngineFacts,
    config,
    grpc::server::{self, Health},
    supervisor::{Settings, StartError, Supervisor},
};

/// How long before the end of the grace what is in hand is given up: its answers need time to travel. A quarter of the
/// grace if that is less.
const FAREWELL: Duration = Duration::from_secs(2);

/// How often readiness is looked at: a probe comes every few seconds.
const READINESS_INTERVAL: Duration = Duration::from_secs(1);

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
    supervisor: Supervisor,
    drain_delay: Duration,
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
            accelerators: settings.accelerators,
            memory: settings.memory,
            sandbox: settings.sandbox,
            cache_bytes: settings.cache_bytes,
            log: settings.log,
            faults: settings.faults,
        })
        .await?;
        let engine = supervisor.engine();
        let memory_total_bytes = settings.memory.total_bytes;
        let (router, health) = server::router(supervisor.clone(), limits).await?;
        tracing::info!(
            %address, engine = engine.name, version = engine.version, shards = settings.shards, memory_total_bytes, "ready"
        );
        Ok(Self { address, listener, router, health, supervisor, drain_delay: Duration::ZERO })
    }

    /// The same server, which serves on for that long when it is stopped, while health says that it will not.
    #[must_use]
    pub fn with_drain_delay(self, drain_delay: Duration) -> Self {
        Self { drain_delay, ..self }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it runs.
    #[must_use]
    pub fn engine(&self) -> Arc<EngineFacts> {
        self.supervisor.engine()
    }

    /// Serves until `shutdown`, then drains: for the drain delay it serves on, then calls in hand may take `grace`.
    ///
    /// # Errors
    /// [`AppError::Serve`].
    pub async fn run(self, shutdown: impl Future<Output = ()>, grace: Duration) -> Result<Drained, AppError> {
        let Self { listener, router, mut health, supervisor, drain_delay, .. } = self;
        let (stop, stopped) = oneshot::channel::<()>();
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        // A sender that is dropped stops the server too, which is what is meant then.
        let serving = router.serve_with_incoming_shutdown(incoming, async { drop(stopped.await) });
        tokio::pin!(serving);
        let drain = async {
            tokio::select! {
                () = shutdown => {}
                () = follow(&supervisor, &health) => {}
            }
            health.set_serving(false).await;
            tokio::time::sleep(drain_delay).await;
            health.drain().await;
            let _ = stop.send(());
            health.dismiss_watchers().await;
            let farewell = FAREWELL.min(grace / 4);
            tokio::time::sleep(grace.saturating_sub(farewell)).await;
            supervisor.give_up().await;
            tokio::time::sleep(farewell).await;
        };
        // In this order: a server that is done has finished every call, even if the grace is over too.
        tokio::select! {
            biased;
            ended = &mut serving => Ok(ended.map(|()| Drained::Finished)?),
            () = drain => Ok(Drained::GaveUp),
        }
    }
}

/// Has health say what the supervisor says of itself. Never ends.
async fn follow(supervisor: &Supervisor, health: &Health) {
    let mut interval = tokio::time::interval(READINESS_INTERVAL);
    let mut was_ready = true;
    loop {
        interval.tick().await;
        let is_ready = supervisor.status().await.is_ok_and(|status| status.is_ready());
        if is_ready != was_ready {
            was_ready = is_ready;
            tracing::warn!(is_ready, "readiness changed");
            health.set_serving(is_ready).await;
        }
    }
}
