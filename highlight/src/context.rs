//! The request that is being served, and how it follows the code that serves it.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    hash::{Hash, Hasher},
    ops::Deref,
    ptr,
    str::FromStr,
    sync::Arc,
};

use arrayvec::ArrayString;
use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt},
};

use crate::{
    Client, ambient,
    future::WithContext,
    http::Arrival,
    propagation,
    seen::Seen,
    user::{Known, UserCell},
};

/// Which browser session and which network request the code is working for.
///
/// A layer (`highlight-axum`, `highlight-tower`) makes one for each request, so most programs never build one.
/// Everything recorded while it is current carries its ids: spans, logs, errors and panics.
///
/// Take it along where Rust does not by itself, as text beside a message, or into work started elsewhere:
///
/// ```
/// use highlight::RequestContext;
///
/// // The producer stores it beside the message ...
/// let stored = RequestContext::current().to_string();
/// // ... and the consumer, perhaps in another process, works inside it.
/// let context: RequestContext = stored.parse()?;
/// context.in_scope(|| tracing::info!("message consumed"));
/// # Ok::<(), std::convert::Infallible>(())
/// ```
///
/// The text names the session and the request, not the span: spans made there are roots of the same trace. With the
/// feature `serde` it is that text in any format, so it can be a field of the message. A queue with headers keeps the
/// parent span too: see [`messaging`](crate::messaging).
///
/// It says *for whom* the code works; a [`Client`] says *where to* it reports. Each has `scope` and `in_scope`: those
/// here keep the client, those of the client begin without a request.
///
/// Cloning is cheap. Two contexts are equal when they name the same session and request.
#[derive(Clone, Default)]
pub struct RequestContext {
    /// `None` where there is no request.
    request: Option<Arc<Request>>,
    /// What new spans become children of: the caller's span, or a synthetic one (C§4.3).
    parent: Option<SpanContext>,
}

/// What a request's contexts share, wherever they were taken, and what its records hold on to.
#[derive(Default)]
pub(crate) struct Request {
    /// The session's id, the request's, and the path of an HTTP request: one text, because each would be made on the thread that
    /// serves the request, and freed long after.
    text: Text,
    session_end: usize,
    ids_end: usize,
    /// The errors that were reported already.
    seen: Seen,
    /// Who it is served for.
    user: UserCell,
    /// `None` if it did not come by HTTP, or its span does not say so.
    arrival: Option<Arrival>,
}

/// A text that only grows, and needs no memory of its own as long as it is short.
enum Text {
    Short(ArrayString<{ Self::SHORT }>),
    Long(String),
}

impl Text {
    /// Room for both ids as browsers make them, and for most paths.
    const SHORT: usize = 104;

    #[inline]
    fn push_str(&mut self, more: &str) {
        let fits = match self {
            Self::Short(text) => text.try_push_str(more).is_ok(),
            Self::Long(_) => false,
        };
        if !fits {
            self.push_long(more);
        }
    }

    #[cold]
    fn push_long(&mut self, more: &str) {
        match self {
            Self::Short(text) => *self = Self::Long([text.as_str(), more].concat()),
            Self::Long(text) => text.push_str(more),
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::Short(ArrayString::new_const())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Short(text) => text,
            Self::Long(text) => text,
        }
    }
}

impl Request {
    /// A little of each part of it.
    pub(crate) fn look_ahead(&self) -> usize {
        let at_end = self.text.as_bytes().last().copied().unwrap_or_default();
        usize::from(at_end) + self.session_end + self.arrival.as_ref().map_or(0, Arrival::look_ahead)
    }
}

impl RequestContext {
    /// Without any of the three there is no request. An empty id is none.
    pub(crate) fn new(
        session_id: Option<&str>,
        request_id: Option<&str>,
        parent: Option<SpanContext>,
    ) -> Self {
        let request = Request::named(session_id.unwrap_or_default(), request_id.unwrap_or_default());
        let context = Self { parent, request: None };
        if request.text.is_empty() && context.parent.is_none() {
            return context;
        }
        Self { request: Some(Arc::new(request)), ..context }
    }

