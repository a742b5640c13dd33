//! Headers and bodies: recorded only if named.

use std::{borrow::Cow, fmt, sync::Arc};

use opentelemetry::{Array, Context, KeyValue, StringValue, Value, trace::TraceContextExt};
use percent_encoding::percent_decode_str;

use super::{
    ServerRequest,
    options::{self, Predicate},
};
use crate::{propagation::Carrier, text};

const DEFAULT_LIMIT: usize = 8 * 1024;
/// What the server cuts values at (C§1.3).
const MAX_LIMIT: usize = 64 * 1024;

/// What of a request's and its response's headers and bodies is recorded. Default: nothing.
///
/// ```
/// use highlight::http::{Recording, ServerOptions};
///
/// let options = ServerOptions::default().record(
///     Recording::new()
///         .request_header("x-tenant")
///         .response_header("content-type")
///         .request_bodies("/api/*")
///         .response_bodies("/api/orders/*")
///         .never("/auth/*"),
/// );
/// # let _ = options;
/// ```
///
/// - A header becomes the attribute `http.request.header.{name}` or `http.response.header.{name}`, a list of its values (the semantic
///   conventions), which the server stores one by one: `http.request.header.x-tenant.0` (C§3.3).
/// - A body becomes `http.request.body` or `http.response.body`, as far as it was read or sent and up to [`body_limit`](Self::body_limit).
///   Only text is: `text/*`, JSON (also by lines), YAML, forms, GraphQL, JavaScript, in UTF-8, by its `Content-Type`. XML is not, because redaction
///   does not read its names. Of a compressed one, and of one that turns
///   out to be no UTF-8, the size alone is (`http.request.body.size`, `http.response.body.size`).
/// - Bodies are seen as they pass: nothing is held back, and no more than the limit is kept. A request's is recorded where the integration can
///   put itself around it: axum and actix always can; with tower see `HighlightLayer::wrap_request_bodies`.
/// - All of it goes through [redaction](crate::Config::redact). `authorization`, `proxy-authorization`, `cookie`, `set-cookie`, `x-api-key` and their like are `[REDACTED]` even
///   if they are named here.
///
/// A path pattern compares with the path, percent-decoded, and with the route's template, without regard to case. `*` stands for any
/// characters, slashes included; `/auth/*` covers `/auth` as well.
#[derive(Clone)]
#[must_use = "it does nothing until it is handed to `ServerOptions::record`"]
pub struct Recording {
    request_headers: Vec<String>,
    response_headers: Vec<String>,
    request_bodies: Vec<String>,
    response_bodies: Vec<String>,
    body_limit: usize,
    never: Vec<String>,
    unless: Option<Predicate>,
}

impl Recording {
    /// Records nothing yet.
    pub fn new() -> Self {
        Self {
            request_headers: Vec::new(),
            response_headers: Vec::new(),
            request_bodies: Vec::new(),
            response_bodies: Vec::new(),
            body_limit: DEFAULT_LIMIT,
            never: Vec::new(),
            unless: None,
        }
    }

    /// A header of requests, in any case. May be given several times.
    pub fn request_header(mut self, name: impl Into<String>) -> Self {
        self.request_headers.push(name.into().to_ascii_lowercase());
        self
    }

    /// A header of responses, in any case. May be given several times.
    pub fn response_header(mut self, name: impl Into<String>) -> Self {
        self.response_headers.push(name.into().to_ascii_lowercase());
        self
    }

    /// Paths whose requests' bodies are recorded; `*` for all. May be given several times.
    pub fn request_bodies(mut self, path: impl Into<String>) -> Self {
        self.request_bodies.push(normal(&path.into().to_ascii_lowercase()));
        self
    }

    /// Paths whose responses' bodies are recorded; `*` for all. May be given several times.
    pub fn response_bodies(mut self, path: impl Into<String>) -> Self {
        self.response_bodies.push(normal(&path.into().to_ascii_lowercase()));
        self
    }

    /// How much of a body is recorded, in bytes; at most 64 KiB, which is what the server stores. Default: 8 KiB.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes.min(MAX_LIMIT);
        self
    }

    /// Paths of whose requests no header, no body, no query, no user agent and no client address is recorded. May be given several times. Default: none.
    pub fn never(mut self, path: impl Into<String>) -> Self {
        self.never.push(normal(&path.into().to_ascii_lowercase()));
        self
    }

    /// The same for requests that the function says `true` of. If it panics, that counts as `true`. Default: none.
    pub fn unless(mut self, predicate: impl Fn(&ServerRequest<'_>) -> bool + Send + Sync + 'static) -> Self {
        let warning =
            "the function given to `Recording::unless` panicked; nothing of the request is recorded";
        self.unless = Some(options::predicate(predicate, warning));
        self
    }

    /// Whether nothing of the request may be recorded.
    pub(super) fn leaves_out(&self, request: &ServerRequest<'_>) -> bool {
        let is_private = |unless: &Predicate| unless.call(|unless| unless(request)).unwrap_or(true);
        is_named(&self.never, request) || self.unless.as_ref().is_some_and(is_private)
    }
}

