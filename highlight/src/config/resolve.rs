//! From what code, environment and defaults say to plain values, checked once.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use http::HeaderMap;
use tracing::level_filters::LevelFilter;

use super::{
    Compression, Config, Endpoint, Filter, InitError, Signals,
    certificate::{self, Certificate},
    env::{Env, parse_bool, parse_pairs},
    error::{CODE, Remedy},
    filter::{Directives, parse_level},
    headers,
    mask::{HIDDEN, Secret, Text},
    options::{self, OptionDoc},
    otel, project_id,
    rates::{check_rate, parse_rate, parse_rates},
    resource::Resource,
    version,
};
use crate::{
    SpanKind, before_send::BeforeSend, error::ErrorRule, pipeline::Limits, propagation::targets::Targets,
    redact::Redactor, sampling::SamplerFn,
};

/// The configuration as the rest of the crate sees it: every value is there, and valid.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
pub(crate) struct Resolved {
    /// Off: everything else still holds (the console, for one), but nothing is recorded or sent.
    pub(crate) enabled: bool,
    pub(crate) debug: bool,
    /// Empty if not `enabled`.
    pub(crate) project_id: String,
    pub(crate) endpoint: Endpoint,
    pub(crate) service_name: String,
    pub(crate) service_version: Option<String>,
    pub(crate) environment: Option<String>,
    /// `HOSTNAME`, which containers set.
    pub(crate) host_name: Option<String>,
    /// Without the keys that are options of their own.
    pub(crate) resource_attributes: BTreeMap<String, String>,
    pub(crate) signals: Signals,
    pub(crate) filter: Filter,
    pub(crate) console: bool,
    pub(crate) errors_from_logs: bool,
    pub(crate) panic_hook: bool,
    pub(crate) error_rule: Option<ErrorRule>,
    pub(crate) stack_traces: bool,
    pub(crate) source_context: bool,
    /// From and to.
    pub(crate) remap_path_prefix: Vec<(String, String)>,
    pub(crate) request_span: bool,
    /// From 0.0 to 1.0.
    pub(crate) sample_rate: f64,
    /// In place of it, by the kind of a request's first span.
    pub(crate) sample_rate_for: BTreeMap<SpanKind, f64>,
    pub(crate) sampler: Option<SamplerFn>,
    pub(crate) trust_parent_sampling: bool,
    pub(crate) trust_incoming: bool,
    pub(crate) session_cookie: bool,
    pub(crate) propagate_to: Targets,
    pub(crate) redact: bool,
    pub(crate) redactor: Redactor,
    pub(crate) before_send: Option<BeforeSend>,
    pub(crate) compression: Compression,
    /// All marked as sensitive.
    pub(crate) headers: HeaderMap,
    /// The authorities to trust; if empty, the public ones.
    pub(crate) certificates: Vec<Certificate>,
    /// Between 1 ms and a day, as `export_interval` is.
    pub(crate) export_timeout: Duration,
    /// At most a day, as `retry_for` is.
    pub(crate) shutdown_timeout: Duration,
    pub(crate) export_interval: Duration,
    pub(crate) retry_for: Duration,
    pub(crate) queue_items: usize,
    pub(crate) queue_bytes: usize,
    /// An absolute path.
    pub(crate) spool: Option<PathBuf>,
    pub(crate) spool_bytes: usize,
    /// At most 30 days.
    pub(crate) spool_age: Duration,
    /// What `init` should say once: variables without effect, and settings that look like a mistake.
    pub(crate) warnings: Vec<String>,
}

const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
const DEFAULT_EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);
const DEFAULT_EXPORT_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_RETRY_FOR: Duration = Duration::from_secs(5 * 60);
const DEFAULT_SPOOL_BYTES: usize = 64 * 1024 * 1024;
const DEFAULT_SPOOL_AGE: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_SPOOL_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Longer durations are mistakes, and could overflow an `Instant` that they are added to.
const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);
const MIN_DURATION: Duration = Duration::from_millis(1);

