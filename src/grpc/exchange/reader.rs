//! The reading half of an exchange: takes variations from the client while there is room for them.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::Instant,
};
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;

use super::hand::{Shared, Takes};
use crate::{
    build::outcome::{Evaluated, Failure},
    grpc::{
        convert::echoed_id,
        decode::{Decoded, Decoder},
        scenarios::Scenarios,
        status::CallError,
    },
    metrics::Metrics,
    proto::v1,
    supervisor::{Refusal, Submission},
    tenants::{Tenant, Turn},
};

pub(super) struct Reader {
    pub(super) submit: mpsc::Sender<Submission>,
    pub(super) rejected: mpsc::Sender<Evaluated>,
    pub(super) scenarios: Scenarios,
    pub(super) decoder: Decoder,
    pub(super) shared: Arc<Shared>,
    pub(super) echo: bool,
    pub(super) tenant: Option<Tenant>,
    pub(super) idle_max: Duration,
    /// When it reads no further.
    pub(super) aged_at: Option<Instant>,
    pub(super) draining: CancellationToken,
    pub(super) metrics: Arc<Metrics>,
}

impl Reader {
    /// Reads until the client says that it has no more.
    pub(super) async fn run(
        self,
        variations: impl Stream<Item = Result<v1::Variation, CallError>>,
    ) -> Result<(), CallError> {
        let mut variations = std::pin::pin!(variations);
        let mut aged = std::pin::pin!(until(self.aged_at));
        let mut index = 0;
        loop {
            let read = async {
                let place = self.shared.window.acquire().await.map_err(|_| CallError::SessionLost)?;
                let permit = self.submit.reserve().await.map_err(|_| CallError::SessionLost)?;
                let message = self.next(&mut variations).await?;
                // Behind the reading: a stream whose client sends nothing would keep others of the same tenant from
                // their turns.
                let turn = if message.is_some() { self.turn().await } else { None };
                Ok::<_, CallError>((place, permit, turn, message))
            };
            // In this order: who drains, or is too old, reads no further, whatever has arrived. Then a place and a permit
            // go back and no message is lost; reading is over anyway.
            let (place, permit, turn, message) = tokio::select! {
                biased;
                () = self.draining.cancelled() => return Err(CallError::Refused(Refusal::Draining)),
                () = &mut aged => return Err(CallError::SessionAged),
                () = self.submit.closed() => return Err(CallError::SessionLost),
                read = read => read?,
            };
            let Some(message) = message else { return Ok(()) };
            // The writer gives the place back.
            place.forget();
            let id = echoed_id(&message, self.decoder.limits());
            let echo = self.echo.then(|| message.clone());
            let decoded = self.decoder.variation(message).await;
            let mut first = Some((permit, turn));
            for (scenario, tag) in self.shared.take(index, id, echo).enumerate() {
                let decoded = match &decoded {
                    Ok(decoded) => self.scenarios.under(scenario, &self.decoder, decoded).await,
                    Err(failure) => Err(failure.clone()),
                };
                match decoded {
                    Ok(Decoded { variation, weight }) => {
                        let (permit, turn) = match first.take() {
                            Some(first) => first,
                            None => {
                                (self.submit.reserve().await.map_err(|_| CallError::SessionLost)?, self.turn().await)
                            }
                        };
                        self.shared.hold(tag, Takes { _room: self.room(weight).await?, _turn: turn });
                        permit.send(Submission { tag, variation });
                    }
                    Err(failure) => self.reject(tag, failure).await?,
                }
            }
            index += 1;
        }
    }

    async fn reject(&self, tag: u64, failure: Failure) -> Result<(), CallError> {
        self.metrics.work.rejected(failure.reason);
        self.rejected.send(Evaluated::refused(tag, failure)).await.map_err(|_| CallError::SessionLost)
    }

    /// The next variation, if the client sends it or waits for others within the time that it may be idle.
    async fn next(
        &self,
        variations: &mut (impl Stream<Item = Result<v1::Variation, CallError>> + Unpin),
    ) -> Result<Option<v1::Variation>, CallError> {
        let mut since = Instant::now();
        loop {
            match tokio::time::timeout_at(since + self.idle_max, variations.next()).await {
                Ok(message) => return message.transpose(),
                Err(_) if self.shared.idle_since() > since => since = self.shared.idle_since(),
                Err(_) => return Err(CallError::Idle),
            }
        }
    }

    /// Waits until the tenant may have one more variation evaluated.
    async fn turn(&self) -> Option<Turn> {
        match &self.tenant {
            Some(tenant) => Some(tenant.turn().await),
            None => None,
        }
    }

    /// Waits until there is memory for a variation of that weight; no variation weighs more than there is.
    async fn room(&self, weight: usize) -> Result<OwnedSemaphorePermit, CallError> {
        let permits = u32::try_from(weight).unwrap_or(u32::MAX);
        tokio::select! {
            room = Arc::clone(&self.shared.room).acquire_many_owned(permits) => {
                room.map_err(|_| CallError::SessionLost)
            }
            () = self.submit.closed() => Err(CallError::SessionLost),
        }
    }
}

/// Waits until then; without a time, for ever.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
