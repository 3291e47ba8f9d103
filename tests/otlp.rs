//! With the feature `otlp`, a collector hears of every call, within the trace that its client began.
#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use axum::{Router, body, extract::Request, http::Response, routing::post};
use common::{PATIENCE, front::connect, served::Served};
use pobatch::{
    proto::v1::{DescribeEngineRequest, catalog_service_client::CatalogServiceClient},
    task,
};
use rustix::process::Signal;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{service::Routes, transport::Server};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_hears_of_a_call_within_its_clients_trace() {
    let (sender, mut exports) = mpsc::channel(16);
    let export = move |request: Request| {
        let sender = sender.clone();
        async move {
            sender.send(body::to_bytes(request.into_body(), 1 << 20).await.unwrap()).await.unwrap();
            // What it hears is enough; what it answers is nothing.
            let answer = Response::builder().header("content-type", "application/grpc").header("grpc-status", "0");
            answer.body(body::Body::empty()).unwrap()
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let collector = format!("http://{}", listener.local_addr().unwrap());
    let routes = Routes::from(Router::new().route(EXPORT, post(export)));
    let serving = Server::builder().add_routes(routes).serve_with_incoming(TcpListenerStream::new(listener));
    let _collector = task::spawn_owned("collector", async { serving.await.unwrap() });

    let served = Served::start(&["--shards", "1", "--otlp-endpoint", &collector]);
    let mut request = tonic::Request::new(DescribeEngineRequest::default());
    request.metadata_mut().insert("traceparent", format!("00-{TRACE:032x}-b7ad6b7169203331-01").parse().unwrap());
    CatalogServiceClient::new(connect(&served.url).await).describe_engine(request).await.unwrap();
    // What is not exported yet is when the server ends.
    served.signal(Signal::TERM);
    let found = async {
        loop {
            let export = exports.recv().await.expect("the collector lives");
            if contains(&export, &TRACE.to_be_bytes()) {
                return export;
            }
        }
    };
    let export = tokio::time::timeout(PATIENCE, found).await.expect("the span is exported");
    for part in ["pobatch", "call", "/pobatch.v1.CatalogService/DescribeEngine", "request_id"] {
        assert!(contains(&export, part.as_bytes()), "no {part}");
    }
}
