//! `/v0/sql`: one query that reads, answered in any format of ClickHouse.

use super::{App, error_response};
use crate::{
    query::{self, Answer, QueryError, content_type},
    query_text::Rejection,
};
use axum::{
    body::{Body, Bytes},
    extract::{Query, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use forebay_chdb::{EngineError, ErrorKind, Reader};
use futures_util::stream;
use serde::Deserialize;
use tokio::{sync::mpsc, task::spawn_blocking};

/// When neither the query nor the request says otherwise.
const DEFAULT_FORMAT: &str = "JSON";
/// Chunks that wait for a slow reader.
const CHUNKS_AHEAD: usize = 2;
/// ClickHouse's code for a statement that a read-only connection may not run.
const READONLY: i32 = 164;

/// What may stand in the URL, or in the body of a form.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    q: Option<String>,
    /// The format of queries without a FORMAT clause.
    default_format: Option<String>,
}

pub(super) async fn get_sql(State(app): State<App>, Query(parameters): Query<Parameters>) -> Response {
    answer(app.reader, parameters, String::new()).await
}

pub(super) async fn post_sql(
    State(app): State<App>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: String,
) -> Response {
    match form_query(&headers, &body) {
        Some(query) => answer(app.reader, parameters, query).await,
        None => answer(app.reader, parameters, body).await,
    }
}

/// `q` of a form. Clients that post a bare query often call it a form, so a body without `q` is a query.
fn form_query(headers: &HeaderMap, body: &str) -> Option<String> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let uri = format!("/?{body}").parse::<Uri>().ok()?;
    Query::<Parameters>::try_from_uri(&uri).ok()?.0.q
}

async fn answer(reader: Reader, parameters: Parameters, body: String) -> Response {
    let sql = parameters.q.filter(|query| !query.trim().is_empty()).unwrap_or(body);
    let format = parameters.default_format.unwrap_or_else(|| DEFAULT_FORMAT.to_owned());
    let (sender, mut receiver) = mpsc::channel(CHUNKS_AHEAD);
    let started = spawn_blocking(move || {
        let answer = query::run(&reader, &sql, &format);
        answer.map(|answer| start_sending(answer, sender)).map_err(|error| (sql, error))
    });
    match started.await {
        Ok(Ok(format)) => match receiver.recv().await {
            Some(Err(error)) => engine_response("", &error),
            first => streamed(&format, first, receiver),
        },
        Ok(Err((sql, error))) => query_response(&sql, &error),
        Err(_) => error_response(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the query's worker died: this is a bug in Forebay",
        ),
    }
}

/// Sends the chunks from a blocking thread; ends early, and cancels the query, when nobody listens any more.
fn start_sending(answer: Answer, sender: mpsc::Sender<Result<Bytes, EngineError>>) -> String {
    let format = answer.format.clone();
    spawn_blocking(move || {
        for chunk in answer {
            if sender.blocking_send(chunk.map(Bytes::from)).is_err() {
                return;
            }
        }
    });
    format
}

/// An error after the first chunk can only be told by breaking the connection off.
fn streamed(
    format: &str,
    first: Option<Result<Bytes, EngineError>>,
    receiver: mpsc::Receiver<Result<Bytes, EngineError>>,
) -> Response {
    let rest = stream::unfold((first, receiver), |(first, mut receiver)| async move {
        let chunk = match first {
            Some(chunk) => chunk,
            None => receiver.recv().await?,
        };
        Some((chunk, (None, receiver)))
    });
    ([(header::CONTENT_TYPE, content_type(format))], Body::from_stream(rest)).into_response()
}

fn query_response(sql: &str, error: &QueryError) -> Response {
    match error {
        QueryError::Rejected(Rejection::Forbidden(reason)) => error_response(StatusCode::FORBIDDEN, reason),
        QueryError::Rejected(Rejection::Malformed(reason)) => error_response(StatusCode::BAD_REQUEST, reason),
        QueryError::Engine(error) => engine_response(sql, error),
    }
}

fn engine_response(sql: &str, error: &EngineError) -> Response {
    let status = match (error.kind, error.code) {
        (ErrorKind::Closed, _) => StatusCode::SERVICE_UNAVAILABLE,
        (_, Some(READONLY)) => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    error_response(status, &query::explain(sql, &error.message).render())
}
