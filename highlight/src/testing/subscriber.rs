//! How `tracing`, `log` and panics find the capture that is current.

use std::{
    pin::Pin,
    sync::{Once, OnceLock},
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tracing::{Dispatch, dispatcher, level_filters::LevelFilter};

use crate::{bridge, install_panic_hook};

/// Installs, where there is none, a subscriber and a logger that ask for the client at each record: one for all captures.
pub(super) fn prepare(panic_hook: bool) {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        let _ = dispatcher::set_global_default(bridge::asking_subscriber());
        bridge::install_log(LevelFilter::TRACE);
    });
    if panic_hook {
        install_panic_hook();
    }
}

/// Runs `f` with a subscriber that records: the current one, or else one of ours on this thread.
pub(super) fn with_layer<T>(f: impl FnOnce() -> T) -> T {
    static OURS: OnceLock<Dispatch> = OnceLock::new();
    if bridge::has_layer() {
        f()
    } else {
        dispatcher::with_default(OURS.get_or_init(bridge::asking_subscriber), f)
    }
}

pin_project! {
    /// [`with_layer`] for a future.
    pub(super) struct WithLayer<F> {
        // `None` only once dropped.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for WithLayer<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            with_layer(|| this.future.set(None));
        }
    }
}

impl<F> WithLayer<F> {
    pub(super) fn new(future: F) -> Self {
        Self { future: Some(future) }
    }
}

impl<F: Future> Future for WithLayer<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().future.as_pin_mut() {
            Some(future) => with_layer(|| future.poll(task)),
            None => Poll::Pending,
        }
    }
}
