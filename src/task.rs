//! Tasks: each has a name, a span and an owner.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// A running task. Dropping it aborts the task.
#[derive(Debug)]
#[must_use = "dropping it aborts the task"]
pub struct Task<T> {
    handle: JoinHandle<T>,
}

/// Starts a task under a span of that name, as a child of the current one.
pub fn spawn<T: Send + 'static>(name: &'static str, future: impl Future<Output = T> + Send + 'static) -> Task<T> {
    let span = tracing::info_span!("task", name);
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    let handle = tokio::spawn(future.instrument(span));
    Task { handle }
}

impl<T> Task<T> {
    /// Waits for the task's end; `None` if it panicked or the runtime stopped. Safe to cancel and to call again, until
    /// it has answered.
    pub async fn join(&mut self) -> Option<T> {
        (&mut self.handle).await.ok()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_task_ends_with_its_owner() {
        let (held, gone) = oneshot::channel::<()>();
        let task = spawn("test", async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        drop(task);
        assert!(gone.await.is_err(), "the task's future was dropped");
    }

    #[tokio::test]
    async fn a_task_gives_its_value_back() {
        assert_eq!(spawn("test", async { 7 }).join().await, Some(7));
    }
}
