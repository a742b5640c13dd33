//! The error type of handlers.

use std::{error::Error, fmt};

use actix_web::{HttpResponse, ResponseError, body::BoxBody, http::header::ContentType};
use highlight::http::BoxError;

/// The error type of a handler: `?` turns any error into it.
///
/// ```
/// use actix_web::{App, web};
/// use highlight_actix::HandlerError;
///
/// async fn handler() -> Result<String, HandlerError> {
///     let text = std::fs::read_to_string("prices.txt")?;
///     Ok(text)
/// }
/// # let _ = App::new().route("/", web::get().to(handler));
/// ```
///
/// The error is reported where the `?` stands, with that line, once for the request. The client gets a 500 with the body
/// `{"error": "Internal Server Error", "requestId": "..."}` and nothing of the error. Besides error types, texts, boxed errors, and the
/// error types of `anyhow` and `eyre` convert.
///
/// [`actix_web::Error`] does not convert, because it cannot leave its thread, and because it has an answer of its own. A handler that meets
/// both kinds returns `Result<_, actix_web::Error>`, which this type converts to:
///
/// ```
/// # use actix_web::{App, web};
/// # use highlight_actix::HandlerError;
/// async fn handler() -> actix_web::Result<String> {
///     let text = std::fs::read_to_string("prices.txt").map_err(HandlerError::from)?;
///     if text.is_empty() {
///         return Err(actix_web::error::ErrorNotFound("no prices"));
///     }
///     Ok(text)
/// }
/// # let _ = App::new().route("/", web::get().to(handler));
/// ```
#[derive(Debug)]
pub struct HandlerError {
    error: highlight::http::HandlerError,
    /// Made where the request is current. The response may be made where it is not: the error of a
    /// middleware becomes one only in the server.
    body: String,
}

/// What `?` turns into a [`HandlerError`]: error types that may leave their thread, texts, boxed errors, the errors of `anyhow` and `eyre`.
///
/// There is nothing to implement. It exists for the compiler to say what to do with an [`actix_web::Error`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot become a `HandlerError`",
    label = "neither an `Error` that is `Send` and `Sync`, nor a text; for `actix_web::Error`, let the handler return `Result<_, actix_web::Error>`"
)]
pub trait IntoHandlerError: Into<BoxError> + 'static {}

// Else the compiler goes on to why a box cannot hold it: four times, of what is private to actix.
#[diagnostic::do_not_recommend]
impl<E: Into<BoxError> + 'static> IntoHandlerError for E {}

impl<E: IntoHandlerError> From<E> for HandlerError {
    #[track_caller]
    fn from(error: E) -> Self {
        let error = highlight::http::HandlerError::new(error);
        Self { error, body: highlight::http::HandlerError::response_body() }
    }
}

impl HandlerError {
    /// The error itself, for a program's own middleware. It is not meant for the client.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.error.error()
    }

    /// The error itself, taken out. It was reported already.
    #[must_use]
    pub fn into_error(self) -> BoxError {
        self.error.into_error()
    }
}

/// What the error itself shows. It is not meant for the client.
impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for HandlerError {
    fn error_response(&self) -> HttpResponse<BoxBody> {
        HttpResponse::build(self.status_code()).content_type(ContentType::json()).body(self.body.clone())
    }
}
