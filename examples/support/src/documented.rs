/// Fails unless the timeline shows the session as the program's documentation does, durations apart.
///
/// The documentation may leave out what comes before it and after it.
///
/// # Panics
///
/// That is how it fails.
pub fn assert_documented(source: &str, timeline: &str) {
    let documentation = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim_start);
    let session = documentation.skip_while(|line| !line.starts_with("session "));
    let documented: Vec<_> = session.take_while(|line| *line != "```").map(lasting).collect();
    assert!(!documented.is_empty(), "the documentation shows no session");

    let seen: Vec<_> = timeline.lines().map(lasting).collect();
    assert!(
        seen.windows(documented.len()).any(|lines| lines == documented),
        "documented:\n{}\n\nseen:\n{timeline}",
        documented.join("\n")
    );
}

/// A line without what differs each time: bars and durations.
fn lasting(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in line.split_whitespace() {
        if ["s", "ms", "µs"].contains(&word) {
            words.pop();
        } else if !word.chars().all(|c| ('▉'..='▏').contains(&c) || c == '█') {
            words.push(word);
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str =
        "//! A program.\n//!\n//! ```text\n//! session a   1 request\n//! └─ GET  2 ms\n//! ```\n";

    #[test]
    fn durations_and_what_is_around_do_not_count() {
        assert_documented(SOURCE, "no session\nsession a  1 request\n└─ GET  ██▎  35 µs\nmore\n");
    }

    #[test]
    #[should_panic = "seen:"]
    fn everything_else_counts() {
        assert_documented(SOURCE, "session a  1 request\n└─ PUT  2 ms\n");
    }

    #[test]
    #[should_panic = "the documentation shows no session"]
    fn something_is_documented() {
        assert_documented("//! A program.\n", "");
    }
}
