//! Errors: one object on the server for each failure.

mod extension;
mod reportable;
mod rule;
mod type_of;

use std::{any::Any, borrow::Cow, fmt, panic::Location, time::SystemTime};

use opentelemetry::trace::{Status, TraceContextExt};

pub use self::{
    extension::ConsumeError,
    reportable::Reportable,
    rule::{ErrorAction, ReportedError},
};
pub(crate) use self::{reportable::Subject, rule::ErrorRule};
use crate::{
    Client, KeyValue, Level, RequestContext, Signals, Value, ambient, console,
    context::Scope,
    record::{Correlation, Exception, LogRecord},
    seen::{Fingerprint, Seen},
    stack::{Place, Stack},
    text, thread,
};

/// Reports an error: its type, message, source chain and stack, with the current session, request and span.
///
/// ```
/// # fn charge() -> Result<(), std::num::ParseIntError> { "x".parse::<u8>().map(drop) }
/// if let Err(error) = charge() {
///     highlight::consume_error(&error);
/// }
/// ```
///
/// The error becomes one error object, whatever else happens to it: if it is logged as well, or returned from the handler,
/// the other sightings of the same request are counted ([`Stats::suppressed`](crate::Stats::suppressed)) and not sent.
/// It does not depend on sampling. The current span is marked as failed; the server's `HasErrors` flag on
/// the span stays unset, because only an event on the span could set it, and that would store a second log line (C§6.1).
///
/// Besides errors it takes `Box<dyn Error>`, `&dyn Error`, texts and, with a feature of their name, the errors of `anyhow`, `eyre` and
/// `color-eyre` ([`Reportable`]). For a stable title or attributes use [`ErrorReport`]; in a chain of calls, [`ConsumeError`].
///
/// # How an error is recognised
///
/// Two sightings in one request are the same error if they have the same root cause and the text of one is in the chain of the other; where only
/// a text is known, as in `error!(error = %e)`, if the chain has that text. So:
///
/// - two failures of one request with equal texts are one error, as are those that differ only after the first line;
/// - an error that was consumed and is then wrapped in one whose type is not known (a tower service's, or actix's
///   without `with_error_type`) is another one, because all that is known of the second is its own text;
/// - a request remembers its last 32 errors; outside of any request each sighting is an error.
#[track_caller]
pub fn consume_error<E: Reportable<Kind> + ?Sized, Kind>(error: &E) {
    ErrorReport::new(error).consume();
}

/// An error to report, with more said about it than [`consume_error`] does.
///
/// ```
/// # let error = std::fmt::Error;
/// # let order = 7;
/// highlight::ErrorReport::new(&error)
///     .title("payment declined")
///     .attribute("order.id", order)
///     .consume();
/// ```
///
/// Like any sighting, it is not sent if the same error of the same request was reported before, by a log line say; the title
/// and the attributes are then lost with it. Report first, and log afterwards.
///
/// # Titles
///
/// The server groups errors by their message alone (C§6.4). With an id in it, every failure is a group of its own, and an alert that never
/// sees the same error twice. So let the text be the same each time, and put what varies into attributes:
///
/// ```
/// # #[derive(Debug)] struct Declined { order: u64, code: u16 }
/// # impl std::fmt::Display for Declined {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "order {}: code {}", self.order, self.code) }
/// # }
/// # impl std::error::Error for Declined {}
/// # let error = Declined { order: 7, code: 51 };
/// // The error says "order 7: code 51".
/// highlight::ErrorReport::new(&error)
///     .title("payment declined")
///     .attribute("order.id", error.order)
///     .attribute("decline.code", error.code)
///     .consume();
/// ```
///
/// The error's own message is still there, as the attribute `error.message`. For all errors of a type at once, wherever they
/// are reported, there is [`Config::error_rule`](crate::Config::error_rule).
#[derive(Debug)]
#[must_use = "an error report does nothing until `consume` is called"]
pub struct ErrorReport {
    level: Level,
    type_name: Option<Cow<'static, str>>,
    message: String,
    causes: Vec<String>,
    /// Of each cause; empty where it is not known.
    cause_types: Vec<Cow<'static, str>>,
    fingerprint: Fingerprint,
    title: Option<Cow<'static, str>>,
    action: ErrorAction,
    body: Option<Cow<'static, str>>,
    target: Cow<'static, str>,
    attributes: Vec<opentelemetry::KeyValue>,
    request: Option<RequestContext>,
    place: Option<Place>,
    /// The stack that the error carries, from where it arose.
    carried: Option<Stack>,
    /// Whether a stack may be taken, if that was asked already.
    takes_stack: Option<bool>,
    /// Whether the stack where the report is sent says where the error arose.
    captures: bool,
    /// When it happened, if that is not when the report is sent.
    time: Option<SystemTime>,
}

