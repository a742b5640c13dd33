//! Whether somebody speaks HTTP/2 and nothing else: a gRPC port.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::mpsc,
    thread,
    time::Duration,
};

/// The client's preface with an empty SETTINGS frame (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The type of a SETTINGS frame, the first that a server sends.
const SETTINGS: u8 = 4;

/// Whether a server of HTTP/2 listens there. Takes at most `limit`: names are looked up without one, so another thread does it.
pub(super) fn is_spoken_at(host: &str, port: u16, limit: Duration) -> bool {
    let (answer, answered) = mpsc::channel();
    let host = host.to_owned();
    let asked = thread::Builder::new().name("highlight-diagnosis".to_owned()).spawn(move || {
        // Nobody listens any more if it took too long.
        let _ = answer.send(ask(&host, port, limit).unwrap_or(false));
    });
    asked.is_ok() && answered.recv_timeout(limit).unwrap_or(false)
}

fn ask(host: &str, port: u16, limit: Duration) -> io::Result<bool> {
    let unknown = || io::Error::from(io::ErrorKind::NotFound);
    let address = (host, port).to_socket_addrs()?.next().ok_or_else(unknown)?;
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(PREFACE)?;
    // Length (3 bytes), type, flags, stream (4 bytes): SETTINGS belong to no stream.
    let mut header = [0; 9];
    stream.read_exact(&mut header)?;
    Ok(header[3] == SETTINGS && header[5..] == [0; 4])
}
