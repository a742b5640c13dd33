//! The bodies of the fuzz targets in `fuzz`: the decoder of what anybody may send, the server's stack parser, and exported
//! sessions.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use prost::Message;

use crate::{
    LiveLine, Row, Store, StoreLimits, Timeline,
    ingest::{Arrival, Ingest},
    stack,
};

/// A character for the signal (`t`, `l` or `m`) and a protobuf request.
pub fn receiver(data: &[u8]) {
    let Some((signal, body)) = data.split_first() else { return };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let rows = || {
        let (ingest, arrival) = (Ingest::default(), Arrival::now().at(now));
        match signal {
            b't' => {
                ExportTraceServiceRequest::decode(body).ok().map(|request| ingest.traces(&request, &arrival))
            }
            b'l' => {
                ExportLogsServiceRequest::decode(body).ok().map(|request| ingest.logs(&request, &arrival))
            }
            _ => ExportMetricsServiceRequest::decode(body)
                .ok()
                .map(|request| ingest.metrics(&request, &arrival)),
        }
    };
    let Some(stored) = rows() else { return };
    let again = rows().unwrap_or_default();
    assert_eq!(format!("{stored:?}"), format!("{again:?}"), "the same request is stored differently");
    for row in &stored {
        let is_note = matches!(row, Row::Dropped(_) | Row::Changed(_));
        assert!(is_note || !row.origin().project.is_empty(), "stored without a project: {row:?}");
        if let Row::Log(log) = row {
            // 65,536 bytes and the mark of the cut (C§1.3).
            assert!(log.message.len() <= 65_539, "a message of {} bytes", log.message.len());
        }
        let line = LiveLine::new(row).to_string();
        assert!(!line.contains('\n'), "more than a line: {line:?}");
    }
    let store = Store::new(StoreLimits::default());
    store.add(stored);
    assert!(!Timeline::new(&store.snapshot()).to_string().is_empty());
}

/// The text of `exception.stacktrace`.
pub fn server_stack(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let frames = stack::parse(&text);
    assert!(frames.len() <= text.len() + 1, "{} frames of {} bytes", frames.len(), text.len());
    assert!(stack::shown(&frames).len() <= frames.len());
    // Our own shape, made of these frames, is read as it is written (C§6.3).
    let name = |text: &Option<String>| {
        let clean = text
            .as_deref()
            .unwrap_or_default()
            .replace(|c: char| !c.is_ascii_alphanumeric() && c != '/', "_");
        format!("f{clean}")
    };
    let ours: Vec<_> =
        frames.iter().take(64).map(|frame| (name(&frame.function), name(&frame.file), 7)).collect();
    let written = ours.iter().map(|(function, file, line)| format!("{function}\n\t/{file}.rs:{line}\n"));
    let read = stack::parse(&format!("\n{}", written.collect::<String>()));
    let read: Vec<_> =
        read.iter().map(|frame| (frame.function.clone().unwrap_or_default(), frame.line)).collect();
    let expected: Vec<_> = ours.iter().map(|(function, _, line)| (function.clone(), Some(*line))).collect();
    assert_eq!(read, expected);
}

/// The lines of an exported session behind the first.
#[cfg(feature = "viewer")]
pub fn session(data: &[u8]) {
    crate::archive::fuzz_import(data);
}

#[cfg(test)]
#[path = "../../fuzz/mutate.rs"]
mod mutate;

#[cfg(test)]
mod tests {
    super::mutate::tests! { receiver server_stack }
    #[cfg(feature = "viewer")]
    super::mutate::tests! { session }
}
