//! DEFLATE (RFC 1951) for telemetry: the fixed codes, and matches where it was told to look for them.
//!
//! A body is the same few hundred bytes of names and constants over and over, and between them ids and times, which no compressor makes
//! smaller. Whoever wrote it knows which is which, and has set marks where something is likely to have stood before. So what lies
//! between the marks is written as it is, six bytes at a time, and one place is looked at for each mark. A compressor that has to find
//! all this out takes three times as long for a tenth fewer bytes: most of its time goes into looking for ids among other ids.
//!
//! Only long stretches without marks, such as stacks and texts, are looked through byte by byte.

use std::mem;

/// The longest match.
const LONGEST: usize = 258;
/// Shorter ones are not looked for.
const SHORTEST: usize = 6;
/// How far back a match may be.
const WINDOW: usize = 1 << 15;
/// The longest stretch without a mark that is not looked through.
const STRETCH: usize = 48;
const HASH_BITS: u32 = 12;

/// Where beginnings of matches stood last.
#[derive(Debug)]
pub(super) struct Matcher {
    /// The lower half of the position, by hash. That it is another's is noticed when the bytes are compared.
    last: Box<[u16; 1 << HASH_BITS]>,
}

impl Matcher {
    pub(super) fn new() -> Self {
        Self { last: Box::new([0; 1 << HASH_BITS]) }
    }

    /// Writes `input` as one block, the last. `marks` are positions in it, in their order.
    pub(super) fn write(
        &mut self,
        input: &[u8],
        mut marks: impl Iterator<Item = usize>,
        out: &mut BitWriter,
    ) {
        self.last.fill(0);
        out.begin(input.len());
        let mut next_mark = || marks.next().unwrap_or(input.len());
        let mut mark = next_mark();
        // Up to where each byte is looked at.
        let mut searched = 0;
        let (mut at, mut unwritten) = (0, 0);
        while let Some(word) = word(input, at) {
            if let Some(back) = self.look_up(input, at, word) {
                out.literals(input.get(unwritten..at).unwrap_or_default());
                let length = SHORTEST + common(input, at + SHORTEST, back);
                out.matched(length, back);
                at += length;
                // Where one match ends, another may begin: that is looked at next.
                unwritten = at;
                continue;
            }
            at += 1;
            if at < searched {
                continue;
            }
            while mark < at {
                mark = next_mark();
            }
            if mark - at > STRETCH {
                searched = mark;
            } else {
                at = mark;
            }
        }
        out.literals(input.get(unwritten..).unwrap_or_default());
        out.end();
    }

    /// How far back the same bytes stood last, if that is known; remembers that they stand here.
    #[inline]
    fn look_up(&mut self, input: &[u8], at: usize, word: u64) -> Option<usize> {
        let hash = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - HASH_BITS);
        let last = &mut self.last[usize::try_from(hash).unwrap_or_default() % (1 << HASH_BITS)];
        let [low, high, ..] = at.to_le_bytes();
        let here = u16::from_le_bytes([low, high]);
        let back = usize::from(here.wrapping_sub(mem::replace(last, here)));
        let there = self::word(input, at.saturating_sub(back)).unwrap_or_default();
        #[expect(
            clippy::needless_bitwise_bool,
            reason = "which of them does not hold cannot be foretold: there is to be one branch"
        )]
        let is_there = (there == word) & (1..=WINDOW).contains(&back) & (back <= at);
        is_there.then_some(back)
    }
}

/// The [`SHORTEST`] bytes that stand there, the first as the lowest.
#[inline]
fn word(input: &[u8], at: usize) -> Option<u64> {
    let bytes = input.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes) & (u64::MAX >> (64 - 8 * SHORTEST)))
}

