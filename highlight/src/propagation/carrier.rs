//! What headers can be read from and written to.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, HashMap},
    fmt,
    hash::{BuildHasher, Hash},
    marker::PhantomData,
    str,
};

use http::HeaderName;
use opentelemetry::propagation::{Extractor, Injector};

/// Anything that headers can be read from: `http::HeaderMap`, maps, slices of pairs, or what [`from_fn`] makes of a closure.
///
/// Values may be text or bytes (Kafka, AMQP): whatever `AsRef<[u8]>` shows, if it is UTF-8.
#[diagnostic::on_unimplemented(
    message = "headers cannot be read from `{Self}`",
    label = "no `Carrier`",
    note = "what they can be read from: `http::HeaderMap`, and maps, slices and vectors of names with texts or bytes",
    note = "of a request, take the headers: `parse_headers(request.headers())`",
    note = "for headers of other types there is `highlight::propagation::from_fn`, for those of actix-web `highlight_actix::Headers`"
)]
pub trait Carrier {
    /// The first value under `name`, which is given in lower case. Names compare without regard to case where the carrier's do.
    ///
    /// `None` if the value is no text.
    fn get(&self, name: &str) -> Option<&str>;

    /// Shows every value under `name` to `visit`, in their order. Default: the first alone, for carriers that hold one.
    fn visit<'a>(&'a self, name: &str, visit: &mut dyn FnMut(&'a str)) {
        if let Some(value) = self.get(name) {
            visit(value);
        }
    }
}

/// Anything that headers can be written to: `http::HeaderMap`, maps, and vectors of pairs.
///
/// For header types of other crates, write to a vector first:
///
/// ```
/// let mut headers = Vec::<(&str, String)>::new();
/// highlight::propagation::inject(&mut headers);
/// for (name, value) in headers {
///     // message.headers.insert(name, value);
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "headers cannot be written to `{Self}`",
    label = "no `CarrierMut`",
    note = "what they can be written to: `http::HeaderMap`, and maps and vectors of names (from `&'static str`) with values (from `String`)",
    note = "of a request, take the headers: `inject(request.headers_mut())`",
    note = "for headers of other types, write to a `Vec<(&str, String)>`, and copy from there"
)]
pub trait CarrierMut {
    /// Sets the one value under `name`. A name or value that the carrier cannot hold is left out.
    fn set(&mut self, name: &'static str, value: String);
}

/// A [`Carrier`] made of a look-up: for header types of other crates.
///
/// ```
/// use highlight::propagation;
///
/// let message = serde_json::json!({"x-highlight-request": "abc123/9k2hTq81Lx"});
/// let headers = propagation::from_fn(|name| message.get(name)?.as_str());
/// assert_eq!(highlight::parse_headers(&headers).session_id(), Some("abc123"));
/// ```
///
/// The closure is called with names in lower case, and may return text or bytes.
pub fn from_fn<'a, V, F>(get: F) -> FromFn<'a, V, F>
where
    V: AsRef<[u8]> + ?Sized + 'a,
    F: Fn(&str) -> Option<&'a V>,
{
    FromFn { get, value: PhantomData }
}

/// Made by [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<'a, V: ?Sized, F> {
    get: F,
    value: PhantomData<&'a V>,
}

impl<'a, V, F> Carrier for FromFn<'a, V, F>
where
    V: AsRef<[u8]> + ?Sized + 'a,
    F: Fn(&str) -> Option<&'a V>,
{
    fn get(&self, name: &str) -> Option<&str> {
        text((self.get)(name)?)
    }
}

impl<V: ?Sized, F> fmt::Debug for FromFn<'_, V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").finish_non_exhaustive()
    }
}

impl<C: Carrier + ?Sized> Carrier for &C {
    fn get(&self, name: &str) -> Option<&str> {
        (**self).get(name)
    }
}

/// What every request is asked for.
static KNOWN_NAMES: [HeaderName; 4] = [
    HeaderName::from_static(super::REQUEST_HEADER),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
];

impl Carrier for http::HeaderMap {
    fn get(&self, name: &str) -> Option<&str> {
        // A name that is known need not be read first.
        let value = match KNOWN_NAMES.iter().find(|known| known.as_str() == name) {
            Some(known) => self.get(known),
            None => self.get(name),
        };
        text(value?)
    }

    fn visit<'a>(&'a self, name: &str, visit: &mut dyn FnMut(&'a str)) {
        self.get_all(name).iter().filter_map(text).for_each(visit);
    }
}

