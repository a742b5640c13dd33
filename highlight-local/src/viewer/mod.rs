//! The archive as pages for a browser: sessions, traces, logs, errors, metrics, and what the server would lose.
//!
//! ```no_run
//! # use highlight_local::{Receiver, archive::Archive, viewer::{Sources, Viewer}};
//! let receiver = Receiver::start(4318)?;
//! let archive = Archive::in_memory().start(&receiver.store())?;
//! let viewer = Viewer::new(&archive).sources(Sources::below(["."])).start(4319)?;
//! println!("open http://{}", viewer.address());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | path | shows |
//! |---|---|
//! | `/` | the sessions |
//! | `/sessions/{id}` | what happened in a session, and its recording |
//! | `/requests` | the requests, with and without a session |
//! | `/traces/{id}` | a waterfall over all services; `from`: the first row |
//! | `/spans/{id}` | a span with its attributes, logs and errors |
//! | `/logs` | logs, live; `level` `service` `session` `trace` `text` `before` |
//! | `/errors` | the groups of errors; `service` `session` `trace` `text` `before` |
//! | `/errors/{group}` | a group: over time, stack with source lines, sessions; `error`: which one of it |
//! | `/dropped` | what the server would drop or change without a word; `code` `service` `before` |
//! | `/metrics`, `/metrics/{name}` | the metrics, and a plot of each series |
//! | `/events` | server-sent events: the newest id, whenever it changes |
//! | `/replay/{session}` | the player, for a frame in the session's page |
//! | `/api/...` | the same as JSON ([`api`]) |
//!
//! # What cannot happen
//!
//! - Telemetry is text: all of it is escaped when it is put into a page, and no page runs a script or takes a style
//!   that is not one of the program's own files (`Content-Security-Policy`).
//! - Recorded pages are replayed in a frame whose policy admits no script but the player.
//! - No file is read but source files below the roots given ([`Sources`]).
//! - As with [`api`], a request must name this machine by address or as `localhost`.

mod answer;
mod assets;
mod dropped;
mod errors;
mod format;
mod frames;
mod link;
mod live;
mod logs;
mod metrics;
mod page;
mod parts;
mod plot;
mod replay;
mod requests;
mod secure;
mod sessions;
mod sources;
mod spans;
mod timeline;
mod trace;

use std::sync::Arc;

use axum::{Router, middleware, routing::get};
use tokio::sync::{Semaphore, watch};

use crate::{
    api::{self, Server, host},
    archive::{Archive, Reader},
    receiver::{Listen, StartError},
};

pub use sources::Sources;

/// The pages over an archive.
#[derive(Debug, Clone)]
#[must_use = "a viewer does nothing until it is started"]
pub struct Viewer {
    reader: Reader,
    changes: watch::Receiver<i64>,
    sources: Arc<Sources>,
    /// Each live page holds a connection.
    streams: Arc<Semaphore>,
}

impl Viewer {
    /// Shows this archive, and no source files.
    pub fn new(archive: &Archive) -> Self {
        Self {
            reader: archive.reader(),
            changes: archive.changes(),
            sources: Arc::default(),
            streams: Arc::new(Semaphore::new(live::MOST)),
        }
    }

    /// Where the lines beside a stack's frames may be read.
    pub fn sources(mut self, sources: Sources) -> Self {
        self.sources = Arc::new(sources);
        self
    }

    /// The pages, and the JSON below `/api/`.
    pub(crate) fn router(self) -> Router {
        let reader = self.reader.clone();
        Router::new()
            .route("/", get(sessions::list))
            .route("/sessions/{id}", get(timeline::show))
            .route("/requests", get(requests::list))
            .route("/traces/{id}", get(trace::show))
            .route("/spans/{id}", get(spans::show))
            .route("/logs", get(logs::list))
            .route("/errors", get(errors::list))
            .route("/errors/{group}", get(errors::show))
            .route("/errors/of/{error}", get(errors::of))
            .route("/dropped", get(dropped::list))
            .route("/metrics", get(metrics::list))
            .route("/metrics/{name}", get(metrics::show))
            .route("/events", get(live::events))
            .route("/replay/{session}", get(replay::player))
            .route("/replay/{session}/events", get(replay::events))
            .route("/assets/{name}", get(assets::serve))
            .fallback(answer::nothing_here)
            .layer(middleware::from_fn(secure::headers))
            .with_state(self)
            .merge(api::router(reader))
            .layer(middleware::from_fn(host::check))
    }

    /// Serves the pages on a thread of their own. Anyone who can reach the address can read all rows; port 0 takes a
    /// free one.
    pub fn start(self, listen: impl Into<Listen>) -> Result<Server, StartError> {
        Server::serve(listen.into(), self.router())
    }
}
