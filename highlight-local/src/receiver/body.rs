//! Reads a body without ever holding more than the limit, before or after decompression; and all
//! bodies that are being read together hold no more than a limit of their own.

use std::io::{self, Read};

use axum::{body::Body, http::HeaderMap};
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    /// `None` for an encoding that is not supported.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::named(headers, "content-encoding")
    }

    /// As gRPC says it.
    #[cfg(feature = "grpc")]
    pub(super) fn of_grpc(headers: &HeaderMap) -> Option<Self> {
        Self::named(headers, "grpc-encoding")
    }

    fn named(headers: &HeaderMap, name: &str) -> Option<Self> {
        let Some(value) = headers.get(name) else { return Some(Self::Plain) };
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
    /// Too many bodies are being read.
    Busy,
    Broken(String),
}

/// A body as it was sent, and its part of the memory for all.
#[derive(Debug)]
pub(super) struct Sent<'a> {
    pub(super) bytes: Bytes,
    _held: Option<SemaphorePermit<'a>>,
}

/// Reads the body as it was sent. What is too long is read on and thrown away for a while, since a
/// sender that still writes does not see the answer.
pub(super) async fn read(mut body: Body, limit: usize, memory: &Semaphore) -> Result<Sent<'_>, Unreadable> {
    const THROWN_AWAY: usize = 64 << 20;
    let mut bytes = Vec::new();
    let mut held: Option<SemaphorePermit<'_>> = None;
    let mut surplus = 0;
    let mut busy = false;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Unreadable::Broken(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if surplus == 0 && bytes.len() + data.len() <= limit {
            let more = u32::try_from(data.len()).ok().and_then(|more| memory.try_acquire_many(more).ok());
            match (more, &mut held) {
                (Some(more), Some(held)) => held.merge(more),
                (Some(more), none) => *none = Some(more),
                (None, _) => busy = true,
            }
        }
        if busy || surplus > 0 || bytes.len() + data.len() > limit {
            bytes = Vec::new();
            held = None;
            surplus += data.len();
            if surplus > THROWN_AWAY {
                break;
            }
        } else {
            bytes.extend_from_slice(&data);
        }
    }
    match (busy, surplus) {
        (true, _) => Err(Unreadable::Busy),
        (false, 0) => Ok(Sent { bytes: bytes.into(), _held: held }),
        (false, _) => Err(Unreadable::TooLong),
    }
}

/// Undoes the compression.
pub(super) fn decode(bytes: &Bytes, encoding: Encoding, limit: usize) -> Result<Bytes, Unreadable> {
    match encoding {
        Encoding::Plain => Ok(bytes.clone()),
        Encoding::Gzip => unzip(bytes, limit)
            .map_err(|error| Unreadable::Broken(error.to_string()))?
            .map(Bytes::from)
            .ok_or(Unreadable::TooLong),
    }
}

/// `None` if there is more than the limit; not even that much is read then.
pub(crate) fn unzip(bytes: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
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

    fn zip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    async fn read_all(length: usize, limit: usize, memory: &Semaphore) -> Result<Sent<'_>, Unreadable> {
        read(Body::from(vec![7; length]), limit, memory).await
    }

    #[tokio::test]
    async fn bodies_share_a_memory() {
        let memory = Semaphore::new(10);
        let first = read_all(6, 10, &memory).await.unwrap();
        assert_eq!(first.bytes.len(), 6);
        assert!(matches!(read_all(5, 10, &memory).await, Err(Unreadable::Busy)));
        let second = read_all(4, 10, &memory).await.unwrap();
        drop((first, second));
        assert_eq!(memory.available_permits(), 10);
        assert!(matches!(read_all(11, 10, &memory).await, Err(Unreadable::TooLong)));
        assert_eq!(memory.available_permits(), 10, "what is refused holds nothing");
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = zip(&vec![0; 50 << 20]);
        assert!(bomb.len() < 1 << 20);
        assert!(matches!(decode(&bomb, Encoding::Gzip, 1 << 20), Err(Unreadable::TooLong)));
    }

    #[test]
    fn the_limit_is_inclusive() {
        assert_eq!(decode(&zip(b"abc"), Encoding::Gzip, 3).unwrap(), "abc");
        assert!(matches!(decode(&zip(b"abcd"), Encoding::Gzip, 3), Err(Unreadable::TooLong)));
    }

    #[test]
    fn what_is_no_gzip_is_broken() {
        let mut cut = zip(b"some text that is cut");
        cut.truncate(cut.len() - 6);
        for bytes in [Bytes::new(), Bytes::from("hello"), cut] {
            assert!(matches!(decode(&bytes, Encoding::Gzip, 99), Err(Unreadable::Broken(_))));
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let with_magic = [&[0x1f, 0x8b, 8][..], &bytes].concat();
            let _ = decode(&bytes.into(), Encoding::Gzip, 1_000);
            let _ = decode(&with_magic.into(), Encoding::Gzip, 1_000);
        }
    }
}
