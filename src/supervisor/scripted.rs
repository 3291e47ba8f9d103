//! For tests of the front: a supervisor whose driver is a script. Sessions are the real ones.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::Supervisor;
pub(crate) use super::{driver::Event, session::Item};
use crate::{build::base::EngineFacts, metrics::Metrics};

impl Supervisor {
    /// A supervisor that asks the holder of the receiver.
    pub(crate) fn scripted(engine: EngineFacts) -> (Self, mpsc::Receiver<Event>) {
        let (driver, events) = mpsc::channel(64);
        let metrics = Arc::new(Metrics::new().expect("sound metrics"));
        (Self { engine: Arc::new(engine), metrics, driver }, events)
    }
}
