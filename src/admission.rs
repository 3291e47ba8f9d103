//! Admission: whether the server takes anything new. One for all listeners; the supervisor knows nothing of it.
//!
//! An operator can close it and open it again. When the server stops it is closed for good.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// Whether the server takes anything new. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Admission(Arc<Mutex<Gate>>);

#[derive(Debug, Default)]
struct Gate {
    /// Cancelled: nothing new. Calls hold on to the one that they began with.
    draining: CancellationToken,
    /// The server stops, or is about to.
    leaving: bool,
}

/// The server stops, and cannot take anything new any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server is stopping")]
pub struct Leaving;

impl Admission {
    fn gate(&self) -> std::sync::MutexGuard<'_, Gate> {
        // The gate is valid between any two statements, so a panic elsewhere does not matter.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancelled when calls that begin now have to end.
    #[must_use]
    pub fn draining(&self) -> CancellationToken {
        self.gate().draining.clone()
    }

    /// Whether nothing new is taken.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.gate().draining.is_cancelled()
    }

    /// Whether nothing new should be sent here: nothing is taken, or soon nothing will be.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        let gate = self.gate();
        gate.leaving || gate.draining.is_cancelled()
    }

    /// Says that the server is about to stop. Until it does it takes what comes.
    pub fn announce(&self) {
        self.gate().leaving = true;
    }

    /// Takes nothing new from now on.
    pub fn drain(&self) {
        self.gate().draining.cancel();
    }

    /// Takes calls again.
    ///
    /// # Errors
    /// [`Leaving`].
    pub fn undrain(&self) -> Result<(), Leaving> {
        let mut gate = self.gate();
        if gate.leaving {
            return Err(Leaving);
        }
        if gate.draining.is_cancelled() {
            gate.draining = CancellationToken::new();
        }
        Ok(())
    }

    /// Takes nothing new any more, for good.
    pub fn leave(&self) {
        let mut gate = self.gate();
        gate.leaving = true;
        gate.draining.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_closed_can_be_opened_again_until_the_server_stops() {
        let admission = Admission::default();
        let before = admission.draining();
        admission.drain();
        assert!(admission.is_draining() && before.is_cancelled());
        admission.undrain().unwrap();
        assert!(!admission.is_draining() && before.is_cancelled(), "who had to end has to end");
        admission.leave();
        assert_eq!(admission.undrain(), Err(Leaving));
        assert!(admission.is_draining());
    }

    #[test]
    fn who_announces_that_he_leaves_takes_what_comes_until_he_does() {
        let admission = Admission::default();
        assert!(!admission.is_announced());
        admission.announce();
        assert!(admission.is_announced() && !admission.is_draining());
        assert_eq!(admission.undrain(), Err(Leaving), "it cannot be undone");
        admission.leave();
        assert!(admission.is_announced() && admission.is_draining());
    }
}
