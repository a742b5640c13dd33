//! The resource: what is the same for everything this process sends.
//!
//! The server copies every resource attribute onto every stored row (C§3.1), so the list is short:
//!
//! | attribute | when |
//! |---|---|
//! | `highlight.project_id` | always |
//! | `service.name`, `service.version` | when known |
//! | `deployment.environment` and `deployment.environment.name` | when known; the server reads only the first, which the semantic conventions have replaced by the second (C§3.2) |
//! | `host.name`, `process.pid` | tell apart the instances of a service |
//! | `telemetry.distro.*`, `telemetry.sdk.*` | always |

use opentelemetry::KeyValue;
use opentelemetry_sdk::resource::{ResourceDetector, TelemetryResourceDetector};

/// Who is sending.
#[derive(Debug, Clone, Default)]
pub(crate) struct Service {
    pub(crate) project_id: String,
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) environment: Option<String>,
    /// Usually the variable `HOSTNAME`, which containers set.
    pub(crate) host_name: Option<String>,
    /// Attributes of the user's. What the fields above already say is ignored here.
    pub(crate) extra: Vec<(String, String)>,
}

impl Service {
    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let extra = |name: &str| {
            let found = self.extra.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str())
        };
        let environment = self
            .environment
            .as_deref()
            .or_else(|| extra("deployment.environment"))
            .or_else(|| extra("deployment.environment.name"));
        let known = [
            ("highlight.project_id", Some(self.project_id.as_str())),
            ("service.name", self.name.as_deref()),
            ("service.version", self.version.as_deref()),
            ("deployment.environment", environment),
            ("deployment.environment.name", environment),
            ("host.name", self.host_name.as_deref()),
            ("telemetry.distro.name", Some("highlight-rust")),
            ("telemetry.distro.version", Some(env!("CARGO_PKG_VERSION"))),
        ];
        let known = known.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, value?.to_owned())));
        let mut attributes: Vec<KeyValue> = known.collect();
        attributes.push(KeyValue::new("process.pid", i64::from(std::process::id())));
        let sdk = TelemetryResourceDetector.detect();
        attributes.extend(sdk.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())));
        for (key, value) in &self.extra {
            if attributes.iter().all(|present| present.key.as_str() != key) {
                attributes.push(KeyValue::new(key.clone(), value.clone()));
            }
        }
        attributes
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::Value;

    use super::*;

    fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
        let mut found = attributes.iter().filter(|attribute| attribute.key.as_str() == key);
        let value = &found.next()?.value;
        assert!(found.next().is_none(), "{key} is there twice");
        match value {
            Value::String(text) => Some(text.as_str()),
            other => panic!("{key} is {other:?}"),
        }
    }

    fn service() -> Service {
        Service {
            project_id: "1jdkoe52".into(),
            name: Some("checkout".into()),
            version: Some("5099514e".into()),
            ..Service::default()
        }
    }

    #[test]
    fn c3_2_both_environment_attributes_are_sent() {
        let cases = [
            (Some("prod"), None, Some("prod")),
            (Some("prod"), Some("deployment.environment.name"), Some("prod")),
            (None, Some("deployment.environment"), Some("extra")),
            (None, Some("deployment.environment.name"), Some("extra")),
            (None, None, None),
        ];
        for (environment, extra, expected) in cases {
            let attributes = Service {
                environment: environment.map(Into::into),
                extra: extra.map(|key| (key.into(), "extra".into())).into_iter().collect(),
                ..service()
            }
            .attributes();
            assert_eq!(find(&attributes, "deployment.environment"), expected);
            assert_eq!(find(&attributes, "deployment.environment.name"), expected);
        }
    }

    #[test]
    fn what_is_known_beats_extra_attributes_and_new_ones_are_added() {
        let attributes = Service {
            extra: vec![("service.name".into(), "other".into()), ("team".into(), "payments".into())],
            ..service()
        }
        .attributes();
        assert_eq!(find(&attributes, "service.name"), Some("checkout"));
        assert_eq!(find(&attributes, "team"), Some("payments"));
        assert_eq!(find(&attributes, "highlight.project_id"), Some("1jdkoe52"));
        assert_eq!(find(&attributes, "telemetry.distro.name"), Some("highlight-rust"));
        assert_eq!(find(&attributes, "telemetry.sdk.language"), Some("rust"));
        assert_eq!(find(&attributes, "host.name"), None);
    }
}
