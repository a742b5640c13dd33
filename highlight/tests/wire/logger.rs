//! What is logged through OpenTelemetry's own interface beside us.

use std::time::{Duration, SystemTime};

use highlight::{Level, RequestContext, Signals, otel::opentelemetry_sdk::logs::SdkLogRecord};
use opentelemetry::{
    Key,
    logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity},
    trace::{SpanId, TraceId},
};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use tracing_subscriber::prelude::*;

use crate::stage::Stage;

/// Emits a record through a logger of the stage's client.
fn emit(stage: &Stage, severity: Severity, fill: impl FnOnce(&mut SdkLogRecord)) {
    let logger = stage.client.logger_provider().logger("billing");
    let mut record = logger.create_log_record();
    record.set_severity_number(severity);
    fill(&mut record);
    logger.emit(record);
}

#[test]
fn records_are_stamped_and_keep_what_they_say() {
    let stage = Stage::new();
    let time = SystemTime::now() - Duration::from_secs(100);
    stage.request("session1/request001", || {
        highlight::in_span("work", |_| {
            emit(&stage, Severity::Warn2, |record| {
                record.set_timestamp(time);
                record.set_body("stock is low <3".into());
                record.add_attribute("left", 2_i64);
                record.add_attribute("final", true);
                let order = [(Key::new("id"), AnyValue::Int(7))].into_iter().collect();
                record.add_attribute("order", AnyValue::Map(Box::new(order)));
            });
        });
    });
    let stored = stage.stored();
    let log = &stored.logs[0];
    assert_eq!((log.origin.session_id.as_str(), log.trace_id.as_str()), ("session1", "request001"));
    assert_eq!(log.level, Level::Warn.as_str());
    assert!(log.message.starts_with("stock is low"), "{}", log.message);
    assert_eq!(log.time.duration_since(time).unwrap_or_default().as_secs(), 0);
    for (key, value) in [("left", "2"), ("final", "true"), ("order.id", "7")] {
        assert_eq!(log.attributes[key], value, "{key}");
    }
    let stats = stage.client.stats();
    assert_eq!((stats.produced, stats.exported), (2, 2), "a span and a record: {stats:?}");
}

#[test]
fn an_exception_is_an_error_object_once() {
    let stage = Stage::new();
    stage.request("session1/request001", || {
        for _ in 0..2 {
            emit(&stage, Severity::Error, |record| {
                record.set_body("checkout failed".into());
                record.add_attribute("exception.message", "card expired");
                record.add_attribute("exception.type", "CardError");
                record.add_attribute("order.id", 7_i64);
            });
        }
        emit(&stage, Severity::Info, |record| {
            record.set_body("retried".into());
            record.add_attribute("exception.message", "card expired");
        });
    });
    let stored = stage.stored();
    assert_eq!(stored.errors.len(), 1, "{:#?}", stored.errors);
    let error = &stored.errors[0];
    assert_eq!((error.event.as_str(), error.sent_type.as_str()), ("card expired", "CardError"));
    assert_eq!((error.origin.session_id.as_str(), error.trace_id.as_str()), ("session1", "request001"));
    assert_eq!(error.payload["order.id"], "7");
    assert_eq!(stored.logs.len(), 3, "each line is still a line");
    assert_eq!(stage.client.stats().suppressed, 1);
}

#[test]
fn the_stack_of_an_exception_is_kept_as_it_is() {
    let stage = Stage::new();
    emit(&stage, Severity::Error, |record| {
        record.add_attribute("exception.message", "card expired");
        record.add_attribute("exception.stacktrace", "Caused by: the other");
    });
    assert_eq!(stage.stored().errors[0].payload["error.details"], "Caused by: the other");
}

#[test]
fn a_record_may_name_its_span() {
    let stage = Stage::new();
    let (trace_id, span_id) = (TraceId::from(0xabc), SpanId::from(0xdef));
    stage.client.in_scope(|| {
        emit(&stage, Severity::Info, |record| {
            record.set_body("elsewhere".into());
            record.set_trace_context(trace_id, span_id, None);
        });
    });
    assert_eq!(stage.stored().logs[0].trace_id, trace_id.to_string());
}

#[test]
fn levels_targets_and_signals_hold() {
    let stage = Stage::with(|config| config.filter("billing=error").signals(Signals::ALL));
    emit(&stage, Severity::Warn, |record| record.set_body("too quiet".into()));
    emit(&stage, Severity::Error, |record| record.set_body("loud".into()));
    emit(&stage, Severity::Info, |record| {
        record.set_target("shop");
        record.set_body("another target".into());
    });
    emit(&stage, Severity::Error, |record| {
        record.set_target("ureq::transport");
        record.set_body("the exporter's own".into());
    });
    let mut messages: Vec<_> = stage.stored().logs.iter().map(|log| log.message.clone()).collect();
    messages.sort_unstable();
    assert_eq!(messages, ["another target", "loud"]);

    let stage = Stage::with(|config| config.signals(Signals::ERRORS));
    emit(&stage, Severity::Error, |record| record.set_body("a line".into()));
    assert!(stage.stored().logs.is_empty());

    let stage = Stage::with(|config| config.enabled(false));
    emit(&stage, Severity::Error, |record| record.set_body("nobody listens".into()));
    assert_eq!(stage.client.stats().produced, 0);
}

#[test]
fn a_body_that_is_no_text_is_made_one() {
    let stage = Stage::new();
    emit(&stage, Severity::Info, |record| {
        let body = [(Key::new("paid"), AnyValue::Boolean(true))].into_iter().collect();
        record.set_body(AnyValue::Map(Box::new(body)));
    });
    emit(&stage, Severity::Info, |record| record.add_attribute("only", "this"));
    let mut messages: Vec<_> = stage.stored().logs.iter().map(|log| log.message.clone()).collect();
    messages.sort_unstable();
    assert_eq!(messages, ["only=this", "paid=true"]);
}

#[test]
fn a_flush_of_the_provider_delivers_and_its_end_is_not_the_clients() {
    let stage = Stage::new();
    let provider = stage.client.logger_provider();
    let logger = provider.logger("billing");
    let mut record = logger.create_log_record();
    record.set_body("one".into());
    logger.emit(record);
    provider.force_flush().unwrap();
    assert_eq!(stage.client.stats().exported, 1);
    provider.shutdown().unwrap();
    stage.client.in_scope(|| highlight::log(Level::Info, "two", []));
    assert_eq!(stage.stored().logs.len(), 2);
}

#[test]
fn the_appender_for_tracing_works() {
    let stage = Stage::new();
    let provider = stage.client.logger_provider();
    let subscriber = tracing_subscriber::registry().with(OpenTelemetryTracingBridge::new(&provider));
    tracing::subscriber::with_default(subscriber, || {
        stage.request("session1/request001", || {
            tracing::info!(target: "shop", order = 7, "paid");
            let error: Box<dyn std::error::Error> = "card expired".into();
            tracing::error!(target: "shop", error = &*error, "checkout failed");
            assert_eq!(RequestContext::current().to_string(), "session1/request001");
        });
    });
    let stored = stage.stored();
    assert_eq!((stored.logs.len(), stored.errors.len()), (2, 1), "{stored:#?}");
    let paid = stored.logs.iter().find(|log| log.message == "paid").unwrap();
    assert_eq!((paid.attributes["order"].as_str(), paid.trace_id.as_str()), ("7", "request001"));
    assert_eq!(stored.errors[0].event, "card expired");
    assert_eq!(stored.errors[0].origin.session_id, "session1");
}
