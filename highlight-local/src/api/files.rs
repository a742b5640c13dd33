//! Sessions as files.

use std::error::Error;

use axum::{
    Json,
    body::to_bytes,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::parameters::Wrong;
use crate::{
    archive::{ImportError, MOST_PACKED, Reader},
    chain::Chain,
};

/// What a file is sent as. No page can send this to another origin without asking first, and it is not allowed to.
pub(super) const MEDIA_TYPE: &str = "application/gzip";

fn failed(error: impl Error + 'static) -> Wrong {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", Chain(&error)))
}

pub(super) async fn export(State(reader): State<Reader>, Path(id): Path<String>) -> Result<Response, Wrong> {
    let file = tokio::task::spawn_blocking(move || reader.export(&id)).await.map_err(failed)?;
    match file.map_err(failed)? {
        Some(file) => {
            let headers = [
                (header::CONTENT_TYPE, MEDIA_TYPE),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"session.jsonl.gz\""),
            ];
            Ok((headers, file).into_response())
        }
        None => Err((StatusCode::NOT_FOUND, "nothing is stored under this id\n".to_owned())),
    }
}

pub(super) async fn import(State(reader): State<Reader>, request: Request) -> Result<Response, Wrong> {
    let wrong = |status, text: String| (status, text + "\n");
    let media_type = request.headers().get(header::CONTENT_TYPE);
    if media_type.is_none_or(|value| value.as_bytes() != MEDIA_TYPE.as_bytes()) {
        return Err(wrong(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("an exported session is {MEDIA_TYPE}"),
        ));
    }
    let file = to_bytes(request.into_body(), MOST_PACKED).await;
    let file = file.map_err(|error| wrong(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))?;
    let imported = tokio::task::spawn_blocking(move || reader.import(&file)).await.map_err(failed)?;
    let status = |error: &ImportError| match error {
        ImportError::NotAnExport | ImportError::Newer { .. } | ImportError::Damaged { .. } => {
            StatusCode::BAD_REQUEST
        }
        ImportError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        ImportError::Known { .. } | ImportError::ReadOnly => StatusCode::CONFLICT,
        ImportError::Query(_) | ImportError::Write(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    match imported {
        Ok(imported) => Ok(Json(imported).into_response()),
        Err(error) => Err(wrong(status(&error), Chain(&error).to_string())),
    }
}
