//! What holds of any text.

use proptest::prelude::*;

use super::*;

/// Text made of the pieces that matter, which random text would hardly ever hit.
fn secretive() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "://",
        "?",
        "&",
        "#",
        ";",
        "=",
        "@",
        "/",
        ":",
        "[",
        "]",
        ".",
        "%",
        "%74",
        "%3D",
        "%26",
        "%40",
        "%3A%2F%2F",
        "token",
        "sid",
        "user",
        "password",
        "x",
        "é",
        " ",
        "\"",
        "'",
        "\\",
        "\\\"",
        "{",
        "}",
        "(",
        "Some(",
        "None",
        "Bearer ",
        "Bearer+",
        "Bearer%20",
        "Basic ",
        "eyJhbGciOiJI",
        "AKIA",
        "ghp_",
        "4111111111111111",
        "4111 1111 ",
        "1111",
        "-----BEGIN PRIVATE KEY-----",
        "-----END ",
        "\n",
        "cookie",
        ", ",
        "==",
        "=>",
        "::",
        "api ",
        "key",
        REDACTED,
        "[REDACTED",
        "\u{a0}",
    ];
    proptest::collection::vec(proptest::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

fn keys() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&["", "url.query", "url.full", "http.request.body"][..])
}

/// Texts without a secret: words, numbers, times, ids, paths, and benign fields, parameters and JSON.
fn benign() -> impl Strategy<Value = String> {
    let name =
        proptest::sample::select(&["page", "size", "order", "status", "elapsed", "items", "region"][..]);
    let value = "[a-z]{1,8}|[0-9]{1,12}|[0-9]{18,24}|[0-9a-f]{8}-[0-9a-f]{4}|[A-Z][a-z]{0,9}";
    let field = (name, prop_oneof!["=", ": ", ":", " = ", "\":\""], value)
        .prop_map(|(name, sign, value)| format!("{name}{sign}{value}"));
    let piece = prop_oneof![
        3 => "[A-Za-zäöüé]{1,12}",
        1 => value,
        2 => field,
        1 => "/[a-z]{1,6}/[0-9]{1,6}(\\?page=[0-9])?",
        1 => "2026-0[1-9]-1[0-9]T1[0-9]:0[0-9]:0[0-9]\\.[0-9]{3}Z",
        1 => proptest::sample::select(&BENIGN[..]).prop_map(str::to_owned),
    ];
    let sign = proptest::sample::select(&[" ", ", ", "\n", " (", ") ", "; ", " - "][..]);
    proptest::collection::vec((piece, sign), 0..12)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, sign)| [piece, sign.to_owned()]).collect())
}

/// The texts of the corpus that the privacy tests send through everything.
fn corpus() -> Vec<String> {
    let source = include_str!("../../../tests/privacy/corpus.rs");
    let literal = |line: &str| {
        let rest = line.trim().strip_prefix("secret(").unwrap_or(line.trim());
        let end = rest.find("\", \"").map_or(rest.len(), |end| end + 1);
        serde_json::from_str(rest[..end].trim_end_matches(',')).ok()
    };
    source.lines().filter_map(literal).collect()
}

/// Whether the quick look says no where the scan finds something.
fn is_overlooked(text: &str) -> bool {
    let found = |extent| Redactor::default().pass(text, extent).is_some();
    !quick::may_hold_secret(text)
        && [Extent::Text, Extent::Query, Extent::Url, Extent::Form].into_iter().any(found)
}

