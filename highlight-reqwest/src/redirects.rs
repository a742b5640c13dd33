//! Redirects, and where our headers must not follow them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use highlight::{Client, otel::opentelemetry::Context};
use http::{
    Uri,
    header::{
        AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderName,
        PROXY_AUTHORIZATION, TRANSFER_ENCODING, WWW_AUTHENTICATE,
    },
};
use reqwest::{
    Method, Request, Response, StatusCode, Url,
    redirect::{Action, Attempt, Policy},
};

/// The most redirects that are followed in a chain: reqwest's default.
const MAX_REDIRECTS: usize = 10;

/// What is not taken along to another host, as reqwest does it.
const CREDENTIALS: [HeaderName; 5] =
    [AUTHORIZATION, COOKIE, HeaderName::from_static("cookie2"), PROXY_AUTHORIZATION, WWW_AUTHENTICATE];

/// What describes a body, and goes with it.
const CONTENT: [HeaderName; 4] = [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING];

/// Follows redirects as reqwest's default policy does, but stops where our headers must not go.
///
/// reqwest asks while the call is polled, so the current context says which call it is about.
pub(crate) fn policy() -> Policy {
    Policy::custom(|attempt| {
        let call = Context::map_current(|cx| cx.get::<Arc<Redirects>>().map(Arc::clone));
        match call {
            Some(call) => call.judge(attempt),
            None => Policy::limited(MAX_REDIRECTS).redirect(attempt),
        }
    })
}

/// Whether the client adds credentials to every request by itself. Only its `Debug` tells what its default headers are.
pub(crate) fn adds_credentials(http: &reqwest::Client) -> bool {
    let shown = format!("{http:?}");
    CREDENTIALS.iter().any(|name| shown.contains(&format!("\"{name}\"")))
}

/// What the policy must know of one call, and what it finds out.
#[derive(Debug)]
pub(crate) struct Redirects {
    method: Method,
    /// Knows which hosts are allowed; `None` if none of our headers are on the request.
    allowed: Option<Client>,
    /// Redirects before this request was sent.
    hops_before: usize,
    started: Instant,
    progress: Mutex<Progress>,
}

/// What the redirects so far have made of the request.
#[derive(Debug)]
struct Progress {
    method: Method,
    has_body: bool,
    stopped: Option<Stopped>,
}

/// Where our headers must not follow a redirect.
#[derive(Debug)]
struct Stopped {
    from: Url,
    to: Url,
    hops: usize,
}

/// A request without our headers, to where a redirect left the allowed hosts.
#[derive(Debug)]
pub(crate) struct Onward {
    pub(crate) request: Request,
    /// Redirects until there.
    pub(crate) hops: usize,
}

impl Redirects {
    pub(crate) fn new(method: &Method, allowed: Option<Client>, hops_before: usize) -> Self {
        let progress = Mutex::new(Progress::new(method));
        Self { method: method.clone(), allowed, hops_before, started: Instant::now(), progress }
    }

    fn judge(&self, attempt: Attempt<'_>) -> Action {
        let [.., from] = attempt.previous() else { return attempt.stop() };
        let hops = self.hops_before + attempt.previous().len();
        if hops > MAX_REDIRECTS {
            // Fails with reqwest's own error.
            return Policy::limited(0).redirect(attempt);
        }
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if attempt.previous().len() == 1 {
            // The first redirect, perhaps of a request that was sent again further in.
            *progress = Progress::new(&self.method);
        }
        progress.follow(attempt.status());
        if self.allowed.as_ref().is_none_or(|client| is_allowed(client, attempt.url())) {
            return attempt.follow();
        }
        progress.stopped = Some(Stopped { from: from.clone(), to: attempt.url().clone(), hops });
        attempt.stop()
    }

    /// Makes of the original request what is to be sent to where the policy stopped, if `response` is the redirect at
    /// which it did.
    pub(crate) fn onward(&self, mut request: Request, response: &Response) -> Option<Onward> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let Stopped { to, hops, .. } = progress.stopped.take_if(|stopped| stopped.from == *response.url())?;
        *request.url_mut() = to;
        *request.method_mut() = progress.method.clone();
        // It leaves an allowed host for one that is not, so it is another host.
        for name in CREDENTIALS {
            request.headers_mut().remove(name);
        }
        if !progress.has_body {
            *request.body_mut() = None;
            for name in CONTENT {
                request.headers_mut().remove(name);
            }
        }
        if let Some(timeout) = request.timeout_mut() {
            *timeout = timeout.saturating_sub(self.started.elapsed());
        }
        Some(Onward { request, hops })
    }
}

impl Progress {
    fn new(method: &Method) -> Self {
        Self { method: method.clone(), has_body: true, stopped: None }
    }

    /// What a redirect makes of method and body (RFC 9110, 15.4), as reqwest does it.
    fn follow(&mut self, status: StatusCode) {
        match status {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND if self.method == Method::POST => {
                self.method = Method::GET;
                self.has_body = false;
            }
            StatusCode::SEE_OTHER => {
                if self.method != Method::HEAD {
                    self.method = Method::GET;
                }
                self.has_body = false;
            }
            _ => {}
        }
    }
}

fn is_allowed(client: &Client, url: &Url) -> bool {
    url.as_str().parse::<Uri>().is_ok_and(|uri| client.may_propagate_to(&uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_bodies_follow_as_reqwest_does_it() {
        for (method, status, expected, has_body) in [
            (Method::POST, 301, Method::GET, false),
            (Method::POST, 302, Method::GET, false),
            (Method::POST, 303, Method::GET, false),
            (Method::POST, 307, Method::POST, true),
            (Method::POST, 308, Method::POST, true),
            (Method::PUT, 301, Method::PUT, true),
            (Method::PUT, 303, Method::GET, false),
            (Method::HEAD, 303, Method::HEAD, false),
            (Method::GET, 302, Method::GET, true),
        ] {
            let mut progress = Progress::new(&method);
            progress.follow(StatusCode::from_u16(status).unwrap());
            assert_eq!((progress.method, progress.has_body), (expected, has_body), "{method} {status}");
        }
    }
}
