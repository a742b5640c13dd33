//! A listener of its own.

use std::{
    net::SocketAddr,
    thread::{self, JoinHandle},
};

use axum::Router;
use tokio::{runtime, sync::oneshot};

use super::routes::router;
use crate::{
    archive::Reader,
    receiver::{Listen, StartError},
};

/// The running server, on a thread of its own. Dropping it closes its connections and frees the port.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts it. Anyone who can reach the address can read all rows; port 0 takes a free one.
    pub fn start(listen: impl Into<Listen>, reader: Reader) -> Result<Self, StartError> {
        Self::serve(listen.into(), router(reader))
    }

    pub(crate) fn serve(listen: Listen, router: Router) -> Result<Self, StartError> {
        let (listener, bound) = listen.bind()?;
        let runtime =
            runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                tokio::select! {
                    _ = stopped => {}
                    _ = axum::serve(listener, router) => {}
                }
            });
        };
        let thread = thread::Builder::new().name("highlight-api".to_owned()).spawn(serve);
        let thread = thread.map_err(StartError::Thread)?;
        Ok(Self { address: bound, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends by itself; if it panicked there is nobody left to tell.
            let _ = thread.join();
        }
    }
}