    /// A request begins, be it one of which nothing is known. `arrival`: its path, and how else it came.
    #[inline]
    pub(crate) fn begun(self, arrival: Option<(&str, Arrival)>) -> Self {
        let mut request = self.request.unwrap_or_default();
        // A context that was handed in twice begins twice.
        if Arc::get_mut(&mut request).is_none_or(|request| request.arrival.is_some()) {
            request = Arc::new(request.again());
        }
        if let (Some(request), Some((path, arrival))) = (Arc::get_mut(&mut request), arrival) {
            request.text.push_str(path);
            request.arrival = Some(arrival);
        }
        Self { request: Some(request), ..self }
    }

    pub(crate) fn shared(&self) -> Option<Arc<Request>> {
        self.request.clone()
    }

    /// Whether both are of one request, not only of the same ids.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.request.as_ref().map(Arc::as_ptr) == other.request.as_ref().map(Arc::as_ptr)
    }

    pub(crate) fn arrival(&self) -> Option<&Arrival> {
        self.request.as_deref().and_then(Request::arrival)
    }

    pub(crate) fn path(&self) -> &str {
        self.request.as_deref().map_or("", Request::path)
    }

    pub(crate) fn seen(&self) -> Option<&Seen> {
        self.request.as_deref().map(|request| &request.seen)
    }

    pub(crate) fn set_user(&self, user: Known) {
        if let Some(request) = &self.request {
            request.user.set(user);
        }
    }

    pub(crate) fn route(&self) -> Option<Arc<str>> {
        self.arrival().and_then(Arrival::route)
    }

    /// The same request, in this session.
    pub(crate) fn with_session(self, session_id: &str) -> Self {
        let request_id = self.request_id().unwrap_or_default();
        Self { request: Some(Arc::new(Request::named(session_id, request_id))), parent: self.parent }
    }

    pub(crate) fn parent(&self) -> Option<&SpanContext> {
        self.parent.as_ref()
    }

    /// The context of the code that calls, with its current span as parent; empty outside any request.
    #[must_use]
    pub fn current() -> Self {
        ambient::map_current(|cx| {
            let mut request = cx.get::<Scope>().map(|scope| scope.request.clone()).unwrap_or_default();
            let span = cx.span().span_context().clone();
            if span.is_valid() {
                request.parent = Some(span);
            }
            request
        })
    }

    /// The browser's secure session id, which names the session replay.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.request.as_deref().and_then(Request::session_id)
    }

    /// The request's effective id: everything the request causes, in every service, is stored under it (C§4.3).
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request.as_deref().and_then(Request::request_id)
    }

    /// Whether neither a session nor a request nor a parent span is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.session_id().is_none() && self.request_id().is_none() && self.parent.is_none()
    }

    /// Runs `future` with this request current, in every poll and while it is dropped.
    ///
    /// It replaces the request that was current before, and reports to the same client ([`Client::scope`] replaces the client).
    /// For code that is not async use [`in_scope`](Self::in_scope): there, a future would leave the scope before it runs.
    pub fn scope<F: Future>(&self, future: F) -> WithContext<F> {
        WithContext::new(future, self.attached_to(&ambient::current()))
    }

    /// Runs `f`, which is not async, with this request current. For a future use [`scope`](Self::scope).
    pub fn in_scope<T>(&self, f: impl FnOnce() -> T) -> T {
        let _guard = ambient::attach(&self.attached_to(&ambient::current()));
        f()
    }

    /// A context of this request alone, without a span.
    #[inline]
    pub(crate) fn alone(&self, client: Client) -> Context {
        let client = Some(client.for_context());
        Context::new().with_value(Scope { request: self.clone(), client })
    }

    /// The current context with this request in place of the current one and its span.
    pub(crate) fn detached(&self) -> Context {
        self.attached_to(&ambient::current().with_remote_span_context(SpanContext::NONE))
    }

    /// `base` with this request in it, reported through the client that `base` would use.
    fn attached_to(&self, base: &Context) -> Context {
        self.attached_for(base, base.get::<Scope>().and_then(|scope| scope.client.clone()))
    }

    /// `base` with this request in it, reported through `client` (the process-wide one if `None`).
    pub(crate) fn attached_for(&self, base: &Context, client: Option<Client>) -> Context {
        // What else is current belongs to another request, unless it is this one.
        let continues =
            base.get::<Scope>().is_some_and(|scope| scope.request == *self && scope.client == client);
        let base = if continues {
            base.clone()
        } else if base.is_telemetry_suppressed() {
            Context::new().with_telemetry_suppressed()
        } else {
            Context::new()
        };
        let client = client.map(Client::for_context);
        let cx = base.with_value(Scope { request: self.clone(), client });
        match &self.parent {
            // The span itself, if it is current, can do more than its ids.
            Some(parent) if base.span().span_context() != parent => {
                cx.with_remote_span_context(parent.clone())
            }
            _ => cx,
        }
    }
}

