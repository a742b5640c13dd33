//! Any number of workers, many requests at once.

use std::{collections::BTreeSet, thread};

use actix_web::{HttpResponse, web};
use highlight::{Level, RequestContext};

use crate::service::{Service, Setup, head};

const WORKERS: usize = 4;
const CLIENTS: usize = 8;
const REQUESTS: usize = 25;

#[test]
fn requests_on_several_workers_are_told_apart() {
    let service = Service::with(Setup { workers: WORKERS, ..Setup::default() }, |config, _| {
        let handler = || async {
            for _ in 0..5 {
                highlight::log(Level::Info, RequestContext::current().to_string(), []);
                actix_web::rt::task::yield_now().await;
            }
            let session = RequestContext::current().session_id().unwrap_or_default().to_owned();
            HttpResponse::Ok().body(session)
        };
        config.route("/{id}", web::get().to(handler));
    });
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let service = &service;
            scope.spawn(move || {
                for n in 0..REQUESTS {
                    let session = format!("session{client}of{n}");
                    let mut connection = service.connect();
                    connection.write(&format!("{}connection: close\r\n\r\n", head("GET", "/7", &session)));
                    assert_eq!(connection.read_to_end().body, session);
                }
            });
        }
    });
    let stored = service.stored();
    assert_eq!(stored.spans.len(), CLIENTS * REQUESTS);
    assert_eq!(stored.logs.len(), 5 * CLIENTS * REQUESTS);
    let sessions: BTreeSet<_> = stored.spans.iter().map(|span| span.origin.session_id.as_str()).collect();
    assert_eq!(sessions.len(), CLIENTS * REQUESTS, "one span for each session");
    for log in &stored.logs {
        let span = stored.spans.iter().find(|span| span.span_id == log.span_id).unwrap();
        assert_eq!(span.origin.session_id, log.origin.session_id);
        assert!(log.message.starts_with(&format!("{}/", log.origin.session_id)), "{}", log.message);
    }
}
