//! A span's place in its request, as a bar.

use std::time::{Duration, SystemTime};

/// The width of the whole request, in characters.
pub(super) const CELLS: usize = 20;

/// Draws when a span began and how long it took, to an eighth of a character. Always as wide as
/// [`CELLS`], and never empty.
pub(super) fn bar(
    start: SystemTime,
    duration: Duration,
    request_start: SystemTime,
    request_duration: Duration,
) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let offset = start.duration_since(request_start).unwrap_or_default();
    let first = share(offset, request_duration, CELLS).min(CELLS - 1);
    let eighths = share(duration, request_duration, CELLS * 8).clamp(1, (CELLS - first) * 8);
    let bar = " ".repeat(first) + &"█".repeat(eighths / 8) + PARTS[eighths % 8];
    let free = CELLS - bar.chars().count();
    bar + &" ".repeat(free)
}

/// `part / whole` of `of`; everything, where the whole is nothing.
fn share(part: Duration, whole: Duration, of: usize) -> usize {
    let share = (part.as_nanos() * of as u128).checked_div(whole.as_nanos());
    share.map_or(of, |share| usize::try_from(share).unwrap_or(of))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bars_show_place_and_length() {
        let ms = Duration::from_millis;
        let bar = |start, length| bar(UNIX_EPOCH + ms(start), ms(length), UNIX_EPOCH, ms(160));
        assert_eq!(bar(0, 160), "█".repeat(20));
        assert_eq!(bar(80, 12), format!("{}█▌{}", " ".repeat(10), " ".repeat(8)));
        assert_eq!(bar(160, 0), format!("{}▏", " ".repeat(19)));
    }

    proptest! {
        #[test]
        fn bars_are_never_wider_or_empty(start in any::<u32>(), length in any::<u64>(), whole in any::<u64>()) {
            let start = UNIX_EPOCH + Duration::from_nanos(start.into());
            let bar = bar(start, Duration::from_nanos(length), UNIX_EPOCH, Duration::from_nanos(whole));
            prop_assert_eq!(bar.chars().count(), CELLS);
            prop_assert!(!bar.trim().is_empty());
        }
    }
}
