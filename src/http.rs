//! The HTTP listener for operators and their machines: metrics, probes and the status page. It shows and never changes
//! anything, and knows nothing of gRPC but the JSON that the admin service has too.
//!
//! | path | what |
//! |---|---|
//! | `/` | the status page: one file, no scripts or styles but its own |
//! | `/status.json` | what the page shows |
//! | `/metrics` | Prometheus' text format |
//! | `/livez` | 200 as long as the process answers: also while it is saturated or drains |
//! | `/readyz` | 200 if it takes calls, 503 if not |

mod bounded;
mod page;

use std::{io, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, Response, StatusCode, header},
    routing::get,
};
use bounded::Bounded;
use page::Page;
use tokio::net::TcpListener;

use crate::{
    grpc::convert::{overview_to_json, overview_to_proto},
    overview::{Observer, Standing},
};

/// Content type of Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Site {
    observer: Observer,
    page: Arc<Page>,
}

/// Serves until it is dropped.
///
/// # Errors
/// If the listener breaks.
pub async fn serve(listener: TcpListener, observer: Observer) -> io::Result<()> {
    axum::serve(Bounded::new(listener), router(observer)).await
}

/// The paths.
fn router(observer: Observer) -> Router {
    let site = Site { observer, page: Arc::new(Page::new()) };
    Router::new()
        .route("/", get(status_page))
        .route("/status.json", get(status_json))
        .route("/metrics", get(metrics))
        .route("/livez", get(async || text(StatusCode::OK, "text/plain", "ok\n")))
        .route("/readyz", get(ready))
        .with_state(site)
}

async fn status_page(State(site): State<Site>) -> Response<Body> {
    let overview = overview_to_json(&overview_to_proto(&site.observer.look().await));
    let mut response = text(StatusCode::OK, "text/html; charset=utf-8", site.page.with(&overview));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, site.page.policy().clone());
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

async fn status_json(State(site): State<Site>) -> Response<Body> {
    let overview = overview_to_json(&overview_to_proto(&site.observer.look().await));
    text(StatusCode::OK, "application/json", overview.to_string())
}

async fn metrics(State(site): State<Site>) -> Response<Body> {
    let overview = site.observer.look().await;
    match site.observer.supervisor().metrics().render(&overview) {
        Ok(rendered) => text(StatusCode::OK, METRICS_TYPE, rendered),
        Err(error) => {
            tracing::error!(%error, "no metrics");
            text(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "the metrics are broken\n")
        }
    }
}

async fn ready(State(site): State<Site>) -> Response<Body> {
    match site.observer.look().await.standing {
        Standing::Serving => text(StatusCode::OK, "text/plain", "serving\n"),
        Standing::Draining => text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "draining\n"),
        Standing::NotReady => text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "not ready\n"),
    }
}

/// An answer that nobody keeps, and that no browser takes for anything else.
fn text(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
