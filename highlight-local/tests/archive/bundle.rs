//! A session leaves one archive and enters another.

use std::io::{Read, Write};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use highlight_local::{
    api,
    archive::*,
    replay::{Chunk, Recording, RecordingLimits, RecordingSink, Recordings},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::*;

/// An archive in which the session is between others.
fn filled() -> Archived {
    let archived = Archived::in_memory();
    archived.logs(&resource("shop", "other", "other-req"), &[levelled("before", "INFO", &[])]);
    let stack = "CardError: card declined\n    at charge (/srv/pay.js:88:13)\n    at main (/srv/main.js:4:1)";
    let failed = error(
        "card declined",
        &[text("exception.stacktrace", stack), text("exception.causes.0", "402"), text("user.id", "ann")],
    );
    let shop = resource("shop", "sess", "req");
    let event = event("retry", &[text("try", "2")]);
    let link = Message::new().bytes_field(1, &[7; 16]).bytes_field(2, &[9; 8]);
    let span = timed_span("POST /checkout", 1, 0, 0, 100, SERVER, &[attribute("flag", boolean(true))]);
    let span = span.message(11, &event).message(13, &link).message(15, &status(2, "no money"));
    archived.spans(&shop, &[span, timed_span("charge", 2, 1, 10, 90, CLIENT, &[])]);
    archived.logs(&shop, &[levelled("card 42", "WARN", &[text("amount", "4200")]), failed]);
    // Of the request, but without the session.
    archived
        .spans(&resource("payments", "", "req"), &[timed_span("POST /charge", 3, 2, 20, 80, SERVER, &[])]);
    archived.logs(&resource("shop", "sess", ""), &[levelled("loose", "INFO", &[])]);
    archived.logs(&resource("shop", "other", "other-req"), &[error("card declined", &[])]);
    archived
}

/// What can be asked about the session, without the numbers that each archive gives, and without the times of arrival.
fn answers(reader: &Reader) -> Value {
    const NUMBERS: [&str; 7] = ["id", "last_id", "group", "error", "log", "next", "newest"];
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|key, value| !(NUMBERS.contains(&key.as_str()) && value.is_i64()));
                map.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    fn value(answer: impl Serialize) -> Value {
        serde_json::to_value(answer).unwrap()
    }
    let session = Some("sess".to_owned());
    let trace = reader.trace("req").unwrap().unwrap();
    let logs = reader.logs(&LogQuery { session: session.clone(), ..LogQuery::default() }).unwrap().items;
    let errors = reader.errors(&ErrorQuery { session, ..ErrorQuery::default() }).unwrap().items;
    let found = |text: &str| {
        let query = LogQuery { text: Some(text.to_owned()), ..LogQuery::default() };
        reader.logs(&query).unwrap().items.len()
    };
    let notes = reader.notes(&NoteQuery::default()).unwrap().items;
    let notes: Vec<_> = notes.into_iter().filter(|note| note.session == "sess").collect();
    let links: Vec<bool> = errors
        .iter()
        .map(|error| {
            let log = reader.error(error.id).unwrap().unwrap().log;
            logs.iter().any(|row| Some(row.id) == log && row.error == Some(error.id))
        })
        .collect();
    assert_eq!((links, found("amount 4200"), notes.len()), (vec![true], 1, 2));
    let mut all = json!({
        "session": value(reader.session("sess").unwrap().unwrap()),
        "trace": value(&trace),
        "spans": value(trace.spans.iter().map(|span| reader.span(span.id).unwrap()).collect::<Vec<_>>()),
        "errors": value(errors.iter().map(|error| reader.error(error.id).unwrap()).collect::<Vec<_>>()),
        "logs": value(&logs),
        "notes": notes.iter().map(|note| json!([note.code, note.name, note.item, note.service, note.trace_id])).collect::<Vec<_>>(),
    });
    strip(&mut all);
    all
}

#[test]
fn what_is_imported_answers_as_what_was_exported() {
    let from = filled();
    let reader = from.reader();
    let file = reader.export("sess").unwrap().unwrap();
    let into = Archived::in_memory();
    into.logs(&resource("elsewhere", "theirs", "their-req"), &[levelled("first", "INFO", &[])]);
    let imported = into.reader().import(&file).unwrap();
    assert_eq!((imported.session.as_str(), imported.chunks), ("sess", 0));
    assert_eq!((imported.spans, imported.logs, imported.errors, imported.notes), (3, 3, 1, 2));
    let there = into.archive.reader();
    assert_eq!(answers(&there), answers(&reader));
    assert!(there.session("other").unwrap().is_none(), "the file holds one session");
    let overview = there.overview().unwrap();
    assert_eq!((overview.sessions, overview.logs, overview.spans), (2, 4, 3));
    assert!(reader.export("unknown").unwrap().is_none());
}

