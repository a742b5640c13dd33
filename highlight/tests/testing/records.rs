//! Each kind of record, read back as it was sent.

use std::{error::Error, fmt, panic::catch_unwind};

use highlight::{
    Config, ErrorReport, KeyValue, Level, RequestContext, Signals, SpanBuilder, SpanKind, User, metrics,
    testing::{MetricValue, SpanStatus, capture, capture_with},
};

#[derive(Debug)]
struct Declined(Expired);

#[derive(Debug)]
struct Expired;

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("payment declined")
    }
}

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("card expired")
    }
}

impl Error for Expired {}

impl Error for Declined {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn request(header: &str) -> RequestContext {
    header.parse().unwrap()
}

#[test]
fn spans_have_their_kind_status_attributes_and_parent() {
    let telemetry = capture();
    telemetry.in_scope(|| {
        request("session1/request001").in_scope(|| {
            SpanBuilder::new("POST /orders").kind(SpanKind::Server).in_span(|span| {
                span.set_attribute("http.route", "/orders");
                let _ = highlight::try_in_span("charge card", |_| Err::<(), _>(Declined(Expired)));
                let _entered = tracing::info_span!("reserve stock", items = 3).entered();
            });
        });
    });
    let spans = telemetry.spans();
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["POST /orders", "charge card", "reserve stock"]);
    let server = spans.clone().named("POST /orders").one();
    assert_eq!((server.kind, &server.status), (SpanKind::Server, &SpanStatus::Unset));
    assert_eq!(server.attributes["http.route"], "/orders");
    assert_eq!(server.parent_span_id, None);
    assert!(!server.has_failed());
    let charge = spans.clone().named("charge card").one();
    assert_eq!(charge.status, SpanStatus::Error("payment declined".to_owned()));
    assert!(charge.has_failed() && charge.is_child_of(&server) && !server.is_child_of(&charge));
    let stock = spans.clone().named("reserve stock").one();
    assert!(stock.is_child_of(&server));
    assert_eq!(stock.attributes["items"], "3");
    for span in &spans {
        assert_eq!(span.session_id.as_deref(), Some("session1"));
        assert_eq!(span.request_id.as_deref(), Some("request001"));
        assert!(!span.attributes.keys().any(|key| key.starts_with("highlight.")), "{span:?}");
        assert_eq!((span.trace_id.len(), span.span_id.len()), (32, 16));
    }
    let error = telemetry.errors().one();
    assert!(error.is_in(&charge) && !error.is_in(&server));
    telemetry.assert_one_trace();
}

#[test]
fn errors_have_their_type_causes_stack_and_place() {
    let telemetry = capture();
    let line = line!() + 3;
    telemetry.in_scope(|| {
        request("session1/request001").in_scope(|| {
            highlight::consume_error(&Declined(Expired));
        });
    });
    let error = telemetry.errors().with_message("payment declined").one();
    assert_eq!(error.type_name.as_deref(), Some(std::any::type_name::<Declined>()));
    assert_eq!(error.causes, ["card expired"]);
    assert_eq!(error.level, Level::Error);
    assert_eq!(error.log_message, "payment declined: card expired");
    assert_eq!(error.session_id.as_deref(), Some("session1"));
    assert_eq!(error.attributes["code.file.path"], file!());
    let stack = error.stack.unwrap();
    assert!(stack.contains(&format!("records.rs:{line}")), "{stack}");
    telemetry.logs().assert_none();
}

#[test]
fn a_logged_error_is_an_error_and_once() {
    let telemetry = capture();
    telemetry.in_scope(|| {
        request("session1/request001").in_scope(|| {
            let error = Declined(Expired);
            tracing::error!(error = &error as &dyn Error, order = 7, "checkout failed");
            ErrorReport::new(&error).consume();
        });
    });
    let error = telemetry.errors().one();
    assert_eq!((error.message.as_str(), error.log_message.as_str()), ("payment declined", "checkout failed"));
    assert_eq!(error.attributes["order"], "7");
    assert!(telemetry.to_string().contains("not sent again"), "{telemetry}");
}

#[test]
fn a_panic_is_a_fatal_error_and_goes_on() {
    let telemetry = capture();
    let outcome = catch_unwind(|| {
        telemetry.in_scope(|| request("session1/request001").in_scope(|| panic!("out of stock")));
    });
    assert!(outcome.is_err());
    let error = telemetry.errors().one();
    assert_eq!((error.message.as_str(), error.level), ("out of stock", Level::Fatal));
    assert_eq!(error.session_id.as_deref(), Some("session1"));
}

#[test]
fn logs_of_all_three_ways_have_their_level_target_and_attributes() {
    let telemetry = capture();
    telemetry.in_scope(|| {
        highlight::in_span("import", |_| {
            highlight::log(Level::Fatal, "by function", [KeyValue::new("n", 1), KeyValue::new("ok", true)]);
            tracing::warn!(target: "shop::stock", n = 2, "by tracing");
            log::info!(target: "shop::mail", n = 3; "by log");
            tracing::debug!("below the level");
        });
    });
    let logs = telemetry.logs();
    let shown: Vec<_> =
        logs.iter().map(|log| (log.level, log.message.as_str(), log.attributes["n"].as_str())).collect();
    assert_eq!(
        shown,
        [(Level::Fatal, "by function", "1"), (Level::Warn, "by tracing", "2"), (Level::Info, "by log", "3")]
    );
    assert_eq!(logs[0].attributes["ok"], "true");
    assert_eq!((logs[1].target.as_str(), logs[2].target.as_str()), ("shop::stock", "shop::mail"));
    let span = telemetry.spans().one();
    assert!(logs.iter().all(|log| log.is_in(&span) && log.session_id.is_none()));
}

