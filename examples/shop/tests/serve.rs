//! `--serve`: serves until SIGTERM, which delivers what is left and ends it with status 0.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may: its panic is its verdict")]

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use highlight_local::Receiver;
use support::shop;

/// Whoever waits longer than this has hung.
const HANG: Duration = Duration::from_secs(60);

struct Shop {
    process: Child,
    address: SocketAddr,
}

impl Shop {
    fn serve(endpoint: &str) -> Self {
        let mut process = shop()
            .arg("--serve")
            .env("PORT", "0")
            .env("HIGHLIGHT_OTLP_ENDPOINT", endpoint)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It says where it listens. The rest of its console must be read, too, or it could not write.
        let mut console = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = console
            .find_map(|line| {
                line.split_once("listens on http://").map(|(_, address)| address.parse().unwrap())
            })
            .unwrap();
        thread::spawn(move || console.for_each(drop));
        Self { process, address }
    }

    /// Sends a request and leaves the connection open, as browsers do.
    fn get(&self, path: &str, headers: &str) -> (String, TcpStream) {
        let mut connection = TcpStream::connect(self.address).unwrap();
        connection.set_read_timeout(Some(HANG)).unwrap();
        write!(connection, "GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", self.address).unwrap();
        let mut buffer = [0; 4096];
        let length = connection.read(&mut buffer).unwrap();
        (String::from_utf8_lossy(&buffer[..length]).into_owned(), connection)
    }

    /// Says how it ended, and how long that took.
    fn terminate(mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        let told = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(told.success());
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return (status, begun.elapsed());
            }
            assert!(begun.elapsed() < HANG, "it goes on after SIGTERM");
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Only if a test has failed: it is gone already, otherwise.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_end_delivers_what_was_served() {
    let receiver = Receiver::start(0).unwrap();
    let shop = Shop::serve(&receiver.endpoint());
    let (answer, _open) = shop.get("/api/products", "X-Highlight-Request: session1/9k2hTq81Lx\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let (status, _) = shop.terminate();
    assert_eq!(status.code(), Some(0));
    let seen = receiver.store().snapshot();
    assert_eq!(seen.sessions(), ["session1"]);
    assert_eq!(seen.spans_of("9k2hTq81Lx").len(), 1);
    assert!(seen.dropped.is_empty(), "{:?}", seen.dropped);
}

/// A server that accepts and never answers must not hold up the end. Five seconds are promised; the slack is for a
/// machine under load.
#[test]
fn a_server_that_hangs_does_not_hold_up_the_end() {
    let hanging = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let shop = Shop::serve(&format!("http://{}", hanging.local_addr().unwrap()));
    let (answer, _open) = shop.get("/api/products", "");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let (status, took) = shop.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(took < HANG / 2, "{took:?}");
}
