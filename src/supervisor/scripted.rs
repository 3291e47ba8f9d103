//! For tests of the front: a supervisor whose driver is a script. Sessions are the real ones.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::{Engines, Supervisor};
pub(crate) use super::{driver::Event, engine::Lease, session::Item};
use crate::{build::base::EngineFacts, metrics::Metrics};

impl Supervisor {
    /// A supervisor that asks the holder of the receiver.
    pub(crate) fn scripted(engine: EngineFacts) -> (Self, mpsc::Receiver<Event>) {
        let (driver, events) = mpsc::channel(64);
        let metrics = Arc::new(Metrics::new().expect("sound metrics"));
        // Without its sender the channel keeps what it has.
        let (_, engines) = watch::channel(Engines::new(vec![Arc::new(engine)]));
        (Self { engines, metrics, driver }, events)
    }
}