#[test]
fn what_leaves_was_sanitised_and_redacted() {
    let telemetry = capture();
    telemetry.in_scope(|| {
        highlight::in_span("call", |span| span.set_attribute("db.password", "hunter2"));
        highlight::log(
            Level::Info,
            "GET https://shop/?token=4f2a",
            [KeyValue::new("tags", vec!["a".to_owned(), "b".to_owned()]), KeyValue::new("level", "own")],
        );
    });
    assert_eq!(telemetry.spans().one().attributes["db.password"], "[REDACTED]");
    let log = telemetry.logs().one();
    assert_eq!(log.message, "GET https://shop/?token=[REDACTED]");
    assert_eq!((log.attributes["tags.0"].as_str(), log.attributes["tags.1"].as_str()), ("a", "b"));
    // A reserved name is moved out of the way (C§3.2).
    assert_eq!(log.attributes.get("level"), None);
    assert!(log.attributes.iter().any(|(key, value)| key.ends_with("level") && value == "own"), "{log:?}");

    let open = capture_with(Config::new("1").redact(false));
    open.in_scope(|| highlight::log(Level::Info, "GET https://shop/?token=4f2a", []));
    assert_eq!(open.logs().one().message, "GET https://shop/?token=4f2a");
}

#[test]
fn a_user_is_on_what_the_request_records() {
    let telemetry = capture();
    telemetry.in_scope(|| {
        request("session1/request001").in_scope(|| {
            highlight::set_user(User::new().id("7").attribute("tenant", "acme"));
            highlight::in_span("pay", |_| tracing::info!("paid"));
            highlight::consume_error(&Expired);
        });
    });
    let (span, log, error) = (telemetry.spans().one(), telemetry.logs().one(), telemetry.errors().one());
    assert_eq!([span.user_id, log.user_id, error.user_id], ["7", "7", "7"].map(|id| Some(id.to_owned())));
    for attributes in [span.attributes, log.attributes, error.attributes] {
        assert_eq!(attributes["tenant"], "acme");
    }
}

#[test]
fn metrics_are_whole_however_often_they_are_read() {
    const DURATION: metrics::Histogram = metrics::Histogram::new("duration").unit("s").boundaries(&[1.0]);
    let telemetry = capture();
    for round in [1, 2] {
        telemetry.in_scope(|| {
            metrics::record_count("orders", 2, [KeyValue::new("country", "de")]);
            metrics::record_count("orders", 5, [KeyValue::new("country", "fr")]);
            metrics::record_metric("cart", f64::from(round), []);
            metrics::record_up_down_counter("jobs", 1, []);
            DURATION.record(f64::from(round), []);
        });
        // Reading collects, and what is collected is not there any more the next time.
        assert_eq!(telemetry.metrics().len(), 5);
    }
    let metrics = telemetry.metrics();
    let orders = |country| {
        let of_country = metrics.clone().named("orders").filter(|m| m.attributes["country"] == country);
        of_country.one().value
    };
    assert_eq!([orders("de"), orders("fr")], [4.0, 10.0].map(MetricValue::Counter));
    assert_eq!(metrics.clone().named("cart").one().value, MetricValue::Gauge(2.0));
    assert_eq!(metrics.clone().named("jobs").one().value, MetricValue::Gauge(2.0));
    let duration = metrics.named("duration").one();
    let expected = MetricValue::Histogram { count: 2, sum: 3.0, bounds: vec![1.0], buckets: vec![1, 1] };
    assert_eq!((duration.value, duration.unit.as_str()), (expected, "s"));
}

#[test]
fn the_configuration_decides_what_is_sent() {
    let record = || {
        highlight::in_span("span", |_| tracing::info!("line"));
        highlight::consume_error(&Expired);
        metrics::record_incr("count", []);
    };
    let all = Config::new("1");
    for (config, expected) in [
        (all.clone(), [1, 1, 1, 1]),
        (all.clone().signals(Signals::ERRORS), [0, 0, 1, 0]),
        (all.clone().sample_rate(0.0), [0, 1, 1, 1]),
        (all.clone().level(tracing::level_filters::LevelFilter::ERROR), [1, 0, 1, 1]),
        (all.enabled(false), [0; 4]),
        (Config::from_env(), [1, 1, 1, 1]),
    ] {
        let telemetry = capture_with(config);
        telemetry.in_scope(record);
        let found = [
            telemetry.spans().len(),
            telemetry.logs().len(),
            telemetry.errors().len(),
            telemetry.metrics().len(),
        ];
        assert_eq!(found, expected, "{telemetry}");
    }
}
