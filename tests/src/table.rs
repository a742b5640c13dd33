//! The table as `docs/conformance.md` has it.

use std::fmt::Write;

use crate::{Framework, Verdict, frameworks, groups};

const INTRODUCTION: &str = "\
# What every integration does

Each cell is a test over real sockets, judged on what the server would store. `cargo run -p conformance` runs them and
prints the table; `cargo test -p conformance --test cells` runs the same cells as tests. What each row does is the
function of its name in [`tests/src/scenario`](../tests/src/scenario).

This page is made by `cargo run -p conformance -- --markdown > docs/conformance.md`, and a test compares it with the suite.

- `ok`: all that the row asks for is stored.
- `never`: nobody can have that, for the reason below; the row checks that what happens instead is as documented.
- `-`: there is no such thing, for the reason below.
";

/// The whole page. Its verdicts are those of cells that do not fail, which is for the cells' own tests to say.
#[must_use]
pub fn markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut reasons = Reasons::default();
    for (heading, rows) in groups() {
        let names = frameworks().map(Framework::name).join(" | ");
        // Writing to a string does not fail.
        let _ = write!(page, "\n## {heading}\n\n| | {names} |\n|---|{}\n", "---|".repeat(frameworks().len()));
        for row in rows {
            let cells = frameworks().map(|framework| reasons.cell(&row.expected(framework)));
            let _ = writeln!(page, "| `{}` | {} |", row.name(), cells.join(" | "));
        }
    }
    let _ = write!(page, "\n## Reasons\n\n");
    for (index, reason) in reasons.0.iter().enumerate() {
        let _ = writeln!(page, "{}. {reason}", index + 1);
    }
    page
}

/// The reasons in the order in which they are first given.
#[derive(Default)]
struct Reasons(Vec<&'static str>);

impl Reasons {
    fn cell(&mut self, verdict: &Verdict) -> String {
        match verdict {
            Verdict::Passed => "ok".to_owned(),
            Verdict::Impossible(reason) => format!("never ({})", self.number(reason)),
            Verdict::NotApplicable(reason) => format!("- ({})", self.number(reason)),
            Verdict::Failed(error) => format!("{error:#}"),
        }
    }

    fn number(&mut self, reason: &'static str) -> usize {
        let known = self.0.iter().position(|known| *known == reason);
        known.unwrap_or_else(|| {
            self.0.push(reason);
            self.0.len() - 1
        }) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_documentation_is_this_one() {
        let page = include_str!("../../docs/conformance.md");
        assert!(
            page == markdown(),
            "write it anew: cargo run -p conformance -- --markdown > docs/conformance.md"
        );
    }

    #[test]
    fn rows_have_names_of_their_own() {
        let rows: Vec<_> = groups().into_iter().flat_map(|(_, rows)| rows).collect();
        for (index, row) in rows.iter().enumerate() {
            assert!(
                rows[..index].iter().all(|before| before.name() != row.name()),
                "two of {:?}",
                row.name()
            );
        }
    }
}
