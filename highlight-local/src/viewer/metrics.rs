//! `/metrics`: the metrics, and a plot of each series.

use axum::extract::{Path, State};
use maud::{Markup, html};

use super::{
    Viewer,
    answer::{Answer, refused},
    format, link,
    page::{Page, Tab},
    parts, plot,
};
use crate::{
    api::parameters::Parameters,
    archive::{MetricName, MetricQuery, Series},
};

/// Metrics that are drawn on the page of all of them.
const DRAWN: usize = 100;

pub(super) async fn list(State(viewer): State<Viewer>, parameters: Parameters) -> Answer {
    parameters.none().map_err(refused)?;
    viewer
        .page(move |viewer| {
            let names = viewer.reader.metrics()?;
            let mut drawn = Vec::new();
            for metric in names {
                let series = if drawn.len() < DRAWN {
                    let query = MetricQuery { points: 200, ..MetricQuery::new(&metric.name) };
                    viewer.reader.metric(&query)?
                } else {
                    Vec::new()
                };
                let of_it = series
                    .into_iter()
                    .find(|series| series.kind == metric.kind && series.unit == metric.unit);
                drawn.push((metric, of_it));
            }
            Ok(Some(Page::new(Tab::Metrics, "Metrics", all(&drawn))))
        })
        .await
}

fn all(metrics: &[(MetricName, Option<Series>)]) -> Markup {
    html! {
        div #rows data-live {
            @if metrics.is_empty() { (parts::empty("No metrics yet.")) }
            ul.cards {
                @for (metric, series) in metrics {
                    li.card {
                        h2 { a data-row href=(link::metric(&metric.name)) { (metric.name) } }
                        p.note {
                            (metric.kind.as_str())
                            @if !metric.unit.is_empty() { ", " (metric.unit) }
                            ", " (metric.series) " series"
                        }
                        @if !metric.description.is_empty() { p { (metric.description) } }
                        @if let Some(series) = series { (plot::line(&series.points, &metric.name)) }
                    }
                }
            }
        }
    }
}

pub(super) async fn show(
    State(viewer): State<Viewer>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Answer {
    let query = parameters.metric(name).map_err(refused)?;
    viewer
        .page(move |viewer| {
            let found = viewer.reader.metric(&query)?;
            if found.is_empty() {
                return Ok(None);
            }
            Ok(Some(Page::new(Tab::Metrics, query.name.clone(), one(&query.name, &found))))
        })
        .await
}

fn one(name: &str, found: &[Series]) -> Markup {
    html! {
        p.lead { a href="/metrics" { "All metrics" } }
        div #rows data-live {
            ul.cards.wide {
                @for series in found {
                    li.card {
                        h2 { (parts::services(std::slice::from_ref(&series.service))) (latest(series)) }
                        (plot::line(&series.points, name))
                        (parts::attributes(&series.attributes))
                    }
                }
            }
        }
    }
}

fn latest(series: &Series) -> Markup {
    html! {
        @if let Some(point) = series.points.last() {
            span.value { (format::number(plot::value(point))) " " small { (series.unit) } }
            @if let Some(count) = point.count { span.note { "mean of " (count) } }
        }
    }
}
