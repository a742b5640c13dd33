//! What the server loses or alters without a word. It answers 200 to all of it (C§1.4); here it
//! becomes a note.
//!
//! [`Dropped`]: a whole item or an attribute is gone. [`Changed`]: it is stored, but not as sent.
//! What every sender expects (a project id that becomes a column, say) is no note.

use std::fmt;

use crate::model::Origin;

/// What a note is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// The kind of thing.
    pub item: Item,
    /// A span's or metric's name, an attribute's key, the beginning of a message.
    pub name: String,
    /// Whose it was, as far as that was known.
    pub origin: Origin,
}

/// The kinds of things that can be lost or altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Item {
    /// A span.
    Span,
    /// An event on a span.
    SpanEvent,
    /// A log record.
    Log,
    /// An error.
    Error,
    /// The stack of an error.
    Stack,
    /// A data point.
    Metric,
    /// One attribute.
    Attribute,
}

impl Item {
    /// The kind of thing that is called so.
    #[cfg(feature = "viewer")]
    pub(crate) fn named(name: &str) -> Option<Self> {
        let all =
            [Self::Span, Self::SpanEvent, Self::Log, Self::Error, Self::Stack, Self::Metric, Self::Attribute];
        all.into_iter().find(|item| item.to_string() == name)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Span => "span",
            Self::SpanEvent => "span event",
            Self::Log => "log",
            Self::Error => "error",
            Self::Stack => "stack",
            Self::Metric => "metric",
            Self::Attribute => "attribute",
        })
    }
}

/// Something that the server would not store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// What.
    pub subject: Subject,
    /// Why.
    pub reason: DropReason,
}

/// Something that the server would store differently from how it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// What.
    pub subject: Subject,
    /// Why.
    pub reason: ChangeReason,
}

/// Declares a reason enum with, for each reason, its paragraph of the contract and its text.
macro_rules! reasons {
    ($(#[$meta:meta])* $name:ident { $($variant:ident: $paragraph:literal, $text:literal;)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!($text, " (C§", $paragraph, ").")]
                $variant,
            )*
        }

        impl $name {
            /// The paragraph of the contract that says so, without the `C§`.
            #[must_use]
            pub const fn paragraph(self) -> &'static str {
                match self { $(Self::$variant => $paragraph,)* }
            }

            #[cfg(any(feature = "viewer", test))]
            const ALL: &[Self] = &[$(Self::$variant),*];

            /// The reason's name, as archives and JSON have it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }

            /// The reason of this [`code`](Self::code).
            #[cfg(feature = "viewer")]
            pub(crate) fn of_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.code() == code)
            }

            /// What happened, in a sentence.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} (C§{})", self.text(), self.paragraph())
            }
        }
    };
}

reasons! {
    /// Why something is not stored.
    DropReason {
        MissingProject: "2", "no project id anywhere, so the record is skipped";
        InvalidProject: "2", "the project id is neither a number nor a verbose id nor a key, so the record is skipped";
        BoolAttribute: "3.3", "boolean attributes are not stored";
        BytesAttribute: "3.3", "bytes attributes are not stored";
        EmptyAttribute: "3.3", "empty attribute values are not stored";
        ReservedName: "3.2", "the attribute has a reserved name and is swallowed";
        IgnoredSpanEvents: "5", "events are ignored on spans named `fs ...`, and all but the first on Ruby's";
        LogCarrierSpan: "7.4", "spans of this name only carry logs and are not stored";
        ExceptionWithoutMessage: "6.1", "an error without `exception.message` is not stored";
        ExcludedMessage: "6.1", "an error with the message `[{}]` is not stored";
        StackNotUnderstood: "6.2", "no frame is found in the stack";
        LogEventWithoutMessage: "7.4", "a span event `log` without `log.message` is not stored";
        MetricEventWithoutName: "9", "a span event `metric` without `metric.name` is not stored";
        ExponentialHistogram: "9", "exponential histograms are not stored";
    }
}

reasons! {
    /// Why something is not stored as it was sent.
    ChangeReason {
        ReservedName: "3.2", "the attribute has a reserved name: it changes the record and is removed";
        KeyRewritten: "3.3", "spaces in keys become `_`, and `a(b)` becomes `a.b`";
        TooLong: "1.3", "values over 65,536 bytes are cut";
        MessageTooLong: "1.3", "error messages over 10,000 bytes are cut";
        TooManyFrames: "1.3", "only the first 64 frames are used";
        TimeMissing: "3.4", "no time was sent, so it is the time of receipt";
        TimeOutOfRange: "3.4", "the time is more than 30 days from now, so it is the time of receipt";
        EndBeforeStart: "3.4", "the span ends before it starts";
        SeverityUnknown: "7.2", "the severity text is not understood and becomes `info`";
        SeverityNumberIgnored: "7.1", "only a severity number was sent, which is ignored, so the level is `info`";
        BodyTruncated: "7.3", "everything before \" <\" in the body is lost";
        BodyParsedAsSyslog: "7.3", "the body is parsed as syslog";
        BodyNotText: "7.1", "the body is neither text nor a map with MESSAGE, so the message is empty";
        StackHasColumns: "6.2", "a frame has a column, so the stack goes through source mapping, which loses frames and functions";
        ServiceNameDiscarded: "3.2", "the SDK's default service name is stored as empty";
        CumulativeSum: "9", "points are added up whatever their temporality, so cumulative ones over-count";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is in archives and exported sessions: a variant may get another name, its code may not.
    #[test]
    fn codes_stay_as_they_were_stored() {
        let drop_reasons: Vec<_> = DropReason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(
            drop_reasons,
            [
                "MissingProject",
                "InvalidProject",
                "BoolAttribute",
                "BytesAttribute",
                "EmptyAttribute",
                "ReservedName",
                "IgnoredSpanEvents",
                "LogCarrierSpan",
                "ExceptionWithoutMessage",
                "ExcludedMessage",
                "StackNotUnderstood",
                "LogEventWithoutMessage",
                "MetricEventWithoutName",
                "ExponentialHistogram",
            ]
        );
        let change_reasons: Vec<_> = ChangeReason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(
            change_reasons,
            [
                "ReservedName",
                "KeyRewritten",
                "TooLong",
                "MessageTooLong",
                "TooManyFrames",
                "TimeMissing",
                "TimeOutOfRange",
                "EndBeforeStart",
                "SeverityUnknown",
                "SeverityNumberIgnored",
                "BodyTruncated",
                "BodyParsedAsSyslog",
                "BodyNotText",
                "StackHasColumns",
                "ServiceNameDiscarded",
                "CumulativeSum",
            ]
        );
    }
}
