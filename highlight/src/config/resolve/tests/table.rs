//! The documented table of options: defaults, variables, and an example of each.

use super::*;

/// The value of an option in words, as the documentation words the defaults.
pub(super) fn shown(resolved: &Resolved, option: &str) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let list = |list: Vec<String>| if list.is_empty() { "none".to_owned() } else { list.join(",") };
    match option {
        "project_id" => resolved.project_id.clone(),
        "endpoint" => resolved.endpoint.to_string(),
        "service_name" if resolved.service_name == executable_name() => "name of the executable".to_owned(),
        "service_name" => resolved.service_name.clone(),
        "service_version" | "build_version" => text(&resolved.service_version),
        "environment" => text(&resolved.environment),
        "resource_attribute" => {
            list(resolved.resource_attributes.iter().map(|(key, value)| format!("{key}={value}")).collect())
        }
        "enabled" => resolved.enabled.to_string(),
        "debug" => resolved.debug.to_string(),
        "signals" => resolved.signals.to_string(),
        "level" => resolved.filter.max_level().to_string(),
        "filter" if resolved.filter.enabled("shop", Level::TRACE) => "shop=trace".to_owned(),
        "filter" => "none".to_owned(),
        "console" => resolved.console.to_string(),
        "errors_from_logs" => resolved.errors_from_logs.to_string(),
        "panic_hook" => resolved.panic_hook.to_string(),
        "error_rule" => resolved.error_rule.as_ref().map_or("none", |_| "a function").to_owned(),
        "stack_traces" => resolved.stack_traces.to_string(),
        "source_context" => resolved.source_context.to_string(),
        "remap_path_prefix" => {
            list(resolved.remap_path_prefix.iter().map(|(from, to)| format!("{from}={to}")).collect())
        }
        "request_span" => resolved.request_span.to_string(),
        "sample_rate" => format!("{:?}", resolved.sample_rate),
        "sample_rate_for" => list(
            resolved
                .sample_rate_for
                .iter()
                .map(|(kind, rate)| format!("{}={rate:?}", kind.as_str()))
                .collect(),
        ),
        "sampler" => resolved.sampler.as_ref().map_or("none", |_| "a function").to_owned(),
        "trust_parent_sampling" => resolved.trust_parent_sampling.to_string(),
        "trust_incoming" => resolved.trust_incoming.to_string(),
        "session_cookie" => resolved.session_cookie.to_string(),
        "propagate_to" if resolved.propagate_to.added() == 0 => "private hosts".to_owned(),
        "propagate_to" => format!("private hosts and {}", resolved.propagate_to.added()),
        "redact" => resolved.redact.to_string(),
        "redact_key" => list(vec!["a pattern".to_owned(); resolved.redactor.keys.len()]),
        "redact_pattern" => list(vec!["a pattern".to_owned(); resolved.redactor.patterns.len()]),
        "redact_except" => list(vec!["a pattern".to_owned(); resolved.redactor.except.len()]),
        "redact_with" => resolved.redactor.function.as_ref().map_or("none", |_| "a function").to_owned(),
        "before_send" => resolved.before_send.as_ref().map_or("none", |_| "a function").to_owned(),
        "compression" => format!("{:?}", resolved.compression).to_lowercase(),
        "header" => list(resolved.headers.iter().map(|(name, value)| format!("{name}={value:?}")).collect()),
        "certificate" | "certificate_pem" => match resolved.certificates.len() {
            0 => "none".to_owned(),
            count => format!("{count} certificates"),
        },
        "export_timeout" => millis(resolved.export_timeout),
        "shutdown_timeout" => millis(resolved.shutdown_timeout),
        "export_interval" => millis(resolved.export_interval),
        "retry_for" => millis(resolved.retry_for),
        "queue_items" => resolved.queue_items.to_string(),
        "queue_bytes" => resolved.queue_bytes.to_string(),
        "spool" => resolved.spool.as_ref().map_or("none".to_owned(), |path| path.display().to_string()),
        "spool_bytes" => resolved.spool_bytes.to_string(),
        "spool_age" => millis(resolved.spool_age),
        other => panic!("{other} has no words"),
    }
}

