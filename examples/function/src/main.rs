//! A function as a platform runs it: the process is started once, frozen after each answer, and ended without a word.
//!
//! So everything of a request is delivered before it is answered. The platform's side is played by standard input and output, a line of
//! JSON each:
//!
//! ```sh
//! cargo run -p highlight-local &
//! echo '{"path": "/resize/7", "headers": {"x-highlight-request": "my-session/my-request"}}' | cargo run -p example-function
//! ```

mod platform;

use std::time::{Duration, Instant};

use axum::{Router, extract::Path, routing::any};
use highlight::{Config, Highlight};
use highlight_axum::{HandlerError, HighlightLayer};
use http_body_util::BodyExt;
use platform::{Answer, Event};
use tower::ServiceExt;

/// What answering takes once everything else is done.
const RESERVE: Duration = Duration::from_millis(100);

fn main() -> anyhow::Result<()> {
    // Once, when the platform starts the process: `init` connects to nobody.
    let highlight = highlight::init(Config::new("1jdkoe52").service_name("images"))?;
    let app = Router::new().route("/resize/{id}", any(resize)).layer(HighlightLayer::new());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    platform::serve(|event| runtime.block_on(invoke(&highlight, &app, event)))
    // Here the platform may end the process at any time: nothing is left to deliver.
}

async fn invoke(highlight: &Highlight, app: &Router, event: Event) -> anyhow::Result<Answer> {
    let deadline = Instant::now() + event.timeout();
    let response = app.clone().oneshot(event.into_request()?).await?;
    // The span of a request ends with the body of its response, so the body comes first.
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    // What is late stays queued, and goes with the next.
    let left = deadline.saturating_duration_since(Instant::now()).saturating_sub(RESERVE);
    if let Err(error) = highlight.flush_async(left).await {
        // To the platform's own log: telemetry that is late is no reason to fail.
        tracing::warn!(target: "highlight", "{error}");
    }
    Ok(Answer { status: parts.status.as_u16(), body: String::from_utf8_lossy(&body).into_owned() })
}

async fn resize(Path(id): Path<String>) -> Result<String, HandlerError> {
    let id: u32 = id.parse()?;
    let size = highlight::start_active_span("read image", async |_| id * 100).await;
    tracing::info!(id, "resized");
    Ok(format!("{size} bytes"))
}
