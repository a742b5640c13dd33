//! Configuration: what can be set, where it comes from, and what the rest of the crate gets to see of it.
//!
//! [`Config`] collects what code says; [`resolve`](Config::resolve) adds the environment and the defaults, checks
//! everything once, and yields [`Resolved`] plain values. Nothing else in the crate reads the environment.

mod certificate;
mod endpoint;
mod env;
mod error;
mod filter;
mod headers;
mod mask;
mod options;
mod otel;
mod privacy;
mod project_id;
mod rates;
mod resolve;
mod resource;
mod setters;
mod signals;
mod version;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use tracing::level_filters::LevelFilter;

pub(crate) use self::{
    certificate::Certificate, endpoint::Endpoint, env::shown as shown_environment, filter::Filter,
    mask::masked, resolve::Resolved,
};
use self::{
    certificate::CertificateSource,
    mask::{Secret, Text},
};
pub use self::{
    error::InitError,
    signals::{ParseSignalsError, Signals},
    version::first_set,
};
use crate::{SpanKind, before_send::BeforeSend, error::ErrorRule, redact::RedactFn, sampling::SamplerFn};

/// How requests to the server are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Compression {
    /// gzip; the default, and the one compression that every part of the server reads (C§1.2).
    #[default]
    Gzip,
    /// As it is; for a collector on the same machine.
    None,
}

#[doc = include_str!("options.md")]
#[derive(Debug, Clone, Default)]
#[must_use = "a configuration does nothing until it is handed to `init`"]
pub struct Config {
    project_id: Option<Text>,
    endpoint: Option<Text>,
    service_name: Option<String>,
    service_version: Option<String>,
    build_version: Option<&'static str>,
    environment: Option<String>,
    resource_attributes: BTreeMap<String, String>,
    enabled: Option<bool>,
    debug: Option<bool>,
    signals: Option<Signals>,
    level: Option<LevelFilter>,
    filter: Option<String>,
    console: Option<bool>,
    errors_from_logs: Option<bool>,
    panic_hook: Option<bool>,
    error_rule: Option<ErrorRule>,
    stack_traces: Option<bool>,
    source_context: Option<bool>,
    remap_path_prefix: Vec<(String, String)>,
    request_span: Option<bool>,
    sample_rate: Option<f64>,
    sample_rate_for: BTreeMap<SpanKind, f64>,
    sampler: Option<SamplerFn>,
    trust_parent_sampling: Option<bool>,
    trust_incoming: Option<bool>,
    session_cookie: Option<bool>,
    propagate_to: Vec<String>,
    redact: Option<bool>,
    redact_keys: Vec<String>,
    redact_patterns: Vec<String>,
    redact_except: Vec<String>,
    redact_with: Option<RedactFn>,
    before_send: Option<BeforeSend>,
    compression: Option<Compression>,
    headers: Vec<(String, Secret<String>)>,
    certificates: Vec<CertificateSource>,
    export_timeout: Option<Duration>,
    shutdown_timeout: Option<Duration>,
    export_interval: Option<Duration>,
    retry_for: Option<Duration>,
    queue_items: Option<usize>,
    queue_bytes: Option<usize>,
    spool: Option<PathBuf>,
    spool_bytes: Option<usize>,
    spool_age: Option<Duration>,
}

/// The successor's receiver (C§1.1).
const LAUNCHDARKLY_ENDPOINT: &str = "https://otel.observability.app.launchdarkly.com:4318";

impl Config {
    /// A configuration for the project with this id, as the project's settings show it: `1jdkoe52`, or its number.
    ///
    /// An id that the server could not know is an [`InitError`]: the server itself would answer 200 and drop
    /// everything (C§1.4). Empty falls back to `HIGHLIGHT_PROJECT_ID`.
    pub fn new(project_id: impl Into<String>) -> Self {
        Self { project_id: Some(Text(project_id.into())), ..Self::default() }
    }

    /// A configuration whose project comes from `HIGHLIGHT_PROJECT_ID`.
    ///
    /// Every other option is read from the environment too, as with [`new`](Self::new).
    pub fn from_env() -> Self {
        Self::default()
    }

    /// A configuration for LaunchDarkly Observability, Highlight's successor: its endpoint, and the SDK key of the
    /// environment in place of the project id (C§12). It shows source code, so [`source_context`](Self::source_context) is on.
    ///
    /// Both count as set in code, so they beat `HIGHLIGHT_OTLP_ENDPOINT` and `HIGHLIGHT_SOURCE_CONTEXT`; a later
    /// [`endpoint`](Self::endpoint) or `source_context` replaces them.
    pub fn launchdarkly(sdk_key: impl Into<String>) -> Self {
        Self::new(sdk_key).endpoint(LAUNCHDARKLY_ENDPOINT).source_context(true)
    }
}