impl Config {
    /// Adds `env` and the defaults, and checks everything.
    pub(crate) fn resolve(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Resolved, InitError> {
        if self.is_enabled(&Env::new(env))? {
            return self.resolve_options(env, true);
        }
        // A switch that keeps the program from starting would switch off too much.
        match self.resolve_options(env, false) {
            Ok(resolved) => Ok(resolved),
            Err(error) => {
                let mut defaults = Self::default().resolve_options(&|_| None, false)?;
                defaults.warnings.push(error.to_string());
                Ok(defaults)
            }
        }
    }

    /// Everything but the project: enough to ask the server. `None` if something else is wrong too.
    pub(crate) fn resolve_without_project(&self, env: &dyn Fn(&str) -> Option<String>) -> Option<Resolved> {
        self.resolve_options(env, false).ok()
    }

    /// Whoever says no is obeyed: code, `HIGHLIGHT_ENABLED` or `OTEL_SDK_DISABLED`.
    fn is_enabled(&self, env: &Env<'_>) -> Result<bool, InitError> {
        let ours = OptionDoc { env: &["HIGHLIGHT_ENABLED"], ..options::ENABLED };
        let environment = env.read(&ours, parse_bool)?.unwrap_or(true);
        Ok(self.enabled.unwrap_or(true) && environment && !otel::is_disabled(env))
    }

    fn resolve_options(
        &self,
        env: &dyn Fn(&str) -> Option<String>,
        enabled: bool,
    ) -> Result<Resolved, InitError> {
        let env = Env::new(env);
        let mut resource = Resource::read(self, &env)?;
        let project_id = resource.take(&options::PROJECT_ID);
        let request_span = env.flag(&options::REQUEST_SPAN, self.request_span, true)?;
        Ok(Resolved {
            enabled,
            debug: env.flag(&options::DEBUG, self.debug, false)?,
            project_id: if enabled { self.resolve_project_id(&env, project_id)? } else { String::new() },
            endpoint: self.resolve_endpoint(&env)?,
            service_name: resource
                .option(&options::SERVICE_NAME, self.service_name.as_deref(), &env)
                .unwrap_or_else(executable_name),
            service_version: resource
                .option(&options::SERVICE_VERSION, self.service_version.as_deref(), &env)
                .or_else(|| self.build_version.map(str::to_owned).filter(|v| !v.is_empty()))
                .or_else(|| version::of_platform(&env)),
            environment: resource.option(&options::ENVIRONMENT, self.environment.as_deref(), &env),
            host_name: env.get("HOSTNAME"),
            resource_attributes: resource.into_attributes(),
            signals: env.value(&options::SIGNALS, self.signals, Signals::parse, Ok)?.unwrap_or(Signals::ALL),
            filter: self.resolve_filter(&env, request_span)?,
            console: env.flag(&options::CONSOLE, self.console, true)?,
            errors_from_logs: env.flag(&options::ERRORS_FROM_LOGS, self.errors_from_logs, false)?,
            panic_hook: env.flag(&options::PANIC_HOOK, self.panic_hook, true)?,
            error_rule: self.error_rule.clone(),
            stack_traces: env.flag(&options::STACK_TRACES, self.stack_traces, true)?,
            source_context: env.flag(&options::SOURCE_CONTEXT, self.source_context, false)?,
            remap_path_prefix: self.resolve_path_prefixes(&env)?,
            request_span,
            sample_rate: self.resolve_sample_rate(&env)?,
            sample_rate_for: self.resolve_sample_rate_for(&env)?,
            sampler: self.sampler.clone(),
            trust_parent_sampling: env.flag(
                &options::TRUST_PARENT_SAMPLING,
                self.trust_parent_sampling,
                false,
            )?,
            trust_incoming: env.flag(&options::TRUST_INCOMING, self.trust_incoming, true)?,
            session_cookie: env.flag(&options::SESSION_COOKIE, self.session_cookie, false)?,
            propagate_to: self.resolve_targets(&env)?,
            redact: env.flag(&options::REDACT, self.redact, true)?,
            redactor: self.resolve_redactor(&env)?,
            before_send: self.before_send.clone(),
            compression: env
                .value(&options::COMPRESSION, self.compression, parse_compression, Ok)?
                .unwrap_or(Compression::Gzip),
            headers: self.resolve_headers(&env)?,
            certificates: certificate::load(&self.certificates, &env)?,
            export_timeout: duration(&env, &options::EXPORT_TIMEOUT, self.export_timeout, MIN_DURATION)?
                .unwrap_or(DEFAULT_EXPORT_TIMEOUT),
            shutdown_timeout: duration(
                &env,
                &options::SHUTDOWN_TIMEOUT,
                self.shutdown_timeout,
                Duration::ZERO,
            )?
            .unwrap_or(DEFAULT_SHUTDOWN_TIMEOUT),
            export_interval: duration(&env, &options::EXPORT_INTERVAL, self.export_interval, MIN_DURATION)?
                .unwrap_or(DEFAULT_EXPORT_INTERVAL),
            retry_for: duration(&env, &options::RETRY_FOR, self.retry_for, Duration::ZERO)?
                .unwrap_or(DEFAULT_RETRY_FOR),
            queue_items: count(&env, &options::QUEUE_ITEMS, self.queue_items)?
                .unwrap_or(Limits::DEFAULT_ITEMS),
            queue_bytes: count(&env, &options::QUEUE_BYTES, self.queue_bytes)?
                .unwrap_or(Limits::DEFAULT_BYTES),
            spool: self.resolve_spool(&env)?,
            spool_bytes: count(&env, &options::SPOOL_BYTES, self.spool_bytes)?.unwrap_or(DEFAULT_SPOOL_BYTES),
            spool_age: duration_within(
                &env,
                &options::SPOOL_AGE,
                self.spool_age,
                MIN_DURATION..=MAX_SPOOL_AGE,
            )?
            .unwrap_or(DEFAULT_SPOOL_AGE),
            warnings: {
                otel::warn_of_ignored(&env);
                env.into_warnings()
            },
        })
    }

    fn resolve_project_id(&self, env: &Env<'_>, in_resource: Option<String>) -> Result<String, InitError> {
        let option = &options::PROJECT_ID;
        let code = self.project_id.as_ref().map(|Text(id)| id.as_str());
        if let Some(id) = env.text(option, code, project_id::check)? {
            return Ok(id);
        }
        let id = in_resource.ok_or(InitError::MissingProjectId)?;
        project_id::check(&id)
            .map_err(|remedy| InitError::invalid(option.name, options::OTEL_RESOURCE, &id, remedy))
    }

    fn resolve_endpoint(&self, env: &Env<'_>) -> Result<Endpoint, InitError> {
        let code = self.endpoint.as_ref().map(|Text(url)| url.as_str());
        let endpoint = match env.text(&options::ENDPOINT, code, Endpoint::parse)? {
            Some(endpoint) => endpoint,
            None => Endpoint::parse(DEFAULT_ENDPOINT).map_err(|remedy| {
                InitError::invalid(options::ENDPOINT.name, "default", DEFAULT_ENDPOINT, remedy)
            })?,
        };
        if endpoint.is_grpc_port() {
            env.warn(format!(
                "the endpoint {endpoint} looks like a gRPC port: OTLP/HTTP is usually on port 4318"
            ));
        }
        Ok(endpoint)
    }

    fn resolve_filter(&self, env: &Env<'_>, request_span: bool) -> Result<Filter, InitError> {
        let level = env.value(&options::LEVEL, self.level, parse_level, Ok)?.unwrap_or(LevelFilter::INFO);
        let directives =
            env.text(&options::FILTER, self.filter.as_deref(), Directives::parse)?.unwrap_or_default();
        Ok(Filter::new(level, directives, request_span))
    }

    fn resolve_sample_rate(&self, env: &Env<'_>) -> Result<f64, InitError> {
        let option = &options::SAMPLE_RATE;
        let ours = OptionDoc { env: &["HIGHLIGHT_SAMPLE_RATE"], ..*option };
        match env.value(&ours, self.sample_rate, parse_rate, check_rate)? {
            Some(rate) => Ok(rate),
            None => Ok(otel::sample_rate(env)?.unwrap_or(1.0)),
        }
    }

    fn resolve_sample_rate_for(&self, env: &Env<'_>) -> Result<BTreeMap<SpanKind, f64>, InitError> {
        let option = &options::SAMPLE_RATE_FOR;
        let mut rates = env.read(option, parse_rates)?.unwrap_or_default();
        for (kind, rate) in &self.sample_rate_for {
            let rate = check_rate(*rate)
                .map_err(|remedy| InitError::invalid(option.name, CODE, &format!("{rate:?}"), remedy))?;
            rates.insert(*kind, rate);
        }
        Ok(rates)
    }

    fn resolve_targets(&self, env: &Env<'_>) -> Result<Targets, InitError> {
        let option = &options::PROPAGATE_TO;
        let mut targets = Targets::default();
        let mut add = |source, pattern: &str| {
            targets.add(pattern).map_err(|why| InitError::invalid(option.name, source, pattern, why.remedy()))
        };
        for pattern in self.propagate_to.iter().filter(|text| !text.trim().is_empty()) {
            add(CODE, pattern)?;
        }
        if let Some((variable, list)) = env.first(option.env) {
            for pattern in list.split(',').filter(|text| !text.trim().is_empty()) {
                add(variable, pattern)?;
            }
        }
        Ok(targets)
    }

    /// Code first: of two rules for the same prefix, the first counts.
    fn resolve_path_prefixes(&self, env: &Env<'_>) -> Result<Vec<(String, String)>, InitError> {
        let option = &options::REMAP_PATH_PREFIX;
        let mut prefixes = self.remap_path_prefix.clone();
        if prefixes.iter().any(|(from, _)| from.trim().is_empty()) {
            let remedy = Remedy::Borrowed("name the directory whose files are meant");
            return Err(InitError::invalid(option.name, CODE, "", remedy));
        }
        let in_env = env.read(option, |text| {
            let pairs = parse_pairs(text)?;
            if pairs.iter().any(|(from, _)| from.is_empty()) {
                return Err(Remedy::Borrowed("name the directory whose files are meant: `from=to`"));
            }
            Ok(pairs)
        })?;
        prefixes.extend(in_env.unwrap_or_default());
        Ok(prefixes)
    }

    /// The directory, whatever the program makes its current one later. Whether it can be used shows when it is.
    fn resolve_spool(&self, env: &Env<'_>) -> Result<Option<PathBuf>, InitError> {
        let option = &options::SPOOL;
        let absolute = |path: &Path| match std::path::absolute(path) {
            Ok(path) if !path.as_os_str().as_encoded_bytes().contains(&0) => Ok(path),
            _ => Err(Remedy::Borrowed("name a directory that is for this alone")),
        };
        match self.spool.as_deref().filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => absolute(path)
                .map(Some)
                .map_err(|remedy| InitError::invalid(option.name, CODE, &path.to_string_lossy(), remedy)),
            None => env.read(option, |text| absolute(Path::new(text))),
        }
    }

