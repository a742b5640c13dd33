//! The types of errors behind `dyn Error`, as far as they can be known.

use std::{
    any::type_name,
    error::Error,
    fmt::{self, Write},
};

use crate::text;

/// Names longer than this are none.
const LONGEST: usize = 128;

/// The type's full name, if it is one of the standard library's. What those show by `Debug` does not tell.
pub(super) fn known(error: &(dyn Error + 'static)) -> Option<&'static str> {
    macro_rules! of {
        ($($known:ty),* $(,)?) => {
            $(if error.is::<$known>() {
                return Some(type_name::<$known>());
            })*
        };
    }
    of![
        std::io::Error,
        std::fmt::Error,
        std::num::ParseIntError,
        std::num::ParseFloatError,
        std::num::TryFromIntError,
        std::str::ParseBoolError,
        std::str::Utf8Error,
        std::string::FromUtf8Error,
        std::char::ParseCharError,
        std::net::AddrParseError,
        std::env::VarError,
        std::time::SystemTimeError,
        std::alloc::LayoutError,
    ];
    None
}

/// The name with which a derived `Debug` begins: the type's; of an enum, the variant's.
pub(super) fn shown_by_debug(error: &dyn Error) -> Option<String> {
    let mut beginning = Beginning::default();
    let _ = write!(beginning, "{error:?}");
    let name = beginning.name()?;
    let last = name.rsplit("::").next().unwrap_or(name);
    // "Error" alone says nothing, and a word may be what is also displayed.
    let is_name = last.starts_with(|c: char| c.is_ascii_uppercase()) && name != "Error";
    let is_text = beginning.is_all(name) && text::of(error) == name;
    (is_name && !is_text).then(|| name.to_owned())
}

/// Takes what is printed until a name must have ended.
#[derive(Default)]
struct Beginning(String);

impl Beginning {
    /// The name, if what follows it is what derived implementations write: nothing, `(`, or ` {`.
    fn name(&self) -> Option<&str> {
        let end = self.0.find(|c| !is_part(c)).unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at(end);
        let derived = ["(", " {"].iter().any(|next| rest.starts_with(next)) || rest.is_empty();
        (derived && name.len() <= LONGEST).then_some(name)
    }

    fn is_all(&self, name: &str) -> bool {
        self.0 == name
    }
}

impl Write for Beginning {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for c in part.chars() {
            self.0.push(c);
            // Two more characters tell what kind of text it is.
            let over = self.0.chars().rev().take_while(|&c| !is_part(c)).count();
            if over == 2 || c == '(' || self.0.len() > LONGEST {
                // Ends the formatting.
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error that shows these two texts: by `Debug` and by `Display`.
    struct Shows(&'static str, &'static str);

    impl fmt::Debug for Shows {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl fmt::Display for Shows {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.1)
        }
    }

    impl Error for Shows {}

    #[test]
    fn debug_begins_with_the_name_if_it_is_derived() {
        for (debug, name) in [
            ("Declined", Some("Declined")),
            ("Declined(Expired)", Some("Declined")),
            ("Declined { code: 5 }", Some("Declined")),
            ("reqwest::Error { kind: Builder }", Some("reqwest::Error")),
            ("Error { context: \"x\" }", None),
            ("Error", None),
            ("\"a text\"", None),
            ("Timeout", None),
            ("Connection refused", None),
            ("Status: 5", None),
            ("declined(5)", None),
            ("Declined[5]", None),
            ("", None),
        ] {
            let shown = shown_by_debug(&Shows(debug, "Timeout"));
            assert_eq!(shown.as_deref(), name, "{debug}");
        }
        let endless: &'static str = "N".repeat(LONGEST + 1).leak();
        assert_eq!(shown_by_debug(&Shows(endless, "")), None);
    }

    #[test]
    fn errors_of_the_standard_library_are_known() {
        let parse = "x".parse::<u8>().unwrap_err();
        assert_eq!(known(&parse), Some("core::num::error::ParseIntError"));
        assert_eq!(known(&std::io::Error::other("x")), Some("std::io::error::Error"));
        assert_eq!(known(&Shows("", "")), None);
    }
}
