//! Which request and which span work belongs to.

use axum::routing::get;
use highlight::RequestContext;
use tracing::dispatcher;

use crate::service::Service;

/// `f` under this thread's subscriber, wherever it runs: a program's own subscriber is that of all threads.
fn under_this_subscriber(f: impl FnOnce()) -> impl FnOnce() {
    let subscriber = dispatcher::get_default(Clone::clone);
    move || dispatcher::with_default(&subscriber, f)
}

async fn spawned_is_below_active(service: &Service) {
    let (spawned, active) = (service.stored_span("spawned").await, service.stored_span("active").await);
    assert_eq!(spawned.parent_span_id, active.span_id);
}

#[tokio::test]
async fn a_spawned_task_keeps_the_scope_that_was_entered_inside_a_request() {
    let service = Service::new();
    let handler = || async {
        let job: RequestContext = "jobsession/jobrequest".parse().unwrap();
        let task = job.in_scope(|| highlight::spawn(async { RequestContext::current().to_string() }));
        assert_eq!(task.await.unwrap(), "jobsession/jobrequest");
    };
    service.answer(get(handler)).await;
}

#[tokio::test]
async fn a_spawned_task_keeps_the_active_span() {
    let service = Service::new();
    let handler = || {
        highlight::start_active_span("active", async |_| {
            highlight::spawn(async { highlight::in_span("spawned", |_| ()) }).await.unwrap();
        })
    };
    service.answer(get(handler)).await;
    spawned_is_below_active(&service).await;
}

#[tokio::test]
async fn a_spawned_thread_keeps_the_active_span() {
    let service = Service::new();
    let handler = || async {
        let work = under_this_subscriber(|| highlight::in_span("spawned", |_| ()));
        let thread = highlight::in_span("active", |_| highlight::spawn_thread(work));
        thread.unwrap().join().unwrap();
    };
    service.answer(get(handler)).await;
    spawned_is_below_active(&service).await;
}

#[tokio::test]
async fn spawned_blocking_work_keeps_the_active_span() {
    let service = Service::new();
    let handler = || async {
        let work = under_this_subscriber(|| highlight::in_span("spawned", |_| ()));
        highlight::in_span("active", |_| highlight::spawn_blocking(work)).await.unwrap();
    };
    service.answer(get(handler)).await;
    spawned_is_below_active(&service).await;
}

#[tokio::test]
async fn a_context_of_a_session_only_is_not_part_of_the_trace_around_it() {
    let service = Service::new();
    let handler = || async {
        let other: RequestContext = "other/".parse().unwrap();
        other.in_scope(|| highlight::in_span("for the other", |_| ()));
    };
    service.answer(get(handler)).await;
    let (inner, outer) = (service.stored_span("for the other").await, service.stored_span("GET /").await);
    assert_eq!(inner.origin.session_id, "other");
    assert_eq!(outer.origin.session_id, "session1");
    assert_ne!(inner.parent_span_id, outer.span_id);
}
