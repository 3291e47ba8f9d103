//! The composition root: the only place that knows everybody. `Config -> App -> run -> drain`.
//!
//! The listener is bound before the engine boots, so whoever connects meanwhile waits in its queue and is not refused.
//! Draining, in this order:
//!
//! 1. Health and readiness say no, and for the drain delay all goes on, so that load balancers learn of it.
//! 2. No new connection, no new call and no further variation is taken; idle sessions end.
//! 3. What is in hand is finished. Shortly before the grace is over the rest is answered that the server stops.
//! 4. When the grace is over whoever is still connected is left alone. The runtimes go with the last handle to the
//!    supervisor.

use std::{future::Future, io, net::SocketAddr, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::oneshot};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::server::TcpIncoming;

use crate::{
    config,
    grpc::server::{self, AdminRouter, Health, Patience, Router},
    http,
    listen::{Address, Guard, Listen, Listener},
    metrics::{Metrics, MetricsError},
    overview::{Observer, Standing},
    reload::{self, ReadError, Watched},
    supervisor::{Settings, StartError, Supervisor},
    task,
    tenants::{FileError, Tenants},
    tls::{Handshakes, Identity, TlsError},
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
        address: String,
        /// Why.
        source: io::Error,
    },
    /// A file of those that guard it cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The files for TLS are broken.
    #[error("no TLS")]
    Tls(#[from] TlsError),
    /// The file of tenants is broken.
    #[error("no tenants in {path}")]
    Tokens {
        /// The file.
        path: PathBuf,
        /// Why.
        source: FileError,
    },
    /// The metrics are broken, which is a defect of the build.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
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
    http_address: Option<SocketAddr>,
    admin_address: Option<Address>,
    listener: TcpListener,
    router: Router,
    health: Health,
    observer: Observer,
    drain_delay: Duration,
    identity: Option<Identity>,
    /// The listeners of operators: open from the start to the very end, for they tell how a server drains. And what looks
    /// after the files.
    _for_operators: Vec<task::Owned>,
}

