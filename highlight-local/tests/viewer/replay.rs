//! Recordings, from the client's request to the player's frame, and over a restart.

use highlight_local::replay::{RecordingLimits, Recordings};
use serde_json::{Value, json};

use super::*;

fn push(receiver: &Receiver, payload_id: u64, first: u64) {
    let events: Vec<Value> = (0..3)
        .map(|n| json!({"type": 3, "timestamp": first + n, "data": {"text": "</script><script>alert(1)</script>"}}))
        .collect();
    let body = json!({
        "query": "mutation PushPayload { pushPayload }",
        "operationName": "PushPayload",
        "variables": {
            "session_secure_id": "sess-1", "payload_id": payload_id.to_string(),
            "events": {"events": events}, "messages": "", "resources": "", "web_socket_events": "", "errors": [],
        },
    });
    let answer = client::send(
        receiver,
        "POST",
        "/public",
        &[("content-type", "application/json")],
        body.to_string().as_bytes(),
    );
    assert!(answer.status == 200 && !answer.text().contains("errors"), "{}", answer.text());
}

#[test]
fn a_recording_outlives_the_program_and_is_played() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    {
        let archive = Archive::file(&file);
        let recordings =
            Recordings::with_sink(RecordingLimits::default(), archive.recording_writer().unwrap());
        let receiver = Receiver::builder().address(0).recordings(recordings).start().unwrap();
        let _archive = archive.start(&receiver.store()).unwrap();
        push(&receiver, 2, 2_000);
        push(&receiver, 1, 1_000);
        // The client sends again what it got no answer for.
        push(&receiver, 2, 2_000);
    }
    let receiver = receiver();
    let archive = Archive::file(&file).start(&receiver.store()).unwrap();
    let server = Viewer::new(&archive).start(0).unwrap();
    let shown = Shown { server, archive, receiver };

    let recording = shown.reader().recording("sess-1").unwrap().unwrap();
    assert_eq!((recording.first_ms, recording.last_ms, recording.events), (1_000, 2_002, 6));
    let page = shown.page("/sessions/sess-1");
    let frame = all(&page, "iframe")[0];
    assert_eq!(frame.attr("src"), Some("/replay/sess-1"));
    assert_eq!(all(&page, "[data-first='1000'][data-last='2002']").len(), 1);
    let player = shown.page("/replay/sess-1");
    let events = all(&player, "body")[0].attr("data-events").unwrap();
    let answer = shown.get(events);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = unchunk(&answer.text());
    let chunks: Vec<Value> = serde_json::from_str(&body).unwrap();
    let times: Vec<u64> = chunks
        .iter()
        .flat_map(|chunk| chunk["events"].as_array().unwrap())
        .map(|event| event["timestamp"].as_u64().unwrap())
        .collect();
    assert_eq!(times, [1_000, 1_001, 1_002, 2_000, 2_001, 2_002]);
}

/// Takes the framing of HTTP/1.1's chunks away.
fn unchunk(body: &str) -> String {
    let (mut rest, mut whole) = (body, String::new());
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole.push_str(&after[..length]);
        rest = after[length..].trim_start_matches("\r\n");
    }
    whole
}
