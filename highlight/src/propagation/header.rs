//! The value of `x-highlight-request` (C§4.1, C§4.2).

/// Longer members are ignored: the browser's longest is 61 bytes.
const MAX_LEN: usize = 256;

/// Session id and request id of the header's value.
///
/// The value is a list, because an XHR of the 10.x browser client sends the header twice: its first member is the one that
/// the replay records. A member is `<session>[/<request>[/...]]`; either part may be empty.
pub(super) fn parse(value: &str) -> (Option<&str>, Option<&str>) {
    let member = if is_one_id(value) { value } else { first_member(value).unwrap_or_default() };
    if member.len() > MAX_LEN {
        return (None, None);
    }
    let (session_id, rest) = split(member);
    let (request_id, _) = split(rest);
    (present(session_id), present(request_id))
}

/// Whether it is no list, and readable: what nearly all are.
fn is_one_id(value: &str) -> bool {
    // Without a branch in it, the compiler looks at many bytes at a time.
    value.bytes().fold(true, |all, byte| all & is_of_an_id(byte))
}

fn is_of_an_id(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b','
}

/// The first member that is not empty, without the blanks around it; `None` if it is not readable.
#[cold]
fn first_member(value: &str) -> Option<&str> {
    value.split(',').map(str::trim).find(|member| !member.is_empty()).filter(|member| is_graphic(member))
}

/// What is before the first `/`, and what is after it.
fn split(text: &str) -> (&str, &str) {
    // Ids are so short that to prepare a search costs more than to look.
    let at = text.bytes().position(|byte| byte == b'/').unwrap_or(text.len());
    (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default())
}

fn present(part: &str) -> Option<&str> {
    Some(part).filter(|part| !part.is_empty())
}

/// An id that comes by itself, if it could stand in the header too.
pub(super) fn id(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty() && is_readable(text) && !text.contains(['/', ',']))
}

fn is_readable(member: &str) -> bool {
    member.len() <= MAX_LEN && is_graphic(member)
}

/// Without a branch in it, likewise.
fn is_graphic(member: &str) -> bool {
    member.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn c4_1_every_shape() {
        let s = "WnjGsMDLJ0vZTjMUZrTFYaSjbGqA";
        let long = "x".repeat(1 << 20);
        let table: &[(&str, Option<&str>, Option<&str>)] = &[
            (
                &format!("{s}/0af7651916cd43dd8448eb211c80319c"),
                Some(s),
                Some("0af7651916cd43dd8448eb211c80319c"),
            ),
            (&format!("{s}/9k2hTq81Lx"), Some(s), Some("9k2hTq81Lx")),
            ("S/r1, S/r2", Some("S"), Some("r1")),
            ("S/r1,S/r2", Some("S"), Some("r1")),
            (" , S/r1", Some("S"), Some("r1")),
            ("987654/321654", Some("987654"), Some("321654")),
            ("a", Some("a"), None),
            ("a/", Some("a"), None),
            ("/b", None, Some("b")),
            ("a/b/c", Some("a"), Some("b")),
            ("/", None, None),
            ("", None, None),
            (" , ,", None, None),
            ("a b/c", None, None),
            ("sé/r", None, None),
            ("a\u{7f}/b", None, None),
            (&long, None, None),
            (&format!("s/{long}"), None, None),
        ];
        for (value, session, request) in table {
            assert_eq!(parse(value), (*session, *request), "{value:.40}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_in_only_short_visible_ascii_comes_out(value in ".*") {
            let (session, request) = parse(&value);
            for part in [session, request].into_iter().flatten() {
                prop_assert!(!part.is_empty() && part.len() <= MAX_LEN);
                prop_assert!(part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b','));
            }
        }

        #[test]
        fn well_formed_values_are_read(session in "[A-Za-z0-9]{1,40}", request in "[A-Za-z0-9]{1,40}") {
            let value = format!("{session}/{request}");
            prop_assert_eq!(parse(&value), (Some(session.as_str()), Some(request.as_str())));
        }
    }
}
