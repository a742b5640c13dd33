//! Small drawings.

use maud::{Markup, html};

use super::format;
use crate::archive::{Bucket, Point, Timestamp};

/// How often something happened, a bar for each bucket.
#[expect(clippy::cast_precision_loss, reason = "a drawing has a hundred pixels")]
pub(super) fn histogram(buckets: &[Bucket]) -> Markup {
    let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(0).max(1);
    let total: u64 = buckets.iter().map(|bucket| bucket.count).sum();
    let width = 100.0 / buckets.len().max(1) as f64;
    html! {
        svg.histogram role="img" viewBox="0 0 100 24" preserveAspectRatio="none"
            aria-label=(format!("{total} over time, at most {most} in one of {} parts", buckets.len())) {
            line x1="0" x2="100" y1="23.5" y2="23.5" {}
            @for (index, bucket) in buckets.iter().enumerate() {
                @if bucket.count > 0 {
                    @let height = (bucket.count as f64 / most as f64 * 22.0).max(2.0);
                    rect x=(format!("{:.2}", index as f64 * width)) y=(format!("{:.2}", 23.5 - height))
                        width=(format!("{:.2}", width * 0.8)) height=(format!("{height:.2}")) {
                        title { (format::iso(bucket.start)) ": " (bucket.count) }
                    }
                }
            }
        }
    }
}

/// A value over time.
#[expect(clippy::cast_precision_loss, reason = "a drawing has a thousand pixels")]
pub(super) fn line(points: &[Point], label: &str) -> Markup {
    const WIDTH: f64 = 600.0;
    const HEIGHT: f64 = 120.0;
    let values: Vec<f64> = points.iter().map(value).collect();
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let least = finite().fold(f64::INFINITY, f64::min).min(0.0);
    let most = finite().fold(f64::NEG_INFINITY, f64::max).max(least + f64::MIN_POSITIVE);
    let ends = points.first().zip(points.last()).map(|(a, b)| (a.time.nanos(), b.time.nanos()));
    let (first, last) = ends.unwrap_or((0, 1));
    let length = (last - first).max(1) as f64;
    let place = |time: Timestamp, value: f64| {
        let x = if last == first { WIDTH / 2.0 } else { (time.nanos() - first) as f64 / length * WIDTH };
        let y = HEIGHT - 4.0 - (value - least) / (most - least) * (HEIGHT - 8.0);
        (x, y)
    };
    let drawn: Vec<(f64, f64)> = points
        .iter()
        .zip(&values)
        .filter(|(_, value)| value.is_finite())
        .map(|(point, value)| place(point.time, *value))
        .collect();
    let path: Vec<String> = drawn.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    html! {
        div.plot {
            svg role="img" viewBox="0 0 600 120" preserveAspectRatio="none"
                aria-label=(format!("{label}: {} points from {} to {}", points.len(), format::number(least), format::number(most))) {
                line x1="0" x2="600" y1="116" y2="116" {}
                polyline points=(path.join(" ")) {}
                @if let [(x, y)] = drawn.as_slice() {
                    line.dot x1=(format!("{:.1}", x - 3.0)) x2=(format!("{:.1}", x + 3.0)) y1=(format!("{y:.1}")) y2=(format!("{y:.1}")) {}
                }
            }
            span.most { (format::number(most)) }
            span.least { (format::number(least)) }
            @if let Some((a, b)) = points.first().zip(points.last()) {
                p.ends { (format::time(a.time)) (format::time(b.time)) }
            }
        }
    }
}

/// What is drawn of a point: of a histogram or summary, the mean.
#[expect(clippy::cast_precision_loss, reason = "a drawing")]
pub(super) fn value(point: &Point) -> f64 {
    match point.count {
        Some(0) => 0.0,
        Some(count) => point.value / count as f64,
        None => point.value,
    }
}
