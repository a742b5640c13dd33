//! Who a request is served for.

use std::{borrow::Cow, fmt, sync::Arc};

use arc_swap::ArcSwapOption;
use opentelemetry::{Context, SpanId, trace::TraceContextExt};

use crate::{KeyValue, Value, ambient, context::Scope};

/// Who a request is served for, told with [`set_user`].
///
/// The attributes are those of the OpenTelemetry semantic conventions. Nothing is told of a user by itself.
#[derive(Clone, Default)]
#[must_use = "a user is told to nobody until `set_user` is called"]
pub struct User(Vec<opentelemetry::KeyValue>);

impl User {
    /// A user of whom nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the program knows the user by: `user.id`.
    pub fn id(self, id: impl Into<Cow<'static, str>>) -> Self {
        self.attribute("user.id", id.into())
    }

    /// The address: `user.email`.
    pub fn email(self, email: impl Into<Cow<'static, str>>) -> Self {
        self.attribute("user.email", email.into())
    }

    /// The short or login name: `user.name`.
    pub fn name(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.attribute("user.name", name.into())
    }

    /// Anything else, under its full name: `user.roles`, `enduser.pseudo.id`, `tenant`.
    pub fn attribute(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.0.push(KeyValue::new(key, value).0);
        self
    }
}

/// Names without values: they are personal.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|attribute| attribute.key.as_str())).finish()
    }
}

/// Tells who the current request is served for.
///
/// ```
/// use highlight::User;
///
/// // Where the program has found out, in its authentication say:
/// highlight::set_user(User::new().id("7").email("ada@example.com").attribute("tenant", "acme"));
/// ```
///
/// From then on it is on every log, error and span of the request, wherever they arise: in tasks that were spawned before,
/// in contexts that were taken along. It is on the span that is current, and on the request's own span when that ends (the server's, or a
/// [`SpanKind::Consumer`](crate::SpanKind)'s). Spans that had started in between do without.
///
/// It replaces what was told before; an attribute of the same name that a record has of its own counts more. It ends with the request and is not forwarded to other services. Outside any request it does nothing.
pub fn set_user(user: User) {
    let cx = ambient::current();
    let Some(scope) = cx.get::<Scope>() else { return };
    let known = Known::new(user, cx.span().span_context().span_id());
    known.stamp(|attribute| cx.span().set_attribute(attribute));
    scope.request.set_user(known);
}

/// What a user's attributes begin with on a span until it is encoded: see [`crate::stamp`].
pub(crate) const STAMP: &str = "\u{1}user:";

/// The user of one request, once known. All contexts of the request share it.
#[derive(Default)]
pub(crate) struct UserCell(ArcSwapOption<Known>);

/// What was told of a user. Copied onto every record, so its texts are shared.
pub(crate) struct Known {
    attributes: Vec<opentelemetry::KeyValue>,
    /// The same under names of a stamp: a span's own attributes, of which some are older, come after them in the end.
    stamps: Vec<opentelemetry::KeyValue>,
    /// The span that was current then, and has it already.
    told_in: SpanId,
}

impl UserCell {
    pub(crate) fn get(&self) -> Option<Arc<Known>> {
        self.0.load_full()
    }

    pub(crate) fn set(&self, user: Known) {
        self.0.store(Some(Arc::new(user)));
    }
}

impl Known {
    fn new(user: User, told_in: SpanId) -> Self {
        let mut attributes = user.0;
        for attribute in &mut attributes {
            if let opentelemetry::Value::String(text) = &attribute.value {
                attribute.value = opentelemetry::Value::String(Arc::<str>::from(text.as_str()).into());
            }
        }
        let stamp = |attribute: &opentelemetry::KeyValue| {
            let key = Arc::<str>::from(format!("{STAMP}{}", attribute.key));
            opentelemetry::KeyValue::new(key, attribute.value.clone())
        };
        let stamps = attributes.iter().map(stamp).collect();
        Self { attributes, stamps, told_in }
    }

    /// Hands over the attributes of a span.
    pub(crate) fn stamp(&self, set: impl FnMut(opentelemetry::KeyValue)) {
        self.stamps.iter().cloned().for_each(set);
    }

    /// The attributes of a log record.
    pub(crate) fn attributes(&self) -> &[opentelemetry::KeyValue] {
        &self.attributes
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

/// The request's user on its own span, which ends: if it was told since, and not on this very span.
pub(crate) fn complete(cx: &Context, known_at_start: Option<&Arc<Known>>) {
    let Some(known) = cx.get::<Scope>().and_then(|scope| scope.request.user()) else { return };
    let span = cx.span();
    let is_there = known_at_start.is_some_and(|earlier| Arc::ptr_eq(earlier, &known))
        || known.told_in == span.span_context().span_id();
    if !is_there {
        known.stamp(|attribute| span.set_attribute(attribute));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_tells_no_personal_data() {
        let user = User::new().id("7").email("ada@example.com").name("ada").attribute("tenant", "acme");
        assert_eq!(format!("{user:?}"), r#"["user.id", "user.email", "user.name", "tenant"]"#);
    }

    #[test]
    fn outside_any_request_nothing_happens() {
        set_user(User::new().id("7"));
    }
}
