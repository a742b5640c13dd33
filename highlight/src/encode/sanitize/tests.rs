//! One test for each paragraph of the contract that [`sanitize`](super) obeys.

use opentelemetry::StringValue;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, KeyValue as Sent, KeyValueList, any_value::Value as SentValue,
};
use proptest::prelude::*;
use prost::Message as _;

use super::*;

static REDACTOR: Redactor =
    Redactor { keys: Vec::new(), patterns: Vec::new(), except: Vec::new(), function: None };
const OWNERS: [Owner; 7] =
    [Owner::Resource, Owner::Scope, Owner::Span, Owner::Event, Owner::LogEvent, Owner::Log, Owner::DataPoint];

fn clean_with(redactor: Option<&Redactor>, owner: Owner, attributes: &[KeyValue]) -> Vec<Sent> {
    let (mut out, mut memory) = (Writer::default(), Memory::default());
    let mut sanitizer = Sanitizer::new(redactor, &mut memory);
    sanitizer.attributes(&mut out, 1, owner, &mut Given::default(), attributes);
    KeyValueList::decode(out.as_bytes()).unwrap().values
}

/// What is sent of these attributes.
fn clean(owner: Owner, attributes: &[KeyValue]) -> Vec<Sent> {
    clean_with(Some(&REDACTOR), owner, attributes)
}

/// What becomes of one value.
fn clean_value(value: impl Into<Value>) -> Option<SentValue> {
    let kept = clean(Owner::Log, &[KeyValue::new("k", value)]);
    kept.into_iter().next()?.value?.value
}

/// What becomes of one key.
fn clean_key(owner: Owner, key: &str) -> String {
    clean(owner, &[KeyValue::new(key.to_owned(), "x")]).remove(0).key
}

fn string(text: &str) -> SentValue {
    SentValue::StringValue(text.to_owned())
}

fn list(values: impl IntoIterator<Item = SentValue>) -> SentValue {
    let values = values.into_iter().map(|value| AnyValue { value: Some(value) });
    SentValue::ArrayValue(ArrayValue { values: values.collect() })
}

fn sent(key: &str, value: SentValue) -> Sent {
    Sent { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..Sent::default() }
}

