//! The zygote: whether it lives, and that it is booted again when it does not.

use std::time::Duration;

use super::{
    super::{template::ForkPoint, zygote},
    Driver, Event,
};
use crate::task;

/// Pause before the zygote is booted again after its death, so that an engine that cannot live does not eat a core.
const ZYGOTE_PAUSE: Duration = Duration::from_secs(1);

impl Driver {
    /// The zygote, if it lives; else it is booted again.
    pub(super) fn living_zygote(&mut self) -> Option<ForkPoint> {
        if self.zygote.as_ref().is_some_and(ForkPoint::is_dead) {
            self.zygote = None;
            self.boot_zygote();
        }
        self.zygote.clone()
    }

    pub(super) fn boot_zygote(&self) {
        let Some(events) = self.events.upgrade() else { return };
        let settings = self.settings.clone();
        task::spawn("boot zygote", async move {
            tokio::time::sleep(ZYGOTE_PAUSE).await;
            let result = zygote::boot(&settings).await;
            let _ = events.send(Event::ZygoteBooted(result)).await;
        });
    }
}
