//! Where to listen, and why that may fail.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

/// The port of OTLP over HTTP.
pub const DEFAULT_PORT: u16 = 4318;

/// The port of OTLP over gRPC.
#[cfg(feature = "grpc")]
pub const DEFAULT_GRPC_PORT: u16 = 4317;

/// Where to listen: a port on the loopback interface, or a full address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(SocketAddr);

impl Default for Listen {
    /// Port 4318 of the loopback interface.
    fn default() -> Self {
        Self::from(DEFAULT_PORT)
    }
}

impl Listen {
    /// A listener for an asynchronous runtime, and where it came to be.
    pub(crate) fn bind(self) -> Result<(TcpListener, SocketAddr), StartError> {
        let Self(address) = self;
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::AddressTaken { address },
            _ => StartError::AddressRefused { address, source },
        };
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let bound = listener.local_addr().map_err(refused)?;
        Ok((listener, bound))
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
        "cannot listen on {address}; choose an address of this machine, such as 127.0.0.1, and a \
         port that needs no privileges, such as 4318"
    )]
    AddressRefused {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The receiver would pass its requests on to itself, for ever.
    #[error("cannot forward to {target}: that is this receiver itself; name the server behind it")]
    ForwardsToItself {
        /// The address that was given.
        target: String,
    },
    /// The system gives no thread or no event queue.
    #[error("cannot start the receiver's thread; the system is short of resources")]
    Thread(#[source] io::Error),
}

/// How a program on this machine reaches what listens at the address.
pub(super) fn endpoint(address: SocketAddr) -> String {
    let reachable = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(reachable, address.port()))
}