impl Default for Recording {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("request_headers", &self.request_headers)
            .field("response_headers", &self.response_headers)
            .field("request_bodies", &self.request_bodies)
            .field("response_bodies", &self.response_bodies)
            .field("body_limit", &self.body_limit)
            .field("never", &self.never)
            .field("unless", &self.unless.is_some())
            .finish()
    }
}

fn is_named(patterns: &[String], request: &ServerRequest<'_>) -> bool {
    if patterns.is_empty() {
        return false;
    }
    let path = normal(&percent_decode_str(request.path).decode_utf8_lossy().to_ascii_lowercase());
    let route = request.route.map(str::to_ascii_lowercase);
    let fits = |pattern: &str, path: &str| {
        text::matches_glob(pattern, path) || pattern.strip_suffix("/*").is_some_and(|base| base == path)
    };
    patterns
        .iter()
        .any(|pattern| fits(pattern, &path) || route.as_ref().is_some_and(|route| fits(pattern, route)))
}

/// The path with its slashes as routers and their middleware take them: no two in a row, none at the end.
fn normal(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let normal = parts.fold(String::new(), |path, part| path + "/" + part);
    // A pattern may begin with a `*`.
    match normal.strip_prefix('/') {
        None => "/".to_owned(),
        Some(rest) if !path.starts_with('/') => rest.to_owned(),
        Some(_) => normal,
    }
}

/// What is to be recorded of one request.
#[derive(Debug)]
pub(super) struct Recorder {
    rules: Arc<Recording>,
    request_body: bool,
    response_body: bool,
    response: Option<BodyRecorder>,
}

impl Recorder {
    pub(super) fn new(rules: &Arc<Recording>, request: &ServerRequest<'_>) -> Self {
        Self {
            request_body: is_named(&rules.request_bodies, request),
            response_body: is_named(&rules.response_bodies, request),
            response: None,
            rules: Arc::clone(rules),
        }
    }

    pub(super) fn request<C: Carrier + ?Sized>(&self, cx: &Context, headers: &C) -> Option<BodyRecorder> {
        record_headers(cx, "http.request.header.", &self.rules.request_headers, headers);
        // A size that the client states is on the span already.
        let size_key = headers.get("content-length").is_none().then_some("http.request.body.size");
        let record =
            || BodyRecorder::new(cx, ("http.request.body", size_key), headers, self.rules.body_limit);
        self.request_body.then(record)?
    }

    pub(super) fn response<C: Carrier + ?Sized>(&mut self, cx: &Context, headers: &C) {
        record_headers(cx, "http.response.header.", &self.rules.response_headers, headers);
        if self.response_body {
            let keys = ("http.response.body", Some("http.response.body.size"));
            self.response = BodyRecorder::new(cx, keys, headers, self.rules.body_limit);
        }
    }

    pub(super) fn response_data(&mut self, data: &[u8]) {
        if let Some(body) = &mut self.response {
            body.data(data);
        }
    }
}

fn record_headers<C: Carrier + ?Sized>(cx: &Context, prefix: &str, names: &[String], headers: &C) {
    for name in names {
        let mut values: Vec<StringValue> = Vec::new();
        headers.visit(name, &mut |value| values.push(value.to_owned().into()));
        if !values.is_empty() {
            cx.span()
                .set_attribute(KeyValue::new(format!("{prefix}{name}"), Value::Array(Array::String(values))));
        }
    }
}

/// Keeps the beginning of one body while it passes, for integrations. What it has seen is on the request's span when it is dropped.
#[derive(Debug)]
pub struct BodyRecorder {
    cx: Context,
    key: &'static str,
    /// `None` where the size is known.
    size_key: Option<&'static str>,
    /// `None` if the body is compressed, so that it could not be read.
    kept: Option<Vec<u8>>,
    limit: usize,
    size: u64,
}

impl BodyRecorder {
    /// `None` if it is no text.
    fn new<C: Carrier + ?Sized>(
        cx: &Context,
        (key, size_key): (&'static str, Option<&'static str>),
        headers: &C,
        limit: usize,
    ) -> Option<Self> {
        headers.get("content-type").filter(|kind| is_text(kind))?;
        let is_plain = headers
            .get("content-encoding")
            .is_none_or(|coding| coding.trim().eq_ignore_ascii_case("identity"));
        Some(Self { cx: cx.clone(), key, size_key, kept: is_plain.then(Vec::new), limit, size: 0 })
    }

