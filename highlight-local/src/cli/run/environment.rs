//! What a command must know to send here.

use std::ffi::OsString;

/// Where the command sends to and asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Endpoints<'a> {
    pub(super) http: &'a str,
    pub(super) grpc: Option<&'a str>,
    pub(super) api: &'a str,
}

/// Variables to set, or to remove where there is no value.
type Changes = Vec<(&'static str, Option<String>)>;

/// The changes to an environment that point it here.
///
/// HTTP, which `highlight` speaks and any OpenTelemetry SDK can, unless the environment asks for gRPC. Variables for
/// one signal would beat those for all, so they go. A project that is set stays.
pub(super) fn changes(endpoints: Endpoints<'_>, get: impl Fn(&str) -> Option<OsString>) -> Changes {
    const ONE_SIGNAL: [&str; 6] = [
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    ];
    let asks_for_grpc = get("OTEL_EXPORTER_OTLP_PROTOCOL").is_some_and(|protocol| protocol == "grpc");
    let (protocol, endpoint) = match endpoints.grpc {
        Some(grpc) if asks_for_grpc => ("grpc", grpc),
        _ => ("http/protobuf", endpoints.http),
    };
    let mut changes = vec![
        ("HIGHLIGHT_OTLP_ENDPOINT", Some(endpoints.http.to_owned())),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", Some(endpoint.to_owned())),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", Some(protocol.to_owned())),
        ("HIGHLIGHT_LOCAL_URL", Some(endpoints.api.to_owned())),
    ];
    if get("HIGHLIGHT_PROJECT_ID").is_none_or(|project| project.is_empty()) {
        changes.push(("HIGHLIGHT_PROJECT_ID", Some("1".to_owned())));
    }
    changes.extend(ONE_SIGNAL.map(|name| (name, None)));
    changes
}

/// The variable because of which nothing will come.
pub(super) fn switched_off(get: impl Fn(&str) -> Option<OsString>) -> Option<&'static str> {
    let is = |name: &str, words: &[&str]| {
        let value = get(name).map(|value| value.to_string_lossy().to_ascii_lowercase());
        value.is_some_and(|value| words.contains(&value.as_str()))
    };
    if is("HIGHLIGHT_ENABLED", &["false", "0", "no", "off"]) {
        Some("HIGHLIGHT_ENABLED")
    } else if is("OTEL_SDK_DISABLED", &["true"]) {
        Some("OTEL_SDK_DISABLED")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn changed(given: &[(&str, &str)], grpc: Option<&str>) -> BTreeMap<&'static str, Option<String>> {
        let get = |name: &str| given.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        let endpoints = Endpoints { http: "http://h", grpc, api: "http://a" };
        changes(endpoints, get).into_iter().collect()
    }

    #[test]
    fn both_kinds_of_sdk_send_here() {
        let changed = changed(&[], Some("http://g"));
        let value = |name: &str| changed.get(name).unwrap().as_deref();
        assert_eq!(value("HIGHLIGHT_OTLP_ENDPOINT"), Some("http://h"));
        assert_eq!(value("OTEL_EXPORTER_OTLP_ENDPOINT"), Some("http://h"));
        assert_eq!(value("OTEL_EXPORTER_OTLP_PROTOCOL"), Some("http/protobuf"));
        assert_eq!(value("HIGHLIGHT_LOCAL_URL"), Some("http://a"));
        assert_eq!(value("HIGHLIGHT_PROJECT_ID"), Some("1"));
        assert_eq!(value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), None, "it would lead elsewhere");
    }

    #[test]
    fn grpc_where_it_is_asked_for_and_there() {
        let given = [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        for (grpc, protocol, endpoint) in
            [(Some("http://g"), "grpc", "http://g"), (None, "http/protobuf", "http://h")]
        {
            let changed = changed(&given, grpc);
            assert_eq!(changed["OTEL_EXPORTER_OTLP_PROTOCOL"].as_deref(), Some(protocol));
            assert_eq!(changed["OTEL_EXPORTER_OTLP_ENDPOINT"].as_deref(), Some(endpoint));
            assert_eq!(changed["HIGHLIGHT_OTLP_ENDPOINT"].as_deref(), Some("http://h"));
        }
    }

    #[test]
    fn a_project_that_is_set_stays() {
        assert!(!changed(&[("HIGHLIGHT_PROJECT_ID", "56gl9g91")], None).contains_key("HIGHLIGHT_PROJECT_ID"));
        let empty = changed(&[("HIGHLIGHT_PROJECT_ID", "")], None);
        assert_eq!(empty["HIGHLIGHT_PROJECT_ID"].as_deref(), Some("1"));
    }

    #[test]
    fn a_switch_is_named() {
        for (name, value, expected) in [
            ("HIGHLIGHT_ENABLED", "False", Some("HIGHLIGHT_ENABLED")),
            ("HIGHLIGHT_ENABLED", "true", None),
            ("OTEL_SDK_DISABLED", "true", Some("OTEL_SDK_DISABLED")),
            ("OTEL_SDK_DISABLED", "false", None),
        ] {
            assert_eq!(
                switched_off(|asked| (asked == name).then(|| value.into())),
                expected,
                "{name}={value}"
            );
        }
    }
}
