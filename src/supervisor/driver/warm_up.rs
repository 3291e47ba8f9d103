//! A base whose template is cold: a warm one is made beside it, and takes its place.

use super::{
    super::{
        ResetReason,
        dispatch::Source,
        template::ForkPoint,
        zygote::{self, Warm, WarmUpError},
    },
    Driver, Entry, Event,
};
use crate::{build::base::BaseKey, task};

impl Driver {
    /// A cold template serves at once; beside it a warm one is made.
    pub(super) fn start_warming_up(&mut self, key: BaseKey, cold: ForkPoint) {
        self.dispatch.set_warming_up(key, true);
        self.warming_up += 1;
        self.fill_scratch();
        // Weak: nobody who stops waits for it.
        let events = self.events.clone();
        task::spawn("warm up base", async move {
            let result = zygote::warm_up(&cold).await;
            let pid = cold.pid();
            drop(cold);
            if let Some(events) = events.upgrade() {
                let _ = events.send(Event::WarmedUp(key, pid, result)).await;
            }
        });
    }

    /// Warming up takes one processor; another one has the time now to find the pages that the shards are going to fill.
    fn fill_scratch(&self) {
        if !self.has_room_for_scratch() {
            return;
        }
        let spares = self.spares.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = spares.fill() {
                tracing::warn!(%error, "scratch memory is not filled ahead");
            }
        });
    }

    /// The template with that process id may be replaced by a warm one, and so may the runtimes that were forked from it.
    pub(super) fn warmed_up(&mut self, key: BaseKey, cold: u32, result: Result<Warm, WarmUpError>) {
        self.warming_up -= 1;
        let is_it = |entry: &&mut Entry| entry.fork_point.as_ref().is_some_and(|point| point.pid() == cold);
        // The base may have been given up, or loaded anew.
        let Some(entry) = self.bases.get_mut(&key).filter(is_it) else { return };
        self.dispatch.set_warming_up(key, false);
        let Warm { fork_point, trial } = match result {
            Ok(warm) => warm,
            Err(error) => {
                tracing::warn!(base = %key.id, %error, "a base does not warm up: its runtimes compile for themselves");
                self.note("base_not_warm", error.to_string(), None, Some(key.id), "");
                return;
            }
        };
        entry.fork_point = Some(fork_point);
        entry.heap_bytes = trial.lua_heap_bytes;
        tracing::info!(base = %key.id, heap_bytes = entry.heap_bytes, "base warm");
        self.tried(key, &trial);
        for shard in 0..self.shards.len() {
            let source = self.dispatch.shard(shard).and_then(|(state, _)| state.source());
            if source == Some(Source::Template(key)) && self.dispatch.is_idle(shard) {
                self.stop_idle(shard, ResetReason::WarmedUp);
            }
        }
    }
}
