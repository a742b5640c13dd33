//! Browsers, as far as a service can tell.

mod ids;

use std::{fmt, net::SocketAddr};

use anyhow::{Context, ensure};
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, request};
use futures_util::future::try_join_all;
use highlight::propagation::REQUEST_HEADER;
use http_body_util::BodyExt;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

pub use self::ids::Ids;
use self::ids::Shape;

/// A request that was made and answered.
#[derive(Debug)]
pub struct Visit {
    pub call: Call,
    pub status: StatusCode,
}

/// A request as a page makes it.
#[derive(Debug)]
pub struct Call {
    /// Which client the page has.
    pub client: &'static str,
    pub method: Method,
    pub path: &'static str,
    pub ids: Ids,
}

/// Makes all calls of a round at the same time, as browsers do.
pub async fn visit(storefront: SocketAddr) -> anyhow::Result<Vec<Visit>> {
    let browser = Browser { http: Client::builder(TokioExecutor::new()).build_http(), storefront };
    try_join_all(round().into_iter().map(async |call| {
        let status = browser.make(&call).await.with_context(|| call.to_string())?;
        Ok(Visit { call, status })
    }))
    .await
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Each page calls a route of its own, and checks out: that one goes through both services.
fn round() -> Vec<Call> {
    let [current, previous, old, rendered] = [(); 4].map(|()| ids::session());
    let pages: [(&str, Shape, &str, Method, &str); 8] = [
        ("10.7.5 fetch", ids::fetch, &current, Method::GET, "/api/products"),
        ("10.7.5 XHR", ids::doubled_xhr, &current, Method::GET, "/api/fail"),
        ("9.15.0 fetch", ids::fetch, &previous, Method::GET, "/api/stream"),
        ("9.15.0 XHR", ids::xhr, &previous, Method::GET, "/api/panic"),
        ("8.13.0", ids::without_traceparent, &old, Method::POST, "/api/jobs"),
        ("session not ready", ids::without_traceparent, "", Method::GET, "/"),
        ("session cookie", ids::without_request, &rendered, Method::GET, "/api/report"),
        ("the successor", ids::traceparent_alone, "", Method::GET, "/api/missing/42"),
    ];
    pages
        .into_iter()
        .flat_map(|(client, shape, session, method, path)| {
            let own = Call { client, method, path, ids: shape(session) };
            [own, Call { client, method: Method::POST, path: "/api/checkout", ids: shape(session) }]
        })
        .collect()
}

struct Browser {
    http: Client<HttpConnector, String>,
    storefront: SocketAddr,
}

impl Browser {
    /// The page is of another origin, so the browser asks before it makes the call.
    async fn make(&self, call: &Call) -> anyhow::Result<StatusCode> {
        let preflight = self
            .request(&Method::OPTIONS, call.path)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, call.method.as_str())
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "traceparent,x-highlight-request")
            .body(String::new())?;
        let answer = self.send(preflight).await?;
        allowed(&answer, &header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")?;
        allowed(&answer, &header::ACCESS_CONTROL_ALLOW_METHODS, "*")?;
        for name in ["traceparent", REQUEST_HEADER] {
            allowed(&answer, &header::ACCESS_CONTROL_ALLOW_HEADERS, name)?;
        }

        let mut request = self.request(&call.method, call.path);
        if let Some(value) = &call.ids.header {
            request = request.header(REQUEST_HEADER, value);
        }
        if let Some(value) = &call.ids.traceparent {
            request = request.header("traceparent", value);
        }
        let answer = self.send(request.body(String::new())?).await?;
        allowed(&answer, &header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")?;
        Ok(answer.status())
    }

    fn request(&self, method: &Method, path: &str) -> request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.storefront))
            .header(header::ORIGIN, "https://shop.example")
    }

    /// Sends a request, and reads the answer to its end.
    async fn send(&self, request: Request<String>) -> anyhow::Result<Response<()>> {
        let (head, body) = self.http.request(request).await?.into_parts();
        body.collect().await?;
        Ok(Response::from_parts(head, ()))
    }
}

fn allowed(answer: &Response<()>, name: &HeaderName, value: &str) -> anyhow::Result<()> {
    let found = answer.headers().get(name).map(HeaderValue::to_str).transpose()?;
    ensure!(
        found.is_some_and(|found| found.split(',').any(|found| found == value)),
        "CORS forbids it: {name} should have {value}, is {found:?}"
    );
    Ok(())
}
