//! What a key says about its attribute, decided once and looked up from then on.
//!
//! Programs record the same few dozen keys over and over. What is to be done with an attribute depends on its key, on what it
//! belongs to, and on settings that never change.

use std::{borrow::Cow, mem};

use super::sanitize::{Given, Owner};
use crate::redact::{Redactor, Texts};

/// Keys that are remembered; a program that makes up its keys gets no more of them.
const SLOTS: usize = 512;
/// How many places a key may be in.
const PROBES: usize = 4;
/// Longer keys are not remembered.
const KEY_LIMIT: usize = 256;

/// Longer texts are not remembered.
const LEARNT: usize = 256;

/// What is to be done with an attribute.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The key that is sent.
    pub(super) key: Box<str>,
    /// Whether the value is secret as a whole.
    pub(super) is_secret: bool,
    /// What is looked for in its texts.
    pub(super) texts: Texts,
    /// What it says of the record, if it is the first to do so.
    names: Option<Named>,
    /// The last text in which there was nothing, for it is often the next as well; and the attribute that was made of it, in
    /// this field.
    clean: String,
    encoded: Vec<u8>,
    field: u32,
}

/// What ties a record to where it belongs.
#[derive(Debug, Clone, Copy)]
enum Named {
    Session,
    Request,
}

impl Verdict {
    fn of(redactor: Option<&Redactor>, owner: Owner, key: &str) -> Self {
        let mut key = stored(key);
        let named = match &*key {
            "highlight.session_id" => Some(Named::Session),
            "highlight.trace_id" => Some(Named::Request),
            _ => None,
        };
        let is_taken = if named.is_some() { owner.is_shared() } else { is_taken(owner, &key) };
        if is_taken {
            key.to_mut().insert_str(0, "field.");
        }
        // What ties the record to its session and request is what it is, whatever it looks like.
        let redactor = redactor.filter(|_| is_taken || !names_owner(&key));
        Self {
            is_secret: redactor.is_some_and(|redactor| redactor.is_secret(&key)),
            texts: redactor.map_or(Texts::KEPT, |redactor| redactor.texts_of(&key)),
            names: named.filter(|_| !is_taken),
            key: key.into(),
            clean: String::new(),
            encoded: Vec::new(),
            field: 0,
        }
    }

    /// What was made of the text the last time, if it was just found to be clean.
    pub(super) fn known(&self, field: u32, text: &str) -> Option<&[u8]> {
        (self.field == field && self.clean == text).then_some(&self.encoded)
    }

    /// Remembers what was made of a text that is clean.
    pub(super) fn learn(&mut self, field: u32, text: &str, encoded: &[u8]) {
        if text.len() <= LEARNT {
            self.field = field;
            self.clean.clear();
            self.clean.push_str(text);
            self.encoded.clear();
            self.encoded.extend_from_slice(encoded);
        }
    }
}

/// The keys that were seen.
#[derive(Debug)]
pub(super) struct Keys {
    slots: Vec<Option<Slot>>,
    /// Which of the places of a new key is cleared for it, if all are taken.
    turn: usize,
}

#[derive(Debug)]
struct Slot {
    owner: Owner,
    given: Box<str>,
    verdict: Verdict,
}

impl Default for Keys {
    fn default() -> Self {
        // The last is for what is not remembered.
        Self { slots: (0..=SLOTS).map(|_| None).collect(), turn: 0 }
    }
}

impl Keys {
    /// What is to be done with the next attribute of a record of which so much is given.
    pub(super) fn judge(
        &mut self,
        redactor: Option<&Redactor>,
        owner: Owner,
        given: &mut Given,
        key: &str,
    ) -> Option<&mut Verdict> {
        let at = self.place(redactor, owner, key);
        let names = self.slots.get(at)?.as_ref()?.verdict.names;
        let is_second = match names {
            None => false,
            Some(Named::Session) => mem::replace(&mut given.session, true),
            Some(Named::Request) => mem::replace(&mut given.request, true),
        };
        // A second one moves out of the way, as it does where no single one may decide.
        let at = if is_second { self.place(redactor, Owner::Scope, key) } else { at };
        Some(&mut self.slots.get_mut(at)?.as_mut()?.verdict)
    }

    fn place(&mut self, redactor: Option<&Redactor>, owner: Owner, key: &str) -> usize {
        let start = hash(owner, key);
        let mut free = None;
        for at in (start..start + PROBES).map(|at| at % SLOTS) {
            match &self.slots[at] {
                Some(slot) if slot.owner == owner && *slot.given == *key => return at,
                Some(_) => {}
                None => {
                    free = Some(at);
                    break;
                }
            }
        }
        let at = if key.len() > KEY_LIMIT {
            SLOTS
        } else {
            free.unwrap_or_else(|| {
                self.turn += 1;
                (start + self.turn % PROBES) % SLOTS
            })
        };
        self.slots[at] = Some(Slot { owner, given: key.into(), verdict: Verdict::of(redactor, owner, key) });
        at
    }
}