/// How many bytes from `at` on are those that stand `back` before, up to the longest match.
#[inline]
fn common(input: &[u8], at: usize, back: usize) -> usize {
    let here = input.get(at..).unwrap_or_default();
    let here = here.get(..LONGEST - SHORTEST).unwrap_or(here);
    let there = input.get(at - back..).unwrap_or_default();
    let mut length = 0;
    for (one, other) in eights(here).zip(eights(there)) {
        let differ = one ^ other;
        if differ != 0 {
            return length + differ.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    length + here.iter().zip(there).skip(length).take_while(|(one, other)| one == other).count()
}

fn eights(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.chunks_exact(8).map(|eight| u64::from_le_bytes(eight.try_into().unwrap_or_default()))
}

/// Writes bits, those of a byte from its lowest on.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Where the next whole byte goes.
    at: usize,
    /// What does not fill a byte yet.
    bits: u64,
    count: u32,
}

impl BitWriter {
    /// What was written, after `kept` bytes for the caller to write to.
    pub(super) fn start(&mut self, kept: usize) {
        (self.at, self.bits, self.count) = (kept, 0, 0);
    }

    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// A last block with the fixed codes, of so many bytes.
    fn begin(&mut self, length: usize) {
        // A literal has nine bits at most, a match fewer than the bytes that it stands for; and eight bytes are written at a time.
        self.bytes.resize(self.at + length + length / 8 + 16, 0);
        self.put(0b011, 3);
    }

    fn end(&mut self) {
        let end_of_block = symbol(256);
        self.put(end_of_block.bits.into(), end_of_block.count);
        self.put(0, self.count.wrapping_neg() % 8);
        self.bytes.truncate(self.at);
    }

    #[inline]
    fn literals(&mut self, literals: &[u8]) {
        let mut sixes = literals.chunks_exact(6);
        for six in &mut sixes {
            let (mut bits, mut count) = (0, 0);
            for literal in six {
                let code = LITERALS[usize::from(*literal)];
                bits |= u64::from(code.bits) << count;
                count += code.count;
            }
            self.put(bits, count);
        }
        for literal in sixes.remainder() {
            let code = LITERALS[usize::from(*literal)];
            self.put(code.bits.into(), code.count);
        }
    }

    #[inline]
    fn matched(&mut self, length: usize, back: usize) {
        let length = LENGTHS[length.saturating_sub(3) % LENGTHS.len()];
        let distance = distance(back);
        let bits = u64::from(length.bits) | u64::from(distance.bits) << length.count;
        self.put(bits, length.count + distance.count);
    }

    /// Up to 56 bits.
    #[inline]
    fn put(&mut self, bits: u64, count: u32) {
        self.bits |= bits << self.count;
        self.count += count;
        if let Some(room) = self.bytes.get_mut(self.at..).and_then(|room| room.first_chunk_mut()) {
            *room = self.bits.to_le_bytes();
        }
        self.at += self.count as usize / 8;
        self.bits >>= self.count / 8 * 8;
        self.count %= 8;
    }
}

#[derive(Debug, Clone, Copy)]
struct Code {
    bits: u32,
    count: u32,
}

static LITERALS: [Code; 256] = {
    let mut codes = [symbol(0); 256];
    let mut literal = 1;
    while literal < 256 {
        codes[literal as usize] = symbol(literal);
        literal += 1;
    }
    codes
};

/// The codes of lengths, from 3 on.
static LENGTHS: [Code; 256] = {
    let mut codes = [length(0); 256];
    let mut more = 1;
    while more < 256 {
        codes[more as usize] = length(more);
        more += 1;
    }
    codes
};

/// The fixed code of a literal or length (RFC 1951 3.2.6).
const fn symbol(symbol: u32) -> Code {
    match symbol {
        0..144 => huffman(0b0011_0000 + symbol, 8),
        144..256 => huffman(0b1_1001_0000 + symbol - 144, 9),
        256..280 => huffman(symbol - 256, 7),
        _ => huffman(0b1100_0000 + symbol - 280, 8),
    }
}

/// A length that is so much more than 3.
const fn length(more: u32) -> Code {
    // The longest has a code for itself.
    if more == 255 {
        return symbol(285);
    }
    let (number, extra) = scale(more, 2);
    let Code { bits, count } = symbol(257 + number);
    Code { bits: bits | (more % (1 << extra)) << count, count: count + extra }
}

#[inline]
fn distance(back: usize) -> Code {
    let more = u32::try_from(back.saturating_sub(1)).unwrap_or_default();
    let (number, extra) = scale(more, 1);
    let Code { bits, count } = huffman(number, 5);
    Code { bits: bits | (more % (1 << extra)) << count, count: count + extra }
}

/// On the scale of RFC 1951 3.2.5, which has `1 << steps` codes for each power of two: the number of the code, and how many bits say
/// where between this code and the next.
#[inline]
const fn scale(more: u32, steps: u32) -> (u32, u32) {
    let extra = (more | 1).ilog2().saturating_sub(steps);
    ((extra << steps) + (more >> extra), extra)
}

/// A Huffman code is the one thing that is written from its highest bit on.
#[inline]
const fn huffman(code: u32, count: u32) -> Code {
    Code { bits: code.reverse_bits() >> (u32::BITS - count), count }
}
