//! The requests themselves, for tests of senders.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};

/// What is known about a received request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestInfo {
    /// `POST`, in most cases.
    pub method: String,
    /// The path, such as `/v1/traces`.
    pub path: String,
    /// Header names (lower case) and values, in order. Bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// Length of the body as it came, in bytes.
    pub wire_length: usize,
    /// Length of the body after decompression; `None` where it could not be decompressed.
    pub decoded_length: Option<usize>,
    /// The answer. While [`respond_with`](crate::ReceiverBuilder::respond_with) is asked, 0.
    pub status: u16,
}

impl RequestInfo {
    /// The value of the first header of this name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn weight(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(k, v)| k.len() + v.len() + 64).sum();
        256 + self.path.len() + headers
    }
}

/// A decoded request.
#[derive(Debug, Clone)]
pub(crate) enum Raw {
    Traces(Arc<ExportTraceServiceRequest>),
    Logs(Arc<ExportLogsServiceRequest>),
    Metrics(Arc<ExportMetricsServiceRequest>),
}
