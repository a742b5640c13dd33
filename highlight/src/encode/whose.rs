//! Whose a record is: its session, its request, its user.
//!
//! That stands before a record's own attributes, because the first to name a session or a request is the one that counts.

use opentelemetry::KeyValue;

use super::{
    sanitize::{Given, Owner, Sanitizer},
    wire::Writer,
};
use crate::{
    context::Request,
    http::Arrival,
    record::{SESSION_ID, TRACE_ID},
    user::Known,
};

/// A record's request and user, where they are known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Whose<'a> {
    pub(super) request: Option<&'a Request>,
    pub(super) user: Option<&'a Known>,
    /// Whether it is the span of the request itself.
    pub(super) tells_request: bool,
}

impl<'a> Whose<'a> {
    /// What the request's own span tells of how it came: the path, and what else is known.
    pub(super) fn told(&self) -> Option<(&'a str, &'a Arrival)> {
        let request = self.request.filter(|_| self.tells_request)?;
        Some((request.path(), request.arrival()?))
    }
}

/// Writes it as attributes, each as this field.
pub(super) fn write(
    out: &mut Writer,
    field: u32,
    owner: Owner,
    given: &mut Given,
    whose: Whose<'_>,
    sanitizer: &mut Sanitizer<'_>,
) {
    for (key, id) in ids(whose.request) {
        sanitizer.text_attribute(out, field, owner, given, key, id);
    }
    if let Some((path, arrival)) = whose.told() {
        arrival.each_own(path, |key, fact| sanitizer.fact(out, field, owner, given, (key, fact)));
        match sanitizer.known().and_then(|known| known.request(arrival)) {
            Some(told) => out.again(&told.attributes),
            None => arrival.each_usual(|key, fact| sanitizer.fact(out, field, owner, given, (key, fact))),
        }
    }
    if let Some(user) = whose.user {
        sanitizer.attributes(out, field, owner, given, user.attributes());
    }
}

/// Makes it attributes like the others, for the program's hook.
pub(super) fn put_before(attributes: &mut Vec<KeyValue>, whose: Whose<'_>) {
    let ids = ids(whose.request).map(|(key, id)| KeyValue::new(key, id.to_owned()));
    let mut told = Vec::new();
    if let Some((path, arrival)) = whose.told() {
        arrival.each(path, |key, fact| told.push(fact.attribute(key)));
    }
    let user = whose.user.iter().flat_map(|user| user.attributes().iter().cloned());
    attributes.splice(..0, ids.chain(told).chain(user));
}

fn ids(request: Option<&Request>) -> impl Iterator<Item = (&'static str, &str)> {
    let ids = [
        (SESSION_ID, request.and_then(Request::session_id)),
        (TRACE_ID, request.and_then(Request::request_id)),
    ];
    ids.into_iter().filter_map(|(key, id)| Some((key, id?)))
}
