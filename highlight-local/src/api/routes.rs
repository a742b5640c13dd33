//! A path for each question.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Serialize;

use super::{
    files, host,
    parameters::{Parameters, Wrong},
};
use crate::{
    archive::{QueryError, Reader},
    chain::Chain,
};

/// The routes below `/api/`.
pub(crate) fn router(reader: Reader) -> Router {
    Router::new()
        .route("/api/overview", get(overview))
        .route("/api/sessions", get(sessions))
        .route("/api/sessions/{id}", get(session))
        .route("/api/requests", get(requests))
        .route("/api/sessions/{id}/export", get(files::export))
        .route("/api/import", post(files::import))
        .route("/api/traces/{id}", get(trace))
        .route("/api/spans/{id}", get(span))
        .route("/api/logs", get(logs))
        .route("/api/errors", get(errors))
        .route("/api/errors/{id}", get(error))
        .route("/api/error-groups", get(error_groups))
        .route("/api/error-groups/{id}", get(error_group))
        .route("/api/notes", get(notes))
        .route("/api/reasons", get(reasons))
        .route("/api/metrics", get(metrics))
        .route("/api/metrics/{name}", get(metric))
        .layer(middleware::from_fn(host::check))
        .with_state(reader)
}

type Answer = Result<Response, Wrong>;

/// Asks on a thread where waiting for the disk holds nobody up.
async fn ask<T: Serialize + Send + 'static>(
    reader: Reader,
    query: impl FnOnce(&Reader) -> Result<T, QueryError> + Send + 'static,
) -> Answer {
    ask_for(reader, |reader| query(reader).map(Some)).await
}

/// Likewise, for one thing that may not be there.
async fn ask_for<T: Serialize + Send + 'static>(
    reader: Reader,
    query: impl FnOnce(&Reader) -> Result<Option<T>, QueryError> + Send + 'static,
) -> Answer {
    let failed = |error: String| (StatusCode::INTERNAL_SERVER_ERROR, error + "\n");
    let answer = tokio::task::spawn_blocking(move || query(&reader)).await;
    match answer.map_err(|error| failed(error.to_string()))? {
        Ok(Some(found)) => Ok(Json(found).into_response()),
        Ok(None) => Err((StatusCode::NOT_FOUND, "nothing is stored under this id\n".to_owned())),
        Err(error) => Err(failed(Chain(&error).to_string())),
    }
}

async fn overview(State(reader): State<Reader>, parameters: Parameters) -> Answer {
    parameters.none()?;
    ask(reader, Reader::overview).await
}

async fn sessions(State(reader): State<Reader>, parameters: Parameters) -> Answer {
    let query = parameters.sessions()?;
    ask(reader, move |reader| reader.sessions(&query)).await
}

async fn session(State(reader): State<Reader>, Path(id): Path<String>) -> Answer {
    ask_for(reader, move |reader| reader.session(&id)).await
}

async fn requests(State(reader): State<Reader>, parameters: Parameters) -> Answer {
    let query = parameters.requests()?;
    ask(reader, move |reader| reader.requests(&query)).await
}

async fn trace(State(reader): State<Reader>, Path(id): Path<String>) -> Answer {
    ask_for(reader, move |reader| reader.trace(&id)).await
}

async fn span(State(reader): State<Reader>, Path(id): Path<i64>) -> Answer {
    ask_for(reader, move |reader| reader.span(id)).await
}

async fn logs(State(reader): State<Reader>, parameters: Parameters) -> Answer {
    let query = parameters.logs()?;
    ask(reader, move |reader| reader.logs(&query)).await
}

async fn errors(State(reader): State<Reader>, parameters: Parameters) -> Answer {
    let query = parameters.errors()?;
    ask(reader, move |reader| reader.errors(&query)).await
}

async fn error(State(reader): State<Reader>, Path(id): Path<i64>) -> Answer {
    ask_for(reader, move |reader| reader.error(id)).await
}

async fn error_groups(State(reader): State<Reader>, parameters: Parameters) -> Answer {
    let query = parameters.errors()?;
    ask(reader, move |reader| reader.error_groups(&query)).await
}

async fn error_group(State(reader): State<Reader>, Path(id): Path<i64>, parameters: Parameters) -> Answer {
    let (since, buckets) = parameters.histogram()?;
    ask_for(reader, move |reader| reader.error_group(id, since, buckets)).await
}

async fn notes(State(reader): State<Reader>, parameters: Parameters) -> Answer {
    let query = parameters.notes()?;
    ask(reader, move |reader| reader.notes(&query)).await
}

async fn reasons(State(reader): State<Reader>, parameters: Parameters) -> Answer {
    parameters.none()?;
    ask(reader, Reader::reasons).await
}

async fn metrics(State(reader): State<Reader>, parameters: Parameters) -> Answer {
    parameters.none()?;
    ask(reader, Reader::metrics).await
}

async fn metric(State(reader): State<Reader>, Path(name): Path<String>, parameters: Parameters) -> Answer {
    let query = parameters.metric(name)?;
    ask(reader, move |reader| reader.metric(&query)).await
}
