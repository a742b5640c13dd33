//! The secrets: as texts that hold one, and what must not be left of it.

use crate::{places::PLACES, stage::Wire};

/// A text, and the part of it that is secret.
pub(crate) struct Secret {
    pub(crate) text: &'static str,
    pub(crate) secret: &'static str,
}

const fn secret(text: &'static str, secret: &'static str) -> Secret {
    Secret { text, secret }
}

/// Each is secret by itself, whatever the name of the attribute that it stands in.
pub(crate) const SECRETS: &[Secret] = &[
    // Parameters of URLs
    secret("https://shop.example/cb?code=Q7hunter2&state=7", "Q7hunter2"),
    secret("GET /reset?token=Q7hunter2 HTTP/1.1", "Q7hunter2"),
    secret("see https://shop.example/#access_token=Q7hunter2&n=1, please", "Q7hunter2"),
    secret("/x?user%5Bpassword%5D=Q7hunter2&y=1", "Q7hunter2"),
    secret("/x?%70assword=Q7hunter2", "Q7hunter2"),
    secret("/x?X-Amz-Signature=Q7hunter2&X-Amz-Date=1", "Q7hunter2"),
    secret("/login?next=https%3A%2F%2Fshop.example%2F%3Fapi_key%3DQ7hunter2%26a%3D1", "Q7hunter2"),
    secret("/x?ACCESS-TOKEN=Q7hunter2", "Q7hunter2"),
    // User information
    secret("postgres://app:Q7hunter2@db:5432/orders", "Q7hunter2"),
    secret("error for url (https://Q7hunter2@git.example/x.git): refused", "Q7hunter2"),
    secret("postgres://app:Q7/hunter2@db:5432/orders", "hunter2"),
    secret("/go?to=https%3A%2F%2Fapp%3AQ7hunter2%40db%2Fx", "Q7hunter2"),
    // Fields
    secret("login failed password=Q7hunter2 user=ada", "Q7hunter2"),
    secret("login failed, password: Q7hunter2, user: ada", "Q7hunter2"),
    secret("config: secret = \"Q7 hunter2\"", "hunter2"),
    secret("client_secret=Q7hunter2", "Q7hunter2"),
    secret("{\"user\":\"ada\",\"password\":\"Q7hunter2\",\"n\":1}", "Q7hunter2"),
    secret("{\"user\": {\"apiKey\" : \"Q7hunter2\"}}", "Q7hunter2"),
    secret("body: \"{\\\"password\\\":\\\"Q7hunter2\\\"}\"", "Q7hunter2"),
    secret("{\"credentials\":{\"a\":\"Q7hunter2\"},\"n\":1}", "Q7hunter2"),
    secret("{\"password\":\"Q7hunter2", "Q7hunter2"),
    secret("Login { user: \"ada\", password: \"Q7hunter2\" }", "Q7hunter2"),
    secret("Login { user: \"ada\", access_token: Some(Secret(\"Q7hunter2\")) }", "Q7hunter2"),
    secret("Login {\n    access_token: Some(\n        \"Q7hunter2\",\n    ),\n}", "Q7hunter2"),
    secret("{\"password\":\n  \"Q7hunter2\"}", "Q7hunter2"),
    secret("{\"user\":\"ada\",\"pass\":\"Q7hunter2\"}", "Q7hunter2"),
    secret("{\"auth\":{\"tokens\":[\"Q7hunter2\"]}}", "Q7hunter2"),
    secret("{'passwd' => 'Q7hunter2'}", "Q7hunter2"),
    secret("{\"cardNumber\": 4716059182736450, \"n\": 1}", "4716059182736450"),
    secret("ssn: 078-05-1120", "078-05-1120"),
    secret("JSESSIONID=Q7hunter2; Path=/", "Q7hunter2"),
    secret("Server=db;User Id=app;Password=Q7hunter2", "Q7hunter2"),
    // Headers
    secret("authorization: Bearer Q7hunter2", "Q7hunter2"),
    secret("{\"authorization\": \"Bearer Q7hunter2\"}", "Q7hunter2"),
    secret("x-api-key: Q7hunter2", "Q7hunter2"),
    secret("Cookie: theme=dark; id=Q7hunter2", "Q7hunter2"),
    secret("Set-Cookie: id=Q7hunter2; HttpOnly", "Q7hunter2"),
    // Shapes
    secret("upstream refused Bearer Q7hunter2, retrying", "Q7hunter2"),
    secret("upstream refused Basic YXBwOlE3aHVudGVyMg==", "YXBwOlE3aHVudGVyMg"),
    secret("upstream refused Token Q7hunter2", "Q7hunter2"),
    secret(
        "session eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJRN2h1bnRlcjIifQ.c2lnbmF0dXJlLVE3aHVudGVyMg is over",
        "eyJzdWIiOiJRN2h1bnRlcjIifQ",
    ),
    secret("-----BEGIN EC PRIVATE KEY-----\nQ7hunter2\n-----END EC PRIVATE KEY-----", "Q7hunter2"),
    secret("key AKIAIOSFODNN7Q7HUNT2 was used", "AKIAIOSFODNN7Q7HUNT2"),
    secret("push with ghp_Q7hunter2Q7hunter2Q7hunter2Q7hunter2", "Q7hunter2"),
    secret("hook xoxb-1234567890-Q7hunter2 is dead", "Q7hunter2"),
    secret("charge with sk_live_Q7hunter2Q7hunter2 failed", "Q7hunter2"),
    secret("card 4111 1111 1111 1111 was declined", "1111 1111"),
    secret("card 5555555555554444 was declined", "5555555555554444"),
    secret("exp 2027 4111 1111 1111 1111 was declined", "1111 1111"),
    secret("/x?a=Bearer%20Q7hunter2&b=1", "Q7hunter2"),
    secret("/x?next=%2Fy%3Fid%3Dghp_Q7hunter2Q7hunter2Q7hunter2Q7hunter2", "Q7hunter2"),
];

