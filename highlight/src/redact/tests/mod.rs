//! What is found, and what is not.

mod properties;

use super::*;

fn clean(text: &str) -> String {
    of_key("", text)
}

fn of_key(key: &str, text: &str) -> String {
    Redactor::default().text(key, text).into_owned()
}

#[track_caller]
fn all(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(clean(text), *expected, "{text}");
    }
}

#[test]
fn parameters_and_users() {
    all(&[
        ("https://h/p?a=1&token=abc&b=2", "https://h/p?a=1&token=[REDACTED]&b=2"),
        ("/cb?code=4f2a&state=7", "/cb?code=[REDACTED]&state=7"),
        ("https://h/#access_token=abc&x=1", "https://h/#access_token=[REDACTED]&x=1"),
        (
            "https://h/?X-Amz-Signature=a&X-Goog-Signature=b",
            "https://h/?X-Amz-Signature=[REDACTED]&X-Goog-Signature=[REDACTED]",
        ),
        ("?AWSAccessKeyId=AKIA&sig=x", "?AWSAccessKeyId=[REDACTED]&sig=[REDACTED]"),
        ("?%74oken=abc", "?%74oken=[REDACTED]"),
        ("?user%5Bpassword%5D=abc&user[pwd]=d", "?user%5Bpassword%5D=[REDACTED]&user[pwd]=[REDACTED]"),
        ("?connect.sid=a&X-Amz-Credential=b", "?connect.sid=[REDACTED]&X-Amz-Credential=[REDACTED]"),
        ("?next=/login?otp=1&go=a=sid=2", "?next=/login?otp=[REDACTED]&go=a=sid=[REDACTED]"),
        ("?accessToken=a;b?c&d=1", "?accessToken=[REDACTED]&d=1"),
        (
            "error for url (https://h/?api_key=abc): timed out",
            "error for url (https://h/?api_key=[REDACTED] timed out",
        ),
        (r#"{"url":"https://h/?apikey=abc","n":1}"#, r#"{"url":"https://h/?apikey=[REDACTED]","n":1}"#),
        ("postgres://app:hunter2@db:5432/orders", "postgres://[REDACTED]@db:5432/orders"),
        (
            "https://ghp_abc@github.com/x and redis://:pw@r/0",
            "https://[REDACTED]@github.com/x and redis://[REDACTED]@r/0",
        ),
        ("postgres://app:hun/ter2@db/orders", "postgres://[REDACTED]@db/orders"),
        ("amqp://app:h?n#t@r@mq:5672 is down", "amqp://[REDACTED]@mq:5672 is down"),
        ("https://u:p@h/?token=t", "https://[REDACTED]@h/?token=[REDACTED]"),
        (
            "?next=https%3A%2F%2Fu%3Ap%40h%2Fcb%3Fcode%3Dabc%26x%3D1&y=2",
            "?next=https%3A%2F%2F[REDACTED]%40h%2Fcb%3Fcode%3D[REDACTED]%26x%3D1&y=2",
        ),
    ]);
}

#[test]
fn fields_in_texts() {
    all(&[
        ("login password=hunter2 user=ada", "login password=[REDACTED] user=ada"),
        ("password: hunter2, user: ada", "password: [REDACTED], user: ada"),
        ("password = \"hunter2\"", "password = \"[REDACTED]\""),
        (r#"{"user":"ada","password":"hun\"ter2","n":1}"#, r#"{"user":"ada","password":"[REDACTED]","n":1}"#),
        (
            r#"{"pin_code": 7, "card_number": 4111, "cvv":"123"}"#,
            r#"{"pin_code": 7, "card_number": [REDACTED], "cvv":"[REDACTED]"}"#,
        ),
        (r#""{\"password\":\"hunter2\",\"n\":1}""#, r#""{\"password\":\"[REDACTED]\",\"n\":1}""#),
        (r#"{"password":"hunter2 and the rest is cut o"#, r#"{"password":"[REDACTED]"#),
        (
            r#"Login { user: "ada", password: Some(Secret("hunter2")), retries: 3 }"#,
            r#"Login { user: "ada", password: Some(Secret("[REDACTED]")), retries: 3 }"#,
        ),
        (
            "Login { password: Password { inner: \"hunter2\" }, n: 3 }",
            "Login { password: Password {[REDACTED]}, n: 3 }",
        ),
        (r#"{"credentials":{"user":"ada","pass":"}x"},"n":1}"#, r#"{"credentials":{[REDACTED]},"n":1}"#),
        ("api_key: [1, 2, 3], n: 1", "api_key: [[REDACTED]], n: 1"),
        (
            "Login {\n    password: Some(\n        \"hunter2\",\n    ),\n}",
            "Login {\n    password: Some(\n        \"[REDACTED]\",\n    ),\n}",
        ),
        ("{\"password\" :\n  \"hunter2\"\n}", "{\"password\" :\n  \"[REDACTED]\"\n}"),
        ("password=Hunter2 {\"a\":1}", "password=[REDACTED] {\"a\":1}"),
        (
            r#"{"pass":"a","pin":1234,"otp":"12","cc_number":4111}"#,
            r#"{"pass":"[REDACTED]","pin":[REDACTED],"otp":"[REDACTED]","cc_number":[REDACTED]}"#,
        ),
        ("Db { user: \"ada\", pass: Some(\"hunter2\") }", "Db { user: \"ada\", pass: Some(\"[REDACTED]\") }"),
        (
            r#"{\"pass\":\"a\"} {"tokens":["a","b"]} {"tokens":"a"}"#,
            r#"{\"pass\":\"[REDACTED]\"} {"tokens":[[REDACTED]]} {"tokens":"[REDACTED]"}"#,
        ),
        (r#""{\"tokens\": [\"a\"]}""#, r#""{\"tokens\": [[REDACTED]]}""#),
        (r#""{\"tokens\": [\n  \"a\"]}""#, r#""{\"tokens\": [[REDACTED]]}""#),
        ("?tokens=abc&cc_number=4&pin=1", "?tokens=[REDACTED]&cc_number=[REDACTED]&pin=[REDACTED]"),
        (
            "password_confirmation=a secret_key_base: b card_num=4",
            "password_confirmation=[REDACTED] secret_key_base: [REDACTED] card_num=[REDACTED]",
        ),
        (
            r#""Login {\n    password: Some(\n        \"hunter2\",\n    ),\n}""#,
            r#""Login {\n    password: Some(\n        \"[REDACTED]\",\n    ),\n}""#,
        ),
        (r#""{\"password\":\n  \"hunter2\"}""#, r#""{\"password\":\n  \"[REDACTED]\"}""#),
        ("password:\nuser: ada", "password:\nuser: ada"),
        ("password: b\"hunter2\"", "password: b\"[REDACTED]\""),
        ("{'password' => 'hunter2'}", "{'password' => '[REDACTED]'}"),
        ("secret := swordfish", "secret := [REDACTED]"),
        ("Server=db;User Id=app;Password=hunter2;Pooling=true", "Server=db;User Id=app;Password=[REDACTED]"),
        ("host=db user=app password='hunter two'", "host=db user=app password='[REDACTED]'"),
        ("the api key: abcd, the card number: 4111", "the api key: [REDACTED], the card number: [REDACTED]"),
        ("token=abc and token: 9f8e7d", "token=[REDACTED] and token: [REDACTED]"),
        (
            "Authorization: Bearer abc\r\nCookie: a=b; c=d\r\nHost: h",
            "Authorization: [REDACTED]\r\nCookie: [REDACTED]\r\nHost: h",
        ),
        ("authorization=Bearer abc123 rest", "authorization=[REDACTED] rest"),
        ("user[password]=hunter2 x", "user[password]=[REDACTED] x"),
    ]);
    assert_eq!(
        of_key("http.request.body", "code=4f2a&client_secret=x&n=1"),
        "code=[REDACTED]&client_secret=[REDACTED]&n=1"
    );
}

const JWT: &str =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

#[test]
fn shapes_in_texts() {
    let jwt = format!("session {JWT}, expired");
    let escaped = format!("\"expired\\n{JWT}\" %20{JWT}");
    all(&[
        ("upstream said: Bearer abc123 is expired", "upstream said: Bearer [REDACTED] is expired"),
        ("?a=Bearer%20abc123&b=Bearer+abc%2F123%3D", "?a=Bearer%20[REDACTED]&b=Bearer+[REDACTED]"),
        ("?a=Basic%20dXNlcjpwYXNz%3D%3D", "?a=Basic%20[REDACTED]"),
        ("?next=%2Fx%3Fa%3DBearer%20abc123%26n%3D1", "?next=%2Fx%3Fa%3DBearer%20[REDACTED]%26n%3D1"),
        ("?next=%2Fx%3Fid%3Dghp_abcdefghijklmnopqrstuvwxyz0123456789", "?next=%2Fx%3Fid%3D[REDACTED]"),
        ("?n=%204111111111111111&m=%2F4111111111111111", "?n=%20[REDACTED]&m=%2F[REDACTED]"),
        (
            "id\\nAKIAIOSFODNN7EXAMPLE\\tsdk-1234abcd-0000-4000-8000-123456789abc",
            "id\\n[REDACTED]\\t[REDACTED]",
        ),
        (&escaped, "\"expired\\n[REDACTED]\" %20[REDACTED]"),
        ("got Basic dXNlcjpwYXNz!", "got Basic [REDACTED]!"),
        ("Token 9944b09199c62bcf", "Token [REDACTED]"),
        (&jwt, "session [REDACTED], expired"),
        (
            "key -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end",
            "key -----BEGIN RSA PRIVATE KEY-----[REDACTED]-----END RSA PRIVATE KEY----- end",
        ),
        ("key=-----BEGIN PRIVATE KEY-----\nMIIE cut", "key=-----BEGIN PRIVATE KEY-----[REDACTED]"),
        ("private_key=-----BEGIN RSA PRIVATE KEY-----\nMIIE cut", "private_key=[REDACTED]"),
        ("id AKIAIOSFODNN7EXAMPLE.", "id [REDACTED]."),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[REDACTED]"),
        ("hook xoxb-2345678901-abcdef!", "hook [REDACTED]!"),
        ("(sk_live_4eC39HqLyjWDarjtT1zdp7dc)", "([REDACTED])"),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "[REDACTED]"),
        ("sdk-1234abcd-0000-4000-8000-123456789abc", "[REDACTED]"),
        ("card 4111 1111 1111 1111 declined", "card [REDACTED] declined"),
        (
            "exp 2027 4111 1111 1111 1111 and 2028 3782 822463 10005",
            "exp 2027 [REDACTED] and 2028 [REDACTED]",
        ),
        ("card 4111111111111111, 3782-822463-10005", "card [REDACTED], [REDACTED]"),
    ]);
}

/// What other people's programs say, and must go on saying.
const BENIGN: [&str; 58] = [
    "",
    "plain text, a = b",
    "is it so? token = 5",
    "https://h/p?page=2&tokens=5&monkey=1&sort=key",
    "mail to someone@example.org about https://example.org/@someone",
    "https://h/?token=&x=1",
    "https://[REDACTED]@h/?token=[REDACTED]&x=1",
    "GET /orders/{id}",
    "order 4711 paid in 12 ms",
    "unexpected token: Identifier at line 3",
    "expected one of `(`, `)`, found token: `}`",
    "invalid signature: base mismatch",
    "password: None, token: null, secret: true",
    "bearer authentication failed; Bearer token missing; the bearer of bad news",
    "WWW-Authenticate: Bearer realm=\"example\"",
    "a token page=000000000000000000 and basic page=000000000000000000",
    "https://h:8080/p?to=a@b https://[::1]/@x https://{host}:{port}/@x https://h/a:b@c",
    "?q=bearer+of+news&r=Bearer%20token&s=basic+usage&t=token+expired",
    "1+1=2 C++ a+b %20 %2 % +",
    "Basic usage of basic auth; token expired; Token not found",
    "at 2026-01-31T23:59:59.123456Z, 1769903999123456789 ns, 1769903999123456 us",
    "id 550e8400-e29b-41d4-a716-446655440000",
    "trace 0af7651916cd43dd8448eb211c80319c span b7ad6b7169203331",
    "snowflake 1541815603606036480, user 175928847299117063",
    "card 4111111111111112 has a typo; 1234 5678 9012 3456 is none",
    "v4.11.1-rc.1 of 4111111111111111.5",
    "phone +49 30 901820, fax 030-901820",
    "\n<core::option::Option<T>>::unwrap\n\t/rustc/abc/library/core/src/option.rs:1013\nshop::auth::token::verify\n\t/src/auth/token.rs:42\n",
    "panicked at src/secret/password.rs:7:13:",
    "shop::password::hash failed",
    "http://token:8080/health",
    "registry/app-secret:latest",
    "SELECT id, password_hash FROM users WHERE token IS NULL",
    "{\"a\":{\"b\":[1,2,{\"c\":\"d\"}]},\"keys\":3,\"tokens\":{\"input\":7}}",
    "{\"tokens\":512,\"pin\":7,\"pass\":12,\"input_tokens\":[\"a\"],\"bypass\":\"x\",\"spin\":\"up\",\"pass\":{\"rate\":3}}",
    "Usage { tokens: 512, pin: 7 }, first pass: ok, pin: 1234, otp=off, tokens: [1, 2]",
    "Config { retries: 3, timeout: 5s, name: \"shop\" }",
    "key: value; code: 42; session: open; pin: 7",
    "max_tokens=512 top_k=40 stop_token_id=2",
    "missing field `password`",
    "set-cookie is not allowed",
    "the password must have 8 characters",
    "npm_config_cache=/tmp/cache npm_lifecycle_event=start",
    "snake_case_words and kebab-case-words and dotted.words.here",
    "eyJ is base64 of {\", eyJhbGciOiJub25lIn0 alone is no secret yet",
    "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----",
    "AKIA is a prefix, AKIAIOSFODNN7EXAMPLEX is too long",
    "sk-SK locale, sdk-version 1.2, mob-psycho",
    "ab%3Dcd%26page%3D2",
    "100% of 50 = 50%",
    "a == b, c => d, e := f",
    "x::y:z ::",
    "'quoted': \"twice\"",
    "Größe: 7 Äpfel = 3 €",
    "日本語 のテキスト: 値",
    "idempotency_key=4f2a public_key=abc primary_key=7",
    "next page: 3 of 9",
    "has_password=true is_secret=false",
];

#[test]
fn what_is_not_secret_is_borrowed() {
    for text in BENIGN {
        let redactor = Redactor::default();
        let kept = redactor.text("", text);
        assert!(matches!(kept, Cow::Borrowed(same) if same == text), "{text:?} became {kept:?}");
    }
}

#[test]
fn whole_values_are_one_url_with_blanks_and_all() {
    assert_eq!(of_key("url.query", "token=a b&c=1"), "token=[REDACTED]&c=1");
    assert_eq!(of_key("url.query", "c=1&key=a"), "c=1&key=[REDACTED]");
    for key in ["url.full", "http.url", "http.target"] {
        assert_eq!(of_key(key, "/p?token=a \"b&c=1"), "/p?token=[REDACTED]&c=1", "{key}");
    }
}

fn patterns() -> Redactor {
    Redactor {
        keys: vec![KeyPattern::parse("iban").unwrap(), KeyPattern::parse("customer.*").unwrap()],
        patterns: vec![TextPattern::parse("EMP-####").unwrap(), TextPattern::parse("REDACTE*").unwrap()],
        except: vec![KeyPattern::parse("page_token").unwrap(), KeyPattern::parse("cvv").unwrap()],
        function: None,
    }
}

#[test]
fn programs_add_and_except() {
    let redactor = patterns();
    for (key, secret) in [
        ("IBAN", true),
        ("customer.name", true),
        ("order.id", false),
        ("page_token", false),
        ("db.password", true),
    ] {
        assert_eq!(redactor.is_secret(key), secret, "{key}");
    }
    for (text, expected) in [
        ("?iban=DE02&page_token=7&token=8", "?iban=[REDACTED]&page_token=7&token=[REDACTED]"),
        ("{\"iban\":\"DE02\",\"cvv\":\"123\"}", "{\"iban\":\"[REDACTED]\",\"cvv\":\"123\"}"),
        ("of EMP-1234 and EMP-12345", "of [REDACTED] and EMP-12345"),
        ("password=a EMP-1234", "password=[REDACTED] [REDACTED]"),
    ] {
        assert_eq!(redactor.text("", text), expected);
        assert_eq!(redactor.text("", expected), expected, "twice is once");
    }
    assert_eq!(redactor.text("page_token", "Bearer abc123"), "Bearer abc123");
}

#[test]
fn a_function_comes_first_and_its_panic_hides_the_text() {
    let function = RedactFn::new(|key, text| {
        assert_ne!(text, "panic", "as asked");
        match key {
            "part" => Cow::Borrowed(&text[1..]),
            "all" => text.replace('x', "token=y").into(),
            _ => text.into(),
        }
    });
    let redactor = Redactor { function: Some(function), ..Redactor::default() };
    for (key, text, expected) in [
        ("part", "abc", "bc"),
        ("all", "x", "token=[REDACTED]"),
        ("", "abc", "abc"),
        ("", "panic", REDACTED),
        ("", "token=1", "token=[REDACTED]"),
    ] {
        assert_eq!(redactor.text(key, text), expected);
    }
}
