//! What is said of an error, and whether it is sent.

use std::{any::Any, borrow::Cow, fmt, panic::Location, time::SystemTime};

use opentelemetry::trace::{Status, TraceContextExt};

use super::{ErrorAction, Reportable, ReportedError, Subject, record::with_causes};
use crate::{
    Client, KeyValue, Level, RequestContext, Signals, Value, ambient, console,
    context::Scope,
    early,
    record::Correlation,
    seen::{Fingerprint, Seen},
    stack::{Place, Stack},
    text,
};

/// An error to report, with more said about it than [`consume_error`](crate::consume_error) does.
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
    pub(super) level: Level,
    pub(super) type_name: Option<Cow<'static, str>>,
    pub(super) message: String,
    pub(super) causes: Vec<String>,
    /// Of each cause; empty where it is not known.
    pub(super) cause_types: Vec<Cow<'static, str>>,
    pub(super) fingerprint: Fingerprint,
    pub(super) title: Option<Cow<'static, str>>,
    pub(super) action: ErrorAction,
    pub(super) body: Option<Cow<'static, str>>,
    pub(super) target: Cow<'static, str>,
    pub(super) attributes: Vec<opentelemetry::KeyValue>,
    pub(super) request: Option<RequestContext>,
    pub(super) place: Option<Place>,
    /// The stack that the error carries, from where it arose.
    pub(super) carried: Option<Stack>,
    /// Whether a stack may be taken, if that was asked already.
    pub(super) takes_stack: Option<bool>,
    /// Whether the stack where the report is sent says where the error arose.
    pub(super) captures: bool,
    /// When it happened, if that is not when the report is sent.
    pub(super) time: Option<SystemTime>,
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
            target: Cow::Borrowed("highlight::error"),
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
        let lost = || early::ours(Signals::ERRORS, "an error", self.place.as_ref());
        let sent = Client::recording_or(lost).is_none_or(|client| self.consume_with(&client).is_ok());
        if sent {
            console::error(level, || line.clone());
        }
    }

    /// Whether anything becomes of a report: it is recorded, shown, or said to be lost for want of a client.
    pub(super) fn is_heard() -> bool {
        let mut is_lost = false;
        Client::enabled_or(|| is_lost = true).is_some() || is_lost || console::shows_errors()
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
}
