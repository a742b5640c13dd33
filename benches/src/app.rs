//! The app under measurement: `GET /user/{id}`, answered with 64 bytes.

use std::{hint::black_box, io};

use axum::{Router, body::Body, extract::Path, http::HeaderValue, routing::get};
use divan::Bencher;
use futures_util::FutureExt;
use highlight::{KeyValue, User, consume_error, in_span};
use http_body_util::BodyExt;
use tower::Service;
use tracing::{Instrument, debug, info, info_span};

/// What they are asked.
pub type Request = axum::http::Request<Body>;

/// What the handler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// It answers.
    Answer,
    /// In a child span by `tracing`.
    Child,
    /// In a child span, with a log line in it: what every request of the budget and of the harness does.
    Log,
    /// The same, after it has said who asks.
    User,
    /// The same as `Log`, and a value is counted.
    Metric,
    /// In so many child spans, one after the other.
    Spans(usize),
    /// In a span with so many attributes, at most 20.
    Attributes(usize),
    /// It reports an error, whose stack is not taken.
    Error,
    /// It passes so many lines that the level keeps out.
    Rejected(usize),
}

const KEYS: [&str; 20] = [
    "key.00", "key.01", "key.02", "key.03", "key.04", "key.05", "key.06", "key.07", "key.08", "key.09",
    "key.10", "key.11", "key.12", "key.13", "key.14", "key.15", "key.16", "key.17", "key.18", "key.19",
];

const BODY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

impl Shape {
    /// The app without any layer of ours.
    pub fn router(self) -> Router {
        let handler = match self {
            Self::Answer => get(async |Path(_): Path<u64>| BODY),
            Self::Child => {
                get(async |Path(_): Path<u64>| async { BODY }.instrument(info_span!("load_user")).await)
            }
            Self::Log => get(load_user_in_span),
            Self::User => get(async |Path(id): Path<u64>| {
                highlight::set_user(User::new().id("4711").email("ada@example.com"));
                load_user_in_span(Path(id)).await
            }),
            Self::Metric => get(async |Path(id): Path<u64>| {
                highlight::metrics::record_incr("users.loaded", [KeyValue::new("tier", "gold")]);
                load_user_in_span(Path(id)).await
            }),
            Self::Spans(spans) => get(async move |Path(_): Path<u64>| {
                for n in 0..spans {
                    info_span!("step", n).in_scope(|| black_box(n));
                }
                BODY
            }),
            Self::Attributes(attributes) => get(async move |Path(_): Path<u64>| {
                in_span("load_user", |span| {
                    for key in &KEYS[..attributes] {
                        span.set_attribute(*key, "gold");
                    }
                    BODY
                })
            }),
            Self::Error => get(async |Path(_): Path<u64>| {
                consume_error(&io::Error::other("no answer"));
                BODY
            }),
            Self::Rejected(lines) => get(async move |Path(id): Path<u64>| {
                for _ in 0..lines {
                    debug!(user.id = id, "looked for");
                }
                BODY
            }),
        };
        Router::new().route("/user/{id}", handler)
    }
}

async fn load_user_in_span(Path(id): Path<u64>) -> &'static str {
    async { load_user(id) }.instrument(info_span!("load_user")).await
}

fn load_user(id: u64) -> &'static str {
    info!(user.id = id, "loaded user");
    BODY
}

/// A request as a browser's page makes it, its session and trace among the headers.
#[must_use]
pub fn request(n: u64) -> Request {
    // Spread as ids are.
    let x = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = format!("/user/{}", x % 100_000).parse().unwrap();
    let headers = request.headers_mut();
    headers.insert("host", HeaderValue::from_static("localhost"));
    headers.insert("user-agent", HeaderValue::from_static("bench"));
    let ids = format!("sess{:017}/req{:018}", x % 10_u64.pow(17), x % 10_u64.pow(18));
    headers.insert("x-highlight-request", ids.parse().unwrap());
    let (high, parent) = (x.rotate_left(17), x.rotate_left(31));
    headers.insert("traceparent", format!("00-{x:016x}{high:016x}-{parent:016x}-01").parse().unwrap());
    request
}

/// The app as `axum::serve` calls it: ready once for each connection. Else the layers were put around the handler anew for each request.
pub fn at_server(app: Router) -> Router {
    app.with_state(())
}

/// Times one request after the other. What is to be done before each is not timed.
pub fn bench_requests(bencher: Bencher<'_, '_>, app: Router, before: impl Fn()) {
    let app = at_server(app);
    let mut n = 0;
    bencher
        .with_inputs(|| {
            before();
            n += 1;
            (app.clone(), request(n))
        })
        .bench_local_values(|(mut app, request)| {
            serve(&mut app, request);
            // Dropped outside of what is timed.
            app
        });
}

/// Serves a request to the last byte of its answer. Nothing in it ever waits.
pub fn serve(app: &mut Router, request: Request) {
    let answer = app.call(request).now_or_never().unwrap().unwrap();
    let body = answer.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
    assert_eq!(body.len(), BODY.len());
}