impl App {
    /// Binds the addresses and boots the engine.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn start(settings: config::Server, listen: impl Into<Listen>) -> Result<Self, AppError> {
        let listen = listen.into();
        let (listener, address) = bind(listen.api).await?;
        let http = match listen.http {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let admin = match &listen.admin {
            Some(address) => {
                let refused = |source| AppError::Listen { address: address.to_string(), source };
                let listener = Listener::bind(address).await.map_err(refused)?;
                let address = listener.address().map_err(refused)?;
                Some((listener, address))
            }
            None => None,
        };
        let metrics = Arc::new(Metrics::new()?);
        let Guarded { identity, tenants, followers } = Guarded::new(&listen.guard, &metrics)?;
        if tenants.is_some() && identity.is_none() && !address.ip().to_canonical().is_loopback() {
            tracing::warn!(%address, "tokens travel in plain text: whoever can read it has them");
        }
        let limits = settings.limits;
        let patience = Patience { ages: listen.ages, ..Patience::default() };
        let supervisor = Supervisor::start(Settings {
            executable: settings.executable,
            engines: settings.engines,
            reload: settings.reload,
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
            metrics,
        })
        .await?;
        let engines = supervisor.engines();
        let memory_total_bytes = settings.memory.total_bytes;
        let (router, health) = server::router_with(supervisor.clone(), limits.clone(), patience, tenants).await?;
        let observer = Observer::new(supervisor, health.admission().clone());
        let (http_address, admin_address) =
            (http.as_ref().map(|(_, address)| *address), admin.as_ref().map(|(_, address)| address.clone()));
        let mut for_operators = followers;
        if let Some((listener, _)) = http {
            for_operators.push(serve_http(listener, observer.clone()));
        }
        if let Some((listener, _)) = admin {
            let router = server::admin_router(observer.clone(), health.clone(), &limits)?;
            for_operators.push(serve_admin(listener, router));
        }
        for engine in engines.iter() {
            tracing::info!(
                %address, engine = engine.name, version = engine.version, shards = settings.shards, memory_total_bytes,
                "ready"
            );
        }
        Ok(Self {
            address,
            http_address,
            admin_address,
            listener,
            router,
            health,
            observer,
            drain_delay: Duration::ZERO,
            identity,
            _for_operators: for_operators,
        })
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

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.identity.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where the status page is.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// Where the admin service is.
    #[must_use]
    pub fn admin_address(&self) -> Option<&Address> {
        self.admin_address.as_ref()
    }

    /// What evaluates.
    #[must_use]
    pub fn supervisor(&self) -> &Supervisor {
        self.observer.supervisor()
    }

    /// Serves until `shutdown`, then drains: for the drain delay it serves on, then calls in hand may take `grace`.
    ///
    /// # Errors
    /// [`AppError::Serve`].
    pub async fn run(self, shutdown: impl Future<Output = ()>, grace: Duration) -> Result<Drained, AppError> {
        let Self { listener, router, mut health, observer, drain_delay, identity, _for_operators, .. } = self;
        let (stop, stopped) = oneshot::channel::<()>();
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        // A sender that is dropped stops the server too, which is what is meant then.
        let stopped = async { drop(stopped.await) };
        let mut serving: Pin<Box<dyn Future<Output = _> + Send>> = match identity {
            None => Box::pin(router.serve_with_incoming_shutdown(incoming, stopped)),
            Some(identity) => {
                let incoming = Handshakes::new(incoming, identity);
                Box::pin(router.serve_with_incoming_shutdown(incoming, stopped))
            }
        };
        let drain = async {
            tokio::select! {
                () = shutdown => {}
                () = follow(&observer, &health) => {}
            }
            health.announce().await;
            tokio::time::sleep(drain_delay).await;
            health.leave().await;
            let _ = stop.send(());
            health.dismiss_watchers().await;
            let farewell = FAREWELL.min(grace / 4);
            tokio::time::sleep(grace.saturating_sub(farewell)).await;
            observer.supervisor().give_up().await;
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

/// Who guards the API, and the tasks that keep them up to date.
struct Guarded {
    identity: Option<Identity>,
    tenants: Option<Tenants>,
    followers: Vec<task::Owned>,
}

impl Guarded {
    fn new(guard: &Guard, metrics: &Arc<Metrics>) -> Result<Self, AppError> {
        let mut followers = Vec::new();
        let mut identity = None;
        if let Some(files) = &guard.tls {
            let contents = reload::read(&files.paths())?;
            let made = identity.insert(Identity::new(&contents, Arc::clone(metrics))?).clone();
            let take = move |contents| made.replace(&contents);
            let (paths, metrics) = (files.paths(), Arc::clone(metrics));
            followers.push(reload::follow(Watched::Tls, paths, contents, guard.reload_interval, metrics, take));
        }
        let mut tenants = None;
        if let Some(path) = &guard.tokens {
            let paths = vec![path.clone()];
            let contents = reload::read(&paths)?;
            let bad = |source| AppError::Tokens { path: path.clone(), source };
            let made = tenants.insert(Tenants::new(contents.first(), Arc::clone(metrics)).map_err(bad)?).clone();
            tracing::info!(tenants = made.count(), "calls need a token");
            let take = move |contents: reload::Contents| made.replace(contents.first());
            let metrics = Arc::clone(metrics);
            followers.push(reload::follow(Watched::Tokens, paths, contents, guard.reload_interval, metrics, take));
        }
        Ok(Self { identity, tenants, followers })
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), AppError> {
    let refused = |source| AppError::Listen { address: address.to_string(), source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

fn serve_http(listener: TcpListener, observer: Observer) -> task::Owned {
    task::spawn_owned("http", async move {
        if let Err(error) = http::serve(listener, observer).await {
            tracing::error!(%error, "the HTTP listener broke");
        }
    })
}

fn serve_admin(listener: Listener, router: AdminRouter) -> task::Owned {
    task::spawn_owned("admin", async move {
        let served = match listener {
            Listener::Tcp(listener) => router.serve_with_incoming(TcpIncoming::from(listener)).await,
            Listener::Unix(listener, _socket) => router.serve_with_incoming(UnixListenerStream::new(listener)).await,
        };
        if let Err(error) = served {
            tracing::error!(%error, "the admin listener broke");
        }
    })
}

/// Has health say what the server is up to. Never ends.
async fn follow(observer: &Observer, health: &Health) {
    let mut interval = tokio::time::interval(READINESS_INTERVAL);
    let mut was_ready = true;
    loop {
        interval.tick().await;
        let is_ready = observer.look().await.standing == Standing::Serving;
        if is_ready != was_ready {
            was_ready = is_ready;
            tracing::warn!(is_ready, "readiness changed");
            health.set_serving(is_ready).await;
        }
    }
}
