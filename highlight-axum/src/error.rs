//! The error type of handlers.

use std::fmt;

use axum::response::{IntoResponse, Response};
use highlight::http::BoxError;
use http::{StatusCode, header};

/// The error type of a handler: `?` turns any error into it.
///
/// ```
/// use highlight_axum::HandlerError;
///
/// async fn handler() -> Result<String, HandlerError> {
///     let text = std::fs::read_to_string("prices.txt")?;
///     Ok(text)
/// }
/// # let _ = axum::Router::<()>::new().route("/", axum::routing::get(handler));
/// ```
///
/// The error is reported where the `?` stands, with that line, once for the request. The client gets a 500 with the body
/// `{"error": "Internal Server Error", "requestId": "..."}` and nothing of the error. Besides error types, texts, boxed errors, and the
/// error types of `anyhow` and `eyre` convert.
#[derive(Debug)]
pub struct HandlerError(highlight::http::HandlerError);

impl<E: Into<BoxError> + 'static> From<E> for HandlerError {
    #[track_caller]
    fn from(error: E) -> Self {
        Self(highlight::http::HandlerError::new(error))
    }
}

impl HandlerError {
    /// The error itself, for a program's own middleware. It is not meant for the client.
    #[must_use]
    pub fn error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self.0.error()
    }

    /// The error itself, taken out. It was reported already.
    #[must_use]
    pub fn into_error(self) -> BoxError {
        self.0.into_error()
    }
}

/// What the error itself shows. It is not meant for the client.
impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl IntoResponse for HandlerError {
    fn into_response(self) -> Response {
        let body = highlight::http::HandlerError::response_body();
        (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "application/json")], body)
            .into_response()
    }
}
