use std::collections::{BTreeSet, HashMap};

use tracing::Level;

use super::*;
use crate::config::options::{IGNORED, OPTIONS, PLATFORM_VERSIONS};

const CA_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/testdata/ca.pem");

fn project() -> Config {
    Config::new("1jdkoe52")
}

fn resolve(config: &Config, env: &[(&str, &str)]) -> Result<Resolved, InitError> {
    let env: HashMap<_, _> = env.iter().copied().collect();
    config.resolve(&|name| env.get(name).map(|value| (*value).to_owned()))
}

#[track_caller]
fn resolved(config: &Config, env: &[(&str, &str)]) -> Resolved {
    match resolve(config, env) {
        Ok(resolved) => resolved,
        Err(error) => panic!("{env:?}: {error}"),
    }
}

#[track_caller]
fn refused(config: &Config, env: &[(&str, &str)]) -> InitError {
    match resolve(config, env) {
        Ok(resolved) => panic!("{config:?} and {env:?} became {resolved:?}"),
        Err(error) => error,
    }
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

/// The value of an option in words, as the documentation words the defaults.
fn shown(resolved: &Resolved, option: &str) -> String {
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

fn example(variable: &str) -> &'static Example {
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

impl Config {
    /// A project for tests of other options than the project.
    fn or_project(self, option: &str) -> Self {
        match option {
            "project_id" => self,
            _ => Self { project_id: Some(Text("1jdkoe52".to_owned())), ..self },
        }
    }
}

/// A configuration that sets every option in code, to what no example and no default is.
fn everything_in_code() -> Config {
    Config::new("2")
        .endpoint("http://code:1/")
        .service_name("code")
        .service_version("c0de")
        .build_version(Some("never"))
        .environment("code")
        .resource_attribute("team", "code")
        .debug(false)
        .signals(Signals::METRICS)
        .level(crate::Level::Warn)
        .filter("shop=off")
        .console(true)
        .errors_from_logs(false)
        .panic_hook(true)
        .error_rule(|_| crate::ErrorAction::Report)
        .stack_traces(true)
        .source_context(false)
        .remap_path_prefix("/code", "/")
        .request_span(true)
        .sample_rate(0.125)
        .sample_rate_for(SpanKind::Server, 0.5)
        .sample_rate_for(SpanKind::Client, 0.75)
        .sampler(|_| None)
        .trust_parent_sampling(false)
        .trust_incoming(true)
        .session_cookie(false)
        .redact(true)
        .compression(Compression::Gzip)
        .header("x-code", "code")
        .certificate_pem(include_bytes!("../testdata/ca.pem").repeat(2))
        .export_timeout(Duration::from_millis(7))
        .shutdown_timeout(Duration::from_millis(8))
        .export_interval(Duration::from_millis(9))
        .retry_for(Duration::from_millis(10))
        .queue_items(11)
        .queue_bytes(12)
        .spool("/code")
        .spool_bytes(13)
        .spool_age(Duration::from_millis(14))
}

/// What has a rule of its own, and a test of its own below.
const ADD_UP: [&str; 7] = [
    "enabled",
    "propagate_to",
    "header",
    "redact_key",
    "redact_pattern",
    "redact_except",
    "remap_path_prefix",
];

#[test]
fn code_beats_every_variable() {
    let config = everything_in_code();
    let alone = resolved(&config, &[]);
    for option in OPTIONS {
        // The switches beat code, and lists add up.
        if ADD_UP.contains(&option.name) {
            continue;
        }
        for variable in option.env {
            let (_, value, _, with) = example(variable);
            let both = resolved(&config, &[&[(*variable, *value)], *with].concat());
            assert_eq!(shown(&both, option.name), shown(&alone, option.name), "{variable}");
        }
    }
}

#[test]
fn patterns_of_privacy_add_up_and_must_mean_something() {
    let config = project().redact_key("iban").redact_pattern(" ").redact_pattern("EMP-#");
    let env = [("HIGHLIGHT_REDACT_KEYS", "customer.*, ,vat"), ("HIGHLIGHT_REDACT_EXCEPT", "page_token")];
    let redactor = resolved(&config, &env).redactor;
    assert_eq!((redactor.keys.len(), redactor.patterns.len(), redactor.except.len()), (3, 1, 1));
    for (config, name) in [
        (project().redact_key("*"), "redact_key"),
        (project().redact_pattern("??"), "redact_pattern"),
        (project().redact_except("._"), "redact_except"),
    ] {
        let error = refused(&config, &[]).to_string();
        assert!(error.contains(name), "{error}");
    }
    let error = refused(&project(), &[("HIGHLIGHT_REDACT_PATTERNS", "a,*")]).to_string();
    assert!(error.contains("HIGHLIGHT_REDACT_PATTERNS"), "{error}");
}

#[test]
fn rates_of_kinds_add_up_and_code_wins_for_the_same() {
    let config = project().sample_rate_for(SpanKind::Server, 0.5);
    let both = resolved(&config, &[("HIGHLIGHT_SAMPLE_RATE_FOR", "server=0.25,consumer=0.75")]);
    assert_eq!(shown(&both, "sample_rate_for"), "server=0.5,consumer=0.75");
}

#[test]
fn path_prefixes_add_up_code_first() {
    let config = project().remap_path_prefix("/build", "/");
    let both = resolved(&config, &[("HIGHLIGHT_REMAP_PATH_PREFIX", "/build=/x,/src=/y")]);
    assert_eq!(shown(&both, "remap_path_prefix"), "/build=/,/build=/x,/src=/y");
}

#[test]
fn whoever_turns_it_off_it_is_off() {
    for (code, ours, otel, enabled) in [
        (None, None, None, true),
        (Some(true), None, None, true),
        (Some(false), None, None, false),
        (Some(false), Some("true"), Some("false"), false),
        (Some(true), Some("false"), None, false),
        (Some(true), None, Some("true"), false),
        (Some(true), Some("true"), Some("true"), false),
        (None, Some("false"), Some("false"), false),
        (None, Some("true"), Some("false"), true),
        (None, Some(" "), Some(""), true),
        // OpenTelemetry: anything but `true` is false.
        (None, None, Some("1"), true),
    ] {
        let config = Config { enabled: code, ..project() };
        let variables = [("HIGHLIGHT_ENABLED", ours), ("OTEL_SDK_DISABLED", otel)];
        let env: Vec<_> = variables.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        assert_eq!(resolved(&config, &env).enabled, enabled, "{code:?} {env:?}");
    }
}

#[test]
fn switched_off_nothing_is_an_error_and_the_console_stays() {
    let off = ("HIGHLIGHT_ENABLED", "false");
    let missing = resolved(&Config::from_env(), &[off, ("HIGHLIGHT_LOG", "shop=trace")]);
    assert!(missing.console && missing.filter.enabled("shop", Level::TRACE));
    assert_eq!(missing.project_id, "");

    let broken = resolved(
        &Config::new("<project>").endpoint("nowhere").sample_rate(7.0),
        &[off, ("HIGHLIGHT_LOG", "dbg")],
    );
    assert!(!broken.enabled && broken.console);
    assert_eq!(broken.warnings.len(), 1, "{:?}", broken.warnings);

    let error = refused(&project(), &[("HIGHLIGHT_ENABLED", "flase")]);
    assert!(error.to_string().contains("HIGHLIGHT_ENABLED"), "{error}");
}

#[test]
fn the_version_comes_from_the_first_that_knows_it() {
    let explicit = Config::service_version;
    let sources: [(&str, &str); 3] = [
        ("HIGHLIGHT_SERVICE_VERSION", "variable"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.version=resource"),
        ("RENDER_GIT_COMMIT", "platform"),
    ];
    let built = project().build_version(Some("built"));
    let version = |config: &Config, env: &[(&str, &str)]| resolved(config, env).service_version;
    for (config, env, expected) in [
        (explicit(built.clone(), "explicit"), &sources[..], "explicit"),
        (explicit(built.clone(), " "), &sources[..], "variable"),
        (built.clone(), &sources[1..], "resource"),
        (built, &sources[2..], "built"),
        (project().build_version(Some("")), &sources[2..], "platform"),
        (project().build_version(None), &sources[2..], "platform"),
    ] {
        assert_eq!(version(&config, env).as_deref(), Some(expected));
    }
    for (index, variable) in PLATFORM_VERSIONS.iter().enumerate() {
        let env: Vec<_> = PLATFORM_VERSIONS[index..].iter().map(|name| (*name, *name)).collect();
        assert_eq!(version(&project(), &env).as_deref(), Some(*variable));
    }
}

#[test]
fn samplers_that_are_a_rate_are_obeyed_and_others_get_a_warning() {
    for (sampler, arg, rate, warnings) in [
        ("always_on", None, 1.0, 0),
        ("parentbased_always_on", Some("0.5"), 1.0, 0),
        ("parentbased_always_off", None, 0.0, 0),
        ("TraceIdRatio", Some("0.5"), 0.5, 0),
        ("traceidratio", None, 1.0, 0),
        ("jaeger_remote", Some("endpoint=http://x"), 1.0, 1),
    ] {
        let mut env = vec![("OTEL_TRACES_SAMPLER", sampler)];
        env.extend(arg.map(|arg| ("OTEL_TRACES_SAMPLER_ARG", arg)));
        let from_otel = resolved(&project(), &env);
        assert_eq!(shown(&from_otel, "sample_rate"), format!("{rate:?}"), "{sampler}");
        assert_eq!(from_otel.warnings.len(), warnings, "{:?}", from_otel.warnings);

        env.push(("HIGHLIGHT_SAMPLE_RATE", "0.75"));
        assert_eq!(shown(&resolved(&project(), &env), "sample_rate"), "0.75", "{sampler}");
    }
    // An argument without a sampler means nothing.
    let alone = resolved(&project(), &[("OTEL_TRACES_SAMPLER_ARG", "0.5")]);
    assert_eq!(shown(&alone, "sample_rate"), "1.0");
}

#[test]
fn hosts_and_headers_and_attributes_of_code_and_environment_add_up() {
    let config = project()
        .propagate_to("a.example")
        .header("X-Both", "code")
        .header("x-code", "code")
        .resource_attribute("both", "code")
        .resource_attribute("code", "code");
    let both = resolved(
        &config,
        &[
            ("HIGHLIGHT_PROPAGATE_TO", "b.example"),
            ("HIGHLIGHT_OTLP_HEADERS", "x-both=env,x-env=e%3Dnv"),
            ("OTEL_RESOURCE_ATTRIBUTES", "both=env,env=env"),
        ],
    );
    for host in ["http://a.example/", "http://b.example/"] {
        assert!(both.propagate_to.allows(&host.parse().unwrap()), "{host}");
    }
    assert_eq!(both.headers.len(), 3);
    assert_eq!(both.headers["x-both"], "code");
    assert_eq!(both.headers["x-env"], "e=nv");
    assert_eq!(shown(&both, "resource_attribute"), "both=code,code=code,env=env");
}

#[test]
fn credentials_for_another_endpoint_stay_at_home() {
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "x-token=another-vendors");
    let otel_endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    let own_endpoint = ("HIGHLIGHT_OTLP_ENDPOINT", "https://highlight.example");
    for (config, env, sent) in [
        (project(), &[headers][..], true),
        (project(), &[headers, otel_endpoint], true),
        (project(), &[headers, otel_endpoint, own_endpoint], false),
        (project().endpoint("http://c"), &[headers, otel_endpoint], false),
        (Config::launchdarkly("sdk-0d1f7a10-9c0e-4f4c-8a55-0123456789ab"), &[headers], false),
    ] {
        let resolved = resolved(&config, env);
        assert_eq!(!resolved.headers.is_empty(), sent, "{env:?}");
        assert_eq!(!resolved.warnings.is_empty(), !sent, "{:?}", resolved.warnings);
    }
}

#[test]
fn the_successor_is_a_preset() {
    let key = "sdk-0d1f7a10-9c0e-4f4c-8a55-0123456789ab";
    let preset = resolved(&Config::launchdarkly(key), &[("HIGHLIGHT_OTLP_ENDPOINT", "http://x")]);
    assert_eq!(preset.project_id, key);
    assert_eq!(preset.endpoint.to_string(), "https://otel.observability.app.launchdarkly.com:4318");
    assert!(preset.source_context);
    assert!(!resolved(&Config::launchdarkly(key).source_context(false), &[]).source_context);
}

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
