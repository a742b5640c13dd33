//! One request as a file.
//!
//! | bytes | |
//! |---|---|
//! | 8 | `hlspool` and the version of this format, 1 |
//! | 1 | the signal: 0 traces, 1 logs, 2 metrics |
//! | 4 | number of segments |
//! | 8 + 4 each | items of a segment, length of its bytes |
//! | … | the bytes of all segments: an OTLP request body |
//! | 4 | CRC-32 of everything before |
//!
//! Numbers are little-endian. A file of another version is not read.

use crate::pipeline::segment::{Request, Segment, Signal};

const MAGIC: [u8; 8] = *b"hlspool\x01";
const CHECKSUM: usize = 4;

pub(super) fn encode(request: &Request) -> Vec<u8> {
    let mut file = Vec::with_capacity(32 + 12 * request.segments.len() + request.bytes());
    file.extend(MAGIC);
    file.push(request.signal as u8);
    file.extend(length(request.segments.len()));
    for segment in &request.segments {
        file.extend(segment.items.to_le_bytes());
        file.extend(length(segment.bytes.len()));
    }
    for segment in &request.segments {
        file.extend(&segment.bytes);
    }
    let checksum = checksum(&file);
    file.extend(checksum);
    file
}

/// `None` for anything that [`encode`] has not written.
pub(super) fn decode(file: &[u8]) -> Option<Request> {
    let (body, sum) = file.split_at_checked(file.len().checked_sub(CHECKSUM)?)?;
    if checksum(body) != sum {
        return None;
    }
    let mut rest = body;
    if take::<8>(&mut rest)? != MAGIC {
        return None;
    }
    let [signal] = take(&mut rest)?;
    let signal = *Signal::ALL.get(usize::from(signal))?;
    let count = u32::from_le_bytes(take(&mut rest)?);
    let mut heads = Vec::new();
    for _ in 0..count {
        let items = u64::from_le_bytes(take(&mut rest)?);
        let length = usize::try_from(u32::from_le_bytes(take(&mut rest)?)).ok()?;
        heads.push((items, length));
    }
    let mut segments = Vec::with_capacity(heads.len());
    for (items, length) in heads {
        let (bytes, after) = rest.split_at_checked(length)?;
        rest = after;
        segments.push(Segment::new(bytes.to_vec(), items));
    }
    let items = segments.iter().try_fold(0_u64, |sum, segment| sum.checked_add(segment.items));
    (rest.is_empty() && items.is_some()).then_some(Request {
        signal,
        segments,
        first_tried: None,
        file: None,
    })
}

/// Requests are below 8 MiB, so their lengths fit; one that did not would fail its own check.
fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

pub(super) fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    crc32fast::hash(bytes).to_le_bytes()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(signal: Signal, segments: Vec<(u64, Vec<u8>)>) -> Request {
        let segments = segments.into_iter().map(|(items, bytes)| Segment::new(bytes, items)).collect();
        Request { signal, segments, first_tried: None, file: None }
    }

    fn parts(request: &Request) -> Vec<(u64, &[u8])> {
        request.segments.iter().map(|segment| (segment.items, segment.bytes.as_slice())).collect()
    }

    proptest! {
        #[test]
        fn a_request_survives_its_file(
            signal in prop::sample::select(Signal::ALL.to_vec()),
            segments in prop::collection::vec((0..1000_u64, prop::collection::vec(any::<u8>(), 0..40)), 0..9),
        ) {
            let before = request(signal, segments);
            let after = decode(&encode(&before)).unwrap();
            prop_assert_eq!(after.signal, before.signal);
            prop_assert_eq!(parts(&after), parts(&before));
        }

        #[test]
        fn no_damage_goes_unseen(at: prop::sample::Index, bit in 0..8_u8, length: prop::sample::Index) {
            let file = encode(&request(Signal::Logs, vec![(3, b"three".to_vec()), (1, b"one".to_vec())]));
            let mut flipped = file.clone();
            flipped[at.index(file.len())] ^= 1_u8 << bit;
            prop_assert!(decode(&flipped).is_none());
            prop_assert!(decode(&file[..length.index(file.len())]).is_none());
        }
    }
}
