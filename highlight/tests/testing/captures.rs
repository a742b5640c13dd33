//! Captures beside, inside and after one another.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
    thread,
};

use highlight::{InCurrentScope, testing::capture};

#[test]
fn captures_in_parallel_do_not_mix() {
    let record = |number: usize| {
        let telemetry = capture();
        telemetry.in_scope(|| {
            for line in 0..200 {
                highlight::in_span(format!("span {number}"), |_| tracing::info!(number, line, "line"));
            }
        });
        let own = number.to_string();
        assert_eq!((telemetry.spans().len(), telemetry.logs().len()), (200, 200));
        assert!(telemetry.logs().iter().all(|log| log.attributes["number"] == own));
        assert!(telemetry.spans().iter().all(|span| span.name == format!("span {number}")));
    };
    thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || record(number));
        }
    });
}

#[test]
fn what_runs_in_an_inner_capture_is_the_inner_ones() {
    let (outer, inner) = (capture(), capture());
    outer.in_scope(|| {
        let _outer_span = tracing::info_span!("outer").entered();
        tracing::info!("before");
        inner.in_scope(|| {
            let _inner_span = tracing::info_span!("inner").entered();
            tracing::info!("between");
        });
        tracing::info!("after");
    });
    let messages = |records: highlight::testing::Records<highlight::testing::Log>| -> Vec<String> {
        records.into_iter().map(|log| log.message).collect()
    };
    assert_eq!(messages(outer.logs()), ["before", "after"]);
    assert_eq!(messages(inner.logs()), ["between"]);
    assert_eq!((outer.spans().one().name, inner.spans().one().name), ("outer".into(), "inner".into()));
    assert_eq!(inner.spans().one().parent_span_id, None);
}

#[test]
fn outside_of_a_capture_nothing_is_captured() {
    let telemetry = capture();
    tracing::info!("before");
    telemetry.in_scope(|| thread::spawn(|| tracing::info!("in a bare thread")).join().unwrap());
    drop(telemetry.scope(async { tracing::info!("never polled") }));
    tracing::info!("after");
    telemetry.logs().assert_none();
}

#[test]
fn threads_and_futures_of_any_executor_stay_in_it() {
    let telemetry = capture();
    let mut future = pin!(telemetry.scope(async {
        tracing::info!("first poll");
        std::future::poll_fn({
            let mut polled = false;
            move |_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        tracing::info!("second poll");
        highlight::spawn_thread(|| tracing::info!("thread")).unwrap().join().unwrap();
        async { tracing::info!("adapter") }.in_current_scope().await;
    }));
    let mut task = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut task).is_pending());
    assert_eq!(telemetry.logs().one().message, "first poll");
    assert!(future.as_mut().poll(&mut task).is_ready());
    let messages: Vec<_> = telemetry.logs().into_iter().map(|log| log.message).collect();
    assert_eq!(messages, ["first poll", "second poll", "thread", "adapter"]);
}

#[test]
fn a_future_is_dropped_in_its_capture() {
    struct SaysGoodbye;
    impl Drop for SaysGoodbye {
        fn drop(&mut self) {
            tracing::info!("dropped");
        }
    }
    let telemetry = capture();
    let goodbye = SaysGoodbye;
    drop(telemetry.scope(async move {
        let _goodbye = goodbye;
    }));
    assert_eq!(telemetry.logs().one().message, "dropped");
}

#[cfg(feature = "tokio")]
#[test]
fn tasks_on_every_tokio_runtime_stay_in_it() {
    let current = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let multi = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for runtime in [current, multi] {
        let telemetry = capture();
        // `Send`, or a multi-threaded runtime would not take it.
        let work = telemetry.scope(async {
            let task = highlight::spawn(async { tracing::info!("task") });
            task.await.unwrap();
            highlight::spawn_blocking(|| log::info!("blocking")).await.unwrap();
        });
        runtime.block_on(async {
            tokio::spawn(work).await.unwrap();
            // Reading blocks the only thread, and does not need it.
            assert_eq!(telemetry.logs().len(), 2, "{telemetry}");
        });
    }
}

#[test]
fn a_capture_outlives_a_panic_and_a_shutdown() {
    let telemetry = capture();
    let outcome = catch_unwind(AssertUnwindSafe(|| telemetry.in_scope(|| panic!("once"))));
    assert!(outcome.is_err());
    telemetry.in_scope(|| tracing::info!("still here"));
    telemetry.client().shutdown(std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(telemetry.logs().one().message, "still here");
    assert_eq!(telemetry.errors().one().message, "once");
}
