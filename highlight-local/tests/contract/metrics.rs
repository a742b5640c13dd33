//! Data points.

use super::*;

#[test]
fn s42_a_row_per_point_and_none_for_exponential_histograms() {
    let points = [number(1.0, &[]), number(2.0, &[])];
    let seen = metrics(&of_project(&[gauge("g", &points)]));
    assert_eq!(seen.metrics.len(), 2);
    // Metric.exponential_histogram = 10, its data_points = 1, count = 4.
    let exponential =
        Message::new().text(1, "e").message(10, &Message::new().message(1, &Message::new().fixed64(4, 3)));
    let seen = metrics(&of_project(&[exponential]));
    assert!(seen.metrics.is_empty());
    assert_eq!(seen.dropped_for(DropReason::ExponentialHistogram), 1);
}

#[test]
fn s42_histograms_and_summaries_have_their_own_tables() {
    let bounds = [1.0f64, 5.0].map(f64::to_le_bytes).concat();
    let counts = [2u64, 1, 0].map(u64::to_le_bytes).concat();
    let point = Message::new()
        .fixed64(4, 3)
        .double(5, 6.5)
        .bytes_field(6, &counts)
        .bytes_field(7, &bounds)
        .double(11, 0.5)
        .double(12, 4.0);
    let histogram =
        Message::new().text(1, "h").text(3, "s").message(9, &Message::new().message(1, &point).varint(2, 1));
    let quantile = Message::new().double(1, 0.5).double(2, 9.0);
    let point = Message::new().fixed64(4, 2).double(5, 18.0).message(6, &quantile);
    let summary = Message::new().text(1, "q").message(11, &Message::new().message(1, &point));
    let seen = metrics(&of_project(&[histogram, summary]));
    let values: Vec<_> = seen.metrics.iter().map(|metric| metric.value.clone()).collect();
    assert_eq!(
        values,
        [
            model::MetricValue::Histogram {
                count: 3,
                sum: 6.5,
                bounds: vec![1.0, 5.0],
                buckets: vec![2, 1, 0],
                min: Some(0.5),
                max: Some(4.0),
            },
            model::MetricValue::Summary { count: 2, sum: 18.0, quantiles: vec![(0.5, 9.0)] },
        ]
    );
    assert_eq!(seen.metrics[0].unit, "s");
    assert_eq!(seen.metrics[0].sent_temporality, Some(model::Temporality::Delta));
}

#[test]
fn s43_points_are_stored_at_the_time_of_receipt() {
    let before = SystemTime::now();
    let sent = now() - 3_600 * SECOND;
    let point = Message::new().fixed64(2, sent - 1).fixed64(3, sent).fixed64(6, 4);
    let seen = metrics(&of_project(&[gauge("g", &[point])]));
    let metric = &seen.metrics[0];
    assert!(metric.time >= before && metric.time <= SystemTime::now());
    assert_eq!((nanos(metric.start), nanos(metric.sent_time)), (sent - 1, sent));
    assert_eq!(metric.value, model::MetricValue::Number(4.0));
}

#[test]
fn s43_sessions_come_with_points_and_exemplars() {
    // Exemplar: time 2, as_double 3, span_id 4, trace_id 5, filtered_attributes 7.
    let exemplar = Message::new()
        .fixed64(2, now())
        .double(3, 1.5)
        .bytes_field(4, &SPAN)
        .bytes_field(5, &TRACE)
        .messages(7, &[text("highlight.session_id", "E"), text("k", "v")]);
    let point = number(1.0, &[text("highlight.session_id", "S")]).message(5, &exemplar);
    let seen = metrics(&of_project(&[gauge("g", &[point])]));
    assert_eq!(seen.metrics[0].origin.session_id, "S");
    let exemplar = &seen.metrics[0].exemplars[0];
    assert_eq!((exemplar.session_id.as_str(), exemplar.value), ("E", 1.5));
    assert_eq!((exemplar.trace_id.as_str(), exemplar.span_id.as_str()), (TRACE_HEX, SPAN_HEX));
    assert_eq!(exemplar.attributes, [("k".to_owned(), "v".to_owned())].into());
}

#[test]
fn s43_metric_events_are_gauges_without_session() {
    let event = event("metric", &[text("metric.name", "n"), text("metric.value", "2.5")]);
    let spanned = span_with("s", &[text("highlight.session_id", "S")]);
    let seen = traces(&of_project(&[spanned.message(11, &event)]));
    let metric = &seen.metrics[0];
    assert_eq!((metric.name.as_str(), &metric.value), ("n", &model::MetricValue::Number(2.5)));
    assert_eq!(metric.origin.session_id, "");
    let nameless = support::otlp::event("metric", &[attribute("metric.value", int(2))]);
    let seen = traces(&of_project(&[span("s").message(11, &nameless)]));
    assert_eq!(seen.dropped_for(DropReason::MetricEventWithoutName), 1);
}

#[test]
fn s44_cumulative_points_are_added_up() {
    let receiver = receiver();
    for value in [5.0, 10.0, 15.0] {
        let message = of_project(&[sum("c", 2, &[number(value, &[])])]);
        client::post(&receiver, "/v1/metrics", &message.bytes());
    }
    let seen = receiver.store().snapshot();
    assert!((seen.metric_sum("c") - 30.0).abs() < f64::EPSILON);
    assert_eq!(seen.changed_for(ChangeReason::CumulativeSum), 3);
    let delta = metrics(&of_project(&[sum("c", 1, &[number(5.0, &[])])]));
    assert!(delta.changed.is_empty());
}
