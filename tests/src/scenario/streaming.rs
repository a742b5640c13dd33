//! A streaming body is still the request: each of its frames, and its end.

use anyhow::{Result, ensure};

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::Need,
    handler::{Declined, Reply, Step},
    stored::attribute,
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("streaming_body", streaming_body).server_only(),
        Scenario::new("streaming_body_fails", streaming_body_fails).server_only(),
        Scenario::new("trailers", trailers).needs(Need::Multiplexing).needs(Need::Trailers),
        Scenario::new("client_gone_during_body", client_gone_during_body).server_only(),
    ]
}

/// Three frames, each of which logs, then `last`.
fn three_frames(last: fn() -> Step) -> impl FnMut() -> Step + Send + 'static {
    let mut frame = 0;
    move || {
        frame += 1;
        match frame {
            1..=3 => {
                tracing::info!("frame {frame}");
                Step::Data("data ")
            }
            _ => last(),
        }
    }
}

async fn streaming_body(cell: Cell) -> Result<()> {
    let (answer, stored) =
        cell.answer(|_| async { Ok(Reply::streaming(three_frames(|| Step::End))) }).await?;
    ensure!(answer.body == "data data data ");
    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.request_span()?;
    ensure!(span.status_code == "Unset", "status {}", span.status_code);
    for frame in 1..=3 {
        let log = stored.log(&format!("frame {frame}"))?;
        ensure!(log.span_id == span.span_id);
        ensure!(span.end() >= log.sent_time, "the span ends before frame {frame}");
    }
    Ok(())
}

async fn streaming_body_fails(cell: Cell) -> Result<()> {
    let service = cell.serve(|_| async { Ok(Reply::streaming(three_frames(|| Step::Fail))) }).await?;
    let answer = service.send(&Request::from_browser(SESSION, REQUEST)).await?;
    // gRPC tells the failure in the trailers; all that HTTP can do is not to complete the answer.
    let looks_complete = answer.as_ref().is_some_and(|answer| answer.status == 200);
    ensure!(!looks_complete, "the answer looks complete: {answer:?}");
    let stored = cell.stored([service]).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let (error, _) = stored.error()?;
    let span = stored.request_span()?;
    ensure!(error.event == Declined::MESSAGE, "{:?}", error.event);
    ensure!(error.span_id == span.span_id, "{error:#?}");
    ensure!((span.status_code, span.status_message.as_str()) == ("Error", Declined::MESSAGE));
    if stored.framework.has(Need::Http) {
        ensure!(attribute(&span.attributes, "http.response.status_code")? == "200");
    }
    Ok(())
}

async fn trailers(cell: Cell) -> Result<()> {
    let mut frame = 0;
    let service = cell
        .serve(move |_| async move {
            Ok(Reply::streaming(move || {
                frame += 1;
                tracing::info!("frame {frame}");
                match frame {
                    1 => Step::Data("data"),
                    2 => Step::Trailers,
                    _ => Step::End,
                }
            }))
        })
        .await?;
    let connection = service.multiplexed().await?;
    let (answer, trailers) =
        connection.answer_with_trailers(&Request::from_browser(SESSION, REQUEST)).await?;
    drop(connection);
    ensure!(answer.body == "data" && trailers["x-price"] == "42", "{answer:?} {trailers:?}");
    let stored = cell.stored([service]).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.request_span()?;
    ensure!(span.status_code == "Unset", "{} {}", span.status_code, span.status_message);
    ensure!(stored.log("frame 2")?.span_id == span.span_id && span.end() >= stored.log("frame 2")?.sent_time);
    Ok(())
}

/// Logs when it is dropped.
struct Witness;

impl Drop for Witness {
    fn drop(&mut self) {
        tracing::info!("body dropped");
    }
}

async fn client_gone_during_body(cell: Cell) -> Result<()> {
    let service = cell
        .serve(|_| async {
            let witness = Witness;
            let mut frames = three_frames(|| Step::Hang);
            Ok(Reply::streaming(move || {
                let _ = &witness;
                frames()
            }))
        })
        .await?;
    let mut pending = service.begin(&Request::from_browser(SESSION, REQUEST)).await?;
    pending.read_until("data", 3).await?;
    pending.leave().await;
    let stored = cell.stored([service]).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.request_span()?;
    ensure!(span.status_code == "Error");
    ensure!(attribute(&span.attributes, "error.type")? == "cancelled");
    ensure!(stored.log("body dropped")?.span_id == span.span_id);
    stored.no_error()
}