#[test]
fn a_second_time_it_is_known() {
    let archived = filled();
    let file = archived.reader().export("sess").unwrap().unwrap();
    let again = archived.archive.reader().import(&file);
    assert!(matches!(&again, Err(ImportError::Known { what }) if what == "session sess"), "{again:?}");
    let into = Archived::in_memory();
    into.reader().import(&file).unwrap();
    assert!(matches!(into.archive.reader().import(&file), Err(ImportError::Known { .. })));
    let part = Archived::in_memory();
    part.logs(&resource("shop", "theirs", "req"), &[levelled("first", "INFO", &[])]);
    let mixed = part.reader().import(&file);
    assert!(matches!(&mixed, Err(ImportError::Known { what }) if what == "request req"), "{mixed:?}");
}

#[test]
fn many_rows_arrive_in_order_and_all() {
    let from = Archived::in_memory();
    for batch in 0..9 {
        let logs: Vec<Message> =
            (0..500)
                .map(|n| {
                    if n % 3 == 0 {
                        error(&format!("e {batch} {n}"), &[])
                    } else {
                        levelled("l", "INFO", &[])
                    }
                })
                .collect();
        from.logs(&resource("shop", "sess", "req"), &logs);
    }
    let file = from.reader().export("sess").unwrap().unwrap();
    let into = Archived::in_memory();
    let imported = into.reader().import(&file).unwrap();
    assert_eq!((imported.logs, imported.errors), (4_500, 9 * 167));
    let reader = into.archive.reader();
    let mut page = Page::new(1_000);
    let mut unlinked = 0;
    loop {
        let found = reader.errors(&ErrorQuery { page, ..ErrorQuery::default() }).unwrap();
        unlinked +=
            found.items.iter().filter(|row| reader.error(row.id).unwrap().unwrap().log.is_none()).count();
        let Some(next) = found.next else { break };
        page.before = Some(next);
    }
    assert_eq!(unlinked, 0, "every error finds its log");
}

#[test]
fn a_recording_comes_along() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    let writer = Archive::file(&file).recording_writer().unwrap();
    let json = r#"{"events":[{"type":4}],"resources":[],"messages":[],"errors":[],"webSocketEvents":[]}"#;
    let chunk = |payload_id| Chunk {
        payload_id,
        events: 2,
        first_ms: 1_000,
        last_ms: 2_000,
        unloaded: false,
        length: json.len(),
        gzip: packed(json),
    };
    let sink = Sink(writer, [chunk(1), chunk(2)]);
    sink.fill();
    drop(sink);
    let reader = Reader::open(&file).unwrap();
    let before = reader.recording("sess").unwrap().unwrap();
    let export = reader.export("sess").unwrap().unwrap();
    let into = Archived::in_memory();
    assert_eq!(into.reader().import(&export).unwrap().chunks, 2);
    let there = into.archive.reader();
    let after = there.recording("sess").unwrap().unwrap();
    assert!(after.seen >= before.seen);
    let mut expected = before;
    expected.seen = after.seen;
    assert_eq!(after, expected);
    assert_eq!(there.recording_chunks("sess").unwrap(), [1, 2]);
    assert_eq!(there.recording_chunk("sess", 2).unwrap(), Some(chunk(2)));
}

/// Told as the receiver tells it.
struct Sink(RecordingWriter, [Chunk; 2]);

