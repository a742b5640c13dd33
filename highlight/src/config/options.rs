//! Every option with its environment variables and its default: what `options.md` documents, and what
//! [`resolve`](super::resolve) reads. A test keeps the two equal.

/// One option of [`Config`](super::Config).
#[derive(Debug, Clone, Copy)]
pub(crate) struct OptionDoc {
    /// The name of the option and of its method.
    pub(crate) name: &'static str,
    /// The variables it is read from; the first one that is set counts.
    pub(crate) env: &'static [&'static str],
    /// The keys of `OTEL_RESOURCE_ATTRIBUTES` it is read from, after the variables.
    pub(crate) resource: &'static [&'static str],
    /// The default as the documentation words it.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests hold documentation and behaviour to it"))]
    pub(crate) default: &'static str,
}

impl OptionDoc {
    const fn new(name: &'static str, env: &'static [&'static str], default: &'static str) -> Self {
        Self { name, env, resource: &[], default }
    }

    const fn or_resource(self, resource: &'static [&'static str]) -> Self {
        Self { resource, ..self }
    }
}

/// Declares the constants and the list of all of them.
macro_rules! options {
    ($($name:ident = $doc:expr;)*) => {
        $(pub(super) const $name: OptionDoc = $doc;)*

        /// All options, in the order of the documentation.
        pub(crate) const OPTIONS: &[OptionDoc] = &[$($name),*];
    };
}

