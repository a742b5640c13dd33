//! One request as it is sent, and what becomes of it.

use std::sync::Arc;

use highlight::{
    Client, InCurrentScope, WithContext,
    http::{ClientRequest, ClientSpan, UrlTemplate},
    otel::opentelemetry::Context,
};
use http::Uri;
use reqwest::{Request, Response};

use crate::{
    body,
    failure::Failure,
    redirects::{Onward, Redirects},
};

/// A request that is being sent: its span, and what is to be done if it is redirected.
///
/// Dropped half-way, the span says that the call was cancelled.
pub(crate) struct Attempt {
    span: ClientSpan,
    redirects: Arc<Redirects>,
    /// The request without our headers, to go on with if it is redirected to where they must not go.
    without_ours: Option<Request>,
}

impl Attempt {
    /// Starts the span of the caller's request and adds our headers, if they may go there. `None` without an enabled
    /// client.
    pub(crate) fn start(
        request: &mut Request,
        template: Option<&UrlTemplate>,
        resend_count: u32,
        client: Option<&Client>,
    ) -> Option<Self> {
        let span = start_span(request, template, resend_count, client)?;
        let before = span.may_propagate().then(|| duplicate(request));
        let without_ours = before.filter(|_| span.inject(request.headers_mut()));
        let allowed = without_ours.is_some().then(|| span.client().clone());
        let redirects = Arc::new(Redirects::new(request.method(), allowed, 0));
        Some(Self { span, redirects, without_ours })
    }

    /// Starts the span of the request that a redirect has led to. Once lost, our headers stay off, wherever the next
    /// one leads.
    pub(crate) fn go_on(onward: &Onward, resend_count: u32, client: Option<&Client>) -> Option<Self> {
        let span = start_span(&onward.request, None, resend_count, client)?;
        let redirects = Arc::new(Redirects::new(onward.request.method(), None, onward.hops));
        Some(Self { span, redirects, without_ours: None })
    }

    /// Makes a future by which the request is sent: with the span current, and the redirect policy informed.
    pub(crate) fn run<F: Future>(&self, send: impl FnOnce() -> F) -> WithContext<F> {
        self.span.in_scope(|| {
            let _guard = Context::current_with_value(Arc::clone(&self.redirects)).attach();
            send().in_current_scope()
        })
    }

    /// What to send next, if the policy stopped where our headers must not go.
    pub(crate) fn onward<E>(&mut self, result: &Result<Response, E>) -> Option<Onward> {
        self.redirects.onward(self.without_ours.take()?, result.as_ref().ok()?)
    }

    /// Records the outcome. An answer takes the span along, into its body.
    pub(crate) fn end<E: Failure>(mut self, result: Result<Response, E>) -> Result<Response, E> {
        match result {
            Ok(response) => {
                self.span.set_response(response.status(), response.version());
                Ok(body::measured(response, self.span))
            }
            Err(error) => {
                self.span.set_failed(error.error_type(), &error.causes());
                Err(error)
            }
        }
    }
}

fn start_span(
    request: &Request,
    template: Option<&UrlTemplate>,
    resend_count: u32,
    client: Option<&Client>,
) -> Option<ClientSpan> {
    // What is no URI, reqwest will not send.
    let uri: Uri = request.url().as_str().parse().unwrap_or_default();
    let mut described = ClientRequest::new(request.method().as_str(), &uri);
    described.template = template.map(UrlTemplate::as_str);
    described.resend_count = resend_count;
    ClientSpan::start(&described, client)
}

/// A copy of the request. A streamed body cannot be copied; then reqwest follows only such redirects as need none.
fn duplicate(request: &Request) -> Request {
    request.try_clone().unwrap_or_else(|| {
        let mut copy = Request::new(request.method().clone(), request.url().clone());
        copy.headers_mut().clone_from(request.headers());
        *copy.timeout_mut() = request.timeout().copied();
        *copy.version_mut() = request.version();
        copy
    })
}
