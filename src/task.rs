//! Spawning tasks: each has a name and a span. Bare `tokio::spawn` is banned by `clippy.toml`.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument;

/// Spawns a task that ends by itself: when its channels close, or when its work is done.
#[expect(clippy::disallowed_methods, reason = "the one place that may")]
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    // Where the span of tasks is not wanted, what a task logs still belongs to the call that it was spawned for.
    tokio::spawn(future.instrument(tracing::debug_span!("task", name).or_current()))
}

/// A task that is aborted when its owner lets go of it.
#[derive(Debug)]
pub struct Owned(JoinHandle<()>);

/// Spawns a task that must not outlive its owner.
pub fn spawn_owned(name: &'static str, future: impl Future<Output = ()> + Send + 'static) -> Owned {
    Owned(spawn(name, future))
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.abort();
    }
}
