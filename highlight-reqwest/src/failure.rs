//! What went wrong, in the words of the semantic conventions.

use std::{error::Error, iter};

/// An error by which no answer came.
pub(crate) trait Failure {
    /// The value of `error.type`: one of few.
    fn error_type(&self) -> &'static str;

    /// The causes. reqwest's own text only repeats the address.
    fn causes(&self) -> String;
}

impl Failure for reqwest::Error {
    fn error_type(&self) -> &'static str {
        if self.is_timeout() {
            "timeout"
        } else if self.is_connect() {
            "connect"
        } else if self.is_redirect() {
            "redirect"
        } else if self.is_builder() {
            "builder"
        } else if self.is_body() || self.is_decode() {
            "body"
        } else {
            "request"
        }
    }

    fn causes(&self) -> String {
        let causes = iter::successors(self.source(), |&cause| cause.source());
        let causes: Vec<String> = causes.map(ToString::to_string).collect();
        if causes.is_empty() { self.to_string() } else { causes.join(": ") }
    }
}

impl Failure for reqwest_middleware::Error {
    fn error_type(&self) -> &'static str {
        match self {
            Self::Reqwest(error) => error.error_type(),
            Self::Middleware(_) => "middleware",
        }
    }

    fn causes(&self) -> String {
        match self {
            Self::Reqwest(error) => error.causes(),
            Self::Middleware(error) => error.to_string(),
        }
    }
}
