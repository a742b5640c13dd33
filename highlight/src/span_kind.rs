//! What part a span plays in a call or a message.

use std::fmt;

use opentelemetry::trace;

/// What part a span plays between services, in the words of OpenTelemetry.
///
/// It tells a backend which spans are two ends of one call. Default: [`Internal`](Self::Internal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SpanKind {
    /// Work inside the service.
    #[default]
    Internal,
    /// A request that this service answers.
    Server,
    /// A request that this service makes, and waits for.
    Client,
    /// A message that this service sends, and whose handling it does not wait for.
    Producer,
    /// A message that this service handles.
    Consumer,
}

impl SpanKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Internal, Self::Server, Self::Client, Self::Producer, Self::Consumer];

    /// The kind's name: lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    pub(crate) fn of_otel(kind: &trace::SpanKind) -> Self {
        match kind {
            trace::SpanKind::Internal => Self::Internal,
            trace::SpanKind::Server => Self::Server,
            trace::SpanKind::Client => Self::Client,
            trace::SpanKind::Producer => Self::Producer,
            trace::SpanKind::Consumer => Self::Consumer,
        }
    }

    pub(crate) fn to_otel(self) -> trace::SpanKind {
        match self {
            Self::Internal => trace::SpanKind::Internal,
            Self::Server => trace::SpanKind::Server,
            Self::Client => trace::SpanKind::Client,
            Self::Producer => trace::SpanKind::Producer,
            Self::Consumer => trace::SpanKind::Consumer,
        }
    }
}

impl fmt::Display for SpanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_opentelemetrys() {
        for kind in SpanKind::ALL {
            assert_eq!(SpanKind::of_otel(&kind.to_otel()), kind);
            assert_eq!(format!("{:?}", kind.to_otel()).to_lowercase(), kind.as_str());
        }
    }
}
