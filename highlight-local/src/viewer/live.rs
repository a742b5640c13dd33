//! Tells pages that there is something new.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream;

use super::Viewer;

/// How many pages can be live at a time.
pub(super) const MOST: usize = 64;
/// A page asks again after each event: this often is enough for an eye.
const PAUSE: Duration = Duration::from_millis(400);

/// `GET /events`: an event `change` with the newest id, at once and whenever it changes.
pub(super) async fn events(State(viewer): State<Viewer>) -> Response {
    let Ok(permit) = viewer.streams.try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are live; close some\n").into_response();
    };
    let mut changes = viewer.changes;
    changes.mark_changed();
    // The permit is given back when the page is closed, with the stream.
    let stream = stream::unfold((changes, permit, false), |(mut changes, permit, has_begun)| async move {
        if has_begun {
            tokio::time::sleep(PAUSE).await;
        }
        changes.changed().await.ok()?;
        let newest = *changes.borrow_and_update();
        let event = Event::default().event("change").data(newest.to_string());
        Some((Ok::<_, Infallible>(event), (changes, permit, true)))
    });
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}
