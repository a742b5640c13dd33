//! Backtraces that are known as text only: on stable Rust the standard library's can be printed, and no more.

use super::{Place, Symbol, without_crate_hashes};

/// More are not read: twice what is reported leaves room for what is trimmed.
const LIMIT: usize = 256;
/// What `anyhow` and `eyre` write before the backtrace in their `Debug` output.
const HEADING: &str = "\nStack backtrace:\n";

/// The backtrace in what an error of `anyhow` or `eyre` shows by `Debug`. It comes last: the messages before it may contain
/// anything, headings included.
pub(super) fn in_debug_text(text: &str) -> Option<&str> {
    text.rsplit_once(HEADING).map(|(_, backtrace)| backtrace)
}

/// Reads what `std::backtrace::Backtrace` prints, in its short and its full form, innermost frame first.
///
/// ```text
///    0: shop::orders::place::{{closure}}
///              at ./shop/src/orders.rs:42:9
///       shop::orders::inlined_into_it
///              at ./shop/src/orders.rs:30:5
///    1:     0x55d3f0a1b2c3 - shop::serve::h758d38c719f51a64
/// ```
///
/// What stands before the first frame is passed over; what follows the last one ends it.
pub(super) fn read(text: &str) -> Vec<Symbol> {
    let symbol = |function| Symbol { function: without_crate_hashes(function), place: None };
    let mut symbols: Vec<Symbol> = Vec::new();
    for line in text.lines() {
        match Line::read(line) {
            Some(Line::Frame(function)) => symbols.push(symbol(function)),
            Some(Line::Inlined(function)) if !symbols.is_empty() => symbols.push(symbol(function)),
            Some(Line::At(place)) => {
                if let Some(symbol) = symbols.last_mut().filter(|symbol| symbol.place.is_none()) {
                    symbol.place = place;
                }
            }
            _ if symbols.is_empty() => {}
            _ => break,
        }
        if symbols.len() > LIMIT {
            break;
        }
    }
    symbols.retain(|symbol| !symbol.function.is_empty() && symbol.function != "<unknown>");
    symbols
}

enum Line<'a> {
    Frame(&'a str),
    /// A function that was inlined into the frame before it has no number.
    Inlined(&'a str),
    At(Option<Place>),
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let text = line.trim();
        if let Some(place) = text.strip_prefix("at ") {
            return Some(Self::At(place_of(place)));
        }
        if let Some((number, function)) = text.split_once(": ") {
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
                return Some(Self::Frame(without_address(function.trim_start())));
            }
        }
        (line.starts_with("      ") && !text.is_empty()).then_some(Self::Inlined(text))
    }
}

/// The full form has the address before the name.
fn without_address(function: &str) -> &str {
    match function.split_once(" - ") {
        Some((address, name)) if address.starts_with("0x") => name,
        _ => function,
    }
}

/// `file:line:column` or `file:line`. There may be colons in the file's name.
fn place_of(text: &str) -> Option<Place> {
    let (front, last) = text.rsplit_once(':')?;
    let last: u32 = last.parse().ok()?;
    let with_column = front.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)));
    let (file, line) = with_column.unwrap_or((front, last));
    (!file.is_empty()).then(|| Place { file: file.to_owned().into(), line })
}

#[cfg(test)]
mod tests {
    use std::backtrace::Backtrace;

    use proptest::prelude::*;

    use super::*;

    type Frame = (String, Option<(String, u32)>);

    fn frames(text: &str) -> Vec<Frame> {
        let place = |place: Place| (place.file.into_owned(), place.line);
        read(text).into_iter().map(|symbol| (symbol.function, symbol.place.map(place))).collect()
    }

    fn frame(function: &str, place: Option<(&str, u32)>) -> Frame {
        (function.to_owned(), place.map(|(file, line)| (file.to_owned(), line)))
    }

