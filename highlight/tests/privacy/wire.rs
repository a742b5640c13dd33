//! A receiver that keeps the bytes of every request, unpacked, and understands none of them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use flate2::read::GzDecoder;

/// Listens on a free port of loopback.
pub(crate) struct Receiver {
    pub(crate) endpoint: String,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::<Mutex<Vec<u8>>>::default();
        let keep = Arc::clone(&sent);
        // It ends with the process, each connection's thread with its client.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let keep = Arc::clone(&keep);
                thread::spawn(move || while receive(&stream, &keep).is_some() {});
            }
        });
        Self { endpoint, sent }
    }

    /// All bytes received so far.
    pub(crate) fn sent(&self) -> Vec<u8> {
        self.sent.lock().unwrap().clone()
    }

    /// The same as text, for messages and for what is ASCII.
    pub(crate) fn sent_text(&self) -> String {
        String::from_utf8_lossy(&self.sent()).into_owned()
    }
}

/// Reads one request and answers it; `None` at the connection's end.
fn receive(stream: &TcpStream, keep: &Mutex<Vec<u8>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut packed) = (0, false);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("content-encoding", value)) => packed = value == "gzip",
            _ if line.is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if packed {
        let mut unpacked = Vec::new();
        GzDecoder::new(body.as_slice()).read_to_end(&mut unpacked).unwrap();
        body = unpacked;
    }
    keep.lock().unwrap().append(&mut body);
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()
}
