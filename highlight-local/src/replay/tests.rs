//! Requests written by hand from what the client's code sends (`highlight.run` 10.7.5).

use std::sync::{Arc, Mutex};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::*;

const LIMIT: usize = 1 << 20;
const ID: &str = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7b";

fn recordings() -> Recordings {
    Recordings::new(RecordingLimits::default())
}

fn ask(recordings: &Recordings, body: &Value) -> Value {
    let answer = answer(recordings, body.to_string().as_bytes(), LIMIT).unwrap();
    serde_json::from_str(&answer).unwrap()
}

/// As the client's worker packs it: gzip, then base64.
fn packed(payload: &Value) -> String {
    STANDARD.encode(Chunk::pack(payload.to_string().as_bytes()).unwrap())
}

fn payload(times: &[f64]) -> Value {
    let events: Vec<_> = times
        .iter()
        .enumerate()
        .map(|(at, time)| json!({ "type": 3, "data": { "source": 1 }, "timestamp": time, "_sid": at }))
        .collect();
    json!({
        "session_secure_id": ID,
        "payload_id": "1700000000000",
        "events": { "events": events },
        "messages": r#"{"messages":[{"value":["hello"],"type":"log","time":1700000000100}]}"#,
        "resources": r#"{"resources":[{"name":"http://localhost:3000/cart","initiatorType":"fetch"}]}"#,
        "web_socket_events": r#"{"webSocketEvents":[]}"#,
        "errors": [{ "event": "\"boom\"", "type": "window.onerror", "stackTrace": [] }],
        "is_beacon": false,
        "has_session_unloaded": false,
    })
}

fn push(id: &str, number: u64, payload: &Value) -> Value {
    json!({
        "query": "mutation PushSessionEvents($session_secure_id: String!) { pushSessionEvents(data: $data) }",
        "operationName": "PushSessionEvents",
        "variables": { "session_secure_id": id, "payload_id": number.to_string(), "data": packed(payload) },
    })
}

#[test]
fn a_session_begins_as_the_client_expects() {
    let recordings = recordings();
    let asked = json!({
        "query": "mutation initializeSession(...) { initializeSession(...) { secure_id project_id sampling { spans { samplingRatio } } } }",
        "operationName": "initializeSession",
        "variables": {
            "session_secure_id": ID, "session_key": "", "organization_verbose_id": "1jdkoe52",
            "enable_strict_privacy": false, "privacy_setting": "default",
            "enable_recording_network_contents": false, "clientVersion": "10.7.5",
            "firstloadVersion": "10.7.5", "clientConfig": "{}", "environment": "development",
            "id": "fingerprint", "appVersion": null, "serviceName": "web", "client_id": "c",
            "network_recording_domains": [], "disable_session_recording": false,
        },
    });
    let answer = ask(&recordings, &asked);
    let data = &answer["data"]["initializeSession"];
    assert_eq!(data["secure_id"], ID);
    assert_eq!(data["project_id"], "1", "a number that is not zero, or the client gives up");
    assert_eq!(data["sampling"], json!({ "spans": [], "logs": [] }));
    let session = recordings.session(ID).unwrap();
    assert_eq!((session.project.as_str(), session.service_name.as_str()), ("1jdkoe52", "web"));
    assert_eq!((session.environment.as_str(), session.client_version.as_str()), ("development", "10.7.5"));
}

#[test]
fn pushed_events_are_kept_with_all_that_comes_along() {
    let recordings = recordings();
    let answer = ask(&recordings, &push(ID, 7, &payload(&[1_700_000_000_000.0, 1_700_000_002_500.75])));
    assert_eq!(answer, json!({ "data": { "pushSessionEvents": null } }));
    let chunk = &recordings.chunks(ID)[0];
    assert_eq!((chunk.payload_id, chunk.events), (7, 2));
    assert_eq!((chunk.first_ms, chunk.last_ms), (1_700_000_000_000, 1_700_000_002_500));
    let kept: Value = serde_json::from_str(&chunk.json().unwrap()).unwrap();
    assert_eq!(kept["events"][1]["_sid"], 1);
    assert_eq!(kept["messages"][0]["value"][0], "hello");
    assert_eq!(kept["resources"][0]["initiatorType"], "fetch");
    assert_eq!(kept["errors"][0]["type"], "window.onerror");
    assert_eq!(kept["webSocketEvents"], json!([]));
}

