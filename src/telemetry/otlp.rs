//! Spans for an OpenTelemetry collector. A collector that is not there costs spans and nothing else.

use std::{
    io::{self, Write as _},
    sync::OnceLock,
};

use opentelemetry::{
    propagation::{Extractor, TextMapPropagator as _},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::{Level, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

/// What spans are exported under.
const SERVICE: &str = "pobatch";

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Exports our spans from info on. Those of the libraries would include the export's own.
pub fn layer<S>(endpoint: &str) -> Option<impl Layer<S>>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let exporter = match SpanExporter::builder().with_tonic().with_endpoint(endpoint).build() {
        Ok(exporter) => exporter,
        Err(error) => {
            // The log is not there yet.
            let _ = writeln!(io::stderr(), "pobatch: no export of spans to {endpoint}: {error}");
            return None;
        }
    };
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder().with_service_name(SERVICE).build())
        .build();
    let tracer = provider.tracer(SERVICE);
    let _ = PROVIDER.set(provider);
    let ours = Targets::new().with_target(SERVICE, Level::INFO);
    Some(tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours))
}

/// Exports the rest.
pub fn finish() {
    if let Some(provider) = PROVIDER.get() {
        // A collector that has gone has gone.
        let _ = provider.shutdown();
    }
}

/// Makes the span a part of the trace that the headers name.
pub fn continue_trace(span: &tracing::Span, headers: &http::HeaderMap) {
    if PROVIDER.get().is_some() {
        let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(headers)));
    }
}

struct Headers<'a>(&'a http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
