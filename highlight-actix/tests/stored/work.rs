//! Work on other threads and in other tasks keeps the request.

use std::{
    rc::Rc,
    sync::{Arc, Mutex, mpsc},
};

use actix_web::{rt::task::yield_now, web};
use highlight::{Config, Level};
use highlight_actix::HandlerError;

use crate::service::{HANG, Service, Setup, belongs_to_the_request};

#[test]
fn blocking_work_keeps_the_request() {
    let service = Service::new(|config| {
        let handler = || async {
            let thread = std::thread::current().id();
            let work = highlight_actix::block(move || {
                highlight::log(Level::Info, "blocking", []);
                tracing::info!("blocking, by `tracing`");
                std::thread::current().id() != thread
            });
            Ok::<_, HandlerError>(work.await?.to_string())
        };
        config.route("/", web::get().to(handler));
    });
    assert_eq!(service.send("GET", "/").body, "true");
    let stored = service.stored();
    belongs_to_the_request(&stored);
    assert_eq!(stored.logs.len(), 2);
}

#[test]
fn a_panic_in_blocking_work_is_reported_and_answered() {
    let service = Service::new(|config| {
        let handler = || async {
            highlight_actix::block(|| panic!("no thread for that")).await?;
            Ok::<_, HandlerError>("not reached")
        };
        config.route("/", web::get().to(handler));
    });
    assert_eq!(service.send("GET", "/").status, 500);
    let stored = service.stored();
    belongs_to_the_request(&stored);
    let mut events: Vec<_> = stored.errors.iter().map(|error| error.event.as_str()).collect();
    events.sort_unstable();
    assert_eq!(events, ["Blocking thread pool is shut down unexpectedly", "no thread for that"]);
}

#[test]
fn spawned_tasks_keep_the_request_beyond_its_end() {
    spawned(|config| config);
}

/// Then there is no `tracing` span to take it along.
#[test]
fn so_do_they_without_the_span_for_the_console() {
    spawned(|config| config.request_span(false));
}

fn spawned(config: fn(Config) -> Config) {
    let (send, sent) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let answered = Arc::new(Mutex::new(answered));
    let setup = Setup { config, ..Setup::default() };
    let service = Service::with(setup, move |config, _| {
        let (send, answered) = (send.clone(), Arc::clone(&answered));
        let handler = move || {
            // Not `Send`, as actix's tasks need not be.
            let message = Rc::new("sending the receipt");
            let (send, answered) = (send.clone(), Arc::clone(&answered));
            highlight_actix::spawn(async move {
                while answered.lock().unwrap().try_recv().is_err() {
                    yield_now().await;
                }
                highlight::log(Level::Info, *message, []);
                yield_now().await;
                tracing::info!("{message}");
                send.send(()).unwrap();
            });
            async { "accepted" }
        };
        config.route("/", web::get().to(handler));
    });
    assert_eq!(service.send("GET", "/").body, "accepted");
    answer.send(()).unwrap();
    sent.recv_timeout(HANG).unwrap();
    let stored = service.stored();
    belongs_to_the_request(&stored);
    assert_eq!(stored.logs.len(), 2);
}

#[test]
fn the_span_in_which_work_is_started_comes_along() {
    let service = Service::new(|config| {
        let handler = || async {
            let work = highlight::in_span("charge", |_| {
                let log = |what| highlight::log(Level::Info, what, []);
                let task = highlight_actix::spawn(async move { log("in a task") });
                (task, highlight_actix::block(move || log("on a thread")))
            });
            (work.0.await.is_ok() && work.1.await.is_ok()).to_string()
        };
        config.route("/", web::get().to(handler));
    });
    assert_eq!(service.send("GET", "/").body, "true");
    let stored = service.stored();
    let charge = stored.spans.iter().find(|span| span.name == "charge").unwrap();
    assert_eq!(stored.logs.len(), 2);
    for log in &stored.logs {
        assert_eq!(log.span_id, charge.span_id, "{}", log.message);
    }
}

/// What other layers of the program's subscriber show of the request comes along too.
#[test]
fn spawned_tasks_keep_the_tracing_span() {
    let service = Service::new(|config| {
        let handler = || async {
            let name = || async { tracing::Span::current().metadata().map_or("none", |span| span.name()) };
            let task = tracing::info_span!("charge").in_scope(|| highlight_actix::spawn(name()));
            task.await.unwrap_or("lost")
        };
        config.route("/", web::get().to(handler));
    });
    assert_eq!(service.send("GET", "/").body, "charge");
}
