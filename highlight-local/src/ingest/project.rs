//! Which project ids are accepted (C§2, C§12).

use crate::note::DropReason;

/// Accepts, by shape:
///
/// - a decimal number of 32 bits (Highlight);
/// - a verbose id, at least eight characters of `a-z0-9` (Highlight; whether the hash decodes is
///   not checked);
/// - an SDK key, `sdk-…` or `mob-…`, or a UUID without the prefix (the successor, which takes its
///   key in the same attribute).
pub(super) fn check(project: &str) -> Result<(), DropReason> {
    if project.is_empty() {
        Err(DropReason::MissingProject)
    } else if project.parse::<i32>().is_ok() || is_verbose_id(project) || is_key(project) {
        Ok(())
    } else {
        Err(DropReason::InvalidProject)
    }
}

fn is_verbose_id(project: &str) -> bool {
    project.len() >= 8 && project.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn is_key(project: &str) -> bool {
    let prefixed = project.strip_prefix("sdk-").or_else(|| project.strip_prefix("mob-"));
    match prefixed {
        Some(rest) => !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
        None => is_uuid(project),
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_and_refused() {
        let uuid = "6a2f41c3-1234-4abc-9def-001122334455";
        let sdk_key = format!("sdk-{uuid}");
        for accepted in ["1", "123", "2147483647", "1jdkoe52", "56gl9g91", uuid, &sdk_key] {
            assert_eq!(check(accepted), Ok(()), "{accepted}");
        }
        for refused in ["asdf", "12345.6", "1JDKOE52", "a b c d e f", "sdk-", "demo project"] {
            assert_eq!(check(refused), Err(DropReason::InvalidProject), "{refused}");
        }
        assert_eq!(check(""), Err(DropReason::MissingProject));
    }
}
