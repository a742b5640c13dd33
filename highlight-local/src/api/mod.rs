//! The archive as JSON over HTTP, for views and for programs.
//!
//! ```no_run
//! # use highlight_local::{Receiver, api, archive::Archive};
//! let receiver = Receiver::start(4318)?;
//! let archive = Archive::in_memory().start(&receiver.store())?;
//! let server = api::Server::start(4319, archive.reader())?;
//! // curl http://127.0.0.1:4319/api/logs?level=warn&text=card
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | path | parameters | answer |
//! |---|---|---|
//! | `/api/overview` | | [`Overview`](crate::archive::Overview) |
//! | `/api/sessions` | `limit` `before` `text` | page of [`Session`](crate::archive::Session) |
//! | `/api/sessions/{id}` | | [`SessionTimeline`](crate::archive::SessionTimeline) |
//! | `/api/requests` | `limit` `before` `text` | page of [`Request`](crate::archive::Request) |
//! | `/api/sessions/{id}/export` | | [one file](crate::archive::Reader::export), as `application/gzip` |
//! | `POST /api/import` | such a file, as `application/gzip` | [`Imported`](crate::archive::Imported) |
//! | `/api/traces/{id}` | | [`Trace`](crate::archive::Trace) |
//! | `/api/spans/{id}` | | [`SpanDetail`](crate::archive::SpanDetail) |
//! | `/api/logs` | `limit` `before` `after` `level` `service` `session` `trace` `text` | page of [`LogRow`](crate::archive::LogRow) |
//! | `/api/errors` | `limit` `before` `after` `group` `service` `session` `trace` `text` | page of [`ErrorRow`](crate::archive::ErrorRow) |
//! | `/api/errors/{id}` | | [`ErrorDetail`](crate::archive::ErrorDetail) |
//! | `/api/error-groups` | as `/api/errors` | page of [`ErrorGroup`](crate::archive::ErrorGroup) |
//! | `/api/error-groups/{id}` | `minutes` (1,440) `buckets` (60) | [`ErrorGroupDetail`](crate::archive::ErrorGroupDetail) |
//! | `/api/notes` | `limit` `before` `dropped` `code` `service` | page of [`Note`](crate::archive::Note) |
//! | `/api/reasons` | | list of [`Reason`](crate::archive::Reason) |
//! | `/api/metrics` | | list of [`MetricName`](crate::archive::MetricName) |
//! | `/api/metrics/{name}` | `minutes` (all) `points` | list of [`Series`](crate::archive::Series) |
//!
//! An unknown or unreadable parameter is answered with 400 and what is wrong, an unknown id with 404. Times are
//! milliseconds since 1970 ([`Timestamp`](crate::archive::Timestamp)).
//!
//! Only requests that name this machine by address or as `localhost` are answered, so that no web page can read
//! the rows by giving its own name this machine's address.

mod files;
pub(crate) mod host;
pub(crate) mod parameters;
mod routes;
mod server;

pub(crate) use routes::router;
pub use server::Server;
