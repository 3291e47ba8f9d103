//! For tests of the front: a supervisor whose driver is a script. Sessions are the real ones.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::Supervisor;
pub(crate) use super::{driver::Event, session::Item};
use crate::build::base::EngineFacts;

impl Supervisor {
    /// A supervisor that asks the holder of the receiver.
    pub(crate) fn scripted(engine: EngineFacts) -> (Self, mpsc::Receiver<Event>) {
        let (driver, events) = mpsc::channel(64);
        (Self { engine: Arc::new(engine), driver }, events)
    }
}
