//! `/errors`: the groups of errors, and one of them.

use std::time::Duration;

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect},
};
use maud::{Markup, html};

use super::{
    Viewer,
    answer::{Answer, refused},
    format, frames, link,
    page::{Page, Tab},
    parts, plot,
};
use crate::{
    api::parameters::Parameters,
    archive::{
        ErrorDetail, ErrorGroup, ErrorGroupDetail, ErrorQuery, ErrorRow, Histogram, Page as Part, Paged,
        QueryError, Timestamp,
    },
};

/// Groups on one page: each has a drawing.
const GROUPS: usize = 50;

pub(super) async fn list(State(viewer): State<Viewer>, parameters: Parameters) -> Answer {
    let mut query = parameters.errors().map_err(refused)?;
    query.page.limit = query.page.limit.min(GROUPS);
    viewer
        .page(move |viewer| {
            let services = viewer.reader.services()?;
            let found = viewer.reader.error_groups(&query)?;
            let (since, span) = window(found.items.iter().map(|group| group.first_seen).min());
            let mut rows = Vec::new();
            for group in &found.items {
                let detail = viewer.reader.error_group(group.id, since, 40)?;
                rows.push((group, detail.map(|detail| detail.histogram)));
            }
            Ok(Some(Page::new(Tab::Errors, "Errors", groups(&query, &services, &rows, &found, span))))
        })
        .await
}

/// The shortest of some usual times that goes back far enough.
fn window(first: Option<Timestamp>) -> (Timestamp, &'static str) {
    const WINDOWS: [(u64, &str); 5] =
        [(10, "10 minutes"), (60, "hour"), (360, "6 hours"), (1_440, "day"), (10_080, "7 days")];
    let now = Timestamp::now();
    let since = |minutes: u64| now.before(Duration::from_secs(minutes * 60));
    let fits = |(minutes, _): &&(u64, &str)| first.is_none_or(|first| since(*minutes) <= first);
    let (minutes, name) = WINDOWS.iter().find(fits).unwrap_or(&WINDOWS[4]);
    (since(*minutes), name)
}

fn groups(
    query: &ErrorQuery,
    services: &[String],
    rows: &[(&ErrorGroup, Option<Histogram>)],
    found: &Paged<ErrorGroup>,
    span: &str,
) -> Markup {
    let (text, service) = (query.text.as_deref(), query.service.as_deref());
    let others = html! {
        (parts::service_filter(services, service))
        (parts::pinned("session", query.session.as_deref()))
        (parts::pinned("trace", query.trace.as_deref()))
    };
    let parameters = [
        ("service", service.unwrap_or_default()),
        ("session", query.session.as_deref().unwrap_or_default()),
        ("trace", query.trace.as_deref().unwrap_or_default()),
        ("text", text.unwrap_or_default()),
    ];
    html! {
        (parts::search("/errors", text, "Words in message, type, stack or attributes", &others))
        div #rows data-live {
            @if rows.is_empty() { (parts::empty("No errors.")) } @else {
                p.note { "Grouped as the server groups them. The bars: the last " (span) "." }
            }
            ul.groups { @for (group, histogram) in rows { (row(group, histogram.as_ref())) } }
            (parts::older("/errors", &parameters, found.next))
        }
    }
}

fn row(group: &ErrorGroup, histogram: Option<&Histogram>) -> Markup {
    html! {
        li {
            a data-row href=(format!("/errors/{}", group.id)) {
                span.what {
                    b { (group.message) }
                    @if let Some(last) = &group.last {
                        span.where {
                            @if !last.type_name.is_empty() { (last.type_name) " · " }
                            @if let Some(frame) = &last.top_frame { (frames::place(frame)) }
                        }
                    }
                }
                @if let Some(histogram) = histogram { (plot::histogram(&histogram.buckets)) }
                span.number { span.count.bad { (group.errors) } }
                span.seen {
                    @if let Some(last) = &group.last { (parts::services(std::slice::from_ref(&last.service))) }
                    (format::time(group.last_seen))
                }
            }
        }
    }
}

