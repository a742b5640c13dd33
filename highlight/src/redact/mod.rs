//! Takes secrets out of what is sent.
//!
//! ```text
//! GET /callback?state=7&code=4f2a          ->  GET /callback?state=7&code=[REDACTED]
//! postgres://app:hunter2@db/orders         ->  postgres://[REDACTED]@db/orders
//! {"user":"ada","password":"hunter2"}      ->  {"user":"ada","password":"[REDACTED]"}
//! http.request.header.authorization        ->  [REDACTED]
//! ```
//!
//! [`Config::redact`](crate::Config::redact) says what is found. A file for each of the ways:
//!
//! - [`names`]: an attribute's, field's or parameter's name says that its value is secret;
//! - [`assignment`]: such names inside of a text, and how far their values go;
//! - [`shapes`]: what looks like a credential, a token, a private key, a card number;
//! - [`pattern`]: what the program adds;
//! - [`scan`]: one pass over a text that finds all of it;
//! - [`quick`]: tells the many texts in which that pass would find nothing.
//!
//! A text with secrets is gone over until there is none left: taking out a parameter may bring an `@` into the authority of a
//! URL. So redacting twice is redacting once. A text without is looked at once and not copied.

mod assignment;
mod names;
mod pattern;
mod quick;
mod scan;
mod shapes;

use std::{borrow::Cow, cell::Cell, ops::Range, sync::Arc};

pub(crate) use self::pattern::{KeyPattern, TextPattern};
use self::{
    names::{Place, Sense},
    scan::Extent,
};
use crate::callback::Callback;

pub(crate) const REDACTED: &str = "[REDACTED]";

/// How often a text is gone over. Each time but for the first finds only what the one before has brought about.
const PASSES_LIMIT: usize = 16;

/// What is looked for in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Texts(Option<Extent>);

impl Texts {
    /// Nothing.
    pub(crate) const KEPT: Self = Self(None);
    /// Everything: the text is the value of no attribute.
    pub(crate) const FREE: Self = Self(Some(Extent::Text));
}

/// What is secret: what everybody keeps so, and what the program adds and excepts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redactor {
    pub(crate) keys: Vec<KeyPattern>,
    pub(crate) patterns: Vec<TextPattern>,
    pub(crate) except: Vec<KeyPattern>,
    pub(crate) function: Option<RedactFn>,
}

impl Redactor {
    /// Whether the attribute's value is secret as a whole, judged by its name.
    pub(crate) fn is_secret(&self, key: &str) -> bool {
        !self.is_excepted(key)
            && (self.is_added(key) || names::of_last_part(key, Place::Field) >= Sense::Machine)
    }

    /// What is looked for in the texts of the attribute `key`.
    pub(crate) fn texts_of(&self, key: &str) -> Texts {
        if !key.is_empty() && self.is_excepted(key) {
            return Texts::KEPT;
        }
        Texts(Some(match key {
            "url.query" => Extent::Query,
            "url.full" | "http.url" | "http.target" => Extent::Url,
            "http.request.body" | "http.response.body" => Extent::Form,
            _ => Extent::Text,
        }))
    }

