//! Which spans are recorded. Errors and logs never depend on it.

mod function;

use std::{collections::BTreeMap, hash::Hasher};

use opentelemetry::{TraceId, trace::SpanContext};

pub(crate) use self::function::SamplerFn;
pub use self::function::Sampling;
use crate::{
    RequestContext, Signals, SpanKind, config::Resolved, pipeline::Pipeline, propagation, tracer::Start,
};

/// Decides by the effective trace id, so that every service with the same rate decides alike.
#[derive(Debug, Clone)]
pub(crate) struct Sampler {
    rate: f64,
    rate_for: BTreeMap<SpanKind, f64>,
    function: Option<SamplerFn>,
    trust_parent: bool,
    /// Where left-out spans are counted; `None` if spans are not to be recorded at all.
    pipeline: Option<Pipeline>,
}

impl Sampler {
    pub(crate) fn new(settings: &Resolved, pipeline: Option<Pipeline>) -> Self {
        Self {
            rate: settings.sample_rate,
            rate_for: settings.sample_rate_for.clone(),
            function: settings.sampler.clone(),
            trust_parent: settings.trust_parent_sampling,
            pipeline: pipeline.filter(|_| settings.signals.contains(Signals::TRACES)),
        }
    }

    /// Records nothing.
    pub(crate) fn never() -> Self {
        Self { rate: 0.0, rate_for: BTreeMap::new(), function: None, trust_parent: false, pipeline: None }
    }

    /// Whether a span that starts is recorded. Counts the one that is not.
    pub(crate) fn records(
        &self,
        parent: &SpanContext,
        trace_id: TraceId,
        start: &Start,
        request: Option<&RequestContext>,
    ) -> bool {
        let Some(pipeline) = &self.pipeline else { return false };
        let sampled = self.samples(parent, trace_id, Sampling { start, request });
        if !sampled {
            pipeline.count_sampled_out();
        }
        sampled
    }

    /// Counts a span that is not recorded because the one above it is not.
    pub(crate) fn count_left_out(&self) {
        if let Some(pipeline) = &self.pipeline {
            pipeline.count_sampled_out();
        }
    }

    /// Whether to record a span with this parent; `span` is what is known of it.
    fn samples(&self, parent: &SpanContext, trace_id: TraceId, span: Sampling<'_>) -> bool {
        if let Some(decided) = self.decided_by(parent) {
            return decided;
        }
        let rate = self.rate(&span);
        rate >= 1.0
            || match span.request_id() {
                Some(id) => allows(rate, id),
                None => allows(rate, &trace_id.to_string()),
            }
    }

    /// The parent's answer, where it has one that counts: what is below a span of this process goes with it.
    fn decided_by(&self, parent: &SpanContext) -> Option<bool> {
        let decided_here = !parent.is_remote();
        let decided_there =
            self.trust_parent && !propagation::is_synthetic(parent.trace_id(), parent.span_id());
        (parent.is_valid() && (decided_here || decided_there)).then(|| parent.is_sampled())
    }

    fn rate(&self, span: &Sampling<'_>) -> f64 {
        let chosen = self.function.as_ref().and_then(|function| function.rate(span));
        chosen.or_else(|| self.rate_for.get(&span.kind()).copied()).unwrap_or(self.rate)
    }
}

/// Whether the id is among the share that the rate lets through. What a lower rate lets through, a higher one does too.
fn allows(rate: f64, id: &str) -> bool {
    if rate >= 1.0 {
        return true;
    }
    let mut hash = Fnv1a::default();
    hash.write(id.as_bytes());
    // The top 53 bits are what an `f64` holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let point = (hash.finish() >> 11) as f64 / (1_u64 << 53) as f64;
    point < rate
}

/// 64-bit FNV-1a with a final mix: fixed across versions and languages, which the standard library's hasher is not.
pub(crate) struct Fnv1a(u64);

