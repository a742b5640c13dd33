//! The extractor of session and request ids.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    ops::Deref,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

/// Extracts the request's [`highlight::RequestContext`]: its session and request ids.
///
/// ```
/// use actix_web::{App, web};
/// use highlight_actix::RequestContext;
///
/// async fn handler(context: RequestContext) -> String {
///     context.session_id().unwrap_or("no session").to_owned()
/// }
/// # let _ = App::new().route("/", web::get().to(handler));
/// ```
///
/// Never fails; outside the middleware it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestContext(pub highlight::RequestContext);

impl FromRequest for RequestContext {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(highlight::RequestContext::current())))
    }
}

impl Deref for RequestContext {
    type Target = highlight::RequestContext;

    fn deref(&self) -> &highlight::RequestContext {
        &self.0
    }
}
