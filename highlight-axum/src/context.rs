//! The extractor of session and request ids.

use std::{convert::Infallible, ops::Deref};

use axum::extract::FromRequestParts;
use http::request::Parts;

/// Extracts the request's [`highlight::RequestContext`]: its session and request ids.
///
/// ```
/// use highlight_axum::RequestContext;
///
/// async fn handler(context: RequestContext) -> String {
///     context.session_id().unwrap_or("no session").to_owned()
/// }
/// # let _ = axum::Router::<()>::new().route("/", axum::routing::get(handler));
/// ```
///
/// Never fails; outside the layer it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestContext(pub highlight::RequestContext);

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(highlight::RequestContext::current()))
    }
}

impl Deref for RequestContext {
    type Target = highlight::RequestContext;

    fn deref(&self) -> &highlight::RequestContext {
        &self.0
    }
}
