//! Connections behind their TLS handshake, as a stream for tonic. Bounded in number and time: whoever connects and says
//! nothing, or says it slowly, must not keep others out for long.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::Stream;
use tonic::transport::server::TcpIncoming;
use tracing::Instrument as _;

use super::Identity;
use crate::metrics::Handshake;

/// Handshakes at once; more connections wait in the listener's queue. Each takes some tens of kilobytes and a
/// millisecond of a processor.
const HANDSHAKES_MAX: usize = 256;

/// How long a handshake may take: a few round trips over the slowest of lines.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// Connections that have proven what they must. Whoever drops it closes the listener and gives up the handshakes.
#[derive(Debug)]
pub struct Handshakes {
    incoming: TcpIncoming,
    identity: Identity,
    running: JoinSet<Option<TlsStream<TcpStream>>>,
}

impl Handshakes {
    /// Those of that listener.
    #[must_use]
    pub fn new(incoming: TcpIncoming, identity: Identity) -> Self {
        Self { incoming, identity, running: JoinSet::new() }
    }

    fn begin(&mut self, stream: TcpStream) {
        let acceptor = TlsAcceptor::from(self.identity.current());
        let metrics = Arc::clone(&self.identity.metrics);
        let handshake = async move {
            let peer = stream.peer_addr().ok();
            let (ended, stream) = match tokio::time::timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => (Handshake::Done, Some(stream)),
                Ok(Err(error)) => {
                    // Not at a higher level: anybody can make it happen, as often as they like.
                    tracing::debug!(?peer, %error, "TLS handshake failed");
                    (Handshake::Failed, None)
                }
                Err(_) => {
                    tracing::debug!(?peer, "TLS handshake took too long");
                    (Handshake::TimedOut, None)
                }
            };
            metrics.access.handshake(ended);
            stream
        };
        // Owned by the set, which aborts it with itself.
        self.running.spawn(handshake.instrument(tracing::debug_span!("task", "handshake")));
    }
}

impl Stream for Handshakes {
    type Item = io::Result<TlsStream<TcpStream>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.running.poll_join_next(cx) {
                Poll::Ready(Some(Ok(Some(stream)))) => return Poll::Ready(Some(Ok(stream))),
                // It failed, and its place is free.
                Poll::Ready(Some(_)) => continue,
                Poll::Ready(None) | Poll::Pending => {}
            }
            if self.running.len() >= HANDSHAKES_MAX {
                return Poll::Pending;
            }
            match ready!(Pin::new(&mut self.incoming).poll_next(cx)) {
                // Around again: the set wakes only whom it was asked by while it held something.
                Some(Ok(stream)) => self.begin(stream),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use tokio::{io::AsyncReadExt as _, net::TcpListener};
    use tokio_stream::StreamExt as _;

    use super::*;
    use crate::{metrics::Metrics, reload::Contents};

    #[tokio::test]
    async fn whoever_says_nothing_is_let_go_of_and_makes_room() {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let contents = Contents(vec![cert.pem().into_bytes(), signing_key.serialize_pem().into_bytes()]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let identity = Identity::new(&contents, Arc::new(Metrics::new().unwrap())).unwrap();
        let mut handshakes = Handshakes::new(listener.into(), identity);
        let mut silent = Vec::new();
        for _ in 0..=HANDSHAKES_MAX {
            silent.push(TcpStream::connect(address).await.unwrap());
            // Accepts it as soon as it is there, as far as there is room.
            while handshakes.running.len() < silent.len().min(HANDSHAKES_MAX) {
                assert!(tokio::time::timeout(Duration::from_millis(1), handshakes.next()).await.is_err());
            }
        }
        // From here on time passes by itself when everybody waits.
        tokio::time::pause();
        assert!(tokio::time::timeout(HANDSHAKE_TIME_MAX * 3 / 2, handshakes.next()).await.is_err());
        assert_eq!(handshakes.running.len(), 1, "one more had its turn when the others were over");
        assert_eq!(silent[0].read(&mut [0]).await.unwrap_or(0), 0, "it was hung up on");
    }
}
