//! What means nothing is refused, or warned of.

use super::{table::shown, *};

#[test]
fn every_ignored_variable_gets_a_warning_that_names_it() {
    for variable in IGNORED {
        let warnings = resolved(&project(), &[(variable, "grpc")]).warnings;
        assert!(matches!(&warnings[..], [one] if one.contains(variable)), "{variable}: {warnings:?}");
    }
    let all: Vec<_> = IGNORED.iter().map(|variable| (*variable, "1")).collect();
    assert_eq!(resolved(&project(), &all).warnings.len(), 1, "one line for all");
    assert!(resolved(&project(), &[("OTEL_BSP_SCHEDULE_DELAY", " ")]).warnings.is_empty());
}

#[test]
fn what_looks_like_a_mistake_gets_a_warning() {
    for (env, part) in [
        (("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"), "4318"),
        (("HIGHLIGHT_OTLP_ENDPOINT", "http://collector:4317"), "4318"),
        (("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), "OTEL_EXPORTER_OTLP_PROTOCOL"),
        (("OTEL_SDK_DISABLED", "yes"), "say `true`"),
    ] {
        let warnings = resolved(&project(), &[env]).warnings;
        assert!(matches!(&warnings[..], [one] if one.contains(part)), "{env:?}: {warnings:?}");
    }
    let protocol = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    assert!(resolved(&project(), &[protocol]).warnings.is_empty());
}

#[test]
fn a_variable_that_means_nothing_is_an_error_that_names_it_and_a_remedy() {
    for (variable, value) in [
        ("HIGHLIGHT_PROJECT_ID", "asdf"),
        ("HIGHLIGHT_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://host:99999"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team"),
        ("OTEL_RESOURCE_ATTRIBUTES", "=shop"),
        ("OTEL_RESOURCE_ATTRIBUTES", "highlight.project_id=asdf"),
        ("HIGHLIGHT_ENABLED", "maybe"),
        ("HIGHLIGHT_DEBUG", "verbose"),
        ("HIGHLIGHT_SIGNALS", "error"),
        ("HIGHLIGHT_LEVEL", "loud"),
        ("HIGHLIGHT_LOG", "dbg"),
        ("HIGHLIGHT_CONSOLE", "2"),
        ("HIGHLIGHT_STACK_TRACES", "some"),
        ("HIGHLIGHT_SOURCE_CONTEXT", "5"),
        ("HIGHLIGHT_REMAP_PATH_PREFIX", "/build"),
        ("HIGHLIGHT_REMAP_PATH_PREFIX", "=/build"),
        ("HIGHLIGHT_SAMPLE_RATE", "10%"),
        ("HIGHLIGHT_SAMPLE_RATE", "1.5"),
        ("HIGHLIGHT_SAMPLE_RATE", "NaN"),
        ("HIGHLIGHT_SAMPLE_RATE_FOR", "0.5"),
        ("HIGHLIGHT_SAMPLE_RATE_FOR", "servers=0.5"),
        ("HIGHLIGHT_PROPAGATE_TO", "a.example,https://b.example"),
        ("HIGHLIGHT_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("HIGHLIGHT_OTLP_HEADERS", "x-token"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "content-type=x"),
        ("HIGHLIGHT_EXPORT_TIMEOUT", "10s"),
        ("HIGHLIGHT_EXPORT_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
        ("HIGHLIGHT_SHUTDOWN_TIMEOUT", "86400001"),
        ("HIGHLIGHT_EXPORT_INTERVAL", "0"),
        ("HIGHLIGHT_RETRY_FOR", "5m"),
        ("HIGHLIGHT_QUEUE_ITEMS", "0"),
        ("HIGHLIGHT_QUEUE_BYTES", "32MiB"),
        ("HIGHLIGHT_SPOOL", "/var\0"),
        ("HIGHLIGHT_SPOOL_BYTES", "0"),
        ("HIGHLIGHT_SPOOL_AGE", "2592000001"),
    ] {
        let config = match (variable, value) {
            ("HIGHLIGHT_PROJECT_ID", _) | (_, "highlight.project_id=asdf") => Config::from_env(),
            _ => project(),
        };
        match refused(&config, &[(variable, value)]) {
            InitError::InvalidOption { option, source_name, remedy, .. } => {
                assert_eq!(source_name, variable);
                assert!(OPTIONS.iter().any(|known| known.name == option), "{option}");
                assert!(!remedy.is_empty());
            }
            other => panic!("{variable}={value}: {other}"),
        }
    }
}

#[test]
fn code_that_means_nothing_is_an_error_that_names_the_option() {
    let day = Duration::from_secs(24 * 60 * 60);
    for (option, config) in [
        ("project_id", Config::new("<project id>")),
        ("endpoint", project().endpoint("ftp://host")),
        ("resource_attribute", project().resource_attribute(" ", "x")),
        ("filter", project().filter("shop=loud")),
        ("remap_path_prefix", project().remap_path_prefix(" ", "/")),
        ("sample_rate", project().sample_rate(-0.1)),
        ("sample_rate", project().sample_rate(f64::NAN)),
        ("sample_rate_for", project().sample_rate_for(SpanKind::Server, 1.1)),
        ("propagate_to", project().propagate_to("*")),
        ("header", project().header("x token", "y")),
        ("certificate_pem", project().certificate_pem("no certificate")),
        ("export_timeout", project().export_timeout(Duration::ZERO)),
        ("export_interval", project().export_interval(Duration::from_nanos(1))),
        ("retry_for", project().retry_for(Duration::MAX)),
        ("shutdown_timeout", project().shutdown_timeout(day + Duration::from_nanos(1))),
        ("queue_items", project().queue_items(0)),
        ("queue_bytes", project().queue_bytes(0)),
    ] {
        match refused(&config, &[]) {
            InitError::InvalidOption { option: named, source_name: "code", .. } => {
                assert_eq!(named, option);
            }
            other => panic!("{option}: {other}"),
        }
    }
    assert_eq!(resolved(&project().retry_for(day), &[]).retry_for, day);
}

#[test]
fn empty_text_counts_as_not_set() {
    let config = Config::new("")
        .endpoint(" ")
        .service_name("")
        .service_version("")
        .environment("")
        .filter("")
        .propagate_to("");
    assert!(matches!(refused(&config, &[]), InitError::MissingProjectId));

    let from_env = resolved(
        &config,
        &[
            ("HIGHLIGHT_PROJECT_ID", "2"),
            ("HIGHLIGHT_OTLP_ENDPOINT", "http://env"),
            ("HIGHLIGHT_SERVICE_NAME", "env"),
            ("HIGHLIGHT_ENVIRONMENT", "env"),
            ("HIGHLIGHT_SERVICE_VERSION", ""),
        ],
    );
    for (option, value) in [
        ("project_id", "2"),
        ("endpoint", "http://env"),
        ("service_name", "env"),
        ("environment", "env"),
        ("service_version", "none"),
        ("propagate_to", "private hosts"),
    ] {
        assert_eq!(shown(&from_env, option), value);
    }
}

#[test]
fn secrets_are_in_no_error_and_in_no_debug_output() {
    const SECRET: &str = "hunter2";
    let endpoint = format!("http://user:{SECRET}@host");
    let headers = format!("x-token={SECRET},{SECRET}");
    let config = Config::new(format!("sdk-{SECRET}"))
        .endpoint(endpoint.clone())
        .header("x-token", SECRET)
        .certificate_pem(SECRET);
    assert!(!format!("{config:?}").contains(SECRET), "{config:?}");
    assert!(format!("{config:?}").contains("x-token"), "names are shown");

    for error in [
        refused(&Config::new(format!("sdk-{SECRET}")), &[]),
        refused(&project().endpoint(endpoint.clone()), &[]),
        refused(&project(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]),
        refused(&project(), &[("HIGHLIGHT_OTLP_HEADERS", &headers)]),
        refused(&project().header("x-token", format!("{SECRET}\n")), &[]),
        refused(&project().certificate_pem(SECRET), &[]),
    ] {
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
    }
    let resolved = resolved(&project().header("x-token", SECRET), &[]);
    assert!(!format!("{resolved:?}").contains(SECRET));
}

#[test]
fn errors_are_one_sentence_with_the_remedy() {
    assert_eq!(
        refused(&project(), &[("HIGHLIGHT_SAMPLE_RATE", "2")]).to_string(),
        "option `sample_rate`, set in HIGHLIGHT_SAMPLE_RATE, cannot be \"2\": use a number from 0.0 to 1.0"
    );
    assert_eq!(
        refused(&Config::from_env(), &[]).to_string(),
        "the project id is missing: pass it to `Config::new` or set HIGHLIGHT_PROJECT_ID"
    );
}