#[test]
fn the_ways_to_push_are_equal() {
    let payload = payload(&[1.0]);
    let data = packed(&payload);
    let compressed = json!({
        "operationName": "PushPayloadCompressed", "query": "mutation ...",
        "variables": { "session_secure_id": ID, "payload_id": 7, "data": data },
    });
    // As the client sends it in its mode "local": the query alone.
    let unnamed = json!({
        "query": "mutation PushSessionEvents($session_secure_id: String!) {\n  pushSessionEvents(\n    session_secure_id: $session_secure_id\n  )\n}",
        "variables": { "session_secure_id": ID, "payload_id": "7", "data": data },
    });
    let mut plain = payload.clone();
    plain["payload_id"] = "7".into();
    let plain = json!({ "operationName": "PushPayload", "query": "mutation ...", "variables": plain });
    let expected = {
        let recordings = recordings();
        ask(&recordings, &push(ID, 7, &payload));
        recordings.chunks(ID)
    };
    for (asked, field) in
        [(compressed, "pushPayloadCompressed"), (unnamed, "pushSessionEvents"), (plain, "pushPayload")]
    {
        let recordings = recordings();
        let answer = ask(&recordings, &asked);
        assert!(answer["data"].get(field).is_some(), "{answer}");
        assert_eq!(recordings.chunks(ID), expected, "{field}");
    }
}

#[test]
fn chunks_are_in_order_and_a_repeated_one_replaces() {
    let recordings = recordings();
    for number in [20, 10, 30, 20] {
        ask(&recordings, &push(ID, number, &payload(&[1.0, 2.0])));
    }
    let numbers: Vec<_> = recordings.chunks(ID).iter().map(|chunk| chunk.payload_id).collect();
    assert_eq!(numbers, [10, 20, 30]);
    let session = recordings.session(ID).unwrap();
    assert_eq!(session.events, 6);
    let weights: usize = recordings.chunks(ID).iter().map(|chunk| chunk.weight()).sum();
    assert_eq!(session.bytes, weights);
    let mut last = payload(&[3.0]);
    last["has_session_unloaded"] = true.into();
    ask(&recordings, &push(ID, 40, &last));
    assert!(recordings.session(ID).unwrap().unloaded);
}

#[test]
fn users_and_properties_are_remembered() {
    let recordings = recordings();
    let identify = json!({
        "operationName": "identifySession", "query": "mutation identifySession { identifySession }",
        "variables": { "session_secure_id": ID, "user_identifier": "ann@example.org", "user_object": { "plan": "pro", "n": 7 } },
    });
    assert_eq!(ask(&recordings, &identify), json!({ "data": { "identifySession": ID } }));
    let properties = json!({
        "operationName": "addSessionProperties", "query": "mutation ...",
        "variables": { "session_secure_id": ID, "properties_object": { "visited-url": "http://localhost/", "long": "ä".repeat(9_000) } },
    });
    assert_eq!(ask(&recordings, &properties), json!({ "data": { "addSessionProperties": ID } }));
    let session = recordings.session(ID).unwrap();
    assert_eq!(session.user.as_deref(), Some("ann@example.org"));
    assert_eq!(
        (session.user_properties["plan"].as_str(), session.user_properties["n"].as_str()),
        ("pro", "7")
    );
    assert_eq!(session.properties["visited-url"], "http://localhost/");
    assert_eq!(session.properties["long"].len(), 8_000, "cut");
}

#[test]
fn the_rest_is_answered_so_that_the_client_goes_on() {
    let recordings = recordings();
    for (operation, variables, expected) in [
        ("pushMetrics", json!({ "metrics": [{ "name": "LCP", "value": 1.5 }] }), json!({ "pushMetrics": 1 })),
        ("addSessionFeedback", json!({ "session_secure_id": ID }), json!({ "addSessionFeedback": ID })),
        ("GetSamplingConfig", json!({}), json!({ "sampling": { "spans": [], "logs": [] } })),
        ("Ignore", json!({ "id": "1" }), json!({ "ignore": null })),
    ] {
        let asked = json!({ "operationName": operation, "query": "...", "variables": variables });
        assert_eq!(ask(&recordings, &asked), json!({ "data": expected }));
    }
    assert!(recordings.sessions().is_empty(), "none of that begins a session");
}

