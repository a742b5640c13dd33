//! Captures in a program with a `tracing` subscriber of its own that knows nothing of us.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use highlight::testing::capture;
use tracing_subscriber::{Layer, layer::SubscriberExt};

/// The messages' targets that reached the program's subscriber.
#[derive(Clone, Default)]
struct Own(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Own {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.lock().unwrap().push(event.metadata().target().to_owned());
    }
}

/// A future that logs when it is polled and when it is dropped.
struct LogsItsEnd;

impl Future for LogsItsEnd {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        tracing::info!(target: "inside", "polled");
        Poll::Ready(())
    }
}

impl Drop for LogsItsEnd {
    fn drop(&mut self) {
        tracing::info!(target: "inside", "dropped");
    }
}

/// One test: the subscriber is the process's.
#[test]
fn what_runs_directly_in_the_capture_is_captured_all_the_same() {
    let own = Own::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(own.clone())).unwrap();
    let telemetry = capture();
    tracing::info!(target: "outside", "not captured");
    telemetry.in_scope(|| {
        let _span = tracing::info_span!("span").entered();
        tracing::info!(target: "inside", "captured");
        let thread = highlight::spawn_thread(|| {
            tracing::info!(target: "thread", "not captured");
            highlight::log(highlight::Level::Info, "captured in the thread", []);
        });
        thread.unwrap().join().unwrap();
    });
    let mut future = Box::pin(telemetry.scope(LogsItsEnd));
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    drop(future);
    let messages: Vec<_> = telemetry.logs().into_iter().map(|log| log.message).collect();
    assert_eq!(messages, ["captured", "captured in the thread", "polled", "dropped"]);
    assert_eq!(telemetry.spans().one().name, "span");
    assert!(telemetry.to_string().contains("has no `highlight::layer()`"), "{telemetry}");
    let own = own.0.lock().unwrap();
    assert!(own.contains(&"outside".to_owned()) && own.contains(&"thread".to_owned()), "{own:?}");
    assert!(!own.contains(&"inside".to_owned()), "{own:?}");
}
