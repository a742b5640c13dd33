//! Errors: one object on the server for each failure.

use std::{any::type_name, borrow::Cow, error::Error, fmt, panic::Location, time::SystemTime};

use opentelemetry::trace::{Status, TraceContextExt};

use crate::{
    Client, KeyValue, Level, RequestContext, Signals, Value, ambient, console,
    context::Scope,
    record::{Correlation, Exception, LogRecord},
    seen::Fingerprint,
    stack::{Place, Stack},
    text,
};

/// Links of a source chain that are reported.
const MAX_CAUSES: usize = 16;

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
/// For a stable title or attributes use [`ErrorReport`].
#[track_caller]
pub fn consume_error<E: Error + ?Sized>(error: &E) {
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
/// The server groups errors by their message alone (C§6.4). Where messages vary, give a stable
/// [`title`](Self::title) and put what varies into attributes.
#[derive(Debug)]
#[must_use = "an error report does nothing until `consume` is called"]
pub struct ErrorReport {
    level: Level,
    type_name: Option<Cow<'static, str>>,
    message: String,
    causes: Vec<String>,
    fingerprint: Fingerprint,
    title: Option<Cow<'static, str>>,
    body: Option<Cow<'static, str>>,
    target: Cow<'static, str>,
    attributes: Vec<opentelemetry::KeyValue>,
    request: Option<RequestContext>,
    place: Option<Place>,
    /// Whether the stack where the report is sent says where the error arose.
    captures: bool,
}

impl ErrorReport {
    /// A report of `error`: its type, its message, its source chain. Where this is called is the error's location.
    #[track_caller]
    pub fn new<E: Error + ?Sized>(error: &E) -> Self {
        let location = Location::caller();
        // `&E` is itself an error, also where `E` is a trait object.
        Self::of_dyn(&error).typed(known_type_name::<E>()).at(location)
    }

    /// A report of an error of which only the message is known.
    #[track_caller]
    pub fn from_message(message: impl Into<String>) -> Self {
        let location = Location::caller();
        let message = message.into();
        let fingerprint = Fingerprint::of_text(&message);
        Self::with(message, Vec::new(), fingerprint).at(location)
    }

    /// A report of an error that is no [`Error`] or hides it, so that its texts are all there is.
    ///
    /// Its message is what `Display` shows; by that and by what `Debug` shows it is recognised where it was reported before.
    #[track_caller]
    pub fn from_shown<E: fmt::Display + fmt::Debug + ?Sized>(error: &E) -> Self {
        let location = Location::caller();
        Self::with(text::of(error), Vec::new(), Fingerprint::of_shown(error)).at(location)
    }

    pub(crate) fn of_dyn(error: &dyn Error) -> Self {
        let chain = std::iter::successors(error.source(), |&cause| cause.source());
        let causes = chain.take(MAX_CAUSES).map(text::of).collect();
        Self::with(text::of(error), causes, Fingerprint::of(error))
    }

    fn with(message: String, causes: Vec<String>, fingerprint: Fingerprint) -> Self {
        Self {
            level: Level::Error,
            type_name: None,
            message,
            causes,
            fingerprint,
            title: None,
            body: None,
            target: Cow::Borrowed(module_path!()),
            attributes: Vec::new(),
            request: None,
            place: None,
            captures: true,
        }
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
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Reports for another request than the current one.
    pub fn request_context(mut self, request: &RequestContext) -> Self {
        self.request = Some(request.clone());
        self
    }

    /// Where the error was noticed, if not where the report was made.
    pub fn at(mut self, location: &'static Location<'static>) -> Self {
        self.place = Some(location.into());
        self
    }

    pub(crate) fn typed(mut self, type_name: Option<&'static str>) -> Self {
        self.type_name = type_name.map(Cow::Borrowed);
        self
    }

    pub(crate) fn type_name(mut self, type_name: String) -> Self {
        self.type_name = Some(Cow::Owned(type_name));
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

    pub(crate) fn place(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// Without place and stack: for an error that arose elsewhere, of which this place would say nothing.
    pub fn unplaced(mut self) -> Self {
        self.place = None;
        self.captures = false;
        self
    }

    /// Sends the report, unless the same error of the same request was reported before, or there is no client.
    ///
    /// The program's console shows it too, under the target `highlight::error`, whether or not there is a client.
    pub fn consume(self) {
        let level = self.level;
        let line = self.line();
        let sent = Client::recording().is_none_or(|client| self.consume_with(&client).is_ok());
        if sent {
            console::error(level, || line.clone());
        }
    }

    /// The error with its causes, and its place.
    fn line(&self) -> String {
        let line = with_causes(self.title.as_deref().unwrap_or(&self.message), &self.causes);
        match &self.place {
            Some(Place { file, line: number }) => format!("{line} ({file}:{number})"),
            None => line,
        }
    }

    /// The same; hands the report back if it was not sent.
    pub(crate) fn consume_with(self, client: &Client) -> Result<(), Box<Self>> {
        let current = ambient::current();
        let cx = match &self.request {
            Some(request) => request.attached_for(&current, Some(client.clone())),
            None => current,
        };
        // Every span that the error passes through has failed, whoever reports it.
        cx.span().set_status(Status::error(self.message.clone()));
        let seen = cx.get::<Scope>().and_then(|scope| scope.request.seen());
        if seen.is_some_and(|seen| !seen.first(&self.fingerprint)) {
            client.count_suppressed();
            return Err(Box::new(self));
        }
        if !client.takes(Signals::ERRORS) {
            return Err(Box::new(self));
        }
        client.record(self.into_record(Correlation::of(&cx)));
        Ok(())
    }

    /// A plain log record in place of an error that was not sent.
    pub(crate) fn into_log(self) -> LogRecord {
        let mut attributes = self.attributes;
        attributes.push(opentelemetry::KeyValue::new("error.message", self.message.clone()));
        LogRecord {
            time: SystemTime::now(),
            level: self.level,
            body: self.body.unwrap_or(Cow::Owned(self.message)),
            target: self.target,
            correlation: Correlation::current(),
            attributes,
            dropped_attributes: 0,
            exception: None,
        }
    }

    fn into_record(mut self, correlation: Correlation) -> LogRecord {
        if let Some(title) = self.title.take() {
            let message = std::mem::replace(&mut self.message, title.into_owned());
            self.attributes.push(opentelemetry::KeyValue::new("error.message", message));
        }
        let body = self.body.unwrap_or_else(|| Cow::Owned(with_causes(&self.message, &self.causes)));
        LogRecord {
            time: SystemTime::now(),
            level: self.level,
            body,
            target: self.target,
            correlation,
            attributes: self.attributes,
            dropped_attributes: 0,
            exception: Some(Box::new(Exception {
                type_name: self.type_name,
                message: self.message,
                causes: self.causes,
                place: self.place,
                // Walking the stack is quick; resolving its symbols is the worker's.
                stack: if self.captures { Stack::capture() } else { None },
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

/// The name of `E`, unless it is a trait object, whose name says nothing.
fn known_type_name<E: ?Sized>() -> Option<&'static str> {
    Some(type_name::<E>()).filter(|name| !name.starts_with("dyn "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_is_known_unless_erased() {
        let error = std::fmt::Error;
        let erased: &dyn Error = &error;
        let boxed: Box<dyn Error + Send + Sync> = "text".into();
        assert_eq!(ErrorReport::new(&error).type_name.as_deref(), Some("core::fmt::Error"));
        assert_eq!(ErrorReport::new(erased).type_name, None);
        assert_eq!(ErrorReport::new(&*boxed).type_name, None);
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
