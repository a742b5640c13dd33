//! What other SDKs of the family put into W3C baggage (C§4.4).

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::header;

/// Bytes that are looked at, in all lists together: the most that W3C asks anybody to forward.
const MAX_LEN: usize = 8192;

/// The keys of each SDK, the most telling first. Keys compare without regard to case, because the SDKs disagree in it.
const SOURCES: [Source; 3] = [
    // Node, .NET and Python: both ids in one value.
    Source::Pair("x-highlight-request"),
    // Ruby.
    Source::Single { session: "highlight.session_id", request: "highlight.trace_id" },
    // The successor's Ruby.
    Source::Single { session: "launchdarkly.session_id", request: "launchdarkly.request_id" },
];

#[derive(Debug, Clone, Copy)]
enum Source {
    Pair(&'static str),
    Single { session: &'static str, request: &'static str },
}

/// Session id and request id of one source.
type Ids = (Option<String>, Option<String>);

/// The ids found so far.
#[derive(Debug, Default)]
pub(super) struct Baggage {
    ids: [Ids; SOURCES.len()],
    read: usize,
}

impl Baggage {
    /// Reads one `baggage` header: `key=value;property, key2=value2`, values percent-encoded.
    pub(super) fn read(&mut self, list: &str) {
        self.read = self.read.saturating_add(list.len());
        if self.read > MAX_LEN {
            return;
        }
        for member in list.split(',') {
            let pair = member.split_once(';').map_or(member, |(pair, _properties)| pair);
            if let Some((key, value)) = pair.split_once('=') {
                self.take(key.trim(), value.trim());
            }
        }
    }

    fn take(&mut self, key: &str, value: &str) {
        let decoded = || percent_decode_str(value).decode_utf8().unwrap_or(Cow::Borrowed(""));
        let id = || header::id(&decoded()).map(ToOwned::to_owned);
        for (source, ids) in SOURCES.iter().zip(&mut self.ids) {
            match source {
                Source::Pair(name) if key.eq_ignore_ascii_case(name) => {
                    let value = decoded();
                    let (session, request) = header::parse(&value);
                    *ids = (session.map(ToOwned::to_owned), request.map(ToOwned::to_owned));
                }
                Source::Single { session, .. } if key.eq_ignore_ascii_case(session) => ids.0 = id(),
                Source::Single { request, .. } if key.eq_ignore_ascii_case(request) => ids.1 = id(),
                _ => {}
            }
        }
    }

    /// The ids of the first source that names any; ids of several would not belong together.
    pub(super) fn into_ids(self) -> Ids {
        self.ids
            .into_iter()
            .find(|(session, request)| session.is_some() || request.is_some())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(lists: &[&str]) -> Ids {
        let mut baggage = Baggage::default();
        for list in lists {
            baggage.read(list);
        }
        baggage.into_ids()
    }

    fn some(session: &str, request: &str) -> Ids {
        let id = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        (id(session), id(request))
    }

    #[test]
    fn c4_4_every_carrier() {
        for (list, session, request) in [
            ("x-highlight-request=s%2Fr", "s", "r"),
            ("X-Highlight-Request=s%2fr", "s", "r"),
            ("x-highlight-request=s/r", "s", "r"),
            ("x-highlight-request=s%2F", "s", ""),
            ("highlight.session_id=s,highlight.trace_id=r", "s", "r"),
            ("highlight.session_id=s", "s", ""),
            ("highlight.trace_id=r", "", "r"),
            ("launchdarkly.session_id=s, launchdarkly.request_id=r", "s", "r"),
            (" a=b , x-highlight-request = s%2Fr ;ttl=60;x", "s", "r"),
            // The most telling source alone.
            ("launchdarkly.session_id=x,launchdarkly.request_id=y,highlight.session_id=s", "s", ""),
            ("highlight.session_id=x,x-highlight-request=s%2Fr,highlight.trace_id=y", "s", "r"),
            // Nothing to understand.
            ("", "", ""),
            (",,=,;=", "", ""),
            ("x-highlight-request", "", ""),
            ("x-highlight-request=", "", ""),
            ("x-highlight-request=%FF%FE", "", ""),
            ("highlight.session_id=a%2Fb", "", ""),
            ("highlight.session_id=a%20b", "", ""),
            ("highlight.session_idx=s", "", ""),
            ("session_id=s", "", ""),
        ] {
            assert_eq!(ids(&[list]), some(session, request), "{list}");
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        assert_eq!(ids(&["highlight.session_id=s", "a=b,highlight.trace_id=r"]), some("s", "r"));
    }

    #[test]
    fn what_is_longer_than_w3c_asks_for_is_ignored() {
        let long = format!("a={},highlight.session_id=s", "x".repeat(MAX_LEN));
        assert_eq!(ids(&[&long]), some("", ""));
        let id = format!("highlight.session_id={}", "x".repeat(257));
        assert_eq!(ids(&[&id]), some("", ""));
        assert_eq!(ids(&["highlight.session_id=s", &long]), some("s", ""), "what was read before counts");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_only_short_visible_ascii_comes_out(
            key in prop::sample::select(&["x-highlight-request", "highlight.session_id", "launchdarkly.request_id"][..]),
            value in ".*",
            rest in ".*",
        ) {
            let (session, request) = ids(&[&format!("{key}={value}"), &rest]);
            for id in [session, request].into_iter().flatten() {
                prop_assert_eq!(header::id(&id), Some(id.as_str()));
            }
        }

        #[test]
        fn encoded_values_are_read(session in "[!-+\\--.0-~]{1,40}", request in "[A-Za-z0-9]{1,40}") {
            let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
            let value = encode(&format!("{session}/{request}"));
            prop_assert_eq!(ids(&[&format!("x-highlight-request={value}")]), some(&session, &request));
            let single = format!("highlight.session_id={},highlight.trace_id={request}", encode(&session));
            prop_assert_eq!(ids(&[&single]), some(&session, &request));
        }
    }
}