/// A documented default in the words of [`shown`].
fn plain(documented: &str) -> String {
    let scaled = |number: &str, factor: u64, unit: &str| {
        let number: u64 = number.parse().unwrap();
        format!("{}{unit}", number * factor)
    };
    match documented.rsplit_once(' ') {
        Some((number, "s")) => scaled(number, 1000, " ms"),
        Some((number, "h")) => scaled(number, 3_600_000, " ms"),
        Some((number, "min")) => scaled(number, 60_000, " ms"),
        Some((number, "MiB")) => scaled(number, 1024 * 1024, ""),
        _ if documented.starts_with(|c: char| c.is_ascii_digit()) => documented.replace(',', ""),
        _ => documented.to_owned(),
    }
}

#[test]
fn every_documented_default_is_what_nothing_resolves_to() {
    let resolved = resolved(&project(), &[]);
    for option in OPTIONS {
        if option.default == "required" {
            let error = refused(&Config::from_env(), &[]);
            assert!(matches!(error, InitError::MissingProjectId), "{}", option.name);
        } else {
            assert_eq!(shown(&resolved, option.name), plain(option.default), "{}", option.name);
        }
    }
    assert_eq!(resolved.warnings, Vec::<String>::new());
}

/// A variable, a value for it and what the option then is; with what else must be set for it to count.
type Example = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const EXAMPLES: &[Example] = &[
    ("HIGHLIGHT_PROJECT_ID", "56gl9g91", "56gl9g91", &[]),
    ("HIGHLIGHT_OTLP_ENDPOINT", "https://a:8318/", "https://a:8318", &[]),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b/otlp", "http://b/otlp", &[]),
    ("HIGHLIGHT_SERVICE_NAME", "checkout", "checkout", &[]),
    ("OTEL_SERVICE_NAME", "cart", "cart", &[]),
    ("HIGHLIGHT_SERVICE_VERSION", "0b9e9f4", "0b9e9f4", &[]),
    ("HIGHLIGHT_ENVIRONMENT", "staging", "staging", &[]),
    ("OTEL_RESOURCE_ATTRIBUTES", "team=a%20b", "team=a b", &[]),
    ("HIGHLIGHT_ENABLED", "off", "false", &[]),
    ("OTEL_SDK_DISABLED", "TRUE", "false", &[]),
    ("HIGHLIGHT_DEBUG", "1", "true", &[]),
    ("HIGHLIGHT_SIGNALS", "errors,logs", "logs,errors", &[]),
    ("HIGHLIGHT_LEVEL", "Debug", "debug", &[]),
    ("HIGHLIGHT_LOG", "shop=trace", "shop=trace", &[]),
    ("HIGHLIGHT_CONSOLE", "no", "false", &[]),
    ("HIGHLIGHT_ERRORS_FROM_LOGS", "yes", "true", &[]),
    ("HIGHLIGHT_PANIC_HOOK", "false", "false", &[]),
    ("HIGHLIGHT_STACK_TRACES", "false", "false", &[]),
    ("HIGHLIGHT_SOURCE_CONTEXT", "true", "true", &[]),
    ("HIGHLIGHT_REMAP_PATH_PREFIX", "/a=/b,/c%2Cd=", "/a=/b,/c,d=", &[]),
    ("HIGHLIGHT_REQUEST_SPAN", "false", "false", &[]),
    ("HIGHLIGHT_SAMPLE_RATE", "0.25", "0.25", &[]),
    ("OTEL_TRACES_SAMPLER", "always_off", "0.0", &[]),
    ("OTEL_TRACES_SAMPLER_ARG", "0.5", "0.5", &[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")]),
    ("HIGHLIGHT_SAMPLE_RATE_FOR", "server=0.25,client=1", "server=0.25,client=1.0", &[]),
    ("HIGHLIGHT_TRUST_PARENT_SAMPLING", "true", "true", &[]),
    ("HIGHLIGHT_TRUST_INCOMING", "false", "false", &[]),
    ("HIGHLIGHT_SESSION_COOKIE", "true", "true", &[]),
    ("HIGHLIGHT_PROPAGATE_TO", "a.example, *.b.example,", "private hosts and 2", &[]),
    ("HIGHLIGHT_REDACT", "false", "false", &[]),
    ("HIGHLIGHT_REDACT_KEYS", "iban, customer.*,", "a pattern,a pattern", &[]),
    ("HIGHLIGHT_REDACT_PATTERNS", "EMP-####", "a pattern", &[]),
    ("HIGHLIGHT_REDACT_EXCEPT", "page_token", "a pattern", &[]),
    ("HIGHLIGHT_OTLP_COMPRESSION", "none", "none", &[]),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "None", "none", &[]),
    ("HIGHLIGHT_OTLP_HEADERS", "x-token=a", "x-token=Sensitive", &[]),
    ("OTEL_EXPORTER_OTLP_HEADERS", "x-token=a", "x-token=Sensitive", &[]),
    ("HIGHLIGHT_OTLP_CERTIFICATE", CA_PATH, "1 certificates", &[]),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", CA_PATH, "1 certificates", &[]),
    ("HIGHLIGHT_EXPORT_TIMEOUT", "1500", "1500 ms", &[]),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500", "2500 ms", &[]),
    ("HIGHLIGHT_SHUTDOWN_TIMEOUT", "0", "0 ms", &[]),
    ("HIGHLIGHT_EXPORT_INTERVAL", "250", "250 ms", &[]),
    ("HIGHLIGHT_RETRY_FOR", "0", "0 ms", &[]),
    ("HIGHLIGHT_QUEUE_ITEMS", "100", "100", &[]),
    ("HIGHLIGHT_QUEUE_BYTES", "1048576", "1048576", &[]),
    ("HIGHLIGHT_SPOOL", "/var/spool/shop", "/var/spool/shop", &[]),
    ("HIGHLIGHT_SPOOL_BYTES", "1048576", "1048576", &[]),
    ("HIGHLIGHT_SPOOL_AGE", "172800000", "172800000 ms", &[]),
];

pub(super) fn example(variable: &str) -> &'static Example {
    EXAMPLES
        .iter()
        .find(|(known, ..)| *known == variable)
        .unwrap_or_else(|| panic!("{variable} has no example"))
}

