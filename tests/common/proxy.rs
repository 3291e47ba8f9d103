//! A line between client and server that can be cut, or go dead.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use pobatch::task;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Passes bytes on between whoever connects and a server. When it is dropped all its connections break.
pub struct Proxy {
    pub url: String,
    dead: Arc<AtomicBool>,
    accepted: Arc<AtomicUsize>,
    _task: task::Owned,
}

impl Proxy {
    pub async fn start(url: &str) -> Self {
        let server = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let dead = Arc::new(AtomicBool::new(false));
        let swallow = Arc::clone(&dead);
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let task = task::spawn_owned("proxy", async move {
            // Owned by this task, so they end with it.
            let mut pipes = Vec::new();
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                // Who cannot be passed on is turned away, as by the server itself.
                let Ok(upstream) = TcpStream::connect(&server).await else { continue };
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), upstream.into_split());
                for (from, to) in [(from_client, to_server), (from_server, to_client)] {
                    pipes.push(task::spawn_owned("pipe", pipe(from, to, Arc::clone(&swallow))));
                }
            }
        });
        Self { url, dead, accepted, _task: task }
    }

    /// Connections that came so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// From now on bytes vanish on the way, and nobody is told.
    pub fn swallow(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }
}

async fn pipe(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, dead: Arc<AtomicBool>) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if !dead.load(Ordering::Relaxed) && to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
