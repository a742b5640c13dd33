//! The error that a handler returns: reported where it arises, told to nobody else.

use std::{any::type_name, error::Error, fmt, panic::Location};

use crate::{ErrorReport, RequestContext, Span, error::Subject};

/// Any error, owned.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// An error that was reported when it was converted, and that the client sees as nothing but a 500.
///
/// The framework crates wrap it in a type of their own, so that `?` works on any error in a handler.
pub struct HandlerError(BoxError);

impl HandlerError {
    /// Reports the error, once for the request, with the caller's line, and keeps it.
    #[track_caller]
    pub fn new<E: Into<BoxError> + 'static>(error: E) -> Self {
        let location = Location::caller();
        // While it is still itself: in a box, an error of `anyhow` has no backtrace any more.
        let report = ErrorReport::downcast(&error);
        let error = error.into();
        let report = report.unwrap_or_else(|| {
            let subject = Subject::of(&*error);
            let type_name = type_name::<E>();
            // Texts and boxes convert too; their names are not the error's.
            let erased =
                ["alloc::", "&", "anyhow::", "eyre::"].iter().any(|front| type_name.starts_with(front));
            ErrorReport::of(&if erased { subject } else { subject.typed(type_name) })
        });
        report.location(location).consume();
        Self(error)
    }

    /// The error itself, for a program's own middleware. It is not meant for the client.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }

    /// The error itself, taken out. It was reported already.
    #[must_use]
    pub fn into_error(self) -> BoxError {
        self.0
    }

    /// The response's body: `{"error": "Internal Server Error", "requestId": "..."}`, with nothing of the error in it.
    ///
    /// The id is the request's effective id, or the trace id if the browser sent none: what the error is found by.
    #[must_use]
    pub fn response_body() -> String {
        let context = RequestContext::current();
        let id = context
            .request_id()
            .map(ToOwned::to_owned)
            .or_else(|| Span::current().trace_id())
            .unwrap_or_default();
        // The id is visible ASCII: quotes and backslashes are all that JSON would trip over.
        let id = id.replace('\\', "\\\\").replace('"', "\\\"");
        format!(r#"{{"error": "Internal Server Error", "requestId": "{id}"}}"#)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