    fn resolve_headers(&self, env: &Env<'_>) -> Result<HeaderMap, InitError> {
        let option = &options::HEADER;
        let invalid = |source, remedy| InitError::invalid(option.name, source, HIDDEN, remedy);
        let mut headers = HeaderMap::new();
        if let Some((variable, list)) = env.first(option.env) {
            if variable == options::OTEL_HEADERS && self.has_own_endpoint(env) {
                env.warn(format!(
                    "{variable} is ignored, because the endpoint does not come from {} beside it: set HIGHLIGHT_OTLP_HEADERS",
                    options::OTEL_ENDPOINT
                ));
            } else {
                let pairs = parse_pairs(&list).map_err(|remedy| invalid(variable, remedy))?;
                for (name, value) in pairs {
                    headers::insert(&mut headers, &name, &value)
                        .map_err(|remedy| invalid(variable, remedy))?;
                }
            }
        }
        for (name, Secret(value)) in &self.headers {
            headers::insert(&mut headers, name, value).map_err(|remedy| invalid(CODE, remedy))?;
        }
        Ok(headers)
    }

    /// Whether the endpoint was chosen for this SDK alone, so that credentials meant for another must not go there.
    fn has_own_endpoint(&self, env: &Env<'_>) -> bool {
        let in_code = self.endpoint.as_ref().is_some_and(|Text(url)| !url.trim().is_empty());
        let in_env = env.first(options::ENDPOINT.env);
        in_code || in_env.is_some_and(|(variable, _)| variable != options::OTEL_ENDPOINT)
    }
}

