//! Metrics of RPCs under the names of go-grpc-middleware, so that dashboards for gRPC work as they are.

use std::{collections::HashMap, time::Instant};

use prometheus::{Error, Gauge, Histogram, IntCounter};
use prost::Message as _;
use prost_types::FileDescriptorSet;

use super::family::Families;
use crate::proto;

/// From an answer out of memory to a session of an hour: a stream is timed from its opening to its end.
const HANDLING_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0];

/// Names of the status codes, by number, as go-grpc-middleware writes them.
const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

/// What stands for every method that is not ours: whoever scans for methods must not make series.
const UNKNOWN: &str = "unknown";

/// The metrics of all methods.
#[derive(Debug)]
pub struct Rpcs {
    /// By path, `/package.Service/Method`.
    methods: HashMap<String, Observed>,
    unknown: Observed,
}

/// The metrics of one method.
#[derive(Clone, Debug)]
pub struct Observed {
    started: IntCounter,
    handled: [IntCounter; CODES.len()],
    handling: Histogram,
    /// Messages from the client.
    pub received: IntCounter,
    /// Messages to the client.
    pub sent: IntCounter,
    in_flight: Gauge,
}

impl Observed {
    /// A call begins.
    pub fn start(&self) {
        self.started.inc();
        self.in_flight.inc();
    }

    /// It is over with that code, whatever it was.
    pub fn end(&self, code: usize, since: Instant) {
        let unknown = &self.handled[2];
        self.handled.get(code).unwrap_or(unknown).inc();
        self.handling.observe(since.elapsed().as_secs_f64());
        self.in_flight.dec();
    }
}

impl Rpcs {
    pub(super) fn new(families: &Families) -> Result<Self, Error> {
        const LABELS: &[&str] = &["grpc_type", "grpc_service", "grpc_method"];
        let started =
            families.counters("grpc_server_started_total", "RPCs that were started on the server.", LABELS)?;
        let handled = families.counters(
            "grpc_server_handled_total",
            "RPCs that were completed on the server, by code.",
            &[LABELS, &["grpc_code"]].concat(),
        )?;
        let handling = families.histograms(
            "grpc_server_handling_seconds",
            "Time from the start of an RPC to its end; of a stream, to the end of the stream.",
            LABELS,
            HANDLING_SECONDS,
        )?;
        let received = families.counters(
            "grpc_server_msg_received_total",
            "Messages of RPCs that were received from clients.",
            LABELS,
        )?;
        let sent =
            families.counters("grpc_server_msg_sent_total", "Messages of RPCs that were sent to clients.", LABELS)?;
        let in_flight =
            families.gauges("pobatch_rpcs_in_flight", "RPCs that are open; of streams, open streams.", LABELS)?;
        let observed = |kind: &str, service: &str, method: &str| {
            let labels = [kind, service, method];
            Observed {
                started: started.with_label_values(&labels),
                handled: CODES.map(|code| handled.with_label_values(&[kind, service, method, code])),
                handling: handling.with_label_values(&labels),
                received: received.with_label_values(&labels),
                sent: sent.with_label_values(&labels),
                in_flight: in_flight.with_label_values(&labels),
            }
        };
        let methods = methods()
            .map(|Method { kind, service, name }| (format!("/{service}/{name}"), observed(kind, &service, &name)))
            .collect();
        Ok(Self { methods, unknown: observed("unary", UNKNOWN, UNKNOWN) })
    }

    /// The metrics of the method at that path.
    #[must_use]
    pub fn of(&self, path: &str) -> &Observed {
        self.methods.get(path).unwrap_or(&self.unknown)
    }
}

struct Method {
    kind: &'static str,
    service: String,
    name: String,
}

/// Every method that a listener of ours serves.
fn methods() -> impl Iterator<Item = Method> {
    let descriptors = [
        proto::DESCRIPTORS,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    // Descriptors that do not decode would fail the start of reflection, which says so.
    let files = descriptors.into_iter().flat_map(|bytes| FileDescriptorSet::decode(bytes).unwrap_or_default().file);
    files.flat_map(|file| {
        let package = file.package().to_owned();
        file.service.into_iter().flat_map(move |service| {
            let service_name = format!("{package}.{}", service.name());
            service.method.into_iter().map(move |method| Method {
                kind: match (method.client_streaming(), method.server_streaming()) {
                    (false, false) => "unary",
                    (true, false) => "client_stream",
                    (false, true) => "server_stream",
                    (true, true) => "bidi_stream",
                },
                service: service_name.clone(),
                name: method.name().to_owned(),
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_every_service_is_known_with_its_type() {
        let methods: Vec<_> =
            methods().map(|method| format!("{} {}/{}", method.kind, method.service, method.name)).collect();
        for method in [
            "bidi_stream pobatch.v1.EvaluationService/EvaluateStream",
            "server_stream pobatch.v1.EvaluationService/EvaluateBatch",
            "unary pobatch.v1.EvaluationService/Evaluate",
            "unary pobatch.v1.CatalogService/ListPassives",
            "unary grpc.health.v1.Health/Check",
            "bidi_stream grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ] {
            assert!(methods.iter().any(|known| known == method), "{method} is not among {methods:?}");
        }
    }

    #[test]
    fn codes_have_the_numbers_that_grpc_gives_them() {
        for (number, code) in (0..).zip(CODES) {
            // Rust's names differ in two places only.
            let name = match code {
                "OK" => "Ok".to_owned(),
                "Canceled" => "Cancelled".to_owned(),
                code => code.to_owned(),
            };
            assert_eq!(format!("{:?}", tonic::Code::from_i32(number)), name);
        }
    }
}
