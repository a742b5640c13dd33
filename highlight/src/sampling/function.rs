//! The program's own say in what is sampled.

use std::{borrow::Cow, cell::Cell, sync::Arc};

use crate::{RequestContext, SpanKind, callback::Callback, http::Arrival, tracer::Start};

/// What is known of a request when its first span in this process starts: what [`Config::sampler`](crate::Config::sampler) decides by.
#[derive(Debug, Clone, Copy)]
pub struct Sampling<'a> {
    pub(super) start: &'a Start,
    pub(super) request: Option<&'a RequestContext>,
}

impl<'a> Sampling<'a> {
    /// The span's name; of a request to a server `{method} {route}`, of a gRPC call `{package.Service}/{Method}`.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        match self.arrival().filter(|_| self.start.name.is_empty()) {
            Some(arrival) => arrival.name(),
            None => Cow::Borrowed(&self.start.name),
        }
    }

    /// The span's kind: [`SpanKind::Server`] for a request to a server.
    #[must_use]
    pub fn kind(&self) -> SpanKind {
        SpanKind::of_otel(&self.start.kind)
    }

    /// An attribute that the span starts with, as text.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<Cow<'a, str>> {
        let told = || {
            let mut told = None;
            let (request, arrival) = self.request.zip(self.arrival())?;
            arrival.each(request.path(), |name, fact| {
                if name == key {
                    told = Some(Cow::Owned(fact.attribute(name).value.as_str().into_owned()));
                }
            });
            told
        };
        let attribute = self.start.attributes.iter().rfind(|attribute| attribute.key.as_str() == key);
        attribute.map(|attribute| attribute.value.as_str()).or_else(told)
    }

    fn arrival(&self) -> Option<&'a Arrival> {
        self.request.filter(|_| self.start.tells_request)?.arrival()
    }

    /// The path of a request to a server: the attribute `url.path`. A gRPC call is told by its name.
    #[must_use]
    pub fn path(&self) -> Option<Cow<'a, str>> {
        self.attribute("url.path")
    }

    /// The browser session that the request is part of.
    #[must_use]
    pub fn session_id(&self) -> Option<&'a str> {
        self.request.and_then(RequestContext::session_id)
    }

    /// The effective id of the request (C§4.3).
    #[must_use]
    pub fn request_id(&self) -> Option<&'a str> {
        self.request.and_then(RequestContext::request_id)
    }
}

type Function = dyn Fn(&Sampling<'_>) -> Option<f64> + Send + Sync;

/// A program's function, kept from doing harm.
#[derive(Debug, Clone)]
pub(crate) struct SamplerFn(Callback<Function>);

impl SamplerFn {
    pub(crate) fn new(function: impl Fn(&Sampling<'_>) -> Option<f64> + Send + Sync + 'static) -> Self {
        // A function that starts spans itself is not asked about them.
        thread_local!(static ASKING: Cell<bool> = const { Cell::new(false) });
        Self(Callback::new(
            Arc::new(function),
            &ASKING,
            "the function given to `Config::sampler` panicked; the configured rate decides",
        ))
    }

    /// The function's rate, from 0 to 1; `None` if it has none, fails, or is what asks.
    pub(super) fn rate(&self, sampling: &Sampling<'_>) -> Option<f64> {
        let rate = self.0.call(|function| function(sampling))??;
        (!rate.is_nan()).then(|| rate.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::SystemTime,
    };

    use opentelemetry::{KeyValue, trace::SpanKind as OtelKind};

    use super::*;

    const START: Start = Start {
        name: Cow::Borrowed("GET /"),
        kind: OtelKind::Server,
        time: SystemTime::UNIX_EPOCH,
        attributes: Vec::new(),
        tells_request: false,
    };
    const SAMPLING: Sampling<'_> = Sampling { start: &START, request: None };

    #[test]
    fn answers_are_rates_or_none() {
        for (answer, rate) in [
            (None, None),
            (Some(0.5), Some(0.5)),
            (Some(7.0), Some(1.0)),
            (Some(-1.0), Some(0.0)),
            (Some(f64::INFINITY), Some(1.0)),
            (Some(f64::NAN), None),
        ] {
            assert_eq!(SamplerFn::new(move |_| answer).rate(&SAMPLING), rate, "{answer:?}");
        }
    }

    #[test]
    fn a_panic_is_no_answer_and_the_next_question_is_asked() {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let function = SamplerFn::new(move |_| {
            assert!(counted.fetch_add(1, Ordering::Relaxed) != 0, "the first question");
            Some(0.5)
        });
        assert_eq!(function.rate(&SAMPLING), None);
        assert_eq!(function.rate(&SAMPLING), Some(0.5));
    }

    #[test]
    fn a_function_is_not_asked_about_what_it_does_itself() {
        let inner = SamplerFn::new(|_| Some(0.5));
        let function = SamplerFn::new(move |sampling| Some(inner.rate(sampling).unwrap_or(0.25)));
        assert_eq!(function.rate(&SAMPLING), Some(0.25));
        assert_eq!(function.rate(&SAMPLING), Some(0.25), "and is asked again when it has answered");
    }

    #[test]
    fn attributes_are_texts_and_the_last_of_a_name_counts() {
        let attributes = vec![KeyValue::new("url.path", "/a"), KeyValue::new("n", 7), KeyValue::new("n", 8)];
        let sampling = Sampling { start: &Start { attributes, ..START }, request: None };
        assert_eq!(sampling.path().as_deref(), Some("/a"));
        assert_eq!(sampling.attribute("n").as_deref(), Some("8"));
        assert_eq!(sampling.attribute("m"), None);
    }
}