#[test]
fn what_is_wrong_is_an_error_and_no_session() {
    let recordings = recordings();
    let bomb = packed(&json!({ "session_secure_id": ID, "events": "x".repeat(LIMIT) }));
    let number = |data: &str| json!({ "session_secure_id": ID, "payload_id": "1", "data": data });
    for (operation, variables, message) in [
        ("dropEverything", json!({}), "not known"),
        ("initializeSession", json!({}), "no session's id"),
        ("initializeSession", json!({ "session_secure_id": "../../etc/passwd" }), "no session's id"),
        ("initializeSession", json!({ "session_secure_id": "a".repeat(65) }), "no session's id"),
        ("PushSessionEvents", number("%%%"), "no base64"),
        ("PushSessionEvents", number("aGVsbG8="), "no gzip"),
        ("PushSessionEvents", number(&packed(&json!([1]))), "no JSON object"),
        ("PushSessionEvents", number(&packed(&json!({ "events": 7 }))), "no list"),
        ("PushSessionEvents", number(&packed(&json!({ "messages": "[" }))), "no JSON"),
        ("PushSessionEvents", number(&bomb), "longer than"),
        (
            "PushSessionEvents",
            json!({ "session_secure_id": ID, "payload_id": "x", "data": packed(&json!({})) }),
            "no number",
        ),
    ] {
        let answer =
            ask(&recordings, &json!({ "operationName": operation, "query": "{x}", "variables": variables }));
        let text = answer["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(text.contains(message), "{operation}: {answer}");
        assert_eq!(answer["data"], Value::Null);
    }
    for body in ["", "garbage", "[]", "{}", r#"{"variables":{}}"#, "7"] {
        assert!(answer(&recordings, body.as_bytes(), LIMIT).is_err(), "{body}");
    }
    assert!(recordings.sessions().is_empty());
}

/// Of some hundred bytes that gzip cannot shrink.
fn noisy(seed: u64) -> Value {
    let mut random = fastrand::Rng::with_seed(seed);
    let noise: String = std::iter::repeat_with(|| random.alphanumeric()).take(4_000).collect();
    json!({ "events": { "events": [{ "type": 2, "data": noise, "timestamp": 1 }] } })
}

#[test]
fn a_session_has_its_share_and_the_oldest_goes_first() {
    let limits = RecordingLimits { session_bytes: 10_000, bytes: 16_000, sessions: 3 };
    let recordings = Recordings::new(limits);
    for number in 0..5 {
        ask(&recordings, &push("first", number, &noisy(number)));
    }
    let first = recordings.session("first").unwrap();
    assert!(first.bytes <= 10_000 && first.events >= 2, "{first:?}");
    assert_eq!(first.events as u64 + first.chunks_refused, 5);
    assert_eq!(recordings.chunks("first")[0].payload_id, 0, "the beginning is what is kept");
    for number in 0..3 {
        ask(&recordings, &push("second", number, &noisy(number)));
    }
    let ids = |recordings: &Recordings| -> Vec<String> {
        recordings.sessions().into_iter().map(|session| session.session_id).collect()
    };
    assert_eq!(ids(&recordings), ["second"], "together they are over the limit");
    for id in ["third", "fourth", "fifth"] {
        ask(&recordings, &push(id, 1, &json!({})));
    }
    assert_eq!(ids(&recordings), ["third", "fourth", "fifth"]);
    assert!(recordings.chunks("second").is_empty());
}

/// What it was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl RecordingSink for Told {
    fn session(&self, recording: &Recording) {
        let line = format!("session {} {}", recording.session_id, recording.events);
        self.0.lock().unwrap().push(line);
    }

    fn chunk(&self, session_id: &str, chunk: &Chunk) {
        self.0.lock().unwrap().push(format!("chunk {session_id} {}", chunk.payload_id));
    }
}

#[test]
fn a_sink_is_told_of_everything_that_is_kept() {
    let told = Told::default();
    let limits = RecordingLimits { session_bytes: 6_000, ..RecordingLimits::default() };
    let recordings = Recordings::with_sink(limits, told.clone());
    recordings.change("s", |_| {});
    ask(&recordings, &push("s", 1, &noisy(1)));
    ask(&recordings, &push("s", 2, &noisy(2)));
    let lines = told.0.lock().unwrap().clone();
    // The second piece has no room.
    assert_eq!(lines, ["session s 0", "session s 1", "chunk s 1", "session s 1"]);
}
