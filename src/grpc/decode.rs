//! What clients send, made into domain values: within the limits, and off the executor's threads when it takes long.
//!
//! Inflating and parsing a build of the greatest size takes a tenth of a second, in which an executor's thread would
//! serve nobody else. Such work goes to threads that may block, as many at a time as there are processors: beyond that
//! it would only take memory.

use std::{
    io::{self, Write},
    num::NonZero,
    sync::Arc,
};

use prost::Message as _;
use tokio::sync::Semaphore;

use super::{
    convert::{BuildSource, variation_from_proto},
    status::CallError,
};
use crate::{
    build::{
        limits::{Exceeded, Limit, Limits},
        outcome::{Failure, FailureReason},
        scenario::Scenario,
        validate,
        variation::Variation,
    },
    proto::v1,
};

/// Messages up to this size are decoded where they are read: it takes less than a tenth of a millisecond.
const AT_ONCE_BYTES_MAX: usize = 16 << 10;

/// Decodes for all calls of a server.
#[derive(Clone, Debug)]
pub(super) struct Decoder {
    limits: Arc<Limits>,
    turns: Arc<Semaphore>,
}

/// A variation, decoded and checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decoded {
    pub(super) variation: Arc<Variation>,
    /// Its length as JSON, in bytes: what it takes in queues and frames.
    pub(super) weight: usize,
}

impl Decoder {
    pub(super) fn new(limits: Limits) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { limits: Arc::new(limits), turns: Arc::new(Semaphore::new(processors)) }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The XML of a build, decoded and checked.
    pub(super) async fn build(&self, build: BuildSource) -> Result<String, CallError> {
        self.apart(move |limits| build.into_xml(limits)).await.map_err(CallError::Internal)?
    }

    /// The variation of a message. Whatever is wrong is the variation's failure.
    pub(super) async fn variation(&self, message: v1::Variation) -> Result<Decoded, Failure> {
        if message.build.is_none() && message.encoded_len() <= AT_ONCE_BYTES_MAX {
            return decode(message, &self.limits);
        }
        let decoded = self.apart(move |limits| decode(message, limits)).await;
        decoded.unwrap_or_else(|error| Err(Failure::new(FailureReason::EngineError, "", error)))
    }

    /// The variation under a scenario. Whatever is wrong is the variation's failure.
    pub(super) async fn under(&self, scenario: &Arc<Scenario>, decoded: &Decoded) -> Result<Decoded, Failure> {
        if decoded.weight <= AT_ONCE_BYTES_MAX && scenario.variation.build.is_none() {
            return combine(scenario, &decoded.variation, &self.limits);
        }
        let (scenario, variation) = (Arc::clone(scenario), Arc::clone(&decoded.variation));
        let combined = self.apart(move |limits| combine(&scenario, &variation, limits)).await;
        combined.unwrap_or_else(|error| Err(Failure::new(FailureReason::EngineError, "", error)))
    }

    /// Does the work on a thread that may block. The error is a panic's.
    async fn apart<T: Send + 'static>(&self, work: impl FnOnce(&Limits) -> T + Send + 'static) -> Result<T, String> {
        // Whoever leaves the queue has given up its call; work that has begun keeps its turn to its end.
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|error| error.to_string())?;
        let limits = Arc::clone(&self.limits);
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&limits);
            drop(turn);
            done
        });
        done.await.map_err(|error| error.to_string())
    }
}

fn decode(message: v1::Variation, limits: &Limits) -> Result<Decoded, Failure> {
    weighed(variation_from_proto(message, limits)?, limits)
}

fn combine(scenario: &Scenario, variation: &Variation, limits: &Limits) -> Result<Decoded, Failure> {
    let combined = scenario.applied_to(variation)?;
    // Each for itself may be sound, and both together too much.
    validate::check_changes(&combined, limits)?;
    weighed(combined, limits)
}

fn weighed(variation: Variation, limits: &Limits) -> Result<Decoded, Failure> {
    let weight = weight(&variation);
    let too_large = |exceeded: Exceeded| Failure::new(FailureReason::LimitExceeded, "", exceeded);
    limits.check(Limit::InFlightSize, weight).map_err(too_large)?;
    Ok(Decoded { variation: Arc::new(variation), weight })
}

/// Length of a variation as JSON.
fn weight(variation: &Variation) -> usize {
    struct Counter(usize);
    impl Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // Plain data with text keys, for which this cannot fail.
    let _ = serde_json::to_writer(&mut counter, variation);
    counter.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::code;

    fn build(content: v1::build::Content) -> v1::Variation {
        v1::Variation { build: Some(v1::Build { content: Some(content) }), ..Default::default() }
    }

    #[tokio::test]
    async fn a_variation_weighs_what_its_json_has() {
        let decoder = Decoder::new(Limits::default());
        let message = v1::Variation { custom_mods: Some("a\n\"b\"".into()), ..Default::default() };
        let decoded = decoder.variation(message).await.unwrap();
        assert_eq!(decoded.weight, serde_json::to_string(&*decoded.variation).unwrap().len());
    }

    #[tokio::test]
    async fn the_largest_variation_is_taken_and_a_larger_one_is_not() {
        let weight = |size: usize| size + r#"{"custom_mods":""}"#.len();
        let decoder = Decoder::new(Limits { in_flight_size: weight(50_000), line_size: 1 << 20, ..Limits::default() });
        let of = |size: usize| v1::Variation { custom_mods: Some("x".repeat(size)), ..Default::default() };
        assert_eq!(decoder.variation(of(50_000)).await.unwrap().weight, weight(50_000));
        let failure = decoder.variation(of(50_001)).await.unwrap_err();
        assert_eq!(failure.reason, FailureReason::LimitExceeded);
        assert!(failure.message.contains("--in-flight-size-max"), "{failure}");
    }

    /// The test's executor has one thread, so that only an executor that is free can answer in between.
    #[tokio::test]
    async fn a_large_build_is_decoded_while_the_executor_serves_others() {
        let limits = Limits::default();
        let xml = format!("<PathOfBuilding>{}</PathOfBuilding>", "<a b='c'/>".repeat(limits.xml_nodes / 2));
        let content = v1::build::Content::ShareCode(code::encode(&xml));
        let decoder = Decoder::new(limits);
        let mut decoding = std::pin::pin!(decoder.variation(build(content)));
        let mut served = 0;
        let decoded = loop {
            tokio::select! {
                biased;
                decoded = &mut decoding => break decoded,
                () = tokio::task::yield_now() => served += 1,
            }
        };
        assert_eq!(decoded.unwrap().variation.build.as_deref(), Some(xml.as_str()));
        assert!(served > 0);
    }

    #[tokio::test]
    async fn hostile_builds_fail_alone_and_by_name() {
        let decoder = Decoder::new(Limits { xml_size: 1000, ..Limits::default() });
        let bomb = build(v1::build::Content::ShareCode(code::encode(&"a".repeat(10 << 20))));
        let failure = decoder.variation(bomb).await.unwrap_err();
        assert_eq!((failure.reason, failure.field.as_str()), (FailureReason::LimitExceeded, "build"));
        assert!(failure.message.contains("--xml-size-max"), "{failure}");
        let entities = build(v1::build::Content::Xml("<!DOCTYPE a [<!ENTITY b 'c'>]><PathOfBuilding/>".into()));
        assert_eq!(decoder.variation(entities).await.unwrap_err().reason, FailureReason::BadBuild);
        assert!(decoder.variation(build(v1::build::Content::Xml("<PathOfBuilding/>".into()))).await.is_ok());
    }
}
