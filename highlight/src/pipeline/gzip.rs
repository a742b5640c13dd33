//! gzip with its state and its buffer kept from one request to the next.

use flate2::{Compress, Compression, FlushCompress, Status};

use super::segment::Segment;

/// What is kept of the buffer; one large batch must not hold its memory for ever.
const KEPT: usize = 1 << 20;
/// Free room that each step of the compressor is given at least.
const STEP: usize = 16 * 1024;
/// The largest window, 2^15 bytes.
const WINDOW_BITS: u8 = 15;

/// Level 1. Measured on 512 spans of a web service (220 KB), in turn with the others, medians of 60:
///
/// | level | time | size |
/// |---|---|---|
/// | 1 | 1 (0.95 µs a span) | 1 (20 % of the original) |
/// | 2 | 1.4 | 0.85 |
/// | 5 | 2.6 | 0.79 |
/// | 6 | 8.9 | 0.78 |
/// | 9 | 22 | 0.80 |
///
/// The worker shares the program's processors: a tenth of the bytes is not worth half of its time again.
#[derive(Debug)]
pub(super) struct Gzip {
    state: Compress,
    output: Vec<u8>,
}

/// The compressor made no progress, which its contract rules out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stuck;

impl Gzip {
    pub(super) fn new() -> Self {
        Self { state: Compress::new_gzip(Compression::fast(), WINDOW_BITS), output: Vec::new() }
    }

    /// The segments one after another as one gzip member.
    pub(super) fn compress(&mut self, segments: &[Segment]) -> Result<&[u8], Stuck> {
        self.state.reset();
        self.output.clear();
        self.output.shrink_to(KEPT);
        for segment in segments {
            self.feed(&segment.bytes, FlushCompress::None)?;
        }
        self.feed(&[], FlushCompress::Finish)?;
        Ok(&self.output)
    }

    fn feed(&mut self, mut input: &[u8], flush: FlushCompress) -> Result<(), Stuck> {
        let finish = matches!(flush, FlushCompress::Finish);
        while finish || !input.is_empty() {
            self.output.reserve(STEP);
            let (read, written) = (self.state.total_in(), self.state.total_out());
            let status = self.state.compress_vec(input, &mut self.output, flush).map_err(|_| Stuck)?;
            let progress = self.state.total_in() - read;
            input = input.get(usize::try_from(progress).unwrap_or(usize::MAX)..).ok_or(Stuck)?;
            if finish && status == Status::StreamEnd {
                return Ok(());
            }
            if progress == 0 && self.state.total_out() == written {
                return Err(Stuck);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_packed_can_be_unpacked_time_after_time(
            rounds in prop::collection::vec(
                prop::collection::vec((any::<u8>(), 0_usize..60_000), 0..4),
                1..4,
            ),
        ) {
            let mut gzip = Gzip::new();
            for round in rounds {
                let segments: Vec<Segment> = round
                    .iter()
                    .map(|(seed, len)| Segment {
                        bytes: (0..*len).map(|i| u8::try_from(i * i % 251).unwrap() ^ seed).collect(),
                        items: 1,
                    })
                    .collect();
                let plain: Vec<u8> = segments.iter().flat_map(|s| s.bytes.clone()).collect();
                let packed = gzip.compress(&segments).unwrap().to_vec();
                let mut unpacked = Vec::new();
                GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
                prop_assert!(unpacked == plain);
            }
        }
    }
}