impl Request {
    #[inline]
    pub(crate) fn named(session_id: &str, request_id: &str) -> Self {
        let mut text = Text::default();
        text.push_str(session_id);
        text.push_str(request_id);
        Self { session_end: session_id.len(), ids_end: text.len(), text, ..Self::default() }
    }

    /// A request of the same ids, of which nothing else is known.
    fn again(&self) -> Self {
        Self::named(self.session_id().unwrap_or_default(), self.request_id().unwrap_or_default())
    }

    pub(crate) fn arrival(&self) -> Option<&Arrival> {
        self.arrival.as_ref()
    }

    /// The path of an HTTP request.
    pub(crate) fn path(&self) -> &str {
        self.text.get(self.ids_end..).unwrap_or_default()
    }

    pub(crate) fn session_id(&self) -> Option<&str> {
        self.text.get(..self.session_end).filter(|id| !id.is_empty())
    }

    /// The effective id of C§4.3, sent as `highlight.trace_id`.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.text.get(self.session_end..self.ids_end).filter(|id| !id.is_empty())
    }

    pub(crate) fn user(&self) -> Option<Arc<Known>> {
        self.user.get()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("session_id", &self.session_id())
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}

/// The value of the `x-highlight-request` header: `<session>/<request>`, an unknown part left empty.
///
/// The trace id stands in for a request that came without an id: what reads it is stored under the same trace.
impl fmt::Display for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session_id = self.session_id().unwrap_or_default();
        match (self.request_id(), &self.parent) {
            (Some(request_id), _) => write!(f, "{session_id}/{request_id}"),
            (None, Some(parent)) => write!(f, "{session_id}/{}", parent.trace_id()),
            (None, None) if session_id.is_empty() => Ok(()),
            (None, None) => write!(f, "{session_id}/"),
        }
    }
}

/// Reads what [`Display`](fmt::Display) wrote, or any other value of the header `x-highlight-request`. It never fails.
///
/// | text | gives |
/// |---|---|
/// | `session/request` | both ids |
/// | `session`, `session/` | the session |
/// | `/request` | the request |
/// | `s1/r1, s2/r2` | the first member |
/// | empty, longer than 256 bytes, or with anything but visible ASCII | an empty context ([`is_empty`](RequestContext::is_empty)) |
///
/// Any other text counts as a session id, because ids have no fixed form: garbage names a session that does not exist.
impl FromStr for RequestContext {
    type Err = Infallible;

    fn from_str(value: &str) -> Result<Self, Infallible> {
        Ok(value.into())
    }
}

/// Reads it as [`FromStr`] does, which never fails either.
impl From<&str> for RequestContext {
    fn from(value: &str) -> Self {
        propagation::from_header_value(value)
    }
}

impl PartialEq for RequestContext {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.request.as_deref(), other.request.as_deref());
        ours.zip(theirs).is_some_and(|(one, other)| ptr::eq(one, other))
            || (self.session_id() == other.session_id() && self.request_id() == other.request_id())
    }
}

impl Eq for RequestContext {}