fn parse_compression(text: &str) -> Result<Compression, Remedy> {
    match text.to_ascii_lowercase().as_str() {
        "gzip" => Ok(Compression::Gzip),
        "none" => Ok(Compression::None),
        _ => Err(Remedy::Borrowed("say `gzip` or `none`")),
    }
}

fn duration(
    env: &Env<'_>,
    option: &OptionDoc,
    code: Option<Duration>,
    min: Duration,
) -> Result<Option<Duration>, InitError> {
    duration_within(env, option, code, min..=MAX_DURATION)
}

fn duration_within(
    env: &Env<'_>,
    option: &OptionDoc,
    code: Option<Duration>,
    range: RangeInclusive<Duration>,
) -> Result<Option<Duration>, InitError> {
    let remedy = || {
        let days = match range.end().as_secs() / (24 * 60 * 60) {
            1 => "a day".to_owned(),
            days => format!("{days} days"),
        };
        Remedy::Owned(format!(
            "use {} to {} milliseconds ({days}), without a unit in the environment",
            range.start().as_millis(),
            range.end().as_millis()
        ))
    };
    env.value(
        option,
        code,
        |text| text.parse().map(Duration::from_millis).map_err(|_| remedy()),
        |time| {
            if range.contains(&time) { Ok(time) } else { Err(remedy()) }
        },
    )
}

fn count(env: &Env<'_>, option: &OptionDoc, code: Option<usize>) -> Result<Option<usize>, InitError> {
    let remedy = Remedy::Borrowed("use a whole number, at least 1, without a unit");
    env.value(
        option,
        code,
        |text| text.parse().map_err(|_| remedy.clone()),
        |count| match count {
            0 => Err(remedy.clone()),
            count => Ok(count),
        },
    )
}

/// The program's file name; OpenTelemetry's `unknown_service` where the system does not tell.
fn executable_name() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .map(|name| {
            name.strip_suffix(std::env::consts::EXE_SUFFIX).map_or_else(|| name.clone(), str::to_owned)
        })
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown_service".to_owned())
}

#[cfg(test)]
mod tests;
