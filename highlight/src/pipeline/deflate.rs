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
    /// How many bytes came before the piece.
    before: usize,
}

/// What is written next, and what was before that: a match may begin there, but does not go on from one into the other.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) previous: &'a [u8],
}

impl<'a> Piece<'a> {
    /// What stands so far before.
    #[inline]
    fn back(&self, at: usize, back: usize) -> &'a [u8] {
        let (piece, at) = match at.checked_sub(back) {
            Some(at) => (self.bytes, Some(at)),
            None => (self.previous, (self.previous.len() + at).checked_sub(back)),
        };
        at.and_then(|at| piece.get(at..)).unwrap_or_default()
    }
}

impl Matcher {
    pub(super) fn new() -> Self {
        Self { last: Box::new([0; 1 << HASH_BITS]), before: 0 }
    }

    /// Forgets what came before.
    pub(super) fn begin(&mut self) {
        self.last.fill(0);
        self.before = 0;
    }

    /// Writes the piece. `marks` are positions in it, in their order.
    pub(super) fn write(&mut self, piece: Piece<'_>, marks: &[u32], out: &mut BitWriter) {
        let input = piece.bytes;
        let mut marks = marks.iter().map(|mark| usize::try_from(*mark).unwrap_or(usize::MAX));
        let mut next_mark = || marks.next().unwrap_or(input.len());
        let mut mark = next_mark();
        // Up to where each byte is looked at.
        let mut searched = 0;
        let (mut at, mut unwritten) = (0, 0);
        while let Some(word) = word(input.get(at..).unwrap_or_default()) {
            if let Some((there, back)) = self.look_up(piece, at, word) {
                out.literals(input.get(unwritten..at).unwrap_or_default());
                let length = SHORTEST + common(input.get(at + SHORTEST..), there.get(SHORTEST..));
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
        self.before += input.len();
    }

    /// Where the same bytes stood last and how far back that is, if it is known; remembers that they stand here.
    #[inline]
    fn look_up<'p>(&mut self, piece: Piece<'p>, at: usize, word: u64) -> Option<(&'p [u8], usize)> {
        let hash = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - HASH_BITS);
        let last = &mut self.last[usize::try_from(hash).unwrap_or_default() % (1 << HASH_BITS)];
        let [low, high, ..] = (self.before + at).to_le_bytes();
        let here = u16::from_le_bytes([low, high]);
        let back = usize::from(here.wrapping_sub(mem::replace(last, here)));
        let there = piece.back(at, back);
        // Which of them does not hold cannot be foretold: there is to be one branch.
        let is_there = (self::word(there) == Some(word)) & (1..=WINDOW).contains(&back);
        is_there.then_some((there, back))
    }
}

/// The first [`SHORTEST`] bytes, if two more follow; the first as the lowest.
#[inline]
fn word(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.first_chunk()?) & (u64::MAX >> (64 - 8 * SHORTEST)))
}

/// How many bytes the two begin with in common, beyond the shortest match and up to the longest.
#[inline]
fn common(here: Option<&[u8]>, there: Option<&[u8]>) -> usize {
    let here = here.unwrap_or_default();
    let here = here.get(..LONGEST - SHORTEST).unwrap_or(here);
    let there = there.unwrap_or_default();
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
    /// What was written, and zeros or what is left of earlier times.
    bytes: Vec<u8>,
    /// Where the next whole byte goes.
    at: usize,
    /// What does not fill a byte yet.
    bits: u64,
    count: u32,
}

impl BitWriter {
    /// Begins with `head`, for an input of so many bytes.
    pub(super) fn begin(&mut self, head: &[u8], length: usize) {
        // A literal has nine bits at most, a match fewer than the bytes that it stands for. A block's begin and end take two bytes, what
        // follows it eight; and eight are written at a time.
        let room = head.len() + length + length / 8 + 24;
        if self.bytes.len() < room {
            self.bytes.resize(room, 0);
        }
        (self.at, self.bits, self.count) = (0, 0, 0);
        self.raw(head);
    }

    /// Ends with `tail`, and gives all that was written. Keeps room for so many bytes.
    pub(super) fn end(&mut self, tail: &[u8], kept: usize) -> &[u8] {
        self.raw(tail);
        self.bytes.truncate(kept.max(self.at));
        self.bytes.shrink_to(kept);
        self.bytes.get(..self.at).unwrap_or_default()
    }

    /// Whole bytes, where no byte is begun.
    fn raw(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.put(u64::from(*byte), 8);
        }
    }

    /// Begins a block with the fixed codes, the last.
    pub(super) fn begin_block(&mut self) {
        self.put(0b011, 3);
    }

    /// Ends the block, and the byte.
    pub(super) fn end_block(&mut self) {
        let end_of_block = symbol(256);
        self.put(end_of_block.bits.into(), end_of_block.count);
        self.put(0, self.count.wrapping_neg() % 8);
    }

    #[inline]
    fn literals(&mut self, literals: &[u8]) {
        let mut sixes = literals.chunks_exact(6);
        for six in &mut sixes {
            let (bits, count) = codes(six);
            self.put(bits, count);
        }
        let (bits, count) = codes(sixes.remainder());
        self.put(bits, count);
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

/// The codes of up to six literals, and how many bits they have.
#[inline]
fn codes(literals: &[u8]) -> (u64, u32) {
    let (mut bits, mut count) = (0, 0);
    for literal in literals {
        let code = LITERALS[usize::from(*literal)];
        bits |= u64::from(code.bits) << count;
        count += code.count;
    }
    (bits, count)
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

/// The codes of distances, without what says where between one and the next.
static DISTANCES: [Code; 32] = {
    let mut codes = [huffman(0, 5); 32];
    let mut number = 1;
    while number < 32 {
        codes[number as usize] = huffman(number, 5);
        number += 1;
    }
    codes
};

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
    let Code { bits, count } = DISTANCES[number as usize % DISTANCES.len()];
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
