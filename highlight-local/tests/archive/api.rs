//! The same over HTTP.

use highlight_local::{api::Server, archive::*};
use serde::de::DeserializeOwned;

use super::*;

fn serve(archived: &Archived) -> Server {
    Server::start(0, archived.reader()).unwrap()
}

fn get<T: DeserializeOwned>(server: &Server, path: &str) -> T {
    let answer = client::get(server.address(), "localhost", path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn every_path_answers_what_its_query_does() {
    let archived = Archived::in_memory();
    let shop = resource("shop", "sess/1", "req");
    let flag = [attribute("flag", boolean(true)), text("highlight.trace_id", "req")];
    archived.spans(&shop, &[span_with("GET /", &flag)]);
    archived.logs(&shop, &[error("card declined", &[]), levelled("hello", "INFO", &[])]);
    archived.send("/v1/metrics", &request(&shop, &[], &[gauge("queue/depth", &[number(1.0, &[])])]));
    let reader = archived.reader();
    let server = serve(&archived);

    assert_eq!(get::<Overview>(&server, "/api/overview").logs, 2);
    let sessions: Paged<Session> = get(&server, "/api/sessions?text=sess&limit=5");
    assert_eq!(sessions.items.len(), 1);
    assert_eq!(get::<SessionTimeline>(&server, "/api/sessions/sess%2F1").requests.len(), 1);
    let trace: Trace = get(&server, "/api/traces/req");
    assert_eq!(get::<SpanDetail>(&server, &format!("/api/spans/{}", trace.spans[0].id)).name, "GET /");
    let logs: Paged<LogRow> =
        get(&server, "/api/logs?level=WARN&service=shop&session=sess%2F1&trace=req&text=card%20decl");
    assert_eq!(logs.items[0].message, "card declined");
    let query = LogQuery { level: Some(highlight_local::model::Level::Warn), ..LogQuery::default() };
    let direct = reader.logs(&query).unwrap();
    // As JSON, because times lose their last digits on the way.
    let direct = serde_json::to_vec(&direct).unwrap();
    assert_eq!(logs, serde_json::from_slice(&direct).unwrap());
    let before: Paged<LogRow> = get(&server, &format!("/api/logs?before={}", logs.items[0].id));
    assert!(before.items.is_empty());
    let after: Paged<LogRow> = get(&server, &format!("/api/logs?after={}&limit=1", logs.items[0].id));
    assert_eq!(after.items[0].message, "hello");
    let errors: Paged<ErrorRow> = get(&server, "/api/errors?text=declined");
    let error: ErrorDetail = get(&server, &format!("/api/errors/{}", errors.items[0].id));
    assert_eq!(error.row, errors.items[0]);
    let groups: Paged<ErrorGroup> = get(&server, "/api/error-groups");
    let path = format!("/api/error-groups/{}?minutes=10&buckets=7", groups.items[0].id);
    assert_eq!(get::<ErrorGroupDetail>(&server, &path).histogram.buckets.len(), 7);
    assert_eq!(get::<Paged<Note>>(&server, "/api/notes?dropped=true&code=BoolAttribute").items.len(), 1);
    assert_eq!(get::<Vec<Reason>>(&server, "/api/reasons").len(), 1);
    assert_eq!(get::<Vec<MetricName>>(&server, "/api/metrics")[0].name, "queue/depth");
    assert_eq!(
        get::<Vec<Series>>(&server, "/api/metrics/queue%2Fdepth?points=3&minutes=5")[0].points.len(),
        1
    );
}

#[test]
fn what_is_wrong_is_said() {
    let archived = Archived::in_memory();
    let server = serve(&archived);
    for (path, status, part) in [
        ("/api/logs?level=loud", 400, "a level is one of"),
        ("/api/logs?limit=-1", 400, "limit=-1"),
        ("/api/logs?levle=warn", 400, "no parameter levle"),
        ("/api/overview?x=1", 400, "no parameter x"),
        ("/api/traces/unknown", 404, "nothing is stored"),
        ("/api/sessions/unknown", 404, "nothing is stored"),
        ("/api/spans/1", 404, "nothing is stored"),
        ("/api/spans/one", 400, "one"),
        ("/api/nothing", 404, ""),
    ] {
        let answer = client::get(server.address(), "localhost", path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(answer.text().contains(part), "{path}: {}", answer.text());
    }
}

#[test]
fn a_page_under_another_name_cannot_read_it() {
    let archived = Archived::in_memory();
    let server = serve(&archived);
    let port = server.address().port();
    for (host, status) in
        [(format!("127.0.0.1:{port}"), 200), (format!("evil.example:{port}"), 403), (String::new(), 403)]
    {
        assert_eq!(client::get(server.address(), &host, "/api/overview").status, status, "{host}");
    }
    let answer = client::get(server.address(), "localhost", "/api/overview");
    assert_eq!(answer.header("access-control-allow-origin"), None);
}