impl ErrorReport {
    /// A report of `error`: its type, its message, its source chain, its backtrace if it carries one. Where this is called is the
    /// error's location.
    #[track_caller]
    pub fn new<E: Reportable<Kind> + ?Sized, Kind>(error: &E) -> Self {
        let location = Location::caller();
        Self::of(&error.subject()).location(location)
    }

    /// A report of an error that is no [`Error`](std::error::Error) or hides it, so that its texts are all there is.
    ///
    /// Its message is what `Display` shows; by that and by what `Debug` shows it is recognised where it was reported before.
    #[track_caller]
    pub fn from_display<E: fmt::Display + fmt::Debug + ?Sized>(error: &E) -> Self {
        let location = Location::caller();
        let fingerprint = Fingerprint::of_shown(error);
        Self { fingerprint, ..Self::of(&Subject::text(&text::of(error))) }.location(location)
    }

    /// A report of the error of `anyhow` or `eyre` that `value` is.
    pub(crate) fn downcast(value: &dyn Any) -> Option<Self> {
        Subject::downcast(value).map(|subject| Self::of(&subject))
    }

    /// A report without a place. What only the value itself can answer is asked now.
    pub(crate) fn of(subject: &Subject<'_>) -> Self {
        Self::of_type(subject, subject.type_name().map(Cow::Owned))
    }

    /// A report of a panic, made in the hook. A panic of the program's rule there would end the process, so it is not asked.
    pub(crate) fn of_panic(subject: &Subject<'_>) -> Self {
        let mut report = Self::unasked(subject, Some("panic".into()));
        if let Some(client) = Client::recording() {
            report.take_along(subject, &client);
        }
        report
    }

    pub(crate) fn of_type(subject: &Subject<'_>, type_name: Option<Cow<'static, str>>) -> Self {
        let mut report = Self::unasked(subject, type_name);
        if let Some(client) = Client::recording() {
            report.ask(subject, &client);
            report.take_along(subject, &client);
        }
        report
    }

    fn unasked(subject: &Subject<'_>, type_name: Option<Cow<'static, str>>) -> Self {
        let (causes, cause_types) = subject
            .causes()
            .map(|cause| (text::of(cause), Subject::of(cause).type_name().unwrap_or_default().into()))
            .unzip();
        Self {
            level: Level::Error,
            type_name,
            message: subject.message(),
            causes,
            cause_types,
            fingerprint: subject.fingerprint(),
            title: None,
            action: ErrorAction::Report,
            body: None,
            target: Cow::Borrowed(module_path!()),
            attributes: Vec::new(),
            request: None,
            place: None,
            carried: None,
            takes_stack: None,
            captures: true,
            time: None,
        }
    }

    /// Asks the program's rule.
    fn ask(&mut self, subject: &Subject<'_>, client: &Client) {
        if let Some(rule) = &client.settings().error_rule {
            let (message, type_name) = (&*self.message, self.type_name.as_deref());
            self.action = rule.decide(&ReportedError { subject, message, type_name });
        }
    }

    /// Takes what the error carries, if it will be sent.
    fn take_along(&mut self, subject: &Subject<'_>, client: &Client) {
        let was_seen = || {
            let scope = |cx: &opentelemetry::Context| cx.get::<Scope>().map(|scope| scope.request.clone());
            let request = ambient::map_current(scope);
            request.as_ref().and_then(RequestContext::seen).is_some_and(|seen| seen.knows(&self.fingerprint))
        };
        if self.is_error() && client.takes(Signals::ERRORS) && !was_seen() {
            #[cfg(feature = "tracing-error")]
            if let Some(trace) = subject.span_trace() {
                self.attributes.push(opentelemetry::KeyValue::new("error.span_trace", trace));
            }
            if subject.carries_stack() {
                let takes_stack = client.takes_stack();
                self.takes_stack = Some(takes_stack);
                self.carried = if takes_stack { subject.stack() } else { None };
            }
        }
    }

    /// Whether it is to be an error, and no log record.
    fn is_error(&self) -> bool {
        matches!(self.action, ErrorAction::Report | ErrorAction::Title(_))
    }

