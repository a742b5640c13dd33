//! Tells the texts in which there is no secret for certain, which are most of them: paths, names, ids, words.
//!
//! [`scan`](super::scan) goes from one telling byte to the next and looks around each. Here each byte is looked up in a table
//! together with the three before it, without a branch (the shift-and algorithm of Baeza-Yates and Gonnet); only if they could be
//! part of something, the text is scanned.

/// Longer texts are scanned at once: there is something in most of them.
const LIMIT: usize = 512;
/// The shortest card number.
const CARD_DIGITS: u64 = 14;

/// A byte that tells a secret, and the three that must stand before it: the end of a scheme, of a token's prefix. No bytes are all.
struct Clue([&'static [u8]; 4]);

/// One bit each.
const CLUES: [Clue; 8] = [
    // A name before it, an authority or an escape after it.
    Clue([b"", b"", b"", b"=:%"]),
    // Bearer, Token, ApiKey
    Clue([b"rRkK", b"eE", b"rRnNyY", b" +"]),
    // Basic, Negotiate
    Clue([b"sSaA", b"iItT", b"cCeE", b" +"]),
    // ghp_, gho_, ghu_, ghs_, ghr_
    Clue([b"g", b"h", b"pousr", b"_"]),
    // github_pat_, sk_live_, sk_test_, whsec_, npm_, shpat_, dop_v1_
    Clue([b"piesn_", b"avsep", b"tecm1", b"_"]),
    // xox?-, glpat-, xapp-, pypi-, sk-ant-, sdk-, mob-, -----BEGIN
    Clue([b"opaysm-", b"xapndo-", b"abeprstik-", b"-"]),
    // ya29., SG., hvs.
    Clue([b"", b"2Sv", b"9Gs", b"."]),
    // eyJ; AKIA, ASIA, AIza
    Clue([b"", b"", b"yKSA", b"JI"]),
];

/// For each byte, which clues it may be a part of: a bit for each, in a byte for each of the four places. The fifth is one for a digit.
const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut bit = 0;
    while bit < CLUES.len() {
        let Clue(places) = &CLUES[bit];
        let mut place = 0;
        while place < places.len() {
            let mut byte = 0;
            while byte < table.len() {
                if holds(places[place], byte) {
                    table[byte] |= 1 << (8 * place + bit);
                }
                byte += 1;
            }
            place += 1;
        }
        bit += 1;
    }
    let mut digit = b'0';
    while digit <= b'9' {
        table[digit as usize] |= DIGIT;
        digit += 1;
    }
    table
};
const DIGIT: u64 = 1 << 32;
/// Of which clues all four places were seen.
const SIGNS: u64 = 0xff << 24;
/// How far the clues are before the text: where any byte does, none does as well.
const START: u64 = {
    let first = 0xff & TABLE[0];
    let second = ((first << 8) | 0xff) & TABLE[0];
    ((second << 8) | 0xff) & TABLE[0]
};

const fn holds(set: &[u8], byte: usize) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set[at] as usize == byte {
            return true;
        }
        at += 1;
    }
    set.is_empty()
}

/// Whether the text has to be scanned. If not, nothing would be found in it.
pub(super) fn may_hold_secret(text: &str) -> bool {
    if text.len() > LIMIT {
        return true;
    }
    let (mut state, mut clues, mut digits) = (START, 0, 0);
    for byte in text.bytes() {
        let entry = TABLE[usize::from(byte)];
        state = ((state << 8) | 0xff) & entry;
        clues |= state;
        digits += entry >> 32;
    }
    clues & SIGNS != 0 || (digits >= CARD_DIGITS && may_hold_card(text))
}

/// Whether there are digits enough for a card number with nothing but blanks and hyphens between them.
fn may_hold_card(text: &str) -> bool {
    let mut digits = 0;
    text.bytes().any(|byte| {
        match byte {
            b'0'..=b'9' => digits += 1,
            b' ' | b'-' => {}
            _ => digits = 0,
        }
        digits >= CARD_DIGITS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_values_are_not_scanned() {
        for text in [
            "",
            "GET",
            "/user/42",
            "/user/{id}",
            "http",
            "localhost",
            "shop.example.com",
            "1.1",
            "HTTP/2",
            "gold",
            "text/html",
            "src/orders/checkout.rs",
            "order created by the server",
            "user loaded from the database",
            "12.5ms",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            "0af7651916cd43dd8448eb211c80319c",
            "6fa459ea-ee8a-3ca4-894e-db77e160355e",
            "1769903999123",
        ] {
            assert!(!may_hold_secret(text), "{text}");
        }
    }
}
