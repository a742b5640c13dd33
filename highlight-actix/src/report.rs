//! What is reported of the errors that become responses.

use std::{error::Error as StdError, io, sync::Arc};

use actix_web::{Error, ResponseError, error};
use highlight::ErrorReport;

use crate::HandlerError;

/// A report of the error, if it is of the one type that the function knows.
type Describe = fn(&Error) -> Option<ErrorReport>;

/// The types that errors are known by. Actix keeps an error as a [`ResponseError`], which tells neither its type nor its source.
#[derive(Debug, Clone)]
pub(crate) struct ErrorTypes(Arc<[Describe]>);

impl ErrorTypes {
    pub(crate) fn new() -> Self {
        Self(Arc::new([
            boxed,
            typed::<io::Error>,
            typed::<error::PayloadError>,
            typed::<error::JsonPayloadError>,
            typed::<error::BlockingError>,
        ]))
    }

    pub(crate) fn add<E: ResponseError + StdError + 'static>(&mut self) {
        self.0 = self.0.iter().copied().chain([typed::<E> as Describe]).collect();
    }

    /// Reports the error, once for the request.
    pub(crate) fn report(&self, error: &Error) {
        // That was reported when it was made.
        if error.as_error::<HandlerError>().is_some() {
            return;
        }
        let known = self.0.iter().find_map(|describe| describe(error));
        known.unwrap_or_else(|| ErrorReport::from_display(error)).without_location().consume();
    }
}

fn typed<E: ResponseError + StdError + 'static>(error: &Error) -> Option<ErrorReport> {
    error.as_error::<E>().map(ErrorReport::new)
}

fn boxed(error: &Error) -> Option<ErrorReport> {
    error.as_error::<Box<dyn StdError>>().map(ErrorReport::new)
}