    /// What the server groups the error by, in place of its message, which becomes the attribute `error.message`.
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Adds an attribute.
    pub fn attribute(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(key, value).0);
        self
    }

    /// The severity, [`Level::Error`] if not set.
    pub fn level(mut self, level: impl Into<Level>) -> Self {
        self.level = level.into();
        self
    }

    /// Reports for another request than the current one.
    pub fn request_context(mut self, request: &RequestContext) -> Self {
        self.request = Some(request.clone());
        self
    }

    /// Where the error was noticed, if not where the report was made.
    pub fn location(mut self, location: &'static Location<'static>) -> Self {
        self.place = Some(location.into());
        self
    }

    /// A stack that came with the error.
    pub(crate) fn carried(mut self, stack: Option<Stack>) -> Self {
        self.carried = stack.or(self.carried);
        self
    }

    /// The log line that shows the error, if it is not the error's own text.
    pub(crate) fn body(mut self, body: Option<Cow<'static, str>>) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn target(mut self, target: impl Into<Cow<'static, str>>) -> Self {
        self.target = target.into();
        self
    }

    pub(crate) fn attributes(mut self, attributes: Vec<opentelemetry::KeyValue>) -> Self {
        self.attributes.extend(attributes);
        self
    }

    pub(crate) fn time(mut self, time: SystemTime) -> Self {
        self.time = Some(time);
        self
    }

    pub(crate) fn place(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// Without location, and without the stack from here: for an error that arose elsewhere, of which this place would say nothing.
    pub fn without_location(mut self) -> Self {
        self.place = None;
        self.captures = false;
        self
    }

    /// Sends the report, unless the same error of the same request was reported before, [a rule](crate::Config::error_rule) is
    /// against it, or there is no client.
    ///
    /// The program's console shows it too, under the target `highlight::error`, whether or not there is a client.
    pub fn consume(self) {
        let level = match self.action {
            ErrorAction::Log(level) => level,
            _ => self.level,
        };
        let line = self.line();
        let sent = Client::recording().is_none_or(|client| self.consume_with(&client).is_ok());
        if sent {
            console::error(level, || line.clone());
        }
    }

    /// The error with its causes, and its place.
    fn line(&self) -> String {
        let line = with_causes(self.shown_title().unwrap_or(&self.message), &self.causes);
        match &self.place {
            Some(Place { file, line: number }) => format!("{line} ({file}:{number})"),
            None => line,
        }
    }

    /// The report's own title comes before that of the rule.
    fn shown_title(&self) -> Option<&str> {
        match (&self.title, &self.action) {
            (Some(title), _) | (None, ErrorAction::Title(title)) => Some(title),
            (None, _) => None,
        }
    }

    /// The same; hands the report back if it was not sent.
    pub(crate) fn consume_with(self, client: &Client) -> Result<(), Box<Self>> {
        let current = ambient::current();
        let cx = match &self.request {
            Some(request) => request.attached_for(&current, Some(client.clone())),
            None => current,
        };
        if self.is_error() {
            // Every span that the error passes through has failed, whoever reports it.
            cx.span().set_status(Status::error(self.message.clone()));
        }
        let request = cx.get::<Scope>().map(|scope| &scope.request);
        let seen: Option<&Seen> = request.and_then(RequestContext::seen);
        let known = seen.is_some_and(|seen| !seen.first(&self.fingerprint));
        if known || self.action == ErrorAction::Ignore {
            client.count_suppressed();
            return Err(Box::new(self));
        }
        let correlation = Correlation::of(&cx);
        if let ErrorAction::Log(level) = self.action {
            if client.takes(Signals::LOGS) {
                client.record(self.level(level).into_log(correlation));
            }
            return Ok(());
        }
        if !client.takes(Signals::ERRORS) {
            return Err(Box::new(self));
        }
        let route = request.and_then(RequestContext::route);
        client.record(self.into_record(client, correlation, route.map(Into::into)));
        Ok(())
    }

    /// A plain log record in place of an error that was not sent.
    pub(crate) fn into_log(self, correlation: Correlation) -> LogRecord {
        let mut attributes = self.attributes;
        let mut add = |key: &'static str, value: Option<opentelemetry::Value>| {
            if attributes.iter().all(|attribute| attribute.key.as_str() != key) {
                attributes.extend(value.map(|value| opentelemetry::KeyValue::new(key, value)));
            }
        };
        add("error.message", Some(self.message.clone().into()));
        add("error.type", self.type_name.map(Into::into));
        if let Some(place) = self.place {
            add("code.file.path", Some(place.file.into()));
            add("code.line.number", Some(i64::from(place.line).into()));
        }
        LogRecord {
            time: self.time.unwrap_or_else(SystemTime::now),
            level: self.level,
            body: self.body.unwrap_or_else(|| Cow::Owned(with_causes(&self.message, &self.causes))),
            target: self.target,
            correlation,
            origin: None,
            attributes,
            dropped_attributes: 0,
            exception: None,
        }
    }

    fn into_record(
        mut self,
        client: &Client,
        correlation: Correlation,
        route: Option<opentelemetry::Value>,
    ) -> LogRecord {
        let title = self.title.take().or(match self.action {
            ErrorAction::Title(title) => Some(title),
            _ => None,
        });
        if let Some(title) = title {
            let message = std::mem::replace(&mut self.message, title.into_owned());
            self.attributes.push(opentelemetry::KeyValue::new("error.message", message));
        }
        thread::describe(&mut self.attributes);
        self.attributes.extend(route.map(|route| opentelemetry::KeyValue::new("http.route", route)));
        let body = self.body.unwrap_or_else(|| Cow::Owned(with_causes(&self.message, &self.causes)));
        // Walking the stack is quick; resolving its symbols is the worker's.
        let takes_stack = || self.takes_stack.unwrap_or_else(|| client.takes_stack());
        let capture = || (self.captures && takes_stack()).then(Stack::capture);
        LogRecord {
            time: self.time.unwrap_or_else(SystemTime::now),
            level: self.level,
            body,
            target: self.target,
            correlation,
            origin: None,
            attributes: self.attributes,
            dropped_attributes: 0,
            exception: Some(Box::new(Exception {
                type_name: self.type_name,
                message: self.message,
                causes: self.causes,
                cause_types: self.cause_types,
                place: self.place,
                stack: self.carried.or_else(capture),
            })),
        }
    }
}

