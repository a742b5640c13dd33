//! The metrics of HTTP servers and clients.

use opentelemetry::metrics::{Histogram, Meter, UpDownCounter};

use super::conventions::duration_boundaries;

#[derive(Debug)]
pub(crate) struct Instruments {
    pub(super) server_duration: Histogram<f64>,
    pub(super) server_active: UpDownCounter<i64>,
    pub(super) client_duration: Histogram<f64>,
}

impl Instruments {
    pub(crate) fn new(meter: &Meter) -> Self {
        let duration = |name, description| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(duration_boundaries())
                .build()
        };
        Self {
            server_duration: duration("http.server.request.duration", "Duration of HTTP server requests."),
            server_active: meter
                .i64_up_down_counter("http.server.active_requests")
                .with_unit("{request}")
                .with_description("Number of active HTTP server requests.")
                .build(),
            client_duration: duration("http.client.request.duration", "Duration of HTTP client requests."),
        }
    }
}
