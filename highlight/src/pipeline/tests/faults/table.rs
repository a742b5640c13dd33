//! The faults, and what is to become of telemetry that meets them.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;

use super::{
    super::server::Reply,
    TIMEOUT,
    endpoint::{Endpoint, cut, cut_in_the_middle, silence, slowly},
};

/// One row.
#[derive(Clone, Copy)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) fate: Fate,
    /// Whether the endpoint may have kept what it did not acknowledge.
    pub(super) twice: bool,
    /// How many tries it lasts at least.
    pub(super) tries: usize,
    pub(super) disk: Disk,
    pub(super) endpoint: fn() -> Endpoint,
}

/// The spool, if there is one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    None,
    Works,
    /// Its directory cannot be one.
    Refuses,
    /// What an earlier process left there is not what it wrote.
    Damaged,
}

/// What is to become of telemetry that meets the fault.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Tried again until it is delivered.
    Kept,
    /// The same, and each change for the worse or the better is said.
    KeptWithEachChange,
    /// Delivered as if nothing were.
    Delivered,
    /// Delivered, but for what the endpoint will not have: one of each request.
    AllButOne,
    /// Counted: another try would have the same answer.
    Refused,
}

const fn fault(name: &'static str, fate: Fate, endpoint: fn() -> Endpoint) -> Fault {
    Fault { name, fate, twice: false, tries: 0, disk: Disk::None, endpoint }
}

const fn twice(fault: Fault) -> Fault {
    Fault { twice: true, ..fault }
}

const fn with(disk: Disk, fault: Fault) -> Fault {
    Fault { disk, ..fault }
}

const fn lasting(tries: usize, fault: Fault) -> Fault {
    Fault { tries, ..fault }
}

pub(super) fn status(status: u16) -> Endpoint {
    Endpoint::answering(move |_, _| Reply::Status(status))
}

fn asking(status: u16, header: &'static str, value: impl Fn() -> String + Send + Sync + 'static) -> Endpoint {
    Endpoint::answering(move |_, _| Reply::Full(status, (header, value()), Vec::new()))
}

fn seconds() -> String {
    "1".to_owned()
}

fn date() -> String {
    httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(1))
}

fn partial_success() -> Reply {
    let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: "one of them".to_owned() };
    let body = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    Reply::Full(200, ("content-type", "application/x-protobuf".to_owned()), body)
}

pub(super) const FAULTS: [Fault; 38] = [
    fault("connection refused", Fate::Kept, Endpoint::refusing),
    fault("name not found", Fate::Kept, Endpoint::nameless),
    fault("connecting hangs", Fate::Kept, Endpoint::full),
    fault("wrong certificate", Fate::Kept, Endpoint::impostor),
    // It reads when it wakes up, though nobody waits for the answer any more.
    twice(fault("accepted, then silence", Fate::Kept, || Endpoint::accepting(silence))),
    twice(fault("read, then silence", Fate::Kept, || Endpoint::answering(|_, _| Reply::Hang))),
    fault("reads slowly", Fate::Delivered, || Endpoint::accepting(slowly)),
    fault("answers slowly", Fate::Delivered, || {
        Endpoint::answering(|_, _| Reply::Slow(Duration::from_millis(100)))
    }),
    twice(fault("answers later than the timeout", Fate::Kept, || {
        Endpoint::answering(|_, _| Reply::Slow(TIMEOUT * 2))
    })),
    fault("cut before the request", Fate::Kept, || Endpoint::accepting(cut)),
    fault("cut in the middle of the request", Fate::Kept, || Endpoint::accepting(cut_in_the_middle)),
    twice(fault("cut after the request", Fate::Kept, || Endpoint::answering(|_, _| Reply::Cut))),
    fault("cut in the middle of the answer", Fate::Delivered, || {
        Endpoint::answering(|_, _| Reply::CutAnswer)
    }),
    twice(fault("an answer that is not HTTP", Fate::Kept, || Endpoint::answering(|_, _| Reply::Garbage))),
    fault("status 400", Fate::Refused, || status(400)),
    fault("status 401", Fate::Refused, || status(401)),
    fault("status 413", Fate::Delivered, || {
        Endpoint::answering(|_, seen| Reply::Status(if seen.items().len() > 3 { 413 } else { 200 }))
    }),
    fault("status 429", Fate::Kept, || status(429)),
    fault("status 429, `Retry-After` in seconds", Fate::Kept, || asking(429, "retry-after", seconds)),
    fault("status 429, `Retry-After` a date", Fate::Kept, || asking(429, "retry-after", date)),
    fault("status 500", Fate::Refused, || status(500)),
    fault("status 502", Fate::Kept, || status(502)),
    fault("status 503", Fate::Kept, || status(503)),
    fault("status 503, `Retry-After` in seconds", Fate::Kept, || asking(503, "retry-after", seconds)),
    fault("status 503, `Retry-After` a date", Fate::Kept, || asking(503, "retry-after", date)),
    fault("status 504", Fate::Kept, || status(504)),
    fault("redirect", Fate::Refused, || asking(307, "location", || "http://127.0.0.1:9/".to_owned())),
    fault("partial success", Fate::AllButOne, || Endpoint::answering(|_, _| partial_success())),
    fault("`Content-Length` above the truth", Fate::Delivered, || {
        Endpoint::answering(|_, _| Reply::TooShort)
    }),
    fault("`Content-Length` below the truth", Fate::Delivered, || Endpoint::answering(|_, _| Reply::TooLong)),
    fault("an answer without end", Fate::Delivered, || Endpoint::answering(|_, _| Reply::Endless)),
    lasting(
        5,
        fault("flaps", Fate::KeptWithEachChange, || {
            Endpoint::answering(|number, _| Reply::Status(if number % 2 == 0 { 503 } else { 200 }))
        }),
    ),
    // With the default delays, 14 tries fill about three minutes; here these are a hundredth of that.
    lasting(14, fault("back after minutes", Fate::Kept, || status(503))),
    fault("behind a proxy from the environment, status 503", Fate::Kept, || status(503)),
    with(Disk::Works, fault("with a spool: connection refused", Fate::Kept, Endpoint::refusing)),
    with(Disk::Works, fault("with a spool: status 503", Fate::Kept, || status(503))),
    with(Disk::Refuses, fault("with a spool that cannot be written: status 503", Fate::Kept, || status(503))),
    with(
        Disk::Damaged,
        fault("with a spool that holds a damaged file: status 503", Fate::Kept, || status(503)),
    ),
];

/// The items that a damaged file held, by its name.
pub(super) const DAMAGED: u64 = 3;
