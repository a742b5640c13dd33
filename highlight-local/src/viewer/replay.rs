//! `/replay/{session}`: the player of a recording, for a frame in the session's page.
//!
//! What was recorded is a page by strangers. rrweb's player rebuilds it in a frame of its own, whose sandbox admits
//! no scripts; the policy here would refuse them as well. Styles, images and fonts it may have, or it would not look
//! like what it was.

use axum::{
    body::Body,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use maud::{DOCTYPE, html};

use super::{Viewer, answer::Answer, link};
use crate::replay::Chunk;

const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob: http: https:; font-src data: http: https:; media-src data: blob: http: https:; \
     form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

pub(super) async fn player(Path(session): Path<String>) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "Replay" }
                link rel="stylesheet" href="/assets/rrweb-player.css";
                link rel="stylesheet" href="/assets/player.css";
                script src="/assets/rrweb-player.js" defer {}
                script src="/assets/player.js" defer {}
            }
            body data-events=(format!("{}/events", link::replay(&session))) {
                main #player { p role="status" { "Loading the recording" } }
            }
        }
    };
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, page.into_string()).into_response()
}

/// The recording's chunks, an array of what [`Chunk::json`] has. One after the other, so that only one is in memory.
pub(super) async fn events(State(viewer): State<Viewer>, Path(session): Path<String>) -> Answer {
    let reader = viewer.reader.clone();
    let ids = {
        let (reader, session) = (reader.clone(), session.clone());
        tokio::task::spawn_blocking(move || reader.recording_chunks(&session)).await
    };
    let ids = match ids {
        Ok(Ok(ids)) if !ids.is_empty() => ids,
        _ => return viewer.page(|_| Ok(None)).await,
    };
    let pieces = std::iter::once(None).chain(ids.into_iter().map(Some)).chain([None]).enumerate();
    let body = stream::unfold(pieces, move |mut pieces| {
        let (reader, session) = (reader.clone(), session.clone());
        async move {
            let (index, piece) = pieces.next()?;
            let Some(id) = piece else {
                return Some((Ok(Bytes::from_static(if index == 0 { b"[" } else { b"]" })), pieces));
            };
            let read = tokio::task::spawn_blocking(move || {
                let chunk: Option<Chunk> = reader.recording_chunk(&session, id).ok().flatten();
                chunk.and_then(|chunk| chunk.json().ok())
            });
            // One that went in the meantime, or is damaged, is not worth the others.
            let json = read.await.ok().flatten().unwrap_or_else(|| "{}".to_owned());
            let comma = if index > 1 { "," } else { "" };
            Some((Ok::<_, std::io::Error>(Bytes::from(comma.to_owned() + &json)), pieces))
        }
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(body)).into_response())
}