fn texts(texts: &[&'static str]) -> Value {
    Value::Array(Array::String(texts.iter().map(|text| StringValue::from(*text)).collect()))
}

fn with_sanitizer<T>(work: impl FnOnce(&Sanitizer<'_>) -> T) -> T {
    work(&Sanitizer::new(Some(&REDACTOR), &mut Memory::default()))
}

fn body(text: &str) -> String {
    with_sanitizer(|sanitizer| sanitizer.body(text).into_owned())
}

fn span_name(text: &str) -> String {
    with_sanitizer(|sanitizer| sanitizer.span_name(text).into_owned())
}

#[test]
fn c3_3_booleans_become_text() {
    assert_eq!(clean_value(true), Some(string("true")));
    assert_eq!(clean_value(false), Some(string("false")));
    let both = Value::Array(Array::Bool(vec![true, false]));
    assert_eq!(clean_value(both), Some(list([string("true"), string("false")])));
}

#[test]
fn c3_3_non_finite_numbers_become_text() {
    let cases = [
        (f64::NAN, string("NaN")),
        (f64::INFINITY, string("Infinity")),
        (f64::NEG_INFINITY, string("-Infinity")),
        (1.5, SentValue::DoubleValue(1.5)),
        (0.0, SentValue::DoubleValue(0.0)),
    ];
    for (number, expected) in cases {
        assert_eq!(clean_value(number), Some(expected.clone()));
        assert_eq!(clean_value(Value::Array(Array::F64(vec![number]))), Some(list([expected])));
    }
}

#[test]
fn c3_3_empty_values_are_left_out() {
    let lists =
        [Array::Bool(Vec::new()), Array::I64(Vec::new()), Array::F64(Vec::new()), Array::String(Vec::new())];
    for value in lists.map(Value::Array).into_iter().chain(["".into()]) {
        assert_eq!(clean_value(value), None);
    }
    assert_eq!(clean_value(0), Some(SentValue::IntValue(0)));
    assert_eq!(clean_value(-1), Some(SentValue::IntValue(-1)));
    let numbers = Value::Array(Array::I64(vec![0, i64::MIN]));
    assert_eq!(clean_value(numbers), Some(list([SentValue::IntValue(0), SentValue::IntValue(i64::MIN)])));
}

#[test]
fn c3_3_an_empty_element_keeps_the_positions_of_the_others() {
    assert_eq!(clean_value(texts(&["", "b"])), Some(list([string(""), string("b")])));
}

#[test]
fn c3_3_keys_are_sent_as_they_are_stored() {
    assert_eq!(clean_key(Owner::Span, "my key"), "my_key");
    assert_eq!(clean_key(Owner::Span, "a(b)"), "a.b");
    assert_eq!(clean_key(Owner::Span, "highlight(project_id)"), "field.highlight.project_id");
    assert_eq!(clean_key(Owner::Span, "highlight project_id"), "field.highlight_project_id");
}

#[test]
fn c3_2_reserved_names_move_out_of_the_way() {
    let everywhere = [
        "environment",
        "URL",
        "Source",
        "highlight_project_id",
        "x-highlight-project",
        "highlight_session_id",
        "highlight.source",
        "fluent.tag",
    ];
    for owner in OWNERS {
        for name in everywhere {
            assert_eq!(clean_key(owner, name), format!("field.{name}"), "{owner:?}");
        }
        for name in ["level", "severity", "log.severity", "message", "log.message"] {
            let is_kept = owner == Owner::LogEvent; // C§7.4
            assert_eq!(clean_key(owner, name) == name, is_kept, "{owner:?} {name}");
        }
        for name in ["highlight.project_id", "service.name", "service.version", "deployment.environment"] {
            let is_kept = owner == Owner::Resource;
            assert_eq!(clean_key(owner, name) == name, is_kept, "{owner:?} {name}");
        }
        for name in ["Level", "url", "messages", "deployment.environment.name", "service.namespace", "x"] {
            assert_eq!(clean_key(owner, name), name, "{owner:?}");
        }
    }
}

#[test]
fn c4_3_the_first_session_and_request_count() {
    for key in ["highlight.session_id", "highlight.trace_id"] {
        let twice = [KeyValue::new(key, "ours"), KeyValue::new(key, "theirs")];
        let expected = [sent(key, string("ours")), sent(&format!("field.{key}"), string("theirs"))];
        for owner in [Owner::Span, Owner::Log, Owner::DataPoint] {
            assert_eq!(clean(owner, &twice), expected);
        }
        for owner in [Owner::Resource, Owner::Scope] {
            assert_eq!(clean_key(owner, key), format!("field.{key}"));
        }
        // An empty one names nothing (C§13.10).
        let after_empty = [KeyValue::new(key, ""), KeyValue::new(key, "theirs")];
        assert_eq!(clean(Owner::Log, &after_empty), [sent(key, string("theirs"))]);
    }
}

#[test]
fn c6_1_a_log_does_not_become_an_error_by_its_fields() {
    for name in ["exception.message", "exception.type", "exception.stacktrace"] {
        for owner in [Owner::Log, Owner::Resource, Owner::Scope] {
            assert_eq!(clean_key(owner, name), format!("field.{name}"));
        }
        // An `exception` event of foreign code is an error, and meant to be.
        assert_eq!(clean_key(Owner::Event, name), name);
    }
}

#[test]
fn c8_a_span_does_not_become_a_browser_request() {
    for owner in OWNERS {
        assert_eq!(clean_key(owner, "highlight.type"), "field.highlight.type");
    }
}

#[test]
fn c8_c5_spans_are_stored_with_their_events() {
    let cases = [
        ("highlight.log", "span highlight.log"),
        ("highlight.go.log", "span highlight.go.log"),
        ("fs readFile", "fs\u{A0}readFile"),
        ("fs", "fs"),
        ("GET /orders/{id}", "GET /orders/{id}"),
        ("GET /cb?code=4f2a", "GET /cb?code=[REDACTED]"),
    ];
    for (name, expected) in cases {
        assert_eq!(span_name(name), expected);
    }
}

#[test]
fn c1_3_long_values_are_cut_on_a_boundary() {
    let long = "é".repeat(40_000);
    let Some(SentValue::StringValue(kept)) = clean_value(long.clone()) else {
        panic!("the value is gone");
    };
    assert_eq!(kept, "é".repeat(32_766) + "...");
    assert!(body(&long).len() <= VALUE_LIMIT);
    assert!(span_name(&long).len() <= VALUE_LIMIT);
    // Redaction may lengthen.
    assert!(body(&"?sid=a".repeat(10_000)).len() <= VALUE_LIMIT);
}

#[test]
fn c7_3_bodies_keep_what_stands_before_an_angle_bracket() {
    let cases = [
        ("expected Vec <u8>", "expected Vec\u{A0}<u8>"),
        ("a  <b> <c>", "a \u{A0}<b>\u{A0}<c>"),
        (" <14>1 x", "\u{A0}<14>1 x"),
        ("<html> <body>", "<html> <body>"),
        ("a < b, Vec<u8>", "a\u{A0}< b, Vec<u8>"),
        ("", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(body(text), expected);
    }
}

#[test]
fn c7_3_bodies_are_no_syslog() {
    let header = "<14>1 2026-01-01T00:00:00Z host app - - - text";
    assert_eq!(body(header), format!("\u{200B}{header}"));
    assert_eq!(body("<14>1 a <b>"), "\u{200B}<14>1 a\u{A0}<b>");
    for plain in ["<1234>", "<>", "<a>", "<14", "14>"] {
        assert_eq!(body(plain), plain);
    }
}

#[test]
fn secrets_are_redacted_by_the_name_they_were_given() {
    let attributes = [
        KeyValue::new("http.request.header.cookie", texts(&["a=b"])),
        KeyValue::new("db.password", 1234),
        KeyValue::new("has.password", true),
        KeyValue::new("url.query", "a=1&token=x"),
        KeyValue::new("urls", texts(&["/?token=x", "/"])),
    ];
    let expected = [
        sent("http.request.header.cookie", string("[REDACTED]")),
        sent("db.password", string("[REDACTED]")),
        sent("has.password", string("true")),
        sent("url.query", string("a=1&token=[REDACTED]")),
        sent("urls", list([string("/?token=[REDACTED]"), string("/")])),
    ];
    assert_eq!(clean(Owner::Span, &attributes), expected);

    let untouched = [
        sent("http.request.header.cookie", list([string("a=b")])),
        sent("db.password", SentValue::IntValue(1234)),
        sent("has.password", string("true")),
        sent("url.query", string("a=1&token=x")),
        sent("urls", list([string("/?token=x"), string("/")])),
    ];
    assert_eq!(clean_with(None, Owner::Span, &attributes), untouched);
}

/// The server's reading of a body (C§7.3): what a person will see.
fn as_stored(body: &str) -> &str {
    match body.find(" <") {
        Some(at) if !body.starts_with('<') => &body[at + 1..],
        _ => body,
    }
}

proptest! {
    #[test]
    fn c7_3_no_body_is_changed_by_the_server(text in "[ <a\t\u{A0}>1é]{0,12}") {
        let sent = body(&text);
        prop_assert_eq!(as_stored(&sent), sent.as_str());
        prop_assert!(!has_syslog_header(&sent));
        let readable = sent.trim_start_matches('\u{200B}').replace('\u{A0}', " ");
        prop_assert_eq!(readable, text.replace('\u{A0}', " "));
    }

    #[test]
    fn sanitizing_twice_is_sanitizing_once(text in "[ <a1>]{0,12}") {
        prop_assert_eq!(body(&body(&text)), body(&text));
        prop_assert_eq!(span_name(&span_name(&text)), span_name(&text));
    }

    #[test]
    fn any_attribute_is_survived(key in any::<String>(), value in any::<String>()) {
        for owner in OWNERS {
            clean(owner, &[KeyValue::new(key.clone(), value.clone())]);
        }
    }
}

/// What a function gives back counts, whichever text it is; of one that fails, nothing is sent.
#[test]
fn a_programs_function_has_the_last_word() {
    type Answer = for<'a> fn(&str, &'a str) -> std::borrow::Cow<'a, str>;
    let longer: Answer = |_, _| "[an e-mail address]".into();
    let failing: Answer = |_, _| panic!("as asked");
    for (answer, expected) in [(longer, "[an e-mail address]"), (failing, "[REDACTED]")] {
        let function = crate::redact::RedactFn::new(answer);
        let redactor = Redactor { function: Some(function), ..Redactor::default() };
        let kept = clean_with(Some(&redactor), Owner::Log, &[KeyValue::new("user.email", "a@b.c")]);
        assert_eq!(kept, [sent("user.email", string(expected))]);
    }
}

/// Half of a secret would not be recognised.
#[test]
fn a_text_is_not_cut_inside_of_a_secret() {
    let body = body(&("x ".repeat(VALUE_LIMIT / 2 - 12) + "postgres://app:hunter2@db/orders"));
    assert!(body.ends_with("x ") && !body.contains("postgres"), "{}", &body[body.len() - 40..]);
}
