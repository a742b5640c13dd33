//! Work outside the handler's own future, and how it stays part of the request.

use std::{convert::Infallible, time::Duration};

use axum::{body::Body, extract::State, http::StatusCode};
use futures_util::{StreamExt, stream};
use highlight_axum::HandlerError;
use tokio::time::sleep;
use tracing::info;

use super::App;

/// `GET /api/stream`: the body is made after the handler has returned. The layer sees to it, and ends the span with it.
pub async fn stream() -> Body {
    Body::from_stream(stream::iter(1..=3).then(async |part| {
        sleep(Duration::from_millis(10)).await;
        info!(part, "part sent");
        Ok::<_, Infallible>(format!("part {part} of 3\n"))
    }))
}

/// `POST /api/jobs`: the job goes on when the request has been answered. [`highlight::spawn`] takes the request along,
/// where `tokio::spawn` would lose it.
pub async fn job(State(app): State<App>) -> StatusCode {
    highlight::spawn(app.tasks.track_future(async {
        highlight::start_active_span("send invoice", async |_| {
            sleep(Duration::from_millis(50)).await;
            info!("invoice sent");
        })
        .await;
    }));
    StatusCode::ACCEPTED
}

/// `GET /api/report`: the same for work that blocks.
pub async fn report() -> Result<String, HandlerError> {
    let total = highlight::spawn_blocking(|| {
        highlight::in_span("sum up the year", |span| {
            let total: u32 = (1..=12).map(|month| month * 1000).sum();
            span.set_attribute("report.total", total);
            info!(total, "year summed up");
            total
        })
    });
    Ok(format!("total: {}\n", total.await?))
}
