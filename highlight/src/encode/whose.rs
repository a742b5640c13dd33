//! Whose a record is: its session, its request, its user.
//!
//! That stands before a record's own attributes, because the first to name a session or a request is the one that counts.

use std::sync::Arc;

use opentelemetry::KeyValue;

use super::{
    sanitize::{Given, Owner, Sanitizer},
    wire::Writer,
};
use crate::{
    context::Request,
    record::{SESSION_ID, TRACE_ID},
    user::Known,
};

/// A record's request and user, where they are known.
pub(super) type Whose = (Option<Arc<Request>>, Option<Arc<Known>>);

/// Writes it as attributes, each as this field.
pub(super) fn write(
    out: &mut Writer,
    field: u32,
    owner: Owner,
    given: &mut Given,
    (request, user): &Whose,
    sanitizer: &mut Sanitizer<'_>,
) {
    for (key, id) in ids(request.as_deref()) {
        sanitizer.text_attribute(out, field, owner, given, key, id);
    }
    if let Some(user) = user {
        sanitizer.attributes(out, field, owner, given, user.attributes());
    }
}

/// Makes it attributes like the others, for the program's hook.
pub(super) fn put_before(attributes: &mut Vec<KeyValue>, (request, user): &Whose) {
    let ids = ids(request.as_deref()).map(|(key, id)| KeyValue::new(key, id.to_owned()));
    let user = user.iter().flat_map(|user| user.attributes().iter().cloned());
    attributes.splice(..0, ids.chain(user));
}

fn ids(request: Option<&Request>) -> impl Iterator<Item = (&'static str, &str)> {
    let ids = [
        (SESSION_ID, request.and_then(Request::session_id)),
        (TRACE_ID, request.and_then(Request::request_id)),
    ];
    ids.into_iter().filter_map(|(key, id)| Some((key, id?)))
}