/// Names whose values are secret, whatever they are.
pub(crate) const NAMES: &[&str] = &[
    "password",
    "db.password",
    "userPassword",
    "PASSWD",
    "client_secret",
    "api_key",
    "X-API-Key",
    "apiKey",
    "access_token",
    "http.request.header.authorization",
    "http.request.header.cookie",
    "http.response.header.set-cookie",
    "Proxy-Authorization",
    "private_key",
    "signature",
    "x-hub-signature-256",
    "session_id",
    "PHPSESSID",
    "card.number2.card_number",
    "cvv",
    "user.ssn",
    "credentials",
    "passphrase",
    "user[password]",
    "user%5Bpassword%5D",
    "csrf_token",
    "jwt",
    "token",
    "cookie",
    "password_confirmation",
    "password_digest",
    "secret_key_base",
    "db.pass",
    "otp",
    "pin",
    "cc_number",
    "card_num",
];

/// What is secret in an attribute with one of the names.
pub(crate) const NAMED: &str = "Q7swordfish";

#[track_caller]
fn does_not_contain(sent: &[u8], secret: &str, of: &str) {
    if let Some(at) = sent.windows(secret.len()).position(|window| window == secret.as_bytes()) {
        let around =
            String::from_utf8_lossy(&sent[at.saturating_sub(80)..(at + 80).min(sent.len())]).into_owned();
        panic!("{of:?} is sent: {around}");
    }
}

/// One place after the other, so that a failure tells which.
#[test]
fn no_secret_survives_in_any_place() {
    for place in PLACES {
        let wire = Wire::new(|config| config);
        for secret in SECRETS {
            wire.request(|| (place.put)(&wire.client, "note", secret.text));
        }
        let sent = wire.sent();
        let marks = sent.windows(10).filter(|window| window == b"[REDACTED]").count();
        assert!(marks >= SECRETS.len(), "{}: the place proves nothing, {marks} replacements", place.name);
        for secret in SECRETS {
            does_not_contain(&sent, secret.secret, &format!("{}: {}", place.name, secret.text));
        }
    }
}

#[test]
fn no_secret_survives_under_its_name() {
    for place in PLACES.iter().filter(|place| place.has_key) {
        let wire = Wire::new(|config| config);
        for name in NAMES {
            wire.request(|| (place.put)(&wire.client, name, NAMED));
        }
        let sent = wire.sent();
        let marks = sent.windows(10).filter(|window| window == b"[REDACTED]").count();
        assert!(marks >= NAMES.len(), "{}: the place proves nothing, {marks} replacements", place.name);
        does_not_contain(&sent, NAMED, place.name);
    }
}

#[test]
fn the_resource_and_its_names() {
    for secret in SECRETS {
        let wire = Wire::new(|config| config.resource_attribute("note", secret.text));
        wire.request(|| highlight::log(highlight::Level::Info, "m", []));
        does_not_contain(&wire.sent(), secret.secret, secret.text);
    }
    let wire =
        Wire::new(|config| NAMES.iter().fold(config, |config, name| config.resource_attribute(*name, NAMED)));
    wire.request(|| highlight::log(highlight::Level::Info, "m", []));
    does_not_contain(&wire.sent(), NAMED, "the resource");
}

/// The same places, switched off knowingly: then everything is there, so the tests above look in the right place.
#[test]
fn switched_off_everything_is_sent() {
    for place in PLACES {
        let wire = Wire::new(|config| config.redact(false));
        wire.request(|| (place.put)(&wire.client, "note", "password=Q7hunter2"));
        let sent = wire.sent();
        assert!(sent.windows(9).any(|window| window == b"Q7hunter2"), "{}", place.name);
    }
}

#[test]
fn what_ties_records_together_is_never_touched() {
    // A session that looks like a token, a request id that looks like a card.
    let session = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJRN2h1bnRlcjIifQ.c2ln";
    let wire = Wire::new(|config| config);
    let context: highlight::RequestContext = format!("{session}/4111111111111111").parse().unwrap();
    wire.client.in_scope(|| {
        context.in_scope(|| {
            highlight::log(highlight::Level::Info, "m", []);
            highlight::in_span("work", |_| {});
        });
    });
    let sent = wire.sent_text();
    assert_eq!(sent.matches(session).count(), 2, "{sent}");
    assert_eq!(sent.matches("4111111111111111").count(), 2, "{sent}");
    assert!(!sent.contains("[REDACTED]"), "{sent}");
}

#[test]
fn programs_say_more_and_less() {
    let wire = Wire::new(|config| {
        config
            .redact_key("iban")
            .redact_pattern("EMP-####")
            .redact_except("page_token")
            .redact_with(|key, text| if key == "city" { "[CITY]".into() } else { text.into() })
    });
    wire.request(|| {
        let attributes = [
            ("iban", "DE02-Q7"),
            ("page_token", "kept-as-it-is"),
            ("city", "Q7-Berlin"),
            ("note", "of EMP-1234"),
        ];
        let attributes = attributes.map(|(key, value)| highlight::KeyValue::new(key, value));
        highlight::log(highlight::Level::Info, "https://h/?iban=Q7&page_token=8", attributes);
    });
    let sent = wire.sent_text();
    assert!(!sent.contains("Q7") && !sent.contains("EMP-1234"), "{sent}");
    for kept in ["kept-as-it-is", "[CITY]", "iban=[REDACTED]&page_token=8"] {
        assert!(sent.contains(kept), "{kept}: {sent}");
    }
}
