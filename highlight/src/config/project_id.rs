//! The project id, checked here because the server answers 200 to a wrong one and drops everything (C§1.4).

use super::{error::Remedy, mask::KEY_PREFIXES};

/// Shortest verbose id: the server encodes project numbers with this minimum (C§2).
const MIN_VERBOSE_LEN: usize = 8;

/// Whether the server could know this project (C§2): a number, the verbose id that the project's page shows, or,
/// for the successor (C§12), an SDK key or a client-side id.
pub(super) fn check(id: &str) -> Result<String, Remedy> {
    if is_number(id) || is_verbose(id) || is_sdk_key(id) {
        Ok(id.to_owned())
    } else {
        Err(Remedy::Borrowed("give the id from the project's settings, such as `1jdkoe52` or `1`"))
    }
}

fn is_number(id: &str) -> bool {
    // `parse` alone would take a leading plus.
    id.bytes().all(|byte| byte.is_ascii_digit()) && id.parse().is_ok_and(|number: i32| number > 0)
}

/// The alphabet also covers the successor's client-side ids, which are 24 hexadecimal digits.
fn is_verbose(id: &str) -> bool {
    id.len() >= MIN_VERBOSE_LEN
        && id
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
        // All digits are a number to the server, so it must be one that it can read.
        && id.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn is_sdk_key(id: &str) -> bool {
    KEY_PREFIXES.iter().any(|prefix| id.strip_prefix(prefix).is_some_and(is_uuid))
}

fn is_uuid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_that_the_server_knows_are_accepted() {
        for id in [
            "1",
            "2147483647",
            "1jdkoe52",
            "56gl9g91",
            "sdk-0d1f7a10-9c0e-4f4c-8a55-0123456789ab",
            "mob-0D1F7A10-9C0E-4F4C-8A55-0123456789AB",
            "5f2f0ffea4b5a60b3c1f2d3e",
        ] {
            assert_eq!(check(id).as_deref(), Ok(id));
        }
    }

    #[test]
    fn ids_that_the_server_would_silently_drop_are_refused() {
        for id in [
            "0",
            "00000000",
            "-1",
            "+1",
            "2147483648",
            "99999999999",
            "asdf",
            "1jdkoe5",
            "1JDKOE52",
            "1jdkoe5é",
            "1jdkoe52 ",
            "<project id>",
            "sdk-",
            "sdk-0d1f7a10",
            "sdk-0d1f7a10-9c0e-4f4c-8a55-0123456789ag",
            "sdk-0d1f7a109c0e4f4c8a550123456789ab",
            "api-0d1f7a10-9c0e-4f4c-8a55-0123456789ab",
        ] {
            assert!(check(id).is_err(), "{id}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_kept_as_it_is(id in "\\PC{0,30}") {
            if let Ok(kept) = check(&id) {
                prop_assert_eq!(kept, id);
            }
        }

        #[test]
        fn every_positive_number_is_accepted(number in 1..=i32::MAX) {
            prop_assert!(check(&number.to_string()).is_ok());
        }
    }
}