impl Sink {
    fn fill(&self) {
        struct Tell;
        impl RecordingSink for Tell {
            fn session(&self, _: &Recording) {}
            fn chunk(&self, _: &str, _: &Chunk) {}
        }
        let body = json!({ "operationName": "initializeSession", "query": "mutation ...",
            "variables": { "session_secure_id": "sess", "environment": "test", "serviceName": "web" } });
        let recordings = Recordings::with_sink(RecordingLimits::default(), Tell);
        let receiver = Receiver::builder().address(0).recordings(recordings.clone()).start().unwrap();
        let headers = [("content-type", "application/json")];
        let answer = client::send(&receiver, "POST", "/public", &headers, body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.0.session(&recordings.session("sess").unwrap());
        for chunk in &self.1 {
            self.0.chunk("sess", chunk);
        }
    }
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn unpacked(file: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

const HEADER: &str = r#"{"format":"highlight-local session","version":1,"session":"sess"}"#;

/// A well-formed file with these lines.
fn with_lines(lines: &[&str]) -> Vec<u8> {
    packed(&format!("{HEADER}\n{}\n{{\"end\":{}}}\n", lines.join("\n"), lines.len()))
}

#[test]
fn a_hostile_or_damaged_file_is_an_error_and_nothing_else() {
    let good = filled().reader().export("sess").unwrap().unwrap();
    let lines = unpacked(&good);
    let chunk = |length: usize, gzip: &[u8]| {
        use base64::Engine;
        let gzip = base64::engine::general_purpose::STANDARD.encode(gzip);
        json!({"chunk": {"payload_id": 1, "events": 2, "first_ms": 1, "last_ms": 2, "unloaded": false,
            "length": length, "gzip": gzip}})
        .to_string()
    };
    let span = lines.lines().find(|line| line.starts_with("{\"span")).unwrap();
    let note = lines.lines().find(|line| line.starts_with("{\"note")).unwrap();
    let zeros = "0".repeat(300 << 20);
    let cases = [
        ("nothing", Vec::new(), "no exported session"),
        ("no gzip", b"these are my notes".to_vec(), "no exported session"),
        ("other gzip", packed("these are my notes"), "no exported session"),
        ("other JSON", packed("{\"format\":\"har\",\"version\":1}\n"), "no exported session"),
        ("newer", packed(&HEADER.replace(":1,", ":2,")), "newer highlight-local"),
        ("no session", packed(&HEADER.replace("sess\"}", "\"}")), "no id"),
        ("cut", good[..good.len() - 20].to_vec(), "damaged"),
        ("cut and packed again", packed(lines.split_once("{\"end").unwrap().0), "cut short"),
        ("a line is missing", packed(&lines.replacen(&format!("{span}\n"), "", 1)), "there should be"),
        ("it goes on", packed(&format!("{lines}{{}}\n")), "after its end"),
        ("unknown line", with_lines(&[r#"{"file":"/etc/passwd"}"#]), "unknown variant"),
        ("unknown kind", with_lines(&[&span.replace("\"Server\"", "\"Root\"")]), "Root"),
        ("unknown reason", with_lines(&[&note.replace("BoolAttribute", "Whim")]), "Whim"),
        ("deep", with_lines(&[&"[".repeat(1 << 20)]), "line 2"),
        ("bomb in a line", packed(&zeros), "more than 33554432 bytes in a line"),
        ("no chunk", with_lines(&[&chunk(3, b"abc")]), "no gzip"),
        ("chunk of another length", with_lines(&[&chunk(1, &packed("{}"))]), "has 2 bytes and says it has 1"),
        ("chunk of no lists", with_lines(&[&chunk(7, &packed("{\"a\":7}"))]), "no object of lists"),
        ("bomb in a chunk", with_lines(&[&chunk(zeros.len(), &packed(&zeros))]), "longer than"),
    ];
    let into = Archived::in_memory();
    let reader = into.reader();
    for (name, file, part) in cases {
        let error = reader.import(&file).expect_err(name).to_string();
        assert!(error.contains(part), "{name}: {error}");
    }
    let overview = reader.overview().unwrap();
    assert_eq!((overview.newest, overview.sessions), (0, 0), "nothing of it is stored");
    assert!(reader.recording_chunks("sess").unwrap().is_empty());
    reader.import(&good).unwrap();
}

#[test]
fn whatever_happens_to_its_bytes_it_is_read_or_refused() {
    let good = unpacked(&filled().reader().export("sess").unwrap().unwrap());
    let mut random = fastrand::Rng::with_seed(7);
    let into = Archived::in_memory();
    let reader = into.reader();
    let mut refused = 0;
    for _ in 0..400 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(HEADER.len()..bytes.len());
            bytes[at] = random.u8(..);
        }
        // Lines that are no UTF-8 as well.
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&bytes).unwrap();
        refused += usize::from(reader.import(&encoder.finish().unwrap()).is_err());
    }
    assert!(refused > 300, "{refused}");
}

#[test]
fn an_archive_that_is_only_read_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    let receiver = receiver();
    drop(Archive::file(&path).start(&receiver.store()).unwrap());
    let file = filled().reader().export("sess").unwrap().unwrap();
    let outcome = Reader::open(&path).unwrap().import(&file);
    assert!(matches!(outcome, Err(ImportError::ReadOnly)), "{outcome:?}");
}

#[test]
fn over_http_it_is_one_file_that_no_page_can_send() {
    let from = filled();
    let server = api::Server::start(0, from.reader()).unwrap();
    let answer = client::get(server.address(), "localhost", "/api/sessions/sess/export");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/gzip")));
    assert_eq!(unpacked(&answer.body).lines().next(), Some(HEADER));
    assert_eq!(client::get(server.address(), "localhost", "/api/sessions/none/export").status, 404);
    let into = Archived::in_memory();
    let server = api::Server::start(0, into.reader()).unwrap();
    let post = |media_type: &str, body: &[u8]| {
        client::post_to(server.address(), "/api/import", &[("content-type", media_type)], body)
    };
    assert_eq!(post("text/plain", &answer.body).status, 415, "what a page may send unasked");
    assert_eq!(post("application/gzip", b"nonsense").status, 400);
    let imported = post("application/gzip", &answer.body);
    assert_eq!(imported.status, 200, "{}", imported.text());
    assert_eq!(serde_json::from_slice::<Imported>(&imported.body).unwrap().session, "sess");
    assert_eq!(post("application/gzip", &answer.body).status, 409);
}
