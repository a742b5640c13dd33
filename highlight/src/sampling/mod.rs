//! Which spans are recorded. Errors and logs never depend on it.

mod function;

use std::{collections::BTreeMap, hash::Hasher};

use opentelemetry::{
    Context, KeyValue, TraceId,
    trace::{self, SpanContext, TraceContextExt},
};

pub(crate) use self::function::SamplerFn;
pub use self::function::Sampling;
use crate::{Signals, SpanKind, config::Resolved, context::Scope, pipeline::Pipeline, propagation};

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
        parent: &Context,
        trace_id: TraceId,
        name: &str,
        kind: &trace::SpanKind,
        attributes: &[KeyValue],
    ) -> bool {
        let Some(pipeline) = &self.pipeline else { return false };
        let span = Sampling { name, kind: SpanKind::of_otel(kind), attributes, request: None };
        let sampled = self.samples(parent, trace_id, span);
        if !sampled {
            pipeline.count_sampled();
        }
        sampled
    }

    /// Whether to record a span with this parent; `span` is what is known of it, without its request.
    fn samples(&self, parent: &Context, trace_id: TraceId, span: Sampling<'_>) -> bool {
        if let Some(decided) = self.decided_by(parent.span().span_context()) {
            return decided;
        }
        let request = parent.get::<Scope>().map(|scope| &scope.request);
        let span = Sampling { request, ..span };
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
    use opentelemetry::{SpanId, TraceFlags, trace::TraceState};

    use super::*;
    use crate::RequestContext;

    fn sampler(rate: f64, trust_parent: bool) -> Sampler {
        Sampler { rate, rate_for: BTreeMap::new(), function: None, trust_parent, pipeline: None }
    }

    const SPAN: Sampling<'_> =
        Sampling { name: "GET /", kind: SpanKind::Server, attributes: &[], request: None };

    fn request(header: &str) -> Context {
        let request: RequestContext = header.parse().unwrap();
        request.attached_for(&Context::new(), None)
    }

    fn below(span_id: u64, remote: bool, flags: TraceFlags) -> Context {
        let ids =
            SpanContext::new(TraceId::from(7), SpanId::from(span_id), flags, remote, TraceState::default());
        Context::new().with_remote_span_context(ids)
    }

    #[test]
    fn the_rate_holds_and_the_answer_is_a_function_of_the_effective_id() {
        let sampler = sampler(0.25, false);
        let ids: Vec<String> = (0..4000).map(|n| format!("request{n:03}")).collect();
        let sampled =
            |id: &String| sampler.samples(&request(&format!("s/{id}")), TraceId::from(1), SPAN);
        let count = ids.iter().filter(|id| sampled(id)).count();
        assert!((800..1200).contains(&count), "{count} of 4000");
        for id in &ids[..50] {
            // Another session, another span of the same request: the same answer.
            let again = sampler.samples(&request(&format!("other/{id}")), TraceId::from(2), SPAN);
            assert_eq!(sampled(id), again);
        }
    }

    #[test]
    fn a_trace_without_request_is_decided_by_its_id() {
        let half = sampler(0.5, false);
        let count = (1..2000_u128).filter(|id| half.samples(&Context::new(), TraceId::from(*id << 64), SPAN)).count();
        assert!((850..1150).contains(&count), "{count} of 2000");
    }

    #[test]
    fn parents_decide_only_where_they_may() {
        let yes = TraceFlags::SAMPLED;
        let no = TraceFlags::default();
        let trace_id = TraceId::from(7);
        // A span of this process: the decision was made already.
        assert!(sampler(0.0, false).samples(&below(1, false, yes), trace_id, SPAN));
        assert!(!sampler(1.0, false).samples(&below(1, false, no), trace_id, SPAN));
        // Another service's: only if trusted.
        assert!(!sampler(0.0, false).samples(&below(1, true, yes), trace_id, SPAN));
        assert!(sampler(1.0, false).samples(&below(1, true, no), trace_id, SPAN));
        assert!(sampler(0.0, true).samples(&below(1, true, yes), trace_id, SPAN));
        assert!(!sampler(1.0, true).samples(&below(1, true, no), trace_id, SPAN));
        // A synthetic one: never.
        assert!(!sampler(0.0, true).samples(&request("s/9k2hTq81Lx"), trace_id, SPAN));
    }

    #[test]
    fn the_function_comes_before_the_kind_and_the_kind_before_the_rate() {
        let sampler = Sampler {
            rate_for: BTreeMap::from([(SpanKind::Server, 0.5)]),
            function: Some(SamplerFn::new(|span| (span.name() == "GET /").then_some(0.75))),
            ..sampler(0.25, false)
        };
        for (name, kind, rate) in [
            ("GET /", SpanKind::Server, 0.75),
            ("GET /", SpanKind::Client, 0.75),
            ("POST /", SpanKind::Server, 0.5),
            ("POST /", SpanKind::Client, 0.25),
        ] {
            let span = Sampling { name, kind, ..SPAN };
            assert!((sampler.rate(&span) - rate).abs() < f64::EPSILON, "{name} {kind:?}");
        }
    }

    #[test]
    fn the_function_knows_the_request() {
        let asked = |header: &str| {
            let function = SamplerFn::new(|span| {
                Some(f64::from(u8::from(span.session_id() == Some("s") && span.request_id() == Some("r"))))
            });
            let sampler = Sampler { function: Some(function), ..sampler(0.5, false) };
            sampler.samples(&request(header), TraceId::from(1), SPAN)
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
