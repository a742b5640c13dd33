//! Ties outgoing [reqwest](https://docs.rs/reqwest) calls to the browser session that caused them.
//!
//! ```
//! # async fn charge() -> Result<(), Box<dyn std::error::Error>> {
//! let http = highlight_reqwest::client(reqwest::Client::builder())?; // once, and kept
//!
//! let receipt = http.post("http://payments:8080/charges").body("42").send().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Each call is a client span below the current one, named by its method, with the attributes of OpenTelemetry's
//! stable HTTP conventions; it ends when the response's body has been read, has failed, or is dropped. The metric
//! `http.client.request.duration` is recorded.
//!
//! The session (`x-highlight-request`) and the trace (`traceparent`) go along to hosts that are
//! [allowed](highlight::propagation) to know them: private ones, and those that
//! [`Config::propagate_to`](highlight::Config::propagate_to) names. The caller's own headers of these names stay as
//! they are (headers that the *client* adds by default are not seen).
//!
//! From 400 up, and if no answer comes, the span has failed. That is **no error object**: whether a failed call is an
//! error is the caller's decision, and a `?` in a handler or [`highlight::consume_error`] reports it.
//!
//! # Beside other middleware
//!
//! [`client`] is short for this, where there is room for more:
//!
//! ```
//! use highlight_reqwest::HighlightClientMiddleware;
//! use reqwest_middleware::ClientBuilder;
//!
//! # fn build() -> reqwest::Result<()> {
//! let highlight = HighlightClientMiddleware::new(reqwest::Client::builder())?;
//! let http = ClientBuilder::new(highlight.http().clone())
//!     // .with(RetryTransientMiddleware::new_with_policy(...))
//!     .with(highlight)
//!     .build();
//! # Ok(())
//! # }
//! ```
//!
//! Ours belongs last. A retrying middleware is then outside, and each attempt is a span of its own, counted in
//! `http.request.resend_count`. A call with a [`UrlTemplate`] is named by it:
//! `http.get(url).with_extension(UrlTemplate::new("/charges/{id}"))`.
//!
//! # Without `reqwest-middleware`
//!
//! ```
//! # use highlight_reqwest::HighlightClientMiddleware;
//! # async fn charge() -> reqwest::Result<()> {
//! let highlight = HighlightClientMiddleware::new(reqwest::Client::builder())?; // once, and kept
//! let http = highlight.http();
//!
//! let receipt = highlight.send(http.post("http://payments:8080/charges").body("42")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Redirects
//!
//! reqwest follows redirects by itself, and takes all headers but credentials and cookies along, to whatever host it
//! is sent to. A service that is allowed to know a session, and redirects to a storage provider, would so give the
//! session away. No hook of reqwest can take a header off; but its redirect policy can stop. Therefore the middleware
//! comes with a client that has such a policy:
//!
//! - Redirects are followed as by reqwest's default, at most ten in a chain. Where one leaves the allowed hosts with
//!   our headers on, the policy stops, and the middleware goes on from there **without them**, in a span of its own.
//!   The caller gets the final answer, as always. Once lost, the headers stay off for the rest of the chain.
//! - Two things are different after that step: no `Referer` is sent, and a timeout that is set on the client, not on
//!   the request, starts anew.
//! - A client with credentials among its default headers adds them to whatever it sends, so it is not sent there: the caller gets the
//!   redirect itself.
//! - A policy of the program's own is combined with ours by [`HighlightClientMiddleware::with_redirect_policy`]. A client that cannot
//!   be built anew is taken by [`HighlightClientMiddleware::assume_safe_redirects`], on the program's word.
//!
//! Redirects that reqwest follows itself are not seen: they are part of the span of the first request.

mod attempt;
mod body;
mod failure;
mod middleware;
mod redirects;

pub use self::middleware::{HighlightClientMiddleware, client};
pub use highlight::http::UrlTemplate;
