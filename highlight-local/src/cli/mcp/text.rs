//! Text of a bounded length.

use std::io::{self, Write};

/// The longest answer, in bytes.
const MOST: usize = 24_000;

/// Takes everything, and keeps the beginning.
#[derive(Debug, Default)]
pub(super) struct Text {
    kept: Vec<u8>,
    is_cut: bool,
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MOST - self.kept.len();
        self.is_cut |= bytes.len() > room;
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Text {
    /// Whole lines, and a word about it where there were more.
    pub(super) fn finish(mut self) -> String {
        if self.is_cut {
            let end = self.kept.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            self.kept.truncate(end);
        }
        let text = String::from_utf8_lossy(&self.kept).into_owned();
        if self.is_cut { text + "… there is more; ask for less of it\n" } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_ends_with_a_whole_line_and_says_so() {
        let mut short = Text::default();
        writeln!(short, "all of it").unwrap();
        assert_eq!(short.finish(), "all of it\n");
        let mut long = Text::default();
        for number in 0..10_000 {
            writeln!(long, "line äöü {number}").unwrap();
        }
        let text = long.finish();
        assert!(text.len() < MOST + 100, "{}", text.len());
        let lines: Vec<&str> = text.lines().collect();
        let (last, whole) = lines.split_last().unwrap();
        assert!(last.contains("there is more"), "{last}");
        assert_eq!(whole.last().unwrap(), &format!("line äöü {}", whole.len() - 1));
    }
}
