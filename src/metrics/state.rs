//! What is: carried over from an [`Overview`] when somebody asks. Also the counters that the supervisor keeps itself.

use prometheus::{Counter, CounterVec, Error, Gauge, GaugeVec, IntCounter, IntCounterVec};

use super::family::{Each, Families, labels};
use crate::{
    build::outcome::named_enum,
    overview::{Overview, Standing},
    supervisor::{ReloadResult, Role, ShardState, ShardStatus, Status},
};

named_enum! {
    /// What a base that takes up room is doing.
    BaseState {
        /// Its template is there.
        Loaded => "loaded",
        /// It is on its way.
        Loading => "loading",
    }
}

labels!(BaseState);

/// The metrics of what is.
#[derive(Debug)]
pub struct State {
    build: GaugeVec,
    engine: GaugeVec,
    engine_ready: GaugeVec,
    editions: GaugeVec,
    reloads: IntCounterVec,
    ready: Gauge,
    draining: Gauge,
    queued: Gauge,
    queue_limit: Gauge,
    sessions: Gauge,
    sessions_limit: Gauge,
    bases: Each<BaseState, Gauge>,
    bases_limit: Gauge,
    evictions: IntCounter,
    shards: Each<ShardState, Gauge>,
    busy: CounterVec,
    served: IntCounterVec,
    generation: GaugeVec,
    heap: GaugeVec,
    resident: GaugeVec,
    mark: GaugeVec,
    runtimes: Each<Role, Gauge>,
    runtime_memory: Each<Role, Gauge>,
    runtime_cpu: Counter,
    total_mark: Gauge,
    canaries: IntCounter,
    drifts: IntCounter,
    verified: IntCounter,
    mismatches: IntCounter,
}

impl State {
    pub(super) fn new(families: &Families) -> Result<Self, Error> {
        const SHARD: &[&str] = &["shard"];
        // The operator names engines, on the command line; no client does.
        const ENGINE: &[&str] = &["engine"];
        Ok(Self {
            build: families.gauges("pobatch_build_info", "The program, by version; always 1.", &["version"])?,
            engine: families.gauges(
                "pobatch_engine_info",
                "What new calls get of an engine, by name and version; always 1.",
                &["engine", "engine_version"],
            )?,
            engine_ready: families.gauges("pobatch_engine_ready", "Whether an engine can evaluate: 1 or 0.", ENGINE)?,
            editions: families.gauges(
                "pobatch_engine_editions",
                "Editions of an engine that there are: the current one, and old ones that calls still use.",
                ENGINE,
            )?,
            reloads: families.counters(
                "pobatch_engine_reloads_total",
                "Reloads of an engine, by what came of them.",
                &["engine", "result"],
            )?,
            ready: families.gauge("pobatch_ready", "Whether the server takes calls and can evaluate them: 1 or 0.")?,
            draining: families.gauge("pobatch_draining", "Whether the server takes nothing new: 1 or 0.")?,
            queued: families.gauge("pobatch_queued_variations", "Variations that wait for a shard.")?,
            queue_limit: families
                .gauge("pobatch_queued_variations_limit", "Waiting variations beyond which no session is opened.")?,
            sessions: families.gauge("pobatch_sessions", "Sessions that are open.")?,
            sessions_limit: families.gauge("pobatch_sessions_limit", "Sessions beyond which none is opened.")?,
            bases: families.gauge_each("pobatch_bases", "Bases that take up room, by state.", "state")?,
            bases_limit: families.gauge("pobatch_bases_limit", "Bases that may be held at once.")?,
            evictions: families.counter("pobatch_base_evictions_total", "Bases that were given up for room.")?,
            shards: families.gauge_each("pobatch_shards", "Shards, by what they are doing.", "state")?,
            busy: families.real_counters(
                "pobatch_shard_busy_seconds_total",
                "Time that a shard was at work.",
                SHARD,
            )?,
            served: families.counters(
                "pobatch_shard_variations_total",
                "Variations that a shard's runtimes have answered.",
                SHARD,
            )?,
            generation: families.gauges(
                "pobatch_shard_generation",
                "Generation of a shard's runtime; each fork is one more.",
                SHARD,
            )?,
            heap: families.gauges(
                "pobatch_shard_lua_heap_bytes",
                "Lua heap of a shard's runtime, as it last said; 0 without one.",
                SHARD,
            )?,
            resident: families.gauges(
                "pobatch_shard_resident_memory_bytes",
                "Resident memory of a shard's runtime, pages that it shares included; 0 without one.",
                SHARD,
            )?,
            mark: families.gauges(
                "pobatch_shard_memory_mark_bytes",
                "Lua heap at which a shard's runtime is reclaimed (soft), reset (hard), refused more (limit); 0: no mark, or no runtime.",
                &["shard", "mark"],
            )?,
            runtimes: families.gauge_each("pobatch_runtimes", "Runtime processes, by role.", "role")?,
            runtime_memory: families.gauge_each(
                "pobatch_runtime_memory_bytes",
                "Proportional set size of all runtimes of a role: a page that several share counts once.",
                "role",
            )?,
            runtime_cpu: families.real_counter(
                "pobatch_runtime_cpu_seconds_total",
                "Processor time that all runtimes have used, those that are gone included.",
            )?,
            total_mark: families.gauge(
                "pobatch_runtime_memory_mark_bytes",
                "Memory of all runtimes together beyond which bases are given up, then refused; 0: no mark.",
            )?,
            canaries: families
                .counter("pobatch_canaries_total", "Times that an idle runtime had to evaluate its base.")?,
            drifts: families.counter(
                "pobatch_state_drifts_total",
                "Times that a base no longer evaluated to itself. Must stay 0.",
            )?,
            verified: families.counter(
                "pobatch_verified_variations_total",
                "Variations that were computed again by the plain path and compared.",
            )?,
            mismatches: families.counter(
                "pobatch_verify_mismatches_total",
                "Verified variations whose values differed. Must stay 0.",
            )?,
        })
    }

