//! The server that a command asks: one of its own in this process, or others. Either way over gRPC.

use std::{net::SocketAddr, time::Duration};

use tokio::sync::oneshot;

use super::CliError;
use crate::{
    app::App,
    client::{Access, Client, EngineDescription},
    config::Target,
    task,
};

/// How long the own server may take to stop: the command has its answers by then.
const DRAIN_GRACE: Duration = Duration::from_secs(5);

/// A server to ask, for as long as this lives.
pub struct Server {
    /// Where it listens; others may serve alike.
    pub urls: Vec<String>,
    /// The connections to it and the others.
    pub client: Client,
    /// What it runs.
    pub engine: EngineDescription,
    own: Option<Own>,
}

/// A server of our own.
struct Own {
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl Server {
    /// Starts or finds the server, and connects.
    pub async fn connect(target: Target) -> Result<Self, CliError> {
        let (urls, access, engine, own) = match target {
            Target::Endpoints { urls, access, engine } => (urls, access, engine, None),
            Target::Own(settings) => {
                let app = App::start(*settings, SocketAddr::from(([127, 0, 0, 1], 0))).await?;
                let url = format!("http://{}", app.address());
                (vec![url], Access::default(), String::new(), Some(Own::run(app)))
            }
        };
        let client = Client::connect_with(&urls, &access).await?.for_engine(&engine);
        let engine = client.describe_engine().await?;
        Ok(Self { urls, client, engine, own })
    }

    /// Leaves it, and stops it if it is our own.
    pub async fn leave(self) {
        let Self { client, own, .. } = self;
        drop(client);
        if let Some(Own { stop, stopped }) = own {
            let _ = stop.send(());
            let _ = stopped.await;
        }
    }
}

impl Own {
    fn run(app: App) -> Self {
        let (stop, stopping) = oneshot::channel::<()>();
        let (ended, stopped) = oneshot::channel();
        task::spawn("own server", async move {
            // A command that is dropped stops its server as well as one that says so.
            let shutdown = async { drop(stopping.await) };
            if let Err(error) = app.run(shutdown, DRAIN_GRACE).await {
                tracing::error!(%error, "the server broke");
            }
            let _ = ended.send(());
        });
        Self { stop, stopped }
    }
}