    /// Sees the next bytes of the body.
    pub fn data(&mut self, data: &[u8]) {
        self.size += data.len() as u64;
        if let Some(kept) = &mut self.kept {
            let room = self.limit - kept.len();
            kept.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
}

impl Drop for BodyRecorder {
    fn drop(&mut self) {
        let span = self.cx.span();
        if let (Some(key), 1..) = (self.size_key, self.size) {
            span.set_attribute(KeyValue::new(key, i64::try_from(self.size).unwrap_or(i64::MAX)));
        }
        let kept = self.kept.take().unwrap_or_default();
        let is_cut = kept.len() as u64 != self.size;
        if let Some(text) = readable(kept, is_cut).filter(|text| !text.is_empty()) {
            span.set_attribute(KeyValue::new(self.key, text));
        }
    }
}

/// The body as text, with a mark where it was cut; `None` if it is no UTF-8.
fn readable(mut bytes: Vec<u8>, is_cut: bool) -> Option<String> {
    if let Err(error) = std::str::from_utf8(&bytes) {
        // The limit may have cut a character in two.
        if !is_cut || error.error_len().is_some() {
            return None;
        }
        bytes.truncate(error.valid_up_to());
    }
    let mut body = String::from_utf8(bytes).ok()?;
    if is_cut && !body.is_empty() {
        text::drop_last_word(&mut body);
        body.push_str("...");
    }
    Some(body)
}

/// Whether this is the media type of a text in UTF-8 (RFC 9110, 8.3). XML is none: redaction does not read its names.
fn is_text(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let kind: Cow<'_, str> = parts.next().unwrap_or_default().to_ascii_lowercase().into();
    let is_utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, charset)) if name.eq_ignore_ascii_case("charset") => {
            let charset = charset.trim_matches('"');
            ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
        }
        _ => true,
    };
    let subtype = kind.strip_prefix("application/").unwrap_or_default();
    let is_text = (kind.starts_with("text/") && kind != "text/xml")
        || kind.ends_with("+json")
        || matches!(
            subtype,
            "graphql" | "javascript" | "json" | "jsonl" | "x-ndjson" | "x-www-form-urlencoded" | "yaml"
        );
    is_text && parts.all(is_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_of_text() {
        for kind in [
            "text/plain",
            "Application/JSON; charset=UTF-8",
            "application/problem+json",
            "application/x-www-form-urlencoded",
            "application/ld+json; charset=\"utf-8\"",
            "text/event-stream",
        ] {
            assert!(is_text(kind), "{kind}");
        }
        for kind in [
            "",
            "image/png",
            "application/octet-stream",
            "multipart/form-data; boundary=x",
            "application/soap+xml",
            "text/xml",
            "text/plain; charset=latin1",
        ] {
            assert!(!is_text(kind), "{kind}");
        }
    }

    #[test]
    fn slashes_do_not_hide_a_private_path() {
        let recording = Recording::new().never("/auth/*").never("/login/").never("*/secret");
        for (path, is_private) in [
            ("/auth/login", true),
            ("//auth/login", true),
            ("/auth//login/", true),
            ("/AUTH", true),
            ("/%61uth/x", true),
            ("/login", true),
            ("/login/", true),
            ("/a/b/secret", true),
            ("/", false),
            ("/authors", false),
        ] {
            let request = ServerRequest { path, ..ServerRequest::default() };
            assert_eq!(recording.leaves_out(&request), is_private, "{path}");
        }
    }

    #[test]
    fn bodies_are_cut_between_characters() {
        for (bytes, is_cut, expected) in [
            (&b"abc"[..], false, Some("abc")),
            (b"abc", true, Some("abc...")),
            (b"to postgres://app:hun", true, Some("to ...")),
            ("aé".as_bytes(), true, Some("aé...")),
            (&"aé".as_bytes()[..2], true, Some("a...")),
            (&"aé".as_bytes()[..2], false, None),
            (b"a\xffb", true, None),
            (b"", true, Some("")),
        ] {
            assert_eq!(readable(bytes.to_vec(), is_cut).as_deref(), expected, "{bytes:?} {is_cut}");
        }
    }

    #[test]
    fn paths_and_routes_are_named_by_patterns() {
        let named = |pattern: &str, path: &str, route: Option<&str>| {
            is_named(&[pattern.to_owned()], &ServerRequest { path, route, ..ServerRequest::default() })
        };
        for (pattern, path, expected) in [
            ("*", "/", true),
            ("/auth/*", "/auth/login", true),
            ("/auth/*", "/auth", true),
            ("/auth/*", "/AUTH/x/y", true),
            ("/auth/*", "/%61uth/login", true),
            ("/auth/*", "/authors", false),
            ("/auth/*", "/x/auth/login", false),
            ("*/login", "/x/y/login", true),
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/b/d", false),
        ] {
            assert_eq!(named(pattern, path, None), expected, "{pattern} {path}");
        }
        assert!(named("/users/{id}/*", "/users/7/cards", Some("/users/{id}/cards")));
        assert!(!named("", "/users", None));
    }

    #[test]
    fn a_function_that_fails_keeps_the_request_private() {
        let fails = Recording::new().unless(|request| {
            assert_ne!(request.path, "/panic", "as asked");
            request.path == "/private"
        });
        let left_out = |path| fails.leaves_out(&ServerRequest { path, ..ServerRequest::default() });
        assert_eq!(["/private", "/panic", "/"].map(left_out), [true, true, false]);
    }
}
