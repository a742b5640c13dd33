//! Reads a body without ever holding more than the limit, before or after decompression.

use std::io::{self, Read};

use axum::{body::Body, http::HeaderMap};
use flate2::bufread::MultiGzDecoder;
use http_body_util::BodyExt;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    /// `None` for an encoding that is not supported.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let Some(value) = headers.get("content-encoding") else { return Some(Self::Plain) };
        match value.to_str().map(|text| text.trim().to_ascii_lowercase()).as_deref() {
            Ok("" | "identity") => Some(Self::Plain),
            Ok("gzip") => Some(Self::Gzip),
            _ => None,
        }
    }
}

/// Why there is no body.
#[derive(Debug)]
pub(super) enum Unreadable {
    TooLong,
    Broken(String),
}

/// Reads the body as it was sent. What is too long is read on and thrown away for a while, since a
/// sender that still writes does not see the answer.
pub(super) async fn read(mut body: Body, limit: usize) -> Result<Vec<u8>, Unreadable> {
    const THROWN_AWAY: usize = 64 << 20;
    let mut bytes = Vec::new();
    let mut surplus = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Unreadable::Broken(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if surplus == 0 && bytes.len() + data.len() <= limit {
            bytes.extend_from_slice(&data);
        } else {
            bytes = Vec::new();
            surplus += data.len();
            if surplus > THROWN_AWAY {
                break;
            }
        }
    }
    if surplus > 0 { Err(Unreadable::TooLong) } else { Ok(bytes) }
}

/// Undoes the compression.
pub(super) fn decode(bytes: Vec<u8>, encoding: Encoding, limit: usize) -> Result<Vec<u8>, Unreadable> {
    match encoding {
        Encoding::Plain => Ok(bytes),
        Encoding::Gzip => unzip(&bytes, limit)
            .map_err(|error| Unreadable::Broken(error.to_string()))?
            .ok_or(Unreadable::TooLong),
    }
}

/// `None` if there is more than the limit; not even that much is read then.
fn unzip(bytes: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
    let one_too_many = (limit as u64).saturating_add(1);
    let mut decoded = Vec::new();
    MultiGzDecoder::new(bytes).take(one_too_many).read_to_end(&mut decoded)?;
    Ok((decoded.len() <= limit).then_some(decoded))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn zip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = zip(&vec![0; 50 << 20]);
        assert!(bomb.len() < 1 << 20);
        assert!(matches!(decode(bomb, Encoding::Gzip, 1 << 20), Err(Unreadable::TooLong)));
    }

    #[test]
    fn the_limit_is_inclusive() {
        assert_eq!(decode(zip(b"abc"), Encoding::Gzip, 3).unwrap(), b"abc");
        assert!(matches!(decode(zip(b"abcd"), Encoding::Gzip, 3), Err(Unreadable::TooLong)));
    }

    #[test]
    fn what_is_no_gzip_is_broken() {
        let mut cut = zip(b"some text that is cut");
        cut.truncate(cut.len() - 6);
        for bytes in [Vec::new(), b"hello".to_vec(), cut] {
            assert!(matches!(decode(bytes, Encoding::Gzip, 99), Err(Unreadable::Broken(_))));
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let with_magic = [&[0x1f, 0x8b, 8][..], &bytes].concat();
            let _ = decode(bytes, Encoding::Gzip, 1_000);
            let _ = decode(with_magic, Encoding::Gzip, 1_000);
        }
    }
}