    /// The text, the value of the attribute `key` or of nothing if that is empty, without secrets; borrowed if there are none.
    /// `texts` is what [`texts_of`](Self::texts_of) says of the key.
    pub(crate) fn clean<'a>(&self, texts: Texts, key: &str, text: &'a str) -> Cow<'a, str> {
        let Some(extent) = texts.0 else { return Cow::Borrowed(text) };
        match self.function.as_ref().map_or(Cow::Borrowed(text), |function| function.call(key, text)) {
            Cow::Borrowed(text) => self.passes(text, extent),
            Cow::Owned(changed) => Cow::Owned(self.passes(&changed, extent).into_owned()),
        }
    }

    /// Whether a text is always judged alike: a program's function need not.
    pub(crate) fn is_steady(&self) -> bool {
        self.function.is_none()
    }

    fn passes<'a>(&self, text: &'a str, extent: Extent) -> Cow<'a, str> {
        if self.patterns.is_empty() && !quick::may_hold_secret(text) {
            return Cow::Borrowed(text);
        }
        let Some(mut cleaned) = self.pass(text, extent) else { return Cow::Borrowed(text) };
        for _ in 1..PASSES_LIMIT {
            match self.pass(&cleaned, extent) {
                Some(cleaner) => cleaned = cleaner,
                None => break,
            }
        }
        Cow::Owned(cleaned)
    }

    /// The text with everything replaced that is found in one go; `None` if that is nothing.
    fn pass(&self, text: &str, extent: Extent) -> Option<String> {
        let mut cleaned = replace(text, |text, from| scan::next(self, text, from, extent));
        for pattern in &self.patterns {
            let text = cleaned.as_deref().unwrap_or(text);
            cleaned = replace(text, |text, from| pattern.next(text, from)).or(cleaned);
        }
        cleaned
    }

    fn field(&self, name: &str) -> Sense {
        self.judged(name, |name| names::of_last_part(name, Place::Field))
    }

    fn parameter(&self, name: &str) -> Sense {
        self.judged(name, names::of_parameter)
    }

    fn judged(&self, name: &str, judge: impl Fn(&str) -> Sense) -> Sense {
        if self.keys.is_empty() && self.except.is_empty() {
            return judge(name);
        }
        let name = names::decoded(name);
        match () {
            () if self.is_excepted(&name) => Sense::Open,
            () if self.is_added(&name) => Sense::Secret,
            () => judge(&name),
        }
    }

    fn is_added(&self, name: &str) -> bool {
        self.keys.iter().any(|pattern| pattern.matches(name))
    }

    fn is_excepted(&self, name: &str) -> bool {
        self.except.iter().any(|pattern| pattern.matches(name))
    }
}

/// Replaces what `next` finds at or after a position; `None` if that is nothing.
fn replace(text: &str, next: impl Fn(&str, usize) -> Option<Range<usize>>) -> Option<String> {
    let mut replaced = String::new();
    let mut copied = 0;
    while let Some(secret) = next(text, copied) {
        replaced.push_str(&text[copied..secret.start]);
        replaced.push_str(REDACTED);
        copied = secret.end;
    }
    if copied == 0 {
        return None;
    }
    replaced.push_str(&text[copied..]);
    Some(replaced)
}

type Function = dyn for<'a> Fn(&str, &'a str) -> Cow<'a, str> + Send + Sync;

/// A program's function, kept from doing harm.
#[derive(Debug, Clone)]
pub(crate) struct RedactFn(Callback<Function>);

impl RedactFn {
    pub(crate) fn new(
        function: impl for<'a> Fn(&str, &'a str) -> Cow<'a, str> + Send + Sync + 'static,
    ) -> Self {
        thread_local!(static ASKING: Cell<bool> = const { Cell::new(false) });
        Self(Callback::new(
            Arc::new(function),
            &ASKING,
            "the function given to `Config::redact_with` panicked; what it was to judge is not sent",
        ))
    }

    /// What the function makes of the text. If it fails, nothing of the text is sent.
    fn call<'a>(&self, key: &str, text: &'a str) -> Cow<'a, str> {
        self.0.call(|function| function(key, text)).unwrap_or(Cow::Borrowed(REDACTED))
    }
}

#[cfg(any(fuzzing, test))]
impl Redactor {
    /// The text of an attribute without secrets.
    pub(crate) fn text<'a>(&self, key: &str, text: &'a str) -> Cow<'a, str> {
        self.clean(self.texts_of(key), key, text)
    }

    /// Whether all of the text was looked at in vain, or would have been.
    pub(crate) fn finds_nothing(&self, key: &str, text: &str) -> bool {
        self.texts_of(key).0.is_none_or(|extent| self.pass(text, extent).is_none())
    }
}

#[cfg(test)]
mod tests;
