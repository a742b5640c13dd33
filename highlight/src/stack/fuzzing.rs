//! What always holds for a stack trace, whatever the symbols say.
#![expect(clippy::missing_panics_doc, reason = "a panic is what a fuzzer looks for")]

use super::{FRAMES_LIMIT, FUNCTION_LIMIT, Frame, Place, TEXT_LIMIT, paths::Paths, told, write};

/// Lines `function <tab> file <tab> line`, innermost first; the place of the report is the first line's, if it begins with `!`.
pub fn stack(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (place, frames) = match text.strip_prefix('!').and_then(|text| text.split_once('\n')) {
        Some((place, frames)) => (frame(place).place, frames),
        None => (None, &*text),
    };
    let place = place.map(|(file, line)| Place { file: file.to_owned().into(), line });
    let frames: Vec<_> = frames.split('\n').map(frame).collect();
    let told = told(frames, place.as_ref());
    assert!(!told.frames.is_empty() || place.is_none(), "the place is always told");
    let text = write(&told.frames, &Paths::new(Vec::new()));

    // The one shape that the server structures (C§6.3).
    let rest = text.strip_prefix('\n');
    assert!(rest.is_some(), "an empty line comes first");
    assert!(text.len() <= TEXT_LIMIT + 1 && text.ends_with('\n'));
    let lines: Vec<_> = rest.unwrap_or_default().lines().collect();
    assert!(lines.len() % 2 == 0 && lines.len() <= 2 * FRAMES_LIMIT, "{} lines", lines.len());
    for pair in lines.chunks(2) {
        let [function, place] = pair else { continue };
        assert!(!function.contains(['.', '\t']), "{function}");
        assert!(function.chars().count() <= FUNCTION_LIMIT + 1, "{function}");
        let line = place
            .strip_prefix('\t')
            .and_then(|place| place.rsplit_once(':'))
            .map(|(_, line)| line.parse::<u32>());
        assert!(matches!(line, Some(Ok(_))), "{place:?}");
    }
}

fn frame(line: &str) -> Frame<'_> {
    let mut parts = line.split('\t');
    let function = parts.next().unwrap_or_default();
    let place =
        parts.next().map(|file| (file, parts.next().and_then(|line| line.parse().ok()).unwrap_or_default()));
    Frame { function, place }
}
