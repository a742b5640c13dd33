//! Code beats `HIGHLIGHT_*` beats `OTEL_*` beats the default, and what adds up instead.

use super::{
    table::{example, shown},
    *,
};

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
        .certificate_pem(include_bytes!("../../testdata/ca.pem").repeat(2))
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