#[test]
fn nothing_that_the_scan_finds_is_overlooked() {
    let texts = corpus();
    assert!(texts.len() > 60, "{}", texts.len());
    let found = texts.iter().filter(|text| quick::may_hold_secret(text)).count();
    assert!(found > 40, "{found}");
    for text in &texts {
        // All that can be cut out of it.
        for (start, _) in text.char_indices() {
            for (at, last) in text[start..].char_indices() {
                let part = &text[start..start + at + last.len_utf8()];
                assert!(!is_overlooked(part), "{part:?}");
            }
        }
        // Another character in the place of each.
        for (at, old) in text.char_indices() {
            for new in " +-_.=:%aeJI1\u{e9}".chars() {
                let changed = format!("{}{new}{}", &text[..at], &text[at + old.len_utf8()..]);
                assert!(!is_overlooked(&changed), "{changed:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8192))]

    #[test]
    fn no_text_is_overlooked(
        pieces in prop::collection::vec(prop_oneof![
            4 => secretive(),
            1 => benign(),
            4 => "[a-zA-Z0-9_.+ -]{1,40}",
            2 => proptest::sample::select(corpus()),
            2 => proptest::sample::select(&[
                "ghp_", "gho_", "github_pat_", "glpat-", "xoxe-", "xapp-", "sk_live_", "rk_test_", "whsec_", "npm_", "pypi-AgE",
                "ya29.", "SG.", "hvs.", "shpat_", "dop_v1_", "sk-ant-", "sdk-", "mob-", "AKIA", "ASIA", "AIza", "eyJ", "NEGOTIATE ",
                "apikey ", "Token+", "basic ", "4111 1111 1111 1111", "3782 822463 10005", "30569309025904",
            ][..]).prop_map(str::to_owned),
            1 => "[A-Za-z0-9_]{36,64}",
        ], 1..4),
    ) {
        let text = pieces.concat();
        prop_assert!(!is_overlooked(&text), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_survived(text in any::<String>(), key in keys()) {
        of_key(key, &text);
        Redactor::default().is_secret(&text);
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..512), key in keys()) {
        of_key(key, &String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn redacting_twice_is_redacting_once(text in secretive(), key in keys()) {
        let once = of_key(key, &text);
        prop_assert_eq!(of_key(key, &once), once);
    }

    #[test]
    fn programs_patterns_are_no_exception(text in secretive()) {
        let once = patterns().text("", &text).into_owned();
        prop_assert_eq!(patterns().text("", &once), once.as_str());
    }

    #[test]
    fn what_is_not_secret_is_unchanged(text in benign()) {
        prop_assert_eq!(clean(&text), text);
    }

    #[test]
    fn what_names_no_secret_is_unchanged(pairs in proptest::collection::vec(("[b-j]{1,4}", "[a-z0-9]{0,8}"), 0..6)) {
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let text = format!("https://example.org/p?{}", query.join("&"));
        prop_assert_eq!(clean(&text), text);
    }

    #[test]
    fn a_secret_never_survives(
        before in benign(),
        around in proptest::sample::select(&[
            ("password=", ""), ("password: ", ""), ("\"password\":\"", "\""), ("api_key: Some(\"", "\")"), ("?token=", ""), ("&code=", ""),
            ("{\\\"secret\\\":\\\"", "\\\"}"), ("redis://", "@h"), ("Bearer ", ""), ("Authorization: Bearer ", ""), ("password%5B0%5D=", ""),
            ("?next=%2F%3Ftoken%3D", "%26a%3D1"),
        ][..]),
        secret in "[A-Z][A-Z0-9]{10}[0-9]",
        after in benign(),
    ) {
        let (left, right) = around;
        let text = format!("{before} {left}{secret}{right} {after}");
        let redacted = clean(&text);
        prop_assert!(!redacted.contains(&secret), "{redacted}");
        prop_assert!(redacted.starts_with(&before) && redacted.ends_with(&after), "{redacted}");
    }
}

/// No text takes long: each byte is looked at a bounded number of times.
#[test]
fn hostile_texts_take_no_time() {
    let pieces = [
        "://",
        "a=",
        "token:",
        "\"token\":\"",
        "eyJ",
        "eyJ.",
        "-----BEGIN ",
        "Bearer ",
        "[",
        "{",
        "token={",
        "%3D",
        "token%3D",
        "\\\"",
        "4111 ",
        "sk_",
        "token=Some(",
        "?token=&",
        "cookie: a=",
        "://;sid=?&@",
        "token=[REDACTED]",
        "%3A%2F%2F",
        "%3A%2F%2Fx%40",
        "://a:b",
        "://a:b ",
        "Bearer%20",
        "Bearer+",
        "%20",
        "key%3D%26",
        "token: [ ",
        "token: {",
        "token:\n",
        "token: Some(\n",
    ];
    for piece in pieces {
        let text = piece.repeat(65_536 / piece.len());
        let started = std::time::Instant::now();
        clean(&text);
        let took = started.elapsed();
        assert!(took < std::time::Duration::from_secs(20), "{piece:?} took {took:?}");
    }
}
