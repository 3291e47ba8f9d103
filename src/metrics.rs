//! Metrics: every name, with its help, its unit and its labels, and the functions that record. The only place that knows
//! the metrics library and the only one with names of metrics.
//!
//! * What *happens* (a variation is answered, a shard is forked) is recorded when it happens, once, by a method of
//!   [`Work`], [`Access`] or [`Rpcs`]: some atomic additions.
//! * What *is* (shards by state, heaps, queue depths) and what the supervisor counts anyway is carried over from one
//!   [`Overview`] when somebody asks: see [`Metrics::render`]. The status page and the admin service show the same one,
//!   so that no two of them can contradict each other.
//!
//! Names follow Prometheus: base units, `_total` on counters, labels from closed enums. Every series exists from the
//! start with 0, or `rate()` would miss the first event of its kind. Nothing that a client sends is ever a label.
//! A tenant's name is one, which only the server's own file can add.

mod access;
mod family;
mod rpc;
mod state;
mod work;

use std::sync::{Mutex, PoisonError};

use prometheus::{Registry, TextEncoder, process_collector::ProcessCollector};

pub use self::{
    access::{Access, Handshake, Stranger, TenantMetrics},
    rpc::{Observed, Rpcs},
    work::{CacheAnswer, Loaded, Work},
};
use self::{family::Families, state::State};
use crate::overview::Overview;

/// The metrics contradict each other, which is a defect of the build; a test finds it.
#[derive(Debug, thiserror::Error)]
#[error("the metrics are broken")]
pub struct MetricsError(#[from] prometheus::Error);

/// All metrics of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Of who gets in.
    pub access: Access,
    /// Of the RPCs.
    pub rpcs: Rpcs,
    /// Of what is computed.
    pub work: Work,
    /// One at a time: counters are carried over by their difference.
    state: Mutex<State>,
}

impl Metrics {
    /// All series, at 0.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn new() -> Result<Self, MetricsError> {
        let families = Families::new();
        let access = Access::new(&families)?;
        let rpcs = Rpcs::new(&families)?;
        let work = Work::new(&families)?;
        let state = Mutex::new(State::new(&families)?);
        families.registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(Self { registry: families.registry, access, rpcs, work, state })
    }

    /// Everything in Prometheus' text format, with the overview carried over.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn render(&self, overview: &Overview) -> Result<String, MetricsError> {
        // State has no invariant that a panic could break.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.carry_over(overview);
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_metrics_contradict_each_other() {
        Metrics::new().unwrap();
    }
}
