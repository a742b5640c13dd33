//! The HTTP side: a receiver on a thread of its own, usable from any program or test.
//!
//! ```
//! use highlight_local::Receiver;
//!
//! let receiver = Receiver::start(0)?;
//! assert!(receiver.endpoint().starts_with("http://127.0.0.1:"));
//! # Ok::<(), highlight_local::StartError>(())
//! ```
//!
//! Dropping it closes its connections, ends its thread and frees the port.

mod body;
mod connections;
mod cors;
mod double;
mod drain;
#[cfg(feature = "grpc")]
mod grpc;
mod http;
mod json;
mod listen;
mod service;

use std::{
    fmt,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use axum::Router;
use tokio::{runtime::Runtime, sync::Semaphore, sync::oneshot};

#[cfg(feature = "forward")]
use crate::forward::{Forward, ForwardStats};
use crate::{
    forward::Passing,
    ingest::Ingest,
    replay::Recordings,
    store::{RequestInfo, Store, StoreLimits},
};
pub(crate) use body::unzip;
use connections::{Patience, Protocol, Room};

#[cfg(feature = "grpc")]
pub use listen::DEFAULT_GRPC_PORT;
pub use listen::{DEFAULT_PORT, Listen, StartError};

/// The question asked before a request is stored.
type Respond = dyn Fn(&RequestInfo) -> Option<u16> + Send + Sync;

/// Options of a [`Receiver`].
#[derive(Default)]
#[must_use = "a receiver does nothing until it is started"]
pub struct ReceiverBuilder {
    listen: Listen,
    limits: StoreLimits,
    max_body: Option<usize>,
    keep_raw: bool,
    respond: Option<Box<Respond>>,
    patience: Patience,
    recordings: Option<Recordings>,
    #[cfg(feature = "grpc")]
    grpc: Option<Listen>,
    #[cfg(feature = "forward")]
    forward: Option<Forward>,
}

impl ReceiverBuilder {
    /// Where to listen. Default: port 4318 of the loopback interface. Port 0 takes a free one.
    pub fn address(mut self, address: impl Into<Listen>) -> Self {
        self.listen = address.into();
        self
    }

    /// The longest accepted body in bytes, as sent and after decompression. Default: 20 MiB, the
    /// collector's limit (C§1.3). Longer ones are answered with 413.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// How much is kept.
    pub fn limits(mut self, limits: StoreLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Keeps the decoded requests for [`Store::raw_traces`] and its like. Default: `false`.
    pub fn keep_raw(mut self, keep: bool) -> Self {
        self.keep_raw = keep;
        self
    }

    /// Asks before a well-formed request is stored: with `Some(status)` the request is answered
    /// with that status and not stored. For tests of how a sender copes with failure.
    pub fn respond_with(
        mut self,
        respond: impl Fn(&RequestInfo) -> Option<u16> + Send + Sync + 'static,
    ) -> Self {
        self.respond = Some(Box::new(respond));
        self
    }

    /// The most connections at a time, on each port. Default: 512. With all in use, a new one
    /// takes the place of the one that has been idle for longest.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.patience.connections = connections;
        self
    }

    /// How long a sender may take for the head of a request, and for each pause in its body.
    /// Default: 30 s. Who takes longer is disconnected.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.patience.read = timeout;
        self
    }

    /// Listens for OTLP over gRPC as well, usually on [`DEFAULT_GRPC_PORT`]. Default: it does not.
    /// Should that fail, the rest works: see [`Receiver::grpc_error`].
    #[cfg(feature = "grpc")]
    pub fn grpc(mut self, address: impl Into<Listen>) -> Self {
        self.grpc = Some(address.into());
        self
    }

    /// Records what the browser client sends to `/public`. Default: it is refused with 404.
    pub fn recordings(mut self, recordings: Recordings) -> Self {
        self.recordings = Some(recordings);
        self
    }

    /// Passes every request on to a real server. Default: nothing is.
    #[cfg(feature = "forward")]
    pub fn forward(mut self, forward: Forward) -> Self {
        self.forward = Some(forward);
        self
    }

    /// Starts the receiver. When this returns, it accepts connections.
    pub fn start(self) -> Result<Receiver, StartError> {
        const COLLECTOR_LIMIT: usize = 20 << 20;
        const ALL_BODIES: usize = 128 << 20;
        let (listener, address) = self.listen.bind()?;
        #[cfg(feature = "grpc")]
        let grpc = self.grpc.map(Listen::bind);
        #[cfg(feature = "forward")]
        let passing = match self.forward {
            Some(forward) if forward.leads_to(address) => {
                return Err(StartError::ForwardsToItself { target: forward.target().to_owned() });
            }
            Some(forward) => Some(forward.start().map_err(StartError::Thread)?),
            None => None,
        };
        #[cfg(not(feature = "forward"))]
        let passing: Option<Passing> = None;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(StartError::Thread)?;
        let store = Store::new(self.limits);
        let max_body = self.max_body.unwrap_or(COLLECTOR_LIMIT);
        let service = Arc::new(service::Service {
            ingest: Ingest::default(),
            store: store.clone(),
            max_body,
            memory: Semaphore::new(max_body.clamp(ALL_BODIES, Semaphore::MAX_PERMITS)),
            keep_raw: self.keep_raw,
            respond: self.respond,
            passing: passing.clone(),
            recordings: self.recordings,
        });
        let patience = self.patience;
        let http1 = Port::new(address, Protocol::Http1, patience);
        #[cfg_attr(not(feature = "grpc"), expect(unused_mut, reason = "the one port there is"))]
        let mut ports = vec![(listener, http1, http::router(Arc::clone(&service)))];
        #[cfg(feature = "grpc")]
        let grpc = grpc.map(|bound| {
            bound.map(|(listener, address)| {
                let http2 = Port::new(address, Protocol::Http2, patience);
                ports.push((listener, http2, grpc::router(service)));
                address
            })
        });
        let known_ports = ports.iter().map(|(_, port, _)| port.clone()).collect();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("highlight-local".to_owned())
            .spawn(move || serve(&runtime, ports, patience, stopped))
            .map_err(StartError::Thread)?;
        Ok(Receiver {
            address,
            #[cfg(feature = "grpc")]
            grpc,
            ports: known_ports,
            store,
            passing,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl fmt::Debug for ReceiverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverBuilder")
            .field("listen", &self.listen)
            .field("limits", &self.limits)
            .field("max_body", &self.max_body)
            .field("keep_raw", &self.keep_raw)
            .field("respond", &self.respond.is_some())
            .field("patience", &self.patience)
            .field("recordings", &self.recordings)
            .finish_non_exhaustive()
    }
}

/// Where it listens, for what, and who is there.
#[derive(Debug, Clone)]
struct Port {
    address: SocketAddr,
    protocol: Protocol,
    room: Arc<Room>,
}

impl Port {
    fn new(address: SocketAddr, protocol: Protocol, patience: Patience) -> Self {
        Self { address, protocol, room: Arc::new(Room::new(patience.connections)) }
    }
}

/// A running receiver.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    #[cfg(feature = "grpc")]
    grpc: Option<Result<SocketAddr, StartError>>,
    ports: Vec<Port>,
    store: Store,
    passing: Option<Passing>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Starts a receiver with the default options. `0` takes a free port of the loopback
    /// interface.
    pub fn start(address: impl Into<Listen>) -> Result<Self, StartError> {
        Self::builder().address(address).start()
    }

    /// All options.
    pub fn builder() -> ReceiverBuilder {
        ReceiverBuilder::default()
    }

    /// What a sender on this machine sets as its endpoint, such as `http://127.0.0.1:4318`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        listen::endpoint(self.address)
    }

    /// The same for OTLP over gRPC; `None` where it does not listen for it.
    #[cfg(feature = "grpc")]
    #[must_use]
    pub fn grpc_endpoint(&self) -> Option<String> {
        self.grpc.as_ref().and_then(|grpc| grpc.as_ref().ok()).map(|address| listen::endpoint(*address))
    }

    /// Why it does not listen for OTLP over gRPC although it was told to.
    #[cfg(feature = "grpc")]
    #[must_use]
    pub fn grpc_error(&self) -> Option<&StartError> {
        self.grpc.as_ref().and_then(|grpc| grpc.as_ref().err())
    }

    /// What became of the requests that were to be passed on; `None` where none are.
    #[cfg(feature = "forward")]
    #[must_use]
    pub fn forward_stats(&self) -> Option<ForwardStats> {
        self.passing.as_ref().map(Passing::stats)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The received rows. The handle outlives the receiver.
    #[must_use]
    pub fn store(&self) -> Store {
        self.store.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends by itself; if it panicked there is nobody left to tell.
            let _ = thread.join();
        }
        if let Some(passing) = self.passing.take() {
            passing.finish();
        }
    }
}

/// Serves until told to stop; the end of the runtime then closes every connection.
fn serve(
    runtime: &Runtime,
    ports: Vec<(TcpListener, Port, Router)>,
    patience: Patience,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        for (listener, Port { protocol, room, .. }, router) in ports {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            tokio::spawn(connections::serve(listener, protocol, router, patience, room));
        }
        let _ = stopped.await;
    });
}
