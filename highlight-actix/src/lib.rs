//! Ties everything an [actix-web](https://docs.rs/actix-web) service does for a request to the browser session that caused it.
//!
//! ```no_run
//! use actix_web::{App, HttpServer, web};
//! use highlight_actix::HighlightMiddleware;
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let _highlight = highlight::init(highlight::Config::new("1jdkoe52").service_name("checkout"))?;
//!
//!     HttpServer::new(|| {
//!         App::new()
//!             .wrap(HighlightMiddleware::new())
//!             .route("/orders/{id}", web::get().to(|| async { "an order" }))
//!     })
//!     .bind(("127.0.0.1", 3000))?
//!     .run()
//!     .await?;
//!     Ok(())
//! }
//! ```
//!
//! From then on each request makes a server span, and its session and request ids are on every span, log, error and panic that
//! arises while it is served: in the handler and its extractors, in every chunk of a streaming body, and in whatever is
//! dropped when the client goes away.
//!
//! - The span is named `{method} {route}`, the route being [`match_pattern`](actix_web::HttpRequest::match_pattern): scopes and
//!   resources joined, such as `/api/orders/{id}`. Where nothing matched it is the method alone.
//! - It ends when the response's body has ended, failed or been dropped.
//! - It is marked as failed by a status of 500 or more, by a cancelled request, and by a panic. A panic ends its connection, as it does without us.
//!
//! # Where to wrap
//!
//! Around the app, last (actix runs the middleware that was added last first): what is further in is part of the request. One that
//! turns panics into responses belongs inside. Around a scope or a resource works too, and then only they are covered. A request that
//! passes two of these makes one span, that of the outermost.
//!
//! Only a middleware that answers CORS preflights goes around it. It must allow our headers, or the page's own calls fail:
//!
//! ```
//! use actix_cors::Cors;
//! use actix_web::{App, web};
//! use highlight::propagation::CORS_HEADERS;
//! use highlight_actix::HighlightMiddleware;
//!
//! let app = || {
//!     App::new()
//!         .route("/orders/{id}", web::get().to(async || "an order"))
//!         .wrap(HighlightMiddleware::new())
//!         .wrap(Cors::default().allowed_origin("https://shop.example").allowed_headers(CORS_HEADERS))
//! };
//! # let _ = app();
//! ```
//!
//! # Errors
//!
//! | what a handler returns | what is reported |
//! |---|---|
//! | [`HandlerError`], by `?` on any error | the error with its chain, its type and the line of the `?` |
//! | any other error that is answered with 500 or more | the error with its chain, if its type is [known](HighlightMiddleware::with_error_type), else its message |
//! | an error that is answered with less, such as what extractors return for a malformed body | nothing: that is the client's affair |
//! | a response without an error | nothing; from 500 up the span has failed |
//!
//! Each is reported once, also if it was logged or [consumed](highlight::consume_error) before, as far as it can be recognised
//! (a type that is not known may hide its causes). So is the error of a streaming body.
//!
//! # Work on other threads, and tasks
//!
//! [`block`] is actix's `web::block`, and [`spawn`] its `rt::spawn`, with the request taken along. Let clippy find the bare ones, in `clippy.toml`:
//!
//! ```toml
//! disallowed-methods = [
//!     { path = "actix_web::web::block", reason = "loses the request; use highlight_actix::block" },
//!     { path = "actix_web::rt::spawn", reason = "loses the request; use highlight_actix::spawn" },
//! ]
//! ```
//!
//! # Upgrades and WebSockets
//!
//! The request's span ends with the answer 101. The body that speaks the new protocol is still the request; a task that does so
//! (actix-ws) keeps it if it is started with [`spawn`].
//!
//! # Tests
//!
//! A request in the scope of a capture (`highlight::testing`, behind the feature `testing`) is captured:
//!
//! ```
//! use actix_web::{App, test, web};
//! use highlight_actix::{HandlerError, HighlightMiddleware};
//!
//! async fn order() -> Result<String, HandlerError> {
//!     Ok("seven".parse::<u32>()?.to_string())
//! }
//!
//! # #[actix_web::main]
//! # async fn main() {
//! let telemetry = highlight::testing::capture();
//! let app = App::new().route("/orders/{id}", web::get().to(order)).wrap(HighlightMiddleware::new());
//! let app = test::init_service(app).await;
//!
//! let request = test::TestRequest::get().uri("/orders/7").insert_header(("x-highlight-request", "session1/request001"));
//! let answer = test::call_and_read_body(&app, request.to_request()); // the span ends with the response
//! telemetry.scope(answer).await;
//!
//! assert_eq!(telemetry.errors().one().session_id.as_deref(), Some("session1"));
//! assert!(telemetry.spans().named("GET /orders/{id}").one().has_failed());
//! # }
//! ```
//!
//! Where a server runs on workers of its own, its middleware gets the capture's client: [`HighlightMiddleware::with_client`].
//!
//! # Ending
//!
//! `HttpServer` stops by itself, at SIGTERM when the requests have ended and at SIGINT (ctrl-c) at once; then `main` returns, the
//! guard of [`highlight::init`] is dropped, and what is queued is delivered.
//!
//! # Further
//!
//! [`RequestContext`] gives a handler the session and request ids. [`Headers`] lets
//! [`parse_headers`](highlight::parse_headers) read actix's headers, [`HeadersMut`] lets [`propagation`](highlight::propagation) write them.

mod body;
mod context;
mod error;
mod future;
mod headers;
mod middleware;
mod payload;
mod report;
mod request;
mod task;

pub use self::{
    body::HighlightBody,
    context::RequestContext,
    error::HandlerError,
    future::HighlightFuture,
    headers::{Headers, HeadersMut},
    middleware::{HighlightMiddleware, HighlightService},
    task::{block, spawn},
};
pub use highlight::http::{Recording, ServerOptions};