impl CarrierMut for http::HeaderMap {
    fn set(&mut self, name: &'static str, value: String) {
        if let Ok(value) = http::HeaderValue::try_from(value) {
            self.insert(name, value);
        }
    }
}

impl<K, V, S> Carrier for HashMap<K, V, S>
where
    K: Borrow<str> + Hash + Eq,
    V: AsRef<[u8]>,
    S: BuildHasher,
{
    fn get(&self, name: &str) -> Option<&str> {
        let exact = HashMap::get(self, name);
        let any_case = || self.iter().find(|(key, _)| is(name, (*key).borrow())).map(|(_, value)| value);
        exact.or_else(any_case).and_then(text)
    }
}

impl<K, V, S> CarrierMut for HashMap<K, V, S>
where
    K: From<&'static str> + Borrow<str> + Hash + Eq,
    V: From<String>,
    S: BuildHasher,
{
    fn set(&mut self, name: &'static str, value: String) {
        self.retain(|key, _| !is(name, key.borrow()));
        self.insert(K::from(name), V::from(value));
    }
}

impl<K: Borrow<str> + Ord, V: AsRef<[u8]>> Carrier for BTreeMap<K, V> {
    fn get(&self, name: &str) -> Option<&str> {
        let exact = BTreeMap::get(self, name);
        let any_case = || self.iter().find(|(key, _)| is(name, (*key).borrow())).map(|(_, value)| value);
        exact.or_else(any_case).and_then(text)
    }
}

impl<K: From<&'static str> + Borrow<str> + Ord, V: From<String>> CarrierMut for BTreeMap<K, V> {
    fn set(&mut self, name: &'static str, value: String) {
        self.retain(|key, _| !is(name, key.borrow()));
        self.insert(K::from(name), V::from(value));
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Carrier for [(K, V)] {
    fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.iter().find(|(key, _)| is(name, key.as_ref()))?;
        text(value)
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>, const N: usize> Carrier for [(K, V); N] {
    fn get(&self, name: &str) -> Option<&str> {
        Carrier::get(self.as_slice(), name)
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Carrier for Vec<(K, V)> {
    fn get(&self, name: &str) -> Option<&str> {
        Carrier::get(self.as_slice(), name)
    }
}

impl<K: From<&'static str> + AsRef<str>, V: From<String>> CarrierMut for Vec<(K, V)> {
    fn set(&mut self, name: &'static str, value: String) {
        self.retain(|(key, _)| !is(name, key.as_ref()));
        self.push((K::from(name), V::from(value)));
    }
}

fn is(name: &str, key: &str) -> bool {
    key.eq_ignore_ascii_case(name)
}

fn text(value: &(impl AsRef<[u8]> + ?Sized)) -> Option<&str> {
    str::from_utf8(value.as_ref()).ok()
}

/// Shows a carrier to OpenTelemetry's propagators.
pub(super) struct Incoming<'a, C: ?Sized>(pub(super) &'a C);

impl<C: Carrier + ?Sized> Extractor for Incoming<'_, C> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)
    }

    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// Lets OpenTelemetry's propagators write to a carrier.
pub(super) struct Outgoing<'a, C: ?Sized>(pub(super) &'a mut C);

