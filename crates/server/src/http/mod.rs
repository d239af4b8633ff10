//! The HTTP listener: health, metrics, status and SQL.

mod access;
mod metrics;
mod sql;

use crate::{monitor::Monitor, report::StatusReport};
use access::Access;
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use forebay_chdb::Reader;
use serde_json::{Value, json};
use std::sync::Arc;

/// What every handler sees.
#[derive(Clone)]
struct App {
    monitor: Arc<Monitor>,
    reader: Reader,
}

/// All routes. `token` opens those under `/v0`; with `loopback_only` a request must also name this machine as its host.
pub(crate) fn router(monitor: Arc<Monitor>, reader: Reader, token: &str, loopback_only: bool) -> Router {
    let access = Access::new(token, loopback_only);
    let private = Router::new()
        .route("/v0/status", get(status))
        .route("/v0/sql", get(sql::get_sql).post(sql::post_sql))
        .route_layer(middleware::from_fn_with_state(access.clone(), access::require_token));
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .merge(private)
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(access, access::require_local_host))
        .with_state(App { monitor, reader })
}

async fn health(State(app): State<App>) -> Response {
    let (status, body) = health_of(&app.monitor.report());
    (status, Json(body)).into_response()
}

/// 503 once a person must act; an error that is being retried is degraded, not down.
fn health_of(report: &StatusReport) -> (StatusCode, Value) {
    let troubled = report.datasources.iter().filter_map(|datasource| {
        let error = datasource.trouble()?;
        Some(json!({ "datasource": datasource.name, "state": datasource.state, "error": error.fact, "hint": error.hint }))
    });
    let reasons: Vec<Value> = troubled.collect();
    let (code, word) = match (report.failed(), reasons.is_empty()) {
        (Some(_), _) => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
        (None, false) => (StatusCode::OK, "degraded"),
        (None, true) => (StatusCode::OK, "ok"),
    };
    (code, json!({ "status": word, "pid": report.pid, "version": report.version, "reasons": reasons }))
}

async fn metrics(State(app): State<App>) -> Response {
    let text =
        metrics::render(&app.monitor.observe(), app.monitor.memory_budget(), metrics::Process::of_this());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn status(State(app): State<App>) -> Json<StatusReport> {
    Json(app.monitor.report())
}

async fn not_found() -> Response {
    error_response(
        StatusCode::NOT_FOUND,
        "there is nothing here: try /health, /metrics, /v0/status or /v0/sql",
    )
}

fn error_response(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}