/// Of its beginning and its end: it has to be cheap, and a collision costs one decision.
fn hash(owner: Owner, key: &str) -> usize {
    let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bytes = key.as_bytes();
    let (first, last) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (0, bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))),
    };
    let hash = mix(mix(mix(owner as u64, bytes.len() as u64), first), last);
    // The upper half is mixed best.
    usize::try_from(hash >> 48).unwrap_or_default()
}

/// Names that say whose a record is.
fn names_owner(key: &str) -> bool {
    matches!(key, "highlight.session_id" | "highlight.trace_id" | "highlight.project_id")
}

/// The key as the server will store it: spaces become `_`, `a(b)` becomes `a.b` (C§3.3).
pub(super) fn stored(key: &str) -> Cow<'_, str> {
    if key.contains([' ', '(', ')']) {
        Cow::Owned(key.replace(' ', "_").replace('(', ".").replace(')', ""))
    } else {
        Cow::Borrowed(key)
    }
}

/// Whether the server would take a user's attribute of this name for something else (C§3.2, C§8).
fn is_taken(owner: Owner, key: &str) -> bool {
    match key {
        // An error's own.
        _ if owner == Owner::Error => false,
        "level" | "severity" | "log.severity" | "message" | "log.message" => owner != Owner::LogEvent,
        "highlight.project_id" | "service.name" | "service.version" | "deployment.environment" => {
            owner != Owner::Resource
        }
        "environment"
        | "URL"
        | "Source"
        | "highlight.source"
        | "highlight.type"
        | "highlight_project_id"
        | "x-highlight-project"
        | "highlight_session_id"
        | "fluent.tag" => true,
        // On a record that is no error they would make it one.
        _ => (owner.is_shared() || owner == Owner::Log) && key.starts_with("exception."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(keys: &mut Keys, owner: Owner, key: &str) -> String {
        let verdict = keys.judge(None, owner, &mut Given::default(), key);
        verdict.map(|verdict| verdict.key.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_key_is_judged_for_each_owner() {
        let mut keys = Keys::default();
        for _ in 0..2 {
            assert_eq!(key(&mut keys, Owner::Resource, "service.name"), "service.name");
            assert_eq!(key(&mut keys, Owner::Span, "service.name"), "field.service.name");
            assert_eq!(key(&mut keys, Owner::Log, "exception.type"), "field.exception.type");
            assert_eq!(key(&mut keys, Owner::Error, "exception.type"), "exception.type");
        }
    }

    #[test]
    fn a_flood_of_keys_changes_no_verdict_and_is_not_kept() {
        let mut keys = Keys::default();
        for n in 0..10 * SLOTS {
            let long = "x".repeat(n % (2 * KEY_LIMIT));
            let given = format!("{n} {long}");
            assert_eq!(key(&mut keys, Owner::Span, &given), format!("{n}_{long}"));
            assert_eq!(key(&mut keys, Owner::Span, "level"), "field.level");
        }
        let kept = keys.slots.iter().take(SLOTS).flatten();
        assert!(keys.slots.len() == SLOTS + 1 && kept.clone().all(|slot| slot.given.len() <= KEY_LIMIT));
        assert!(kept.count() > SLOTS / 2, "nothing is remembered");
    }

    #[test]
    fn usual_keys_have_places_of_their_own() {
        let usual = [
            "highlight.session_id",
            "highlight.trace_id",
            "http.request.method",
            "http.route",
            "url.path",
            "url.query",
            "url.scheme",
            "server.address",
            "server.port",
            "network.protocol.version",
            "user_agent.original",
            "http.request.body.size",
            "http.response.status_code",
            "code.file.path",
            "code.line.number",
            "user.id",
            "thread.id",
            "thread.name",
            "error.type",
            "db.system.name",
            "db.query.text",
            "busy_ns",
            "idle_ns",
        ];
        let mut keys = Keys::default();
        for round in 0..3 {
            for owner in [Owner::Span, Owner::Log] {
                for name in usual {
                    let known =
                        keys.slots.iter().flatten().any(|slot| slot.owner == owner && *slot.given == *name);
                    assert_eq!(known, round > 0, "{owner:?} {name}");
                    key(&mut keys, owner, name);
                }
            }
        }
    }
}