#[test]
fn every_documented_variable_takes_effect() {
    let mut seen = BTreeSet::new();
    for option in OPTIONS {
        for variable in option.env {
            let (_, value, expected, with) = example(variable);
            let env = [&[(*variable, *value)], *with].concat();
            let config = match option.name {
                "project_id" => Config::from_env(),
                _ => project(),
            };
            let resolved = resolved(&config, &env);
            assert_eq!(shown(&resolved, option.name), *expected, "{variable}");
            assert_ne!(*expected, plain(option.default), "{variable}: the example proves nothing");
            assert_eq!(resolved.warnings, Vec::<String>::new(), "{variable}");
            seen.insert(*variable);
        }
    }
    assert_eq!(seen.len(), EXAMPLES.len(), "an example is of no documented variable");
}

impl Config {
    /// A project for tests of other options than the project.
    fn or_project(self, option: &str) -> Self {
        match option {
            "project_id" => self,
            _ => Self { project_id: Some(Text("1jdkoe52".to_owned())), ..self },
        }
    }
}

#[test]
fn the_first_variable_of_an_option_wins() {
    for (first, second) in OPTIONS
        .iter()
        .flat_map(|option| option.env.windows(2).map(move |pair| (option, pair)))
        // These two have rules of their own, and tests of their own below.
        .filter(|(option, _)| !["enabled", "sample_rate"].contains(&option.name))
        .map(|(_, pair)| (example(pair[0]), example(pair[1])))
    {
        let (variable, value, expected, _) = first;
        let option = OPTIONS.iter().find(|option| option.env.contains(variable)).unwrap();
        // Nobody even looks at the second.
        let env = [(*variable, *value), (second.0, "\u{1}=%FF")];
        assert_eq!(shown(&resolved(&project(), &env), option.name), *expected, "{variable}");
    }
}

#[test]
fn a_key_of_the_resource_is_an_option_and_no_attribute() {
    for option in OPTIONS {
        for key in option.resource {
            let text = format!("{key}=56gl9g91,team=shop");
            let env = [("OTEL_RESOURCE_ATTRIBUTES", text.as_str())];
            let from_env = resolved(&Config { project_id: None, ..project() }.or_project(option.name), &env);
            assert_eq!(shown(&from_env, option.name), "56gl9g91", "{key}");
            assert_eq!(shown(&from_env, "resource_attribute"), "team=shop", "{key}");

            let code = Config::from_env().or_project(option.name).resource_attribute(*key, "56gl9g91");
            let variable = [(option.env[0], "1jdkoe52")];
            if option.name != "project_id" {
                assert_eq!(shown(&resolved(&code, &variable), option.name), "56gl9g91", "{key}");
            }
            assert!(resolved(&code, &[]).resource_attributes.is_empty(), "{key}");
        }
    }
}
