//! What the server would store of metrics.

use highlight::{
    KeyValue, RequestContext, Signals,
    http::{ServerOptions, ServerRequest},
    metrics,
};
use highlight_local::model::{Metric, MetricValue, Temporality};

use crate::stage::Stage;

/// The numbers stored under a name, in their order.
fn numbers(stage: &Stage, name: &str) -> Vec<f64> {
    let stored = stage.stored().metrics;
    let of_name = stored.iter().filter(|metric| metric.name == name);
    of_name
        .map(|metric| match metric.value {
            MetricValue::Number(number) => number,
            ref other => panic!("{name} is no number: {other:?}"),
        })
        .collect()
}

fn only(stage: &Stage, name: &str) -> Metric {
    let stored = stage.stored().metrics;
    let mut of_name = stored.iter().filter(|metric| metric.name == name);
    let metric = of_name.next().unwrap_or_else(|| panic!("no {name} in {stored:#?}"));
    assert!(of_name.next().is_none(), "{stored:#?}");
    Metric::clone(metric)
}

/// Records and collects, three times: 5, then 10 more, then nothing.
fn in_three_rounds(record: impl Fn(u32)) -> Stage {
    let stage = Stage::new();
    for amount in [5, 10] {
        stage.client.in_scope(|| record(amount));
        stage.stored();
    }
    stage.stored();
    stage
}

#[test]
fn c9_counts_are_deltas_whose_sum_is_the_count() {
    let stage = in_three_rounds(|amount| {
        metrics::record_count("orders", u64::from(amount), []);
        metrics::record_incr("orders", []);
    });
    assert_eq!(numbers(&stage, "orders"), [6.0, 11.0]);
}

#[test]
fn c9_histograms_are_deltas_with_the_boundaries_of_their_instrument() {
    const SIZE: metrics::Histogram =
        metrics::Histogram::new("size").unit("By").description("How much.").boundaries(&[1.0, 7.0]);
    let stage = in_three_rounds(|amount| SIZE.record(f64::from(amount), []));
    let stored = stage.stored().metrics;
    let points: Vec<_> = stored.iter().filter(|metric| metric.name == "size").collect();
    assert_eq!(points.len(), 2, "{stored:#?}");
    for (point, (sum, buckets)) in points.iter().zip([(5.0, [0, 1, 0]), (10.0, [0, 0, 1])]) {
        assert_eq!((point.unit.as_str(), point.description.as_str()), ("By", "How much."));
        assert_eq!(point.sent_temporality, Some(Temporality::Delta));
        let MetricValue::Histogram { count, sum: stored_sum, bounds, buckets: stored_buckets, .. } =
            &point.value
        else {
            panic!("{point:#?}");
        };
        assert_eq!((*count, *stored_sum), (1, sum));
        assert_eq!(*bounds, [1.0, 7.0]);
        assert_eq!(*stored_buckets, buckets);
    }
}

#[test]
fn histograms_without_boundaries_are_explicit_too() {
    let stage = Stage::new();
    stage.client.in_scope(|| metrics::record_histogram("duration", 3.0, []));
    let MetricValue::Histogram { bounds, .. } = only(&stage, "duration").value else {
        panic!("no histogram");
    };
    assert_eq!(bounds.len(), 15);
}

#[test]
fn c9_up_down_counters_are_sampled_as_levels() {
    let stage = Stage::new();
    for change in [3, -2, 0] {
        stage.client.in_scope(|| metrics::record_up_down_counter("jobs", change, []));
        stage.stored();
    }
    // The average over any of it is a level that there was; a sum of deltas would say 0 of the last two rounds.
    assert_eq!(numbers(&stage, "jobs")[..3], [3.0, 1.0, 1.0]);
    let stored = stage.stored();
    assert!(stored.metrics.iter().all(|metric| metric.sent_temporality.is_none()), "a gauge has none");
    assert!(stored.changed.is_empty() && stored.dropped.is_empty(), "{:#?}", stored.changed);
}

