//! The stack as a list of frames with their source code, as the successor reads it (C§6.3).

use std::fmt::Write;

use super::{FRAMES_LIMIT, TEXT_LIMIT, frame::Frame, function_text, paths::Paths, source::Sources};

/// A JSON array of `{fileName, lineNumber, functionName, linesBefore, lineContent, linesAfter}`, innermost first. The lines are those of
/// the program's own frames, where the source code is at hand. `clean` is applied to every line.
///
/// What would exceed the limit of a value is left out, the lines before the frames.
pub(super) fn write(
    frames: &[Frame<'_>],
    paths: &Paths,
    sources: &Sources,
    clean: &dyn Fn(&mut String),
) -> String {
    let mut json = String::from("[");
    for frame in frames.iter().take(FRAMES_LIMIT) {
        let before = json.len();
        let mut bare = String::new();
        describe(&mut bare, frame, paths);
        let with_lines = format!("{bare}{}", source(frame, paths, sources, clean));
        // Room for the closing brackets.
        let room = TEXT_LIMIT.saturating_sub(before + 3);
        let object = [with_lines, bare].into_iter().find(|object| object.len() <= room);
        let Some(object) = object else { break };
        if before > 1 {
            json.push(',');
        }
        json.push_str(&object);
        json.push('}');
    }
    json.push(']');
    json
}

fn describe(json: &mut String, frame: &Frame<'_>, paths: &Paths) {
    let (file, line) = frame.place.unwrap_or(("<unknown>", 0));
    json.push_str("{\"fileName\":");
    string(json, &paths.shown(file));
    // Writing to a string cannot fail.
    let _ = write!(json, ",\"lineNumber\":{line}");
    member(json, "functionName", &function_text(frame.function));
}

fn source(frame: &Frame<'_>, paths: &Paths, sources: &Sources, clean: &dyn Fn(&mut String)) -> String {
    let mut json = String::new();
    let place = frame.place.filter(|_| frame.is_application());
    let lines = place.and_then(|(file, line)| sources.around(&paths.compiled(file), line));
    if let Some(lines) = lines {
        for (name, mut text) in
            [("linesBefore", lines.before), ("lineContent", lines.line), ("linesAfter", lines.after)]
        {
            clean(&mut text);
            member(&mut json, name, &text);
        }
    }
    json
}

fn member(json: &mut String, name: &str, text: &str) {
    if !text.is_empty() {
        let _ = write!(json, ",\"{name}\":");
        string(json, text);
    }
}

fn string(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn parsed(frames: &[Frame<'_>]) -> Value {
        let clean = |line: &mut String| *line = line.replace("secret", "[REDACTED]");
        let text = write(frames, &Paths::default(), &Sources::default(), &clean);
        assert!(text.len() <= TEXT_LIMIT);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn frames_have_lines_where_there_is_source_code_of_the_programs_own() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/global.rs");
        let frames = [
            Frame { function: "shop::place", place: Some((file, 2)) },
            Frame { function: "core::f", place: Some(("/rustc/1/library/core/src/f.rs", 7)) },
            Frame { function: "shop::start", place: None },
        ];
        let text = std::fs::read_to_string(file).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let expected = json!([
            {
                "fileName": file, "lineNumber": 2, "functionName": "shop::place", "linesBefore": lines[0],
                "linesAfter": lines[2..7].join("\n"),
            },
            {"fileName": "core/src/f.rs", "lineNumber": 7, "functionName": "core::f"},
            {"fileName": "<unknown>", "lineNumber": 0, "functionName": "shop::start"},
        ]);
        let mut found = parsed(&frames);
        let line = found[0].as_object_mut().unwrap().remove("lineContent");
        assert_eq!(line.unwrap_or_default().as_str().unwrap_or_default(), lines[1]);
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_are_cleaned() {
        let (line, secret) = (line!(), "a secret");
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/stack/structured.rs");
        let cleaned = parsed(&[Frame { function: "f", place: Some((file, line)) }]);
        let cleaned = cleaned[0]["lineContent"].as_str().unwrap();
        assert!(cleaned.contains("(line!(), \"a [REDACTED]\")") && secret == "a secret", "{cleaned}");
    }

    #[test]
    fn it_fits_into_a_value() {
        let deep = vec![Frame { function: "f", place: Some(("/a.rs", 1)) }; 2 * FRAMES_LIMIT];
        assert_eq!(parsed(&deep).as_array().unwrap().len(), FRAMES_LIMIT);
        let file = format!("/{}", "d".repeat(5_000));
        let wide = vec![Frame { function: "f", place: Some((&file, 1)) }; FRAMES_LIMIT];
        assert_eq!(parsed(&wide).as_array().unwrap().len(), TEXT_LIMIT / 5_050);
    }

    proptest! {
        #[test]
        fn any_text_is_a_json_string(text in "(\\PC|[\\x00-\\x1f\"\\\\]){0,40}") {
            let mut json = String::new();
            string(&mut json, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
