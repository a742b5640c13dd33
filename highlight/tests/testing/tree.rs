//! Everything captured, as people see it.

use std::fmt;

use highlight::{KeyValue, RequestContext, SpanBuilder, SpanKind, metrics, testing::capture};

#[derive(Debug)]
struct Torn;

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("torn\nin two")
    }
}

#[derive(Debug)]
struct Declined;

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("payment declined")
    }
}

impl std::error::Error for Torn {}

impl std::error::Error for Declined {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&Torn)
    }
}

#[test]
fn records_hang_below_their_spans_requests_and_sessions() {
    let telemetry = capture();
    telemetry.in_scope(|| {
        let request: RequestContext = "session1/request001".parse().unwrap();
        request.in_scope(|| {
            SpanBuilder::new("POST /orders").kind(SpanKind::Server).in_span(|span| {
                tracing::info!(order = 7, "charging");
                let _ = highlight::try_in_span("charge card", |_| Err::<(), _>(Declined));
                tracing::info!("given up");
                span.set_failed("");
            });
            metrics::record_count("orders", 2, [KeyValue::new("country", "de")]);
            metrics::Histogram::new("duration").unit("s").record(0.5, []);
        });
        tracing::warn!("aside");
    });
    let expected = "\
session session1, request request001
└─ span POST /orders (server)  failed
   ├─ log INFO  charging  order=7
   ├─ span charge card  failed: payment declined
   │  └─ error payment declined  (testing::tree::Declined)
   │     <- torn\\nin two  (Torn)
   └─ log INFO  given up
no session
└─ log WARN  aside
metrics
├─ duration  0.5 s in 1
└─ orders  2  country=de
";
    assert_eq!(telemetry.to_string(), expected);
}