    /// Says what the overview says.
    pub fn carry_over(&mut self, overview: &Overview) {
        let Overview { standing, status, .. } = overview;
        self.build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        self.carry_over_engines(status);
        self.ready.set(f64::from(u8::from(*standing == Standing::Serving)));
        self.draining.set(f64::from(u8::from(*standing == Standing::Draining)));
        self.queued.set(status.queued as f64);
        self.queue_limit.set(status.limits.queue as f64);
        self.sessions.set(status.sessions as f64);
        self.sessions_limit.set(status.limits.sessions as f64);
        let loaded = status.bases.iter().filter(|base| base.template_pid.is_some()).count();
        self.bases.of(BaseState::Loaded).set(loaded as f64);
        self.bases.of(BaseState::Loading).set(status.loading as f64);
        self.bases_limit.set(status.limits.bases as f64);
        for &state in ShardState::ALL {
            self.shards.of(state).set(status.shards.iter().filter(|shard| shard.state == state).count() as f64);
        }
        for (index, shard) in status.shards.iter().enumerate() {
            self.carry_over_shard(&index.to_string(), shard);
        }
        for &role in Role::ALL {
            let usage = status.usage.of(role);
            self.runtimes.of(role).set(usage.count as f64);
            self.runtime_memory.of(role).set(usage.proportional_bytes as f64);
        }
        raise_real(&self.runtime_cpu, status.usage.cpu.as_secs_f64());
        self.total_mark.set(status.limits.marks.total_bytes as f64);
        let counters = &status.counters;
        raise(&self.evictions, counters.evictions);
        raise(&self.canaries, counters.canaries);
        raise(&self.drifts, counters.drifts);
        raise(&self.verified, counters.verified);
        raise(&self.mismatches, counters.mismatches);
    }

    fn carry_over_engines(&self, status: &Status) {
        // A version that is no more must not go on to be shown.
        self.engine.reset();
        for engine in &status.engines {
            let name = engine.facts.name.as_str();
            self.engine.with_label_values(&[name, engine.facts.version.as_str()]).set(1.0);
            self.engine_ready.with_label_values(&[name]).set(f64::from(u8::from(status.is_engine_ready(engine))));
            self.editions.with_label_values(&[name]).set(1.0 + engine.old.len() as f64);
            for (&result, &count) in ReloadResult::ALL.iter().zip(&engine.reloads) {
                raise(&self.reloads.with_label_values(&[name, result.as_str()]), count);
            }
        }
    }

    fn carry_over_shard(&self, index: &str, shard: &ShardStatus) {
        let label = &[index];
        raise_real(&self.busy.with_label_values(label), shard.busy_time.as_secs_f64());
        raise(&self.served.with_label_values(label), shard.served);
        self.generation.with_label_values(label).set(shard.generation as f64);
        self.heap.with_label_values(label).set(shard.heap_bytes as f64);
        self.resident.with_label_values(label).set(shard.resident_bytes as f64);
        for (mark, bytes) in
            [("soft", shard.marks.soft_bytes), ("hard", shard.marks.hard_bytes), ("limit", shard.marks.limit_bytes)]
        {
            self.mark.with_label_values(&[index, mark]).set(bytes as f64);
        }
    }
}

/// Raises a counter to what somebody else has counted. It never falls.
fn raise(counter: &IntCounter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}

/// The same, of what is not whole.
fn raise_real(counter: &Counter, to: f64) {
    counter.inc_by((to - counter.get()).max(0.0));
}