#[test]
fn of_a_gauge_the_last_value_counts_and_is_not_repeated() {
    let stage = in_three_rounds(|amount| {
        metrics::record_metric("price", 1.0, []);
        metrics::record_metric("price", f64::from(amount), []);
    });
    assert_eq!(numbers(&stage, "price"), [5.0, 10.0]);
}

#[test]
fn attributes_make_series_and_no_session_is_among_them() {
    let stage = Stage::new();
    stage.request("session1/request001", || {
        for country in ["de", "fr", "de"] {
            metrics::record_incr("orders", [KeyValue::new("country", country), KeyValue::new("paid", true)]);
        }
    });
    let stored = stage.stored().metrics;
    let mut series: Vec<_> =
        stored.iter().map(|metric| (metric.attributes["country"].as_str(), metric.value.clone())).collect();
    series.sort_by_key(|(country, _)| *country);
    assert_eq!(series, [("de", MetricValue::Number(2.0)), ("fr", MetricValue::Number(1.0))]);
    assert!(stored.iter().all(|metric| metric.origin.session_id.is_empty()), "{stored:#?}");
    assert!(stored.iter().all(|metric| metric.attributes["paid"] == "true"));
}

#[test]
fn c9_the_session_is_on_the_data_point_if_asked_for() {
    const ORDERS: metrics::Counter = metrics::Counter::new("orders").with_session();
    let stage = Stage::new();
    stage.request("session1/request001", || ORDERS.add(2, []));
    assert_eq!(only(&stage, "orders").origin.session_id, "session1");
    // Outside any request it is an ordinary point.
    let stage = Stage::new();
    stage.client.in_scope(|| ORDERS.add(2, []));
    assert_eq!(only(&stage, "orders").origin.session_id, "");
}

#[test]
fn what_cannot_be_taken_is_counted_and_harms_nothing() {
    let stage = Stage::new();
    stage.client.in_scope(|| {
        metrics::record_metric("price", f64::NAN, []);
        metrics::record_histogram("price", f64::INFINITY, []);
        metrics::record_metric("no such name!", 1.0, []);
        metrics::record_metric("price", 7.0, []);
        metrics::record_count("price", 1, []);
    });
    assert_eq!(numbers(&stage, "price"), [7.0]);
    let stats = stage.client.stats();
    assert_eq!(stats.refused_measurements, 4);
    assert_eq!((stats.produced, stats.exported, stats.queued), (1, 1, 0), "{stats:?}");
}

#[test]
fn switched_off_nothing_is_recorded() {
    let stage = Stage::with(|config| config.signals(Signals::ALL.without(Signals::METRICS)));
    stage.client.in_scope(|| metrics::record_metric("price", f64::NAN, []));
    assert!(stage.stored().metrics.is_empty());
    assert_eq!(stage.client.stats().refused_measurements, 0);
}

#[test]
fn active_requests_are_a_level_whatever_ends_them() {
    let stage = Stage::new();
    let options = ServerOptions::default().client(stage.client.clone());
    let start = |method| {
        let request = ServerRequest::new(method, "/");
        options.tracer().unwrap().start(&request, RequestContext::default())
    };
    let levels = || {
        let stored = stage.stored().metrics;
        let active = stored.iter().filter(|metric| metric.name == "http.server.active_requests");
        active
            .map(|metric| {
                assert_eq!(metric.unit, "{request}");
                assert_eq!(metric.attributes["url.scheme"], "http");
                (metric.attributes["http.request.method"].clone(), metric.value.clone())
            })
            .collect::<Vec<_>>()
    };
    let level = |number: f64| ("GET".to_owned(), MetricValue::Number(number));

    let (mut answered, cancelled, failed) = (start("GET"), start("GET"), start("GET"));
    assert_eq!(levels(), [level(3.0)]);
    answered.set_status(200);
    drop(answered);
    drop(cancelled);
    assert_eq!(levels().last(), Some(&level(1.0)));
    let mut failed = failed;
    let panicked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| failed.in_scope(|| panic!("no"))));
    assert!(panicked.is_err());
    drop(failed);
    assert_eq!(levels().last(), Some(&level(0.0)));
}
