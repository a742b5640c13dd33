//! The options of the archive, and how times and sizes are written.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use highlight_local::archive::{Archive, ArchiveBuilder, Retention};

#[derive(Debug, Args)]
pub(crate) struct Keep {
    /// Keep what arrives in this file, over restarts. Without it, it is kept in memory.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

    /// How long what arrived is kept, such as `90m`, `12h` or `7d`; a number alone is in seconds.
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = duration)]
    retain_age: Duration,

    /// How large it may grow, such as `512MiB` or `2GiB`; the oldest goes first. Memory holds at most 1GiB.
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = size)]
    retain_size: u64,
}

impl Keep {
    pub(crate) fn archive(&self) -> ArchiveBuilder {
        let archive = match &self.data {
            Some(file) => Archive::file(file),
            None => Archive::in_memory(),
        };
        archive.retention(Retention { age: self.retain_age, bytes: self.retain_size })
    }
}

/// A whole number and its unit.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (text[..end].parse::<u64>().ok()?, text[end..].trim());
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.checked_mul(*factor)
}

/// A time span, of an option.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    let units = [("", 1_000), ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    quantity(text, &units)
        .map(Duration::from_millis)
        .ok_or("a time is a whole number with ms, s, m, h or d behind it, such as 10s or 7d; alone, it is in seconds")
}

fn size(text: &str) -> Result<u64, &'static str> {
    let units = [("MiB", 1 << 20), ("GiB", 1 << 30), ("MB", 1_000_000), ("GB", 1_000_000_000)];
    quantity(text, &units)
        .filter(|bytes| *bytes > 0)
        .ok_or("a size is a whole number with MiB or GiB behind it, such as 512MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes() {
        for (text, millis) in [
            ("7", 7_000),
            ("0", 0),
            ("500ms", 500),
            ("10 s", 10_000),
            ("90m", 5_400_000),
            ("7D", 604_800_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(size("512MiB"), Ok(536_870_912));
        assert_eq!(size("2 gib"), Ok(2_147_483_648));
        for wrong in ["", "d", "-1d", "1.5h", "soon", "99999999999999999999d", "999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "512", "0MiB", "1TiB", "99999999999999GiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
