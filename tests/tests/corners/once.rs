//! One failure of a request is one error: no more, and no fewer.

use std::{error::Error, fmt, io};

use axum::routing::get;
use highlight::{ErrorReport, RequestContext, consume_error};

use crate::service::Service;

#[tokio::test]
async fn entering_the_current_scope_again_does_not_double_an_error() {
    let service = Service::new();
    let handler = || async {
        let error = io::Error::other("boom");
        RequestContext::current().in_scope(|| consume_error(&error));
        consume_error(&error);
    };
    service.answer(get(handler)).await;
    assert_eq!(service.stored().await.errors.len(), 1);
}

#[tokio::test]
async fn naming_the_current_request_does_not_double_an_error() {
    let service = Service::new();
    let handler = || async {
        let error = io::Error::other("boom");
        consume_error(&error);
        ErrorReport::new(&error).request_context(&RequestContext::current()).consume();
    };
    service.answer(get(handler)).await;
    assert_eq!(service.stored().await.errors.len(), 1);
}

#[derive(Debug)]
struct CausedBy(&'static str, io::Error);

impl fmt::Display for CausedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl Error for CausedBy {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.1)
    }
}

#[tokio::test]
async fn two_failures_whose_causes_read_the_same_are_two() {
    let service = Service::new();
    let handler = || async {
        for failure in ["primary database failed", "card was not charged"] {
            consume_error(&CausedBy(failure, io::ErrorKind::TimedOut.into()));
        }
    };
    service.answer(get(handler)).await;
    assert_eq!(service.stored().await.errors.len(), 2);
}

#[tokio::test]
async fn outside_of_a_request_every_failure_counts() {
    let service = Service::new();
    service.client.in_scope(|| {
        for _ in 0..3 {
            consume_error(&io::Error::other("poll failed"));
        }
    });
    assert_eq!(service.stored().await.errors.len(), 3);
}