options! {
    PROJECT_ID = OptionDoc::new("project_id", &["HIGHLIGHT_PROJECT_ID"], "required")
        .or_resource(&["highlight.project_id"]);
    ENDPOINT = OptionDoc::new(
        "endpoint",
        &["HIGHLIGHT_OTLP_ENDPOINT", OTEL_ENDPOINT],
        "http://localhost:4318",
    );
    SERVICE_NAME = OptionDoc::new(
        "service_name",
        &["HIGHLIGHT_SERVICE_NAME", "OTEL_SERVICE_NAME"],
        "name of the executable",
    )
    .or_resource(&["service.name"]);
    SERVICE_VERSION = OptionDoc::new("service_version", &["HIGHLIGHT_SERVICE_VERSION"], "none")
        .or_resource(&["service.version"]);
    BUILD_VERSION = OptionDoc::new("build_version", &[], "none");
    ENVIRONMENT = OptionDoc::new("environment", &["HIGHLIGHT_ENVIRONMENT"], "none")
        .or_resource(&["deployment.environment.name", "deployment.environment"]);
    RESOURCE_ATTRIBUTE = OptionDoc::new("resource_attribute", &[OTEL_RESOURCE], "none");
    ENABLED = OptionDoc::new("enabled", &["HIGHLIGHT_ENABLED", OTEL_DISABLED], "true");
    DEBUG = OptionDoc::new("debug", &["HIGHLIGHT_DEBUG"], "false");
    SIGNALS = OptionDoc::new("signals", &["HIGHLIGHT_SIGNALS"], "all");
    LEVEL = OptionDoc::new("level", &["HIGHLIGHT_LEVEL"], "info");
    FILTER = OptionDoc::new("filter", &["HIGHLIGHT_LOG"], "none");
    CONSOLE = OptionDoc::new("console", &["HIGHLIGHT_CONSOLE"], "true");
    ERRORS_FROM_LOGS =
        OptionDoc::new("errors_from_logs", &["HIGHLIGHT_ERRORS_FROM_LOGS"], "false");
    PANIC_HOOK = OptionDoc::new("panic_hook", &["HIGHLIGHT_PANIC_HOOK"], "true");
    ERROR_RULE = OptionDoc::new("error_rule", &[], "none");
    STACK_TRACES = OptionDoc::new("stack_traces", &["HIGHLIGHT_STACK_TRACES"], "true");
    SOURCE_CONTEXT = OptionDoc::new("source_context", &["HIGHLIGHT_SOURCE_CONTEXT"], "false");
    REMAP_PATH_PREFIX =
        OptionDoc::new("remap_path_prefix", &["HIGHLIGHT_REMAP_PATH_PREFIX"], "none");
    REQUEST_SPAN = OptionDoc::new("request_span", &["HIGHLIGHT_REQUEST_SPAN"], "true");
    SAMPLE_RATE = OptionDoc::new(
        "sample_rate",
        &["HIGHLIGHT_SAMPLE_RATE", OTEL_SAMPLER, OTEL_SAMPLER_ARG],
        "1.0",
    );
    SAMPLE_RATE_FOR = OptionDoc::new("sample_rate_for", &["HIGHLIGHT_SAMPLE_RATE_FOR"], "none");
    SAMPLER = OptionDoc::new("sampler", &[], "none");
    TRUST_PARENT_SAMPLING = OptionDoc::new(
        "trust_parent_sampling",
        &["HIGHLIGHT_TRUST_PARENT_SAMPLING"],
        "false",
    );
    TRUST_INCOMING = OptionDoc::new("trust_incoming", &["HIGHLIGHT_TRUST_INCOMING"], "true");
    SESSION_COOKIE = OptionDoc::new("session_cookie", &["HIGHLIGHT_SESSION_COOKIE"], "false");
    PROPAGATE_TO = OptionDoc::new("propagate_to", &["HIGHLIGHT_PROPAGATE_TO"], "private hosts");
    REDACT = OptionDoc::new("redact", &["HIGHLIGHT_REDACT"], "true");
    REDACT_KEY = OptionDoc::new("redact_key", &["HIGHLIGHT_REDACT_KEYS"], "none");
    REDACT_PATTERN = OptionDoc::new("redact_pattern", &["HIGHLIGHT_REDACT_PATTERNS"], "none");
    REDACT_WITH = OptionDoc::new("redact_with", &[], "none");
    REDACT_EXCEPT = OptionDoc::new("redact_except", &["HIGHLIGHT_REDACT_EXCEPT"], "none");
    BEFORE_SEND = OptionDoc::new("before_send", &[], "none");
    COMPRESSION = OptionDoc::new(
        "compression",
        &["HIGHLIGHT_OTLP_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"],
        "gzip",
    );
    HEADER = OptionDoc::new("header", &["HIGHLIGHT_OTLP_HEADERS", OTEL_HEADERS], "none");
    CERTIFICATE = OptionDoc::new(
        "certificate",
        &["HIGHLIGHT_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"],
        "none",
    );
    CERTIFICATE_PEM = OptionDoc::new("certificate_pem", &[], "none");
    EXPORT_TIMEOUT = OptionDoc::new(
        "export_timeout",
        &["HIGHLIGHT_EXPORT_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"],
        "10 s",
    );
    SHUTDOWN_TIMEOUT = OptionDoc::new("shutdown_timeout", &["HIGHLIGHT_SHUTDOWN_TIMEOUT"], "3 s");
    EXPORT_INTERVAL = OptionDoc::new("export_interval", &["HIGHLIGHT_EXPORT_INTERVAL"], "1 s");
    RETRY_FOR = OptionDoc::new("retry_for", &["HIGHLIGHT_RETRY_FOR"], "5 min");
    QUEUE_ITEMS = OptionDoc::new("queue_items", &["HIGHLIGHT_QUEUE_ITEMS"], "65,536");
    QUEUE_BYTES = OptionDoc::new("queue_bytes", &["HIGHLIGHT_QUEUE_BYTES"], "32 MiB");
    SPOOL = OptionDoc::new("spool", &["HIGHLIGHT_SPOOL"], "none");
    SPOOL_BYTES = OptionDoc::new("spool_bytes", &["HIGHLIGHT_SPOOL_BYTES"], "64 MiB");
    SPOOL_AGE = OptionDoc::new("spool_age", &["HIGHLIGHT_SPOOL_AGE"], "24 h");
}

// Variables with a rule of their own.
pub(super) const OTEL_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
pub(super) const OTEL_RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
pub(super) const OTEL_DISABLED: &str = "OTEL_SDK_DISABLED";
pub(super) const OTEL_SAMPLER: &str = "OTEL_TRACES_SAMPLER";
pub(super) const OTEL_SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
pub(super) const OTEL_HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
pub(super) const OTEL_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

