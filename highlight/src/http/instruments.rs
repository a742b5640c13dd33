//! The metrics of HTTP and gRPC, of servers and clients.

use opentelemetry::metrics::{Histogram, Meter};

use super::{
    conventions::duration_boundaries,
    grpc::Answered,
    series::{Active, Durations},
};

#[derive(Debug)]
pub(crate) struct Instruments {
    pub(super) server_duration: Durations,
    pub(super) server_active: Active,
    pub(super) client_duration: Histogram<f64>,
    pub(super) rpc_server_duration: Histogram<f64>,
    pub(super) rpc_client_duration: Histogram<f64>,
    /// What bounds the names of methods.
    pub(super) rpc_methods: Answered,
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
            server_duration: Durations::new(duration(
                "http.server.request.duration",
                "Duration of HTTP server requests.",
            )),
            server_active: Active::new(
                meter
                    .i64_up_down_counter("http.server.active_requests")
                    .with_unit("{request}")
                    .with_description("Number of active HTTP server requests.")
                    .build(),
            ),
            client_duration: duration("http.client.request.duration", "Duration of HTTP client requests."),
            rpc_server_duration: duration("rpc.server.call.duration", "Duration of incoming RPCs."),
            rpc_client_duration: duration("rpc.client.call.duration", "Duration of outgoing RPCs."),
            rpc_methods: Answered::default(),
        }
    }
}