impl<C: CarrierMut + ?Sized> Injector for Outgoing<'_, C> {
    fn set(&mut self, key: &str, value: String) {
        // The W3C propagator writes these two and no others.
        match key {
            "traceparent" => self.0.set("traceparent", value),
            "tracestate" if !value.is_empty() => self.0.set("tracestate", value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const NAME: &str = "x-highlight-request";

    fn get<C: Carrier + ?Sized>(carrier: &C) -> Option<&str> {
        carrier.get(NAME)
    }

    #[test]
    fn names_compare_without_case_and_values_are_text_or_bytes() {
        let mut headers = http::HeaderMap::new();
        headers.insert("X-Highlight-Request", "s/r".parse().unwrap());
        let carriers: [&dyn Carrier; 10] = [
            &headers,
            &&headers,
            &HashMap::from([("X-Highlight-Request", "s/r")]),
            &HashMap::from([(NAME.to_owned(), b"s/r".to_vec())]),
            &BTreeMap::from([("X-HIGHLIGHT-REQUEST".to_owned(), "s/r".to_owned())]),
            &BTreeMap::from([(NAME, b"s/r")]),
            &[("X-Highlight-Request", "s/r")],
            &[(NAME, b"s/r")],
            &vec![(NAME.to_owned(), "s/r".to_owned()), (NAME.to_uppercase(), "second".to_owned())],
            &vec![("other".to_owned(), vec![0xff]), (NAME.to_owned(), b"s/r".to_vec())],
        ];
        for (at, carrier) in carriers.into_iter().enumerate() {
            assert_eq!(get(carrier), Some("s/r"), "carrier {at}");
            assert_eq!(carrier.get("traceparent"), None, "carrier {at}");
        }
    }

    #[test]
    fn closures_return_text_or_bytes() {
        let bytes = b"s/r".to_vec();
        assert_eq!(get(&from_fn(|name| (name == NAME).then_some("s/r"))), Some("s/r"));
        assert_eq!(get(&from_fn(|name| (name == NAME).then_some(bytes.as_slice()))), Some("s/r"));
        assert_eq!(get(&from_fn(|name| (name != NAME).then_some(&bytes))), None);
    }

    #[test]
    fn values_that_are_no_text_are_absent() {
        let bad = b"\xff\xfe";
        let mut headers = http::HeaderMap::new();
        headers.insert(NAME, http::HeaderValue::from_bytes(bad).unwrap());
        assert_eq!(get(&headers), None);
        assert_eq!(get(&HashMap::from([(NAME, bad)])), None);
        assert_eq!(get(&BTreeMap::from([(NAME, bad)])), None);
        assert_eq!(get(&[(NAME, bad)]), None);
        assert_eq!(get(&from_fn(|_| Some(bad))), None);
    }

    /// What stood there before, in any spelling, is gone: a message has one producer.
    #[test]
    fn setting_replaces_every_spelling() {
        fn check<C>(mut carrier: C, pairs: impl Fn(&C) -> Vec<(String, Vec<u8>)>)
        where
            C: Carrier + CarrierMut,
        {
            carrier.set(NAME, "new".to_owned());
            let mut left = pairs(&carrier);
            left.sort();
            assert_eq!(left, [("other".to_owned(), b"kept".to_vec()), (NAME.to_owned(), b"new".to_vec())]);
            assert_eq!(get(&carrier), Some("new"));
        }
        let old = ["X-Highlight-Request", "other", "X-HIGHLIGHT-REQUEST"]
            .map(|name| (name.to_owned(), b"kept".to_vec()));
        check(Vec::from(old.clone()), Clone::clone);
        check(HashMap::from(old.clone()), |map| map.clone().into_iter().collect());
        check(BTreeMap::from(old), |map| map.clone().into_iter().collect());
        let mut headers = http::HeaderMap::new();
        headers.append(NAME, "old".parse().unwrap());
        headers.append(NAME, "older".parse().unwrap());
        CarrierMut::set(&mut headers, NAME, "new".to_owned());
        assert_eq!(headers.get_all(NAME).iter().collect::<Vec<_>>(), ["new"]);
    }

    fn names() -> impl Strategy<Value = String> {
        prop_oneof![Just(NAME.to_owned()), Just("X-Highlight-Request".to_owned()), ".{0,8}"]
    }

    fn values() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![".*".prop_map(String::into_bytes), vec(any::<u8>(), 0..40)]
    }

    proptest! {
        #[test]
        fn reading_never_fails_and_finds_the_first(pairs in vec((names(), values()), 0..6)) {
            let first = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(NAME));
            let expected = first.and_then(|(_, value)| str::from_utf8(value).ok());
            prop_assert_eq!(get(&pairs), expected);
            prop_assert_eq!(get(pairs.as_slice()), expected);
            let map = pairs.iter().cloned().collect::<HashMap<_, _>>();
            if let Some(value) = get(&map) {
                let is_it = |(name, given): &(String, Vec<u8>)| is(NAME, name) && given == value.as_bytes();
                prop_assert!(pairs.iter().any(is_it));
            }
            // Whatever it is, it is a context.
            let _ = crate::parse_headers(&pairs);
            let _ = crate::parse_headers(&map);
        }

        #[test]
        fn what_is_set_is_read(value in "[!-~]{1,60}", before in vec((names(), values()), 0..6)) {
            let mut pairs = before.clone();
            let mut map: HashMap<_, _> = before.iter().cloned().collect();
            let mut tree: BTreeMap<_, _> = before.iter().cloned().collect();
            pairs.set(NAME, value.clone());
            map.set(NAME, value.clone());
            tree.set(NAME, value.clone());
            let carriers: [&dyn Carrier; 3] = [&pairs, &map, &tree];
            for carrier in carriers {
                prop_assert_eq!(get(carrier), Some(value.as_str()));
            }
        }
    }
}
