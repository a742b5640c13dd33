//! Attributes that come again together: those of a log line's place in the code, and those of a request that are its route's.
//!
//! They are encoded once, redaction and all, and copied from then on.

use tracing::Metadata;

use crate::http::{Arrival, Usual};

/// Places in the code, and kinds of requests, that are remembered. Those that share a slot displace each other.
const SLOTS: usize = 256;
/// Longer ones are not remembered.
const LIMIT: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Known {
    origins: Vec<Option<Origin>>,
    requests: Vec<Option<Request>>,
}

/// A place in the code, by the address of what the compiler knows of it.
#[derive(Debug)]
struct Origin {
    metadata: &'static Metadata<'static>,
    attributes: Vec<u8>,
}

#[derive(Debug)]
struct Request {
    usual: Usual,
    told: Told,
}

/// What a request's span tells of the request that other requests tell as well.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) name: String,
    pub(super) attributes: Vec<u8>,
}

impl Known {
    pub(super) fn origin(&self, metadata: &'static Metadata<'static>) -> Option<&[u8]> {
        let known = self.origins.get(slot_of(metadata))?.as_ref()?;
        std::ptr::eq(known.metadata, metadata).then_some(&known.attributes)
    }

    pub(super) fn learn_origin(&mut self, metadata: &'static Metadata<'static>, attributes: &[u8]) {
        if attributes.len() <= LIMIT {
            let slot = slot_in(&mut self.origins, slot_of(metadata));
            *slot = Some(Origin { metadata, attributes: attributes.to_vec() });
        }
    }

    pub(super) fn request(&self, arrival: &Arrival) -> Option<&Told> {
        let known = self.requests.get(arrival.usual_hash() % SLOTS)?.as_ref()?;
        arrival.is(&known.usual).then_some(&known.told)
    }

    pub(super) fn learn_request(&mut self, arrival: &Arrival, told: Told) {
        if told.name.len() + told.attributes.len() <= LIMIT {
            let slot = slot_in(&mut self.requests, arrival.usual_hash() % SLOTS);
            *slot = Some(Request { usual: arrival.usual(), told });
        }
    }
}

fn slot_of(metadata: &'static Metadata<'static>) -> usize {
    std::ptr::from_ref(metadata).addr() / align_of::<Metadata<'_>>() % SLOTS
}

fn slot_in<T>(slots: &mut Vec<Option<T>>, at: usize) -> &mut Option<T> {
    if slots.is_empty() {
        slots.resize_with(SLOTS, || None);
    }
    &mut slots[at]
}