impl Default for Fnv1a {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv1a {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// The top bits of FNV-1a hardly depend on the last bytes; the mix (of MurmurHash3) spreads them.
    fn finish(&self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use opentelemetry::{
        SpanId, TraceFlags,
        trace::{SpanKind as OtelKind, TraceState},
    };

    use super::*;

    fn sampler(rate: f64, trust_parent: bool) -> Sampler {
        Sampler { rate, rate_for: BTreeMap::new(), function: None, trust_parent, pipeline: None }
    }

    fn start(name: &'static str, kind: OtelKind) -> Start {
        Start {
            name: name.into(),
            kind,
            time: SystemTime::UNIX_EPOCH,
            attributes: Vec::new(),
            tells_request: false,
        }
    }

    /// What becomes of a span below `above`, outside any request.
    fn samples(sampler: &Sampler, above: &SpanContext, trace_id: u128) -> bool {
        let start = start("GET /", OtelKind::Server);
        sampler.samples(above, TraceId::from(trace_id), Sampling { start: &start, request: None })
    }

    /// What becomes of the request that came with this header.
    fn samples_request(sampler: &Sampler, header: &str, trace_id: u128) -> bool {
        let request: RequestContext = header.parse().unwrap();
        let start = start("GET /", OtelKind::Server);
        let above = request.parent().cloned().unwrap_or(SpanContext::NONE);
        let span = Sampling { start: &start, request: Some(&request) };
        sampler.samples(&above, TraceId::from(trace_id), span)
    }

    fn below(span_id: u64, remote: bool, flags: TraceFlags) -> SpanContext {
        SpanContext::new(TraceId::from(7), SpanId::from(span_id), flags, remote, TraceState::default())
    }

    #[test]
    fn the_rate_holds_and_the_answer_is_a_function_of_the_effective_id() {
        let sampler = sampler(0.25, false);
        let ids: Vec<String> = (0..4000).map(|n| format!("request{n:03}")).collect();
        let sampled = |id: &String| samples_request(&sampler, &format!("s/{id}"), 1);
        let count = ids.iter().filter(|id| sampled(id)).count();
        assert!((800..1200).contains(&count), "{count} of 4000");
        for id in &ids[..50] {
            // Another session, another span of the same request: the same answer.
            let again = samples_request(&sampler, &format!("other/{id}"), 2);
            assert_eq!(sampled(id), again);
        }
    }

    #[test]
    fn a_trace_without_request_is_decided_by_its_id() {
        let half = sampler(0.5, false);
        let count = (1..2000_u128).filter(|id| samples(&half, &SpanContext::NONE, *id << 64)).count();
        assert!((850..1150).contains(&count), "{count} of 2000");
    }

    #[test]
    fn parents_decide_only_where_they_may() {
        let yes = TraceFlags::SAMPLED;
        let no = TraceFlags::default();
        // A span of this process: the decision was made already.
        assert!(samples(&sampler(0.0, false), &below(1, false, yes), 7));
        assert!(!samples(&sampler(1.0, false), &below(1, false, no), 7));
        // Another service's: only if trusted.
        assert!(!samples(&sampler(0.0, false), &below(1, true, yes), 7));
        assert!(samples(&sampler(1.0, false), &below(1, true, no), 7));
        assert!(samples(&sampler(0.0, true), &below(1, true, yes), 7));
        assert!(!samples(&sampler(1.0, true), &below(1, true, no), 7));
        // A synthetic one: never.
        assert!(!samples_request(&sampler(0.0, true), "s/9k2hTq81Lx", 7));
    }

    #[test]
    fn the_function_comes_before_the_kind_and_the_kind_before_the_rate() {
        let sampler = Sampler {
            rate_for: BTreeMap::from([(SpanKind::Server, 0.5)]),
            function: Some(SamplerFn::new(|span| (span.name() == "GET /").then_some(0.75))),
            ..sampler(0.25, false)
        };
        for (name, kind, rate) in [
            ("GET /", OtelKind::Server, 0.75),
            ("GET /", OtelKind::Client, 0.75),
            ("POST /", OtelKind::Server, 0.5),
            ("POST /", OtelKind::Client, 0.25),
        ] {
            let start = start(name, kind);
            let span = Sampling { start: &start, request: None };
            assert!((sampler.rate(&span) - rate).abs() < f64::EPSILON, "{start:?}");
        }
    }

    #[test]
    fn the_function_knows_the_request() {
        let asked = |header: &str| {
            let function = SamplerFn::new(|span| {
                Some(f64::from(u8::from(span.session_id() == Some("s") && span.request_id() == Some("r"))))
            });
            let sampler = Sampler { function: Some(function), ..sampler(0.5, false) };
            samples_request(&sampler, header, 1)
        };
        assert!(asked("s/r"));
        assert!(!asked("other/r"));
    }

    #[test]
    fn a_higher_rate_lets_through_all_that_a_lower_one_does() {
        for n in 0..1000 {
            let id = format!("request{n}");
            assert!(!allows(0.25, &id) || allows(0.5, &id), "{id}");
            assert!(!allows(0.0, &id) && allows(1.0, &id), "{id}");
        }
    }
}
