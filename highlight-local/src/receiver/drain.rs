//! Waiting for what senders that are gone have left behind.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use super::{Receiver, connections::Protocol};

impl Receiver {
    /// Blocks until every connection has ended, and so all is stored that senders sent before they did; `false` if
    /// there still is one after `timeout`.
    ///
    /// For programs that have ended: their connections end when what is in them has been read. One that runs keeps its
    /// connections for the next request. To know that nobody is in the queue, it connects to each port itself.
    #[must_use = "what a running program sends may still come"]
    pub fn drain(&self, timeout: Duration) -> bool {
        let begin = Instant::now();
        let left = || timeout.saturating_sub(begin.elapsed());
        // All ports first: a connection that waits to be accepted is in none of the rooms.
        let seated = self.ports.iter().all(|port| pass_through(port.address, port.protocol, left()).is_ok());
        seated && self.ports.iter().all(|port| port.room.wait_until_empty(left()))
    }
}

/// Connections are accepted in the order they came: once ours is answered, all before it are accepted.
fn pass_through(address: SocketAddr, protocol: Protocol, timeout: Duration) -> io::Result<()> {
    // The clock of sockets knows no zero.
    let timeout = timeout.max(Duration::from_millis(1));
    let mut stream = TcpStream::connect_timeout(&reachable(address), timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    match protocol {
        Protocol::Http1 => {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        }
        // The server speaks first, once it has seen the client's preface (RFC 9113, 3.4): with an empty SETTINGS.
        #[cfg(feature = "grpc")]
        Protocol::Http2 => stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")?,
    }
    stream.read_exact(&mut [0])
}

/// Where a listener on all interfaces is reached.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        known => known.ip(),
    };
    SocketAddr::new(ip, address.port())
}