impl Hash for RequestContext {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.session_id(), self.request_id()).hash(state);
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("session_id", &self.session_id())
            .field("request_id", &self.request_id())
            .field("parent", &self.parent)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for RequestContext {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for RequestContext {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(propagation::from_header_value(&text))
    }
}

/// The one typed value that this crate keeps in the OpenTelemetry [`Context`].
pub(crate) struct Scope {
    pub(crate) request: RequestContext,
    /// Where to report; the process-wide client if `None`.
    pub(crate) client: Option<Client>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_round_trips() {
        for text in ["", "s/", "/r", "abc123/9k2hTq81Lx"] {
            let context: RequestContext = text.parse().unwrap();
            assert_eq!(context.to_string(), text);
            assert_eq!(context.to_string().parse::<RequestContext>().unwrap(), context);
        }
    }

    #[test]
    #[expect(clippy::mutable_key_type, reason = "what may change is not hashed")]
    fn contexts_that_are_equal_are_one_key() {
        // The one knows a parent, the other does not.
        let context = RequestContext::from("s1/9k2hTq81Lx");
        let current = context.in_scope(RequestContext::current);
        let other = RequestContext::new(Some("s1"), Some("9k2hTq81Lx"), None);
        let mut known = std::collections::HashSet::from([context]);
        assert!(known.contains(&current) && known.contains(&other));
        assert!(known.insert("s19/k2hTq81Lx".into()), "the ids are told apart");
    }

    proptest! {
        /// Short together, or too long for the room that there is.
        #[test]
        fn a_request_knows_its_ids_and_its_path(session in "[a-z]{0,60}", request in "[a-z]{0,60}", path in "/[a-zé]{0,120}") {
            let given = |id: &str| Some(id.to_owned()).filter(|id| !id.is_empty());
            let mut known = Request::named(&session, &request);
            known.text.push_str(&path);
            let told = [known.session_id(), known.request_id(), Some(known.path())];
            prop_assert_eq!(told.map(|part| part.map(str::to_owned)), [given(&session), given(&request), given(&path)]);
        }

        #[test]
        fn any_text_is_a_context_whose_text_is_its_own(text in ".*") {
            let context: RequestContext = text.parse().unwrap();
            prop_assert_eq!(context.to_string().parse::<RequestContext>().unwrap(), context);
        }
    }

    #[cfg(feature = "serde")]
    mod json {
        use super::*;

        #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
        struct Job {
            request: RequestContext,
            order: u32,
        }

        #[test]
        fn a_context_is_one_string_beside_the_message() {
            let job = Job { request: "abc123/9k2hTq81Lx".parse().unwrap(), order: 7 };
            let json = serde_json::to_string(&job).unwrap();
            assert_eq!(json, r#"{"request":"abc123/9k2hTq81Lx","order":7}"#);
            assert_eq!(serde_json::from_str::<Job>(&json).unwrap(), job);
        }

        proptest! {
            #[test]
            fn no_string_spoils_the_message(text in ".*") {
                let json = serde_json::json!({"request": text, "order": 7}).to_string();
                let job: Job = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(&job.request, &text.parse().unwrap());
                let again = serde_json::to_string(&job).unwrap();
                prop_assert_eq!(serde_json::from_str::<Job>(&again).unwrap(), job);
            }
        }
    }

    #[test]
    fn scopes_nest_and_end() {
        let outer: RequestContext = "s1/r1".parse().unwrap();
        let inner: RequestContext = "s2/r2".parse().unwrap();
        outer.in_scope(|| {
            inner.in_scope(|| assert_eq!(RequestContext::current(), inner));
            assert_eq!(RequestContext::current(), outer);
        });
        assert!(RequestContext::current().is_empty());
    }

    #[test]
    fn current_continues_the_current_span() {
        let context: RequestContext = "s/9k2hTq81Lx".parse().unwrap();
        let current = context.in_scope(RequestContext::current);
        assert_eq!(current.parent, context.parent);
        assert!(current.parent.is_some());
    }
}