/// The commit or release that hosting platforms and CI systems put into the environment of a running program.
/// The first one that is set becomes the service's version, after everything explicit.
pub(super) const PLATFORM_VERSIONS: &[&str] = &[
    // Hosting.
    "RENDER_GIT_COMMIT",
    "RAILWAY_GIT_COMMIT_SHA",
    "VERCEL_GIT_COMMIT_SHA",
    "KOYEB_GIT_SHA",
    "HEROKU_BUILD_COMMIT",
    "HEROKU_SLUG_COMMIT",
    "SOURCE_VERSION",
    // CI.
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
    "BITBUCKET_COMMIT",
    "BUILDKITE_COMMIT",
    "BUILD_SOURCEVERSION",
    "CIRCLE_SHA1",
    "DRONE_COMMIT_SHA",
    "TRAVIS_COMMIT",
    // Convention.
    "GIT_COMMIT",
];

/// `OTEL_*` variables that other SDKs obey and this one does not. One that is set gets a warning: a program that
/// relies on it must not wait in silence for an effect.
pub(super) const IGNORED: &[&str] = &[
    OTEL_PROTOCOL,
    "OTEL_TRACES_EXPORTER",
    "OTEL_LOGS_EXPORTER",
    "OTEL_METRICS_EXPORTER",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION",
    "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_INSECURE",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    "OTEL_PROPAGATORS",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BLRP_SCHEDULE_DELAY",
    "OTEL_BLRP_EXPORT_TIMEOUT",
    "OTEL_BLRP_MAX_QUEUE_SIZE",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_METRIC_EXPORT_TIMEOUT",
    "OTEL_LOG_LEVEL",
    "OTEL_CONFIG_FILE",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TEXT: &str = include_str!("options.md");

    /// What stands between backticks.
    fn quoted(text: &str) -> Vec<&str> {
        text.split('`').skip(1).step_by(2).collect()
    }

    fn section(heading: &str) -> &'static str {
        let (_, rest) = TEXT.split_once(heading).unwrap_or_else(|| panic!("options.md has no {heading:?}"));
        rest.split("\n# ").next().unwrap_or(rest)
    }

    /// The rows of the section's table, without its heading and its rule.
    fn rows(section: &'static str) -> Vec<Vec<&'static str>> {
        section
            .lines()
            .filter(|line| line.starts_with('|'))
            .skip(2)
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect()
    }

    #[test]
    fn the_documented_table_is_the_one_the_code_uses() {
        let documented: Vec<_> = rows(section("# Options"))
            .into_iter()
            .map(|row| {
                let [name, env, default] = row[..] else {
                    panic!("a row has three columns: {row:?}");
                };
                (quoted(name)[0], quoted(env), default.replace('`', ""))
            })
            .collect();
        let used: Vec<_> = OPTIONS
            .iter()
            .map(|option| {
                let names = [option.env, option.resource].concat();
                (option.name, names, option.default.to_owned())
            })
            .collect();
        assert_eq!(documented, used);
    }

    #[test]
    fn every_option_has_a_method_of_its_name() {
        let methods = concat!(include_str!("mod.rs"), include_str!("setters.rs"), include_str!("privacy.rs"));
        for option in OPTIONS {
            let method = match option.name {
                "project_id" => "new",
                name => name,
            };
            assert!(methods.contains(&format!("pub fn {method}(")), "{method}");
        }
    }

    #[test]
    fn the_documented_platform_variables_are_those_the_code_reads() {
        let documented = quoted(section("# The service's version"));
        let variables: Vec<_> = documented
            .into_iter()
            .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || "_1".contains(c)))
            .filter(|name| !name.starts_with("HIGHLIGHT_") && !name.starts_with("OTEL_"))
            .collect();
        assert_eq!(variables, PLATFORM_VERSIONS);
    }

    #[test]
    fn the_documented_list_of_ignored_variables_is_the_one_the_code_warns_of() {
        let documented: BTreeSet<_> =
            rows(section("# Variables without effect")).into_iter().flat_map(|row| quoted(row[0])).collect();
        assert_eq!(documented, IGNORED.iter().copied().collect());
    }

    #[test]
    fn no_variable_is_both_read_and_ignored_or_read_for_two_options() {
        let mut seen = BTreeSet::new();
        let read = OPTIONS.iter().flat_map(|option| option.env);
        for variable in read.chain(PLATFORM_VERSIONS).chain(IGNORED) {
            assert!(seen.insert(variable), "{variable}");
        }
    }
}
