//! The release profile: without line tables, stacks have no files and lines.

use std::{fs, path::Path};

use highlight::diagnosis::Finding;
use toml::{Table, Value};

/// Looks at the manifest that holds the project's profiles: that of the workspace.
pub(super) fn check(manifest: &Path) -> Finding {
    let read = fs::read_to_string(manifest).map_err(|error| error.to_string());
    match read.and_then(|text| text.parse::<Table>().map_err(|error| error.message().to_owned())) {
        Ok(table) => judge(&table),
        Err(reason) => Finding::warning(
            "profile",
            format!("{} cannot be read: {reason}", manifest.display()),
            "name a `Cargo.toml` that cargo can build",
        ),
    }
}

fn judge(manifest: &Table) -> Finding {
    let release = manifest.get("profile").and_then(|profile| profile.get("release"));
    let setting = |key: &str| release.and_then(|release| release.get(key));
    let has_lines = match setting("debug") {
        None | Some(Value::Boolean(false) | Value::Integer(0)) => false,
        Some(Value::String(text)) => text != "none",
        Some(_) => true,
    };
    if !has_lines {
        return Finding::warning(
            "profile",
            "release builds have no line tables: stacks have no files and lines",
            "add `debug = \"line-tables-only\"` to `[profile.release]`",
        );
    }
    let is_kept = match setting("strip") {
        None | Some(Value::Boolean(false)) => true,
        Some(Value::String(text)) => text == "none",
        Some(_) => false,
    };
    if !is_kept {
        return Finding::warning(
            "profile",
            "release builds are stripped: stacks have no files and lines",
            "take `strip` out of `[profile.release]`",
        );
    }
    Finding::ok("profile", "release builds have line tables")
}

#[cfg(test)]
mod tests {
    use highlight::diagnosis::Verdict;

    use super::*;

    #[test]
    fn line_tables_are_wanted_and_kept() {
        for (profile, words) in [
            ("", "no line tables"),
            ("[profile.dev]\ndebug = true", "no line tables"),
            ("[profile.release]\ndebug = false", "no line tables"),
            ("[profile.release]\ndebug = 0", "no line tables"),
            ("[profile.release]\ndebug = \"none\"", "no line tables"),
            ("[profile.release]\ndebug = true\nstrip = true", "stripped"),
            ("[profile.release]\ndebug = 1\nstrip = \"symbols\"", "stripped"),
            ("[profile.release]\ndebug = 1\nstrip = \"debuginfo\"", "stripped"),
            ("[profile.release]\ndebug = \"line-tables-only\"", ""),
            ("[profile]\nrelease = { debug = 2, strip = \"none\" }", ""),
            ("profile.release.debug = \"full\"", ""),
        ] {
            let finding = judge(&profile.parse().unwrap());
            assert_eq!(finding.verdict() == Verdict::Ok, words.is_empty(), "{profile}: {finding}");
            assert!(finding.message().contains(words), "{profile}: {finding}");
        }
    }

    #[test]
    fn a_manifest_that_is_none_is_said() {
        assert_eq!(check(Path::new("/absent/Cargo.toml")).verdict(), Verdict::Warning);
        assert_eq!(check(Path::new(file!())).verdict(), Verdict::Warning);
    }
}
