//! What the published browser clients put on their requests (C§4.1), and what a service must make of it (C§4.3 of `docs/contract.md`).

use std::iter::repeat_with;

/// What a client puts on a request, and what everything that the request causes must be stored with.
#[derive(Debug, Default)]
pub struct Ids {
    /// `x-highlight-request`.
    pub header: Option<String>,
    pub traceparent: Option<String>,
    pub session: String,
    /// The effective id. Empty if the client names none: then the service chooses.
    pub request: String,
}

/// The ids of one more request of a session.
pub type Shape = fn(session: &str) -> Ids;

pub fn session() -> String {
    alphanumeric(28)
}

pub fn fetch(session: &str) -> Ids {
    let trace = trace_id();
    Ids {
        header: Some(format!("{session}/{trace}")),
        traceparent: Some(traceparent(&trace)),
        session: session.to_owned(),
        request: trace,
    }
}

/// With a `traceparent`, its trace is what counts.
pub fn xhr(session: &str) -> Ids {
    Ids { header: Some(format!("{session}/{}", alphanumeric(10))), ..fetch(session) }
}

/// This client adds the header twice, and the browser joins the two.
pub fn doubled_xhr(session: &str) -> Ids {
    let header = format!("{session}/{}, {session}/{}", alphanumeric(10), alphanumeric(10));
    Ids { header: Some(header), ..fetch(session) }
}

pub fn without_traceparent(session: &str) -> Ids {
    let request = alphanumeric(10);
    Ids {
        header: Some(format!("{session}/{request}")),
        traceparent: None,
        session: session.to_owned(),
        request,
    }
}

/// Made up by a server that renders pages, from a cookie.
pub fn without_request(session: &str) -> Ids {
    Ids { header: Some(format!("{session}/")), session: session.to_owned(), ..Ids::default() }
}

pub fn traceparent_alone(session: &str) -> Ids {
    Ids { header: None, ..fetch(session) }
}

fn alphanumeric(length: usize) -> String {
    repeat_with(fastrand::alphanumeric).take(length).collect()
}

fn trace_id() -> String {
    format!("{:032x}", fastrand::u128(1..))
}

fn traceparent(trace: &str) -> String {
    format!("00-{trace}-{:016x}-01", fastrand::u64(1..))
}