    #[test]
    fn both_forms_are_read() {
        let text = "\
   0: shop::place::{{closure}}
             at ./shop/src/orders.rs:42:9
      shop::inlined
             at /build/shop/src/a:b.rs:7
   1:     0x55d3f0a1b2c3 - shop[b7974e8690430dd9]::serve::h758d38c719f51a64
                               at C:\\shop\\main.rs:3:1
  12: <unknown>
  13: main
";
        let expected = [
            frame("shop::place::{{closure}}", Some(("./shop/src/orders.rs", 42))),
            frame("shop::inlined", Some(("/build/shop/src/a:b.rs", 7))),
            frame("shop::serve::h758d38c719f51a64", Some(("C:\\shop\\main.rs", 3))),
            frame("main", None),
        ];
        assert_eq!(frames(text), expected);
    }

    #[test]
    fn it_is_found_in_what_an_error_shows() {
        let shown = "failed\n\nCaused by:\n    0: inner\n    1: root\n\nStack backtrace:\n   0: shop::place\n   1: main\n\nLocation: x";
        assert_eq!(frames(in_debug_text(shown).unwrap()), [frame("shop::place", None), frame("main", None)]);
        assert_eq!(in_debug_text("failed\n\nCaused by:\n    0: inner"), None);
        let forged = format!("no user a{HEADING}   0: forged::f\n             at /app/.env:1:1\n\n{shown}");
        assert_eq!(in_debug_text(&forged), in_debug_text(shown));
    }

    #[test]
    fn what_the_standard_library_prints_is_read() {
        let backtrace = Backtrace::force_capture();
        for text in [format!("{backtrace}"), format!("{backtrace:#}"), format!("before\n{backtrace}\nafter")]
        {
            let here = frames(&text).into_iter().find(|(function, _)| {
                function.contains("what_the_standard_library_prints_is_read") && !function.contains("{{")
            });
            let (_, place) = here.expect("this function is on the stack");
            let (file, line) = place.expect("tests have line tables");
            assert!(file.ends_with("stack/printed.rs"), "{file}");
            assert!(line.abs_diff(line!()) < 10, "{line}");
        }
    }

    /// A function, whether it was inlined, its file, line and column.
    type Printed = (String, bool, Option<(String, u32, Option<u32>)>);

    /// Prints frames in the short or the full form.
    fn print(frames: &[Printed], full: bool) -> String {
        use std::fmt::Write;

        let mut text = String::new();
        for (number, (function, inlined, place)) in frames.iter().enumerate() {
            let address = if full { "0x7f00 - " } else { "" };
            match (inlined, number) {
                (true, 1..) => writeln!(text, "      {function}").unwrap(),
                _ => writeln!(text, "{number:4}: {address}{function}").unwrap(),
            }
            if let Some((file, line, column)) = place {
                let column = column.map(|column| format!(":{column}")).unwrap_or_default();
                writeln!(text, "             at {file}:{line}{column}").unwrap();
            }
        }
        text
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(
            printed in prop::collection::vec(
                (
                    "[a-z<][a-zA-Z0-9_:<>{}#&, ]{0,30}[a-z}>]",
                    any::<bool>(),
                    prop::option::of(("/[a-z/. ]{0,20}[a-z]", any::<u32>(), prop::option::of(any::<u32>()))),
                ),
                0..20,
            ),
            full in any::<bool>(),
        ) {
            prop_assume!(printed.iter().all(|(function, ..)| !function.starts_with("at ")));
            let expected: Vec<_> = printed
                .iter()
                .map(|(function, _, place)| {
                    (function.clone(), place.as_ref().map(|(file, line, _)| (file.clone(), *line)))
                })
                .collect();
            prop_assert_eq!(frames(&print(&printed, full)), expected);
        }

        #[test]
        fn any_text_is_read_within_limits(text in "(\\PC|\n|      |at |1: ){0,200}") {
            let symbols = read(&text);
            prop_assert!(symbols.len() <= LIMIT + 1);
            prop_assert!(symbols.iter().all(|symbol| !symbol.function.is_empty()));
        }
    }
}
