//! One test for each paragraph of the contract that [`sanitize`](super) obeys.

use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};
use proptest::prelude::*;

use super::*;
use crate::encode::value::{any_value, attribute, text, texts};

static REDACTOR: Redactor =
    Redactor { keys: Vec::new(), patterns: Vec::new(), except: Vec::new(), function: None };
const SANITIZER: Sanitizer<'static> = Sanitizer { redactor: Some(&REDACTOR) };
const OWNERS: [Owner; 7] =
    [Owner::Resource, Owner::Scope, Owner::Span, Owner::Event, Owner::LogEvent, Owner::Log, Owner::DataPoint];

fn clean(owner: Owner, mut attributes: Vec<KeyValue>) -> Vec<KeyValue> {
    SANITIZER.attributes(owner, &mut Given::default(), &mut attributes);
    attributes
}

/// What becomes of one value.
fn clean_value(value: Value) -> Option<Value> {
    let kept = clean(Owner::Log, vec![attribute("k", any_value(value))]);
    kept.into_iter().next()?.value?.value
}

/// What becomes of one key.
fn clean_key(owner: Owner, key: &str) -> String {
    clean(owner, vec![attribute(key, text("x"))]).remove(0).key
}

fn string(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

fn body(text: &str) -> String {
    let mut body = text.to_owned();
    SANITIZER.body(&mut body);
    body
}

fn span_name(text: &str) -> String {
    let mut name = text.to_owned();
    SANITIZER.span_name(&mut name);
    name
}

#[test]
fn c3_3_booleans_become_text() {
    assert_eq!(clean_value(Value::BoolValue(true)), Some(string("true")));
    assert_eq!(clean_value(Value::BoolValue(false)), Some(string("false")));
    let list = Value::ArrayValue(ArrayValue {
        values: vec![any_value(Value::BoolValue(true)), any_value(Value::IntValue(1))],
    });
    let expected =
        Value::ArrayValue(ArrayValue { values: vec![text("true"), any_value(Value::IntValue(1))] });
    assert_eq!(clean_value(list), Some(expected));
}

#[test]
fn c3_3_bytes_become_hex() {
    assert_eq!(clean_value(Value::BytesValue(vec![0, 15, 255])), Some(string("000fff")));
}

#[test]
fn c3_3_non_finite_numbers_become_text() {
    let cases = [
        (f64::NAN, string("NaN")),
        (f64::INFINITY, string("Infinity")),
        (f64::NEG_INFINITY, string("-Infinity")),
        (1.5, Value::DoubleValue(1.5)),
    ];
    for (number, expected) in cases {
        assert_eq!(clean_value(Value::DoubleValue(number)), Some(expected));
    }
}

#[test]
fn c3_3_empty_values_are_left_out() {
    let empty = [
        string(""),
        Value::BytesValue(Vec::new()),
        Value::ArrayValue(ArrayValue::default()),
        Value::KvlistValue(KeyValueList::default()),
        Value::KvlistValue(KeyValueList { values: vec![attribute("inner", text(""))] }),
    ];
    for value in empty {
        assert_eq!(clean_value(value), None);
    }
    assert!(clean(Owner::Span, vec![KeyValue::default()]).is_empty());
    assert_eq!(clean_value(Value::IntValue(0)), Some(Value::IntValue(0)));
}

#[test]
fn c3_3_an_empty_element_keeps_the_positions_of_the_others() {
    let kept = clean(Owner::Log, vec![attribute("k", texts([String::new(), "b".into()]))]);
    assert_eq!(kept, [attribute("k", texts([String::new(), "b".into()]))]);
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
        let twice = vec![attribute(key, text("ours")), attribute(key, text("theirs"))];
        let expected = [attribute(key, text("ours")), attribute(format!("field.{key}"), text("theirs"))];
        for owner in [Owner::Span, Owner::Log, Owner::DataPoint] {
            assert_eq!(clean(owner, twice.clone()), expected);
        }
        for owner in [Owner::Resource, Owner::Scope] {
            assert_eq!(clean_key(owner, key), format!("field.{key}"));
        }
        // An empty one names nothing (C§13.10).
        let after_empty = vec![attribute(key, text("")), attribute(key, text("theirs"))];
        assert_eq!(clean(Owner::Log, after_empty), [attribute(key, text("theirs"))]);
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
    let Some(Value::StringValue(kept)) = clean_value(string(&long)) else {
        panic!("the value is gone");
    };
    assert_eq!(kept, "é".repeat(32_766) + "...");
    assert!(body(&long).len() <= VALUE_LIMIT);
    assert!(span_name(&long).len() <= VALUE_LIMIT);
    // Redaction may lengthen.
    assert!(body(&"?sid=a".repeat(10_000)).len() <= VALUE_LIMIT);
}

#[test]
fn c1_3_nesting_is_bounded() {
    let mut value = text("innermost");
    for _ in 0..10_000 {
        value = any_value(Value::ArrayValue(ArrayValue { values: vec![value] }));
    }
    let mut kept = clean(Owner::Log, vec![attribute("k", value)]).remove(0).value;
    let mut depth = 0;
    while let Some(AnyValue { value: Some(Value::ArrayValue(mut array)) }) = kept {
        kept = array.values.pop();
        depth += 1;
    }
    assert_eq!(depth, DEPTH_LIMIT);
    assert_eq!(kept, Some(text(TOO_DEEP)));
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
    let attributes = vec![
        attribute("http.request.header.cookie", texts(["a=b".into()])),
        attribute("db.password", any_value(Value::IntValue(1234))),
        attribute("url.query", text("a=1&token=x")),
        attribute(
            "map",
            any_value(Value::KvlistValue(KeyValueList { values: vec![attribute("password", text("x"))] })),
        ),
    ];
    let expected = [
        attribute("http.request.header.cookie", text("[REDACTED]")),
        attribute("db.password", text("[REDACTED]")),
        attribute("url.query", text("a=1&token=[REDACTED]")),
        attribute(
            "map",
            any_value(Value::KvlistValue(KeyValueList {
                values: vec![attribute("password", text("[REDACTED]"))],
            })),
        ),
    ];
    assert_eq!(clean(Owner::Span, attributes.clone()), expected);

    let mut untouched = attributes.clone();
    let sanitizer = Sanitizer { redactor: None };
    sanitizer.attributes(Owner::Span, &mut Given::default(), &mut untouched);
    assert_eq!(untouched, attributes);
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
            clean(owner, vec![attribute(&key, text(&value))]);
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
        let mut attributes = vec![attribute("user.email", text("a@b.c"))];
        Sanitizer { redactor: Some(&redactor) }.attributes(
            Owner::Log,
            &mut Given::default(),
            &mut attributes,
        );
        assert_eq!(attributes, [attribute("user.email", text(expected))]);
    }
}

/// Half of a secret would not be recognised.
#[test]
fn a_text_is_not_cut_inside_of_a_secret() {
    let mut body = "x ".repeat(VALUE_LIMIT / 2 - 12) + "postgres://app:hunter2@db/orders";
    SANITIZER.body(&mut body);
    assert!(body.ends_with("x ") && !body.contains("postgres"), "{}", &body[body.len() - 40..]);
}
