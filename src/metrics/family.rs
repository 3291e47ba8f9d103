//! How families of series are made: registered, and with one series for each value of a closed enum.

use std::marker::PhantomData;

use prometheus::{
    Counter, CounterVec, Error, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    Opts, Registry, core::Collector,
};

use crate::{
    build::{
        outcome::{ComputePath, FailureReason},
        variation::VariationKind,
    },
    supervisor::{Priority, Refusal, ResetReason, Role, ShardState},
};

/// A closed set of values of a label.
pub trait Label: Copy + 'static {
    /// Every value.
    const ALL: &'static [Self];

    /// As the label has it.
    fn text(self) -> &'static str;

    /// Its place in [`Label::ALL`].
    fn place(self) -> usize;
}

macro_rules! labels {
    ($($name:ty),+) => {
        $(impl $crate::metrics::family::Label for $name {
            const ALL: &'static [Self] = <$name>::ALL;

            fn text(self) -> &'static str {
                self.as_str()
            }

            fn place(self) -> usize {
                self as usize
            }
        })+
    };
}
pub(super) use labels;

labels!(ComputePath, FailureReason, Priority, Refusal, ResetReason, Role, ShardState, VariationKind);

/// One metric for each value of a label.
#[derive(Clone, Debug)]
pub struct Each<L, M> {
    metrics: Vec<M>,
    label: PhantomData<L>,
}

impl<L: Label, M> Each<L, M> {
    /// Makes one for each value.
    pub fn new(metric: impl Fn(L) -> M) -> Self {
        Self { metrics: L::ALL.iter().map(|label| metric(*label)).collect(), label: PhantomData }
    }

    /// The one of that value.
    pub fn of(&self, label: L) -> &M {
        &self.metrics[label.place()]
    }
}

/// Makes families and registers them.
pub struct Families {
    /// Where.
    pub registry: Registry,
}

impl Families {
    pub fn new() -> Self {
        Self { registry: Registry::new() }
    }

    fn registered<M: Collector + Clone + 'static>(&self, metric: M) -> Result<M, Error> {
        self.registry.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    pub fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.registered(IntCounter::new(name, help)?)
    }

    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        self.registered(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    /// A counter for each value of a label.
    pub fn counter_each<L: Label>(&self, name: &str, help: &str, label: &str) -> Result<Each<L, IntCounter>, Error> {
        let counters = self.counters(name, help, &[label])?;
        Ok(Each::new(|value: L| counters.with_label_values(&[value.text()])))
    }

    /// A counter of something that is not whole.
    pub fn real_counter(&self, name: &str, help: &str) -> Result<Counter, Error> {
        self.registered(Counter::new(name, help)?)
    }

    pub fn real_counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, Error> {
        self.registered(CounterVec::new(Opts::new(name, help), labels)?)
    }

    pub fn gauge(&self, name: &str, help: &str) -> Result<Gauge, Error> {
        self.registered(Gauge::new(name, help)?)
    }

    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, Error> {
        self.registered(GaugeVec::new(Opts::new(name, help), labels)?)
    }

    /// A gauge for each value of a label.
    pub fn gauge_each<L: Label>(&self, name: &str, help: &str, label: &str) -> Result<Each<L, Gauge>, Error> {
        let gauges = self.gauges(name, help, &[label])?;
        Ok(Each::new(|value: L| gauges.with_label_values(&[value.text()])))
    }

    pub fn histogram(&self, name: &str, help: &str, edges: &[f64]) -> Result<Histogram, Error> {
        self.registered(Histogram::with_opts(HistogramOpts::new(name, help).buckets(edges.to_vec()))?)
    }

    pub fn histograms(&self, name: &str, help: &str, labels: &[&str], edges: &[f64]) -> Result<HistogramVec, Error> {
        self.registered(HistogramVec::new(HistogramOpts::new(name, help).buckets(edges.to_vec()), labels)?)
    }

    /// A histogram for each value of a label.
    pub fn histogram_each<L: Label>(
        &self,
        name: &str,
        help: &str,
        label: &str,
        edges: &[f64],
    ) -> Result<Each<L, Histogram>, Error> {
        let histograms = self.histograms(name, help, &[label], edges)?;
        Ok(Each::new(|value: L| histograms.with_label_values(&[value.text()])))
    }
}
