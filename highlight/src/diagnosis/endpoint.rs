//! The endpoint: can it be reached, and does it take what the exporter sends?

use std::time::Duration;

use opentelemetry::Context;

use super::{Diagnosis, Finding, answer, clock, connection};
use crate::{
    Signals, assembly,
    config::Resolved,
    pipeline::{Deadline, Probe, Reply, Signal},
};

/// Asks with one request for each signal that is sent. The first that finds nobody is the last.
pub(super) fn check(settings: &Resolved, deadline: Deadline, diagnosis: &mut Diagnosis) {
    // Whatever the client records is no telemetry.
    let _silent = Context::enter_telemetry_suppressed_scope();
    let probe = Probe::new(assembly::transport(settings));
    let mut replies = Vec::new();
    for signal in signals(settings.signals) {
        let limit = deadline.remaining().map_or(probe.timeout(), |left| left.min(probe.timeout()));
        if limit.is_zero() {
            diagnosis.add(out_of_time(signal));
            break;
        }
        match probe.export(signal, limit) {
            Ok(reply) => replies.push((signal, reply)),
            Err(error) => {
                diagnosis.add(connection::failed(&error, settings, &probe, deadline));
                break;
            }
        }
    }
    let Some((_, first)) = replies.first() else { return };
    diagnosis.add(connection::made(settings, &probe, first.took));
    let clock = clock::check(first);
    judge(&replies, settings, diagnosis);
    diagnosis.add(clock);
}

/// Errors travel with the logs.
fn signals(sent: Signals) -> impl Iterator<Item = Signal> {
    Signal::ALL.into_iter().filter(move |signal| match signal {
        Signal::Traces => sent.contains(Signals::TRACES),
        Signal::Logs => sent.contains(Signals::LOGS) || sent.contains(Signals::ERRORS),
        Signal::Metrics => sent.contains(Signals::METRICS),
    })
}

/// One finding for all signals that got the same answer.
fn judge(replies: &[(Signal, Reply)], settings: &Resolved, diagnosis: &mut Diagnosis) {
    let mut judged: Vec<(answer::Judgement, Vec<String>)> = Vec::new();
    for (signal, reply) in replies {
        let judgement = answer::judge(reply, &settings.endpoint);
        let path = format!("/v1/{}", signal.as_str());
        match judged.iter_mut().find(|(known, _)| *known == judgement) {
            Some((_, paths)) => paths.push(path),
            None => judged.push((judgement, vec![path])),
        }
    }
    diagnosis.extend(judged.into_iter().map(|(judgement, paths)| judgement.about(&paths.join(", "))));
}

fn out_of_time(signal: Signal) -> Finding {
    Finding::warning(
        "answer",
        format!("/v1/{} was not asked: the time was up", signal.as_str()),
        "allow more time, or find out why the endpoint is slow",
    )
}

/// `7 ms`, `1.2 s`.
pub(super) fn shown(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}
