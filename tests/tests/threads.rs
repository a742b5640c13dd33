//! What a program may keep anywhere and hand to any thread: the public types of each crate (C-SEND-SYNC of the Rust API guidelines). That
//! it compiles is the test.

/// Names types that are `Send` and `Sync`.
macro_rules! shared {
    ($($type:ty),* $(,)?) => {{
        fn shared<T: Send + Sync>() {}
        $(shared::<$type>();)*
    }};
}

type Body = http_body_util::Full<bytes::Bytes>;
type Work = std::future::Ready<()>;

// `ReportedError` is not here: what it shows may be an error that knows no threads.
#[test]
fn the_cores() {
    use highlight::*;
    shared![
        Client,
        Compression,
        Config,
        Diagnosis,
        Dropped,
        ErrorAction,
        ErrorReport,
        FlushError,
        Highlight,
        InitError,
        KeyValue,
        Level,
        Outgoing<'_>,
        OutgoingKind,
        ParseLevelError,
        ParseSignalsError,
        RequestContext,
        Sampling<'_>,
        Signals,
        Span,
        SpanBuilder,
        SpanKind,
        Stats,
        TracingSetup,
        User,
        Value,
        WithContext<Work>,
    ];
    shared![diagnosis::Finding, diagnosis::Verdict];
    shared![messaging::Message];
    shared![metrics::Counter, metrics::Gauge, metrics::Histogram, metrics::UpDownCounter];
    shared![otel::Span, otel::Tracer, otel::TracerProvider];
}

#[test]
fn of_http() {
    use highlight::http::*;
    shared![
        BodyRecorder,
        BoxError,
        ClientRequest<'_>,
        ClientSpan,
        GrpcHeaders<'_>,
        HandlerError,
        WithSpan<Work, ServerSpan>,
        Recording,
        ServerOptions,
        ServerRequest<'_>,
        ServerSpan,
        UrlTemplate,
    ];
}

#[test]
fn of_testing() {
    use highlight::testing::*;
    shared![Attributes, Capture, ErrorObject, Log, Metric, MetricValue, Records<Span>, Span, SpanStatus];
}

#[test]
fn of_the_framework_crates() {
    {
        use highlight_tower::*;
        shared![
            HighlightBody<Body>,
            HighlightClientBody<Body>,
            HighlightClientFuture<Work>,
            HighlightClientLayer,
            HighlightClientService<Body>,
            HighlightFuture<Work>,
            HighlightLayer,
            HighlightService<Body>,
            IgnoreBodies,
            RecordedBody<Body>,
            WrapBodies<fn()>,
        ];
    }
    {
        use highlight_axum::*;
        shared![HandlerError, HighlightLayer, RequestContext];
    }
    {
        // What serves requests never leaves its worker.
        use highlight_actix::*;
        shared![HandlerError, Headers<'_>, HeadersMut<'_>, HighlightMiddleware, RequestContext];
    }
    shared![highlight_reqwest::HighlightClientMiddleware];
}

#[test]
fn of_the_receiver() {
    use highlight_local::*;
    shared![
        Listen,
        LiveLine<'_>,
        Position,
        Receiver,
        ReceiverBuilder,
        RequestInfo,
        Row,
        Snapshot,
        StartError,
        Store,
        StoreLimits,
        Timeline<'_>,
    ];
    shared![replay::Chunk, replay::Recording, replay::RecordingLimits, replay::Recordings];
}
