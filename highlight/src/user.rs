//! Who a request is served for.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;

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
/// From then on it is on every log and error of the request, and on every span that ends, wherever they arise: in tasks that were
/// spawned before, in contexts that were taken along.
///
/// It replaces what was told before; an attribute of the same name that a record has of its own counts more. It ends with the request and is not forwarded to other services. Outside any request it does nothing.
pub fn set_user(user: User) {
    let cx = ambient::current();
    let Some(scope) = cx.get::<Scope>() else { return };
    scope.request.set_user(Known(user.0));
}

/// The user of one request, once known. All contexts of the request share it.
#[derive(Default)]
pub(crate) struct UserCell(OnceLock<ArcSwap<Known>>);

/// What was told of a user. All records share it.
pub(crate) struct Known(Vec<opentelemetry::KeyValue>);

impl UserCell {
    pub(crate) fn get(&self) -> Option<Arc<Known>> {
        // Nobody is known of most requests.
        self.0.get().map(ArcSwap::load_full)
    }

    pub(crate) fn set(&self, user: Known) {
        let user = Arc::new(user);
        self.0.get_or_init(|| ArcSwap::new(Arc::clone(&user))).store(user);
    }
}

impl Known {
    /// The attributes of a record.
    pub(crate) fn attributes(&self) -> &[opentelemetry::KeyValue] {
        &self.0
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
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