/// The message with its causes, each said once: many errors repeat their source's text.
fn with_causes(message: &str, causes: &[String]) -> String {
    let mut text = message.to_owned();
    for cause in causes {
        if !text.contains(cause.as_str()) {
            text.push_str(": ");
            text.push_str(cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[derive(Debug)]
    struct Wrapped(std::num::ParseIntError);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("wrapped")
        }
    }

    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn everything_that_can_be_reported_has_its_type_and_causes() {
        let wrapped = || Wrapped("x".parse::<u8>().unwrap_err());
        let full = "highlight::error::tests::Wrapped";
        let typed = wrapped();
        let shared: std::sync::Arc<dyn Error + Send + Sync> = std::sync::Arc::new(wrapped());
        let boxed: Box<dyn Error + Send + Sync> = Box::new(wrapped());
        let local: Box<dyn Error> = Box::new(wrapped());
        let text: Box<dyn Error> = "text".into();
        let cause = "core::num::error::ParseIntError";
        let erased: &dyn Error = &typed;
        for (report, type_name, message, causes) in [
            (ErrorReport::new(&typed), Some(full), "wrapped", &[cause][..]),
            (ErrorReport::new(erased), Some("Wrapped"), "wrapped", &[cause]),
            (ErrorReport::new(&*boxed), Some("Wrapped"), "wrapped", &[cause]),
            (ErrorReport::new(&boxed), Some("Wrapped"), "wrapped", &[cause]),
            (ErrorReport::new(&local), Some("Wrapped"), "wrapped", &[cause]),
            (ErrorReport::new(&*shared), Some("Wrapped"), "wrapped", &[cause]),
            (ErrorReport::new(&text), None, "text", &[]),
            (ErrorReport::new("text"), None, "text", &[]),
            (ErrorReport::new(&"text"), None, "text", &[]),
            (ErrorReport::new(&"text".to_owned()), None, "text", &[]),
            #[cfg(feature = "anyhow")]
            (ErrorReport::new(&anyhow::Error::new(wrapped())), Some("Wrapped"), "wrapped", &[cause]),
            #[cfg(feature = "eyre")]
            (ErrorReport::new(&eyre::Report::new(wrapped())), Some("Wrapped"), "wrapped", &[cause]),
        ] {
            assert_eq!(report.type_name.as_deref(), type_name, "{report:?}");
            assert_eq!(report.message, message);
            assert_eq!(report.cause_types, causes, "{report:?}");
            assert_eq!(report.causes.len(), causes.len());
        }
    }

    #[test]
    fn the_place_is_the_callers() {
        let report = ErrorReport::new(&std::fmt::Error);
        assert_eq!(report.place, Some(Place { file: file!().into(), line: line!() - 1 }));
    }

    #[test]
    fn causes_are_said_once() {
        let causes = ["declined: card expired".to_owned(), "card expired".to_owned()];
        assert_eq!(with_causes("checkout failed", &causes), "checkout failed: declined: card expired");
    }
}