/// `/errors/of/{error}`: to an error in its group.
pub(super) async fn of(State(viewer): State<Viewer>, Path(id): Path<i64>) -> Answer {
    let reader = viewer.reader.clone();
    let found = tokio::task::spawn_blocking(move || reader.error(id)).await;
    match found {
        Ok(Ok(Some(error))) => Ok(Redirect::temporary(&link::error(error.row.group, id)).into_response()),
        _ => viewer.page(|_| Ok(None)).await,
    }
}

pub(super) async fn show(
    State(viewer): State<Viewer>,
    Path(group): Path<i64>,
    mut parameters: Parameters,
) -> Answer {
    let error = parameters.read::<i64>("error").map_err(refused)?;
    parameters.none().map_err(refused)?;
    viewer.page(move |viewer| group_page(viewer, group, error)).await
}

fn group_page(viewer: &Viewer, id: i64, error: Option<i64>) -> Result<Option<Page>, QueryError> {
    let reader = &viewer.reader;
    // Its window is known only after it is read once.
    let Some(first) = reader.error_group(id, Timestamp::now(), 1)? else { return Ok(None) };
    let (since, span) = window(Some(first.group.first_seen));
    let Some(group) = reader.error_group(id, since, 80)? else { return Ok(None) };
    let chosen = match error {
        Some(error) => reader.error(error)?.filter(|error| error.row.group == id),
        None => group.last_error.clone(),
    };
    let query = ErrorQuery { page: Part::new(50), group: Some(id), ..ErrorQuery::default() };
    let others = reader.errors(&query)?.items;
    let body = html! {
        section aria-labelledby="time-title" {
            h2 #time-title { "The last " (span) }
            div #over-time data-live { (plot::histogram(&group.histogram.buckets)) }
        }
        @match &chosen {
            Some(error) => (detail(viewer, error)),
            None => (parts::empty("This error is not stored any more.")),
        }
        (met_by(&group))
        section aria-labelledby="all-title" {
            h2 #all-title { "Of this group" }
            ul.lines #rows data-live { @for error in &others { (parts::error(error)) } }
        }
    };
    Ok(Some(Page::new(Tab::Errors, group.group.message.clone(), body).lead(facts(&group, chosen.as_ref()))))
}

fn facts(group: &ErrorGroupDetail, chosen: Option<&ErrorDetail>) -> Markup {
    html! {
        @if let Some(ErrorDetail { row: ErrorRow { type_name, service, .. }, .. }) = chosen {
            p.lead { @if !type_name.is_empty() { b { (type_name) } } (parts::services(std::slice::from_ref(service))) }
        }
        dl.facts {
            div { dt { "Errors" } dd { (parts::count(group.group.errors, "bad")) } }
            div { dt { "Sessions" } dd { (group.group.sessions) } }
            div { dt { "First seen" } dd { (format::time(group.group.first_seen)) } }
            div { dt { "Last seen" } dd { (format::time(group.group.last_seen)) } }
        }
    }
}

fn detail(viewer: &Viewer, error: &ErrorDetail) -> Markup {
    html! {
        section aria-labelledby="stack-title" {
            h2 #stack-title { "The error at " (format::time(error.row.time)) }
            p.links {
                @if !error.row.trace_id.is_empty() { a.primary href=(link::trace(&error.row.trace_id)) { "Trace" } }
                @if !error.row.session.is_empty() { a.primary href=(link::session(&error.row.session)) { "Session" } }
                @if !error.url.is_empty() { span.note { "on " (error.url) } }
            }
            @if !error.chain.is_empty() {
                h3 { "Caused by" }
                ol.chain {
                    @for cause in &error.chain {
                        li { @if let Some(name) = &cause.type_name { b { (name) } " " } (cause.message) }
                    }
                }
            }
            h3 { "Stack" }
            (frames::stack(&viewer.sources, &error.frames))
            @if !error.stack_text.is_empty() {
                details.raw { summary { "As it was sent" } pre { (error.stack_text) } }
            }
            h3 { "Attributes" }
            (parts::attributes(&error.attributes))
        }
    }
}

fn met_by(group: &ErrorGroupDetail) -> Markup {
    html! {
        @if !group.met_by.is_empty() {
            section aria-labelledby="sessions-title" {
                h2 #sessions-title { "Sessions that met it" }
                ul.plain { @for session in &group.met_by { li { a.id href=(link::session(session)) { (session) } } } }
            }
        }
    }
}
