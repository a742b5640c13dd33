//! What an error is, and what it marks as failed.

use std::{error::Error, fmt, io};

use axum::{http::StatusCode, routing::get};
use highlight::consume_error;
use highlight_axum::HandlerError;

use crate::service::Service;

#[tokio::test]
async fn the_span_of_a_500_is_failed_though_the_error_was_consumed_below_it() {
    let service = Service::new();
    let handler = || async {
        highlight::in_span("child", |_| consume_error(&io::Error::other("boom")));
        StatusCode::INTERNAL_SERVER_ERROR
    };
    service.answer(get(handler)).await;
    assert_eq!(service.stored_span("GET /").await.status_code, "Error");
}

#[tokio::test]
async fn an_error_marks_every_span_that_it_passes_through_and_is_still_one() {
    let service = Service::new();
    let handler = || async {
        let result = highlight::try_in_span("outer", |_| {
            highlight::try_in_span("inner", |_| Err::<(), _>(io::Error::other("boom")))
        });
        assert!(result.is_err());
    };
    service.answer(get(handler)).await;
    for name in ["inner", "outer"] {
        assert_eq!(service.stored_span(name).await.status_code, "Error", "{name}");
    }
    assert_eq!(service.stored().await.errors.len(), 1);
}

/// Fails to say anything about itself.
struct Unspeakable;

impl fmt::Debug for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

impl Error for Unspeakable {}

#[tokio::test]
async fn a_field_whose_debug_fails_does_not_cost_the_log() {
    let service = Service::new();
    let handler = || async { tracing::info!(field = ?Unspeakable, "still said") };
    service.answer(get(handler)).await;
    let logs = service.stored().await.logs;
    assert!(logs.iter().any(|log| log.message == "still said"), "{logs:#?}");
}

#[tokio::test]
async fn an_error_whose_display_fails_is_still_an_error() {
    let service = Service::new();
    service.client.in_scope(|| consume_error(&Unspeakable));
    assert_eq!(service.stored().await.errors.len(), 1);
}

#[tokio::test]
async fn logs_without_a_message_become_errors_too() {
    let service = Service::configured(|config| config.errors_from_logs(true));
    let handler = || async {
        tracing::error!(code = 5);
        tracing::error!(code = 6, other = "field");
    };
    service.answer(get(handler)).await;
    let errors = service.stored().await.errors;
    assert_eq!(errors.len(), 2, "{errors:#?}");
}

#[tokio::test]
async fn none_in_the_field_of_the_error_is_no_error() {
    let service = Service::new();
    let handler = || async { tracing::error!(error = ?None::<io::Error>, "finished") };
    service.answer(get(handler)).await;
    let stored = service.stored().await;
    assert!(stored.errors.is_empty(), "{:#?}", stored.errors);
    assert!(stored.logs.iter().any(|log| log.message == "finished"), "{:#?}", stored.logs);
}

/// The type behind `anyhow::Error` is not known, and that of its wrapper tells nothing.
#[tokio::test]
async fn an_error_of_anyhow_has_no_type() {
    async fn handler() -> Result<(), HandlerError> {
        Err(anyhow::anyhow!("boom"))?
    }
    let service = Service::new();
    assert_eq!(service.answer(get(handler)).await, StatusCode::INTERNAL_SERVER_ERROR);
    let errors = service.stored().await.errors;
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!((errors[0].sent_type.as_str(), errors[0].event.as_str()), ("", "boom"));
}
