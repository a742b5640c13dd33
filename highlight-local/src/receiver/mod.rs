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
mod http;

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::{runtime::Runtime, sync::oneshot};

use crate::{
    ingest::Ingest,
    store::{Limits, RequestInfo, Store},
};

/// The port of OTLP over HTTP.
pub const DEFAULT_PORT: u16 = 4318;

/// Where to listen: a port on the loopback interface, or a full address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(SocketAddr);

impl Default for Listen {
    /// Port 4318 of the loopback interface.
    fn default() -> Self {
        Self::from(DEFAULT_PORT)
    }
}

impl From<u16> for Listen {
    /// A port of the loopback interface; 0 takes a free one.
    fn from(port: u16) -> Self {
        Self((IpAddr::V4(Ipv4Addr::LOCALHOST), port).into())
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self(address)
    }
}

/// Why a receiver did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another program listens there.
    #[error(
        "cannot listen on {address}: the address is taken, perhaps by an OpenTelemetry Collector \
         or another highlight-local; stop that program or choose another port (0 takes a free one)"
    )]
    AddressTaken {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The system refuses the address.
    #[error(
        "cannot listen on {address}: {source}; choose an address of this machine, such as \
         127.0.0.1, and a port that needs no privileges, such as 4318"
    )]
    AddressRefused {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no thread or no event queue.
    #[error("cannot start the receiver's thread: {0}; the system is short of resources")]
    Thread(#[source] io::Error),
}

/// The question asked before a request is stored.
type Respond = dyn Fn(&RequestInfo) -> Option<u16> + Send + Sync;

/// Options of a [`Receiver`].
#[derive(Default)]
pub struct ReceiverBuilder {
    listen: Listen,
    limits: Limits,
    max_body: Option<usize>,
    keep_raw: bool,
    respond: Option<Box<Respond>>,
}

impl ReceiverBuilder {
    /// Where to listen. Default: port 4318 of the loopback interface. Port 0 takes a free one.
    #[must_use]
    pub fn address(mut self, address: impl Into<Listen>) -> Self {
        self.listen = address.into();
        self
    }

    /// The longest accepted body in bytes, as sent and after decompression. Default: 20 MiB, the
    /// collector's limit (C§1.3). Longer ones are answered with 413.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// How much is kept.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Keeps the decoded requests for [`Store::raw_traces`] and its like. Default: `false`.
    #[must_use]
    pub fn keep_raw(mut self, keep: bool) -> Self {
        self.keep_raw = keep;
        self
    }

    /// Asks before a well-formed request is stored: with `Some(status)` the request is answered
    /// with that status and not stored. For tests of how a sender copes with failure.
    #[must_use]
    pub fn respond_with(
        mut self,
        respond: impl Fn(&RequestInfo) -> Option<u16> + Send + Sync + 'static,
    ) -> Self {
        self.respond = Some(Box::new(respond));
        self
    }

    /// Starts the receiver. When this returns, it accepts connections.
    pub fn start(self) -> Result<Receiver, StartError> {
        const COLLECTOR_LIMIT: usize = 20 << 20;
        let (listener, address) = bind(self.listen.0)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(StartError::Thread)?;
        let store = Store::new(self.limits);
        let service = http::Service {
            ingest: Ingest::default(),
            store: store.clone(),
            max_body: self.max_body.unwrap_or(COLLECTOR_LIMIT),
            keep_raw: self.keep_raw,
            respond: self.respond,
        };
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("highlight-local".to_owned())
            .spawn(move || serve(&runtime, listener, service, stopped))
            .map_err(StartError::Thread)?;
        Ok(Receiver { address, store, stop: Some(stop), thread: Some(thread) })
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
            .finish()
    }
}

/// A running receiver.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    store: Store,
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
    #[must_use]
    pub fn builder() -> ReceiverBuilder {
        ReceiverBuilder::default()
    }

    /// What a sender on this machine sets as its endpoint, such as `http://127.0.0.1:4318`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let reachable = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(reachable, self.address.port()))
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
    }
}

fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressTaken { address },
        _ => StartError::AddressRefused { address, source },
    };
    let listener = TcpListener::bind(address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// Serves until told to stop; the end of the runtime then closes every connection.
fn serve(runtime: &Runtime, listener: TcpListener, service: http::Service, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        let router = http::router(Arc::new(service));
        tokio::select! {
            _ = stopped => {}
            _ = axum::serve(listener, router) => {}
        }
    });
}
