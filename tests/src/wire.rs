//! An HTTP/1.1 client that sends exactly what it is told, and may leave early.

pub mod grpc;

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The browser's header.
pub const REQUEST_HEADER: &str = "x-highlight-request";

/// A request. Nothing about its headers is checked.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// The header lines in order, besides `host` and `connection`; the metadata of a gRPC call.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body; `content-length` is added if there is one.
    pub body: Vec<u8>,
}

impl Request {
    /// `GET /orders/7`, from nobody in particular.
    #[must_use]
    pub fn new() -> Self {
        Self { method: "GET", target: "/orders/7".to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// The same from a page whose browser client sends `<session>/<request>`.
    #[must_use]
    pub fn from_browser(session: &str, request: &str) -> Self {
        Self::new().header(REQUEST_HEADER, format!("{session}/{request}"))
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds what was injected.
    #[must_use]
    pub fn headers(self, headers: &http::HeaderMap) -> Self {
        headers.iter().fold(self, |request, (name, value)| request.header(name.as_str(), value))
    }

    /// Another path.
    #[must_use]
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    /// Another method.
    #[must_use]
    pub fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    /// A connection that is to be upgraded stays.
    fn connection(&self) -> &'static str {
        if self.headers.iter().any(|(name, _)| name == "upgrade") { "upgrade" } else { "close" }
    }

    /// A body.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        body.as_ref().clone_into(&mut self.body);
        self
    }

    pub(crate) fn encode(&self, host: SocketAddr, connection: &str) -> Vec<u8> {
        let Self { method, target, headers, body } = self;
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: {connection}\r\n")
            .into_bytes();
        for (name, value) in headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        if !body.is_empty() {
            bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        bytes
    }
}

impl Default for Request {
    fn default() -> Self {
        Self::new()
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status; of a gRPC call as [`grpc::status_of`] tells it.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Sends the request; the answer comes over the returned connection. Dropping that is how a client goes away.
pub async fn open(server: SocketAddr, request: &Request) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(server).await.context("connecting to the server")?;
    stream.write_all(&request.encode(server, request.connection())).await.context("sending the request")?;
    Ok(stream)
}

/// Reads until `text` has come so many times.
pub async fn read_until(stream: &mut TcpStream, text: &str, times: usize) -> Result<()> {
    let mut seen = Vec::new();
    while seen.windows(text.len()).filter(|window| *window == text.as_bytes()).count() < times {
        let read = stream.read_buf(&mut seen).await?;
        ensure!(read > 0, "the server closed the connection before it sent {text:?}");
    }
    Ok(())
}

/// Reads the whole answer; `None` if the server closed the connection without a complete one.
pub async fn read_answer(mut stream: TcpStream) -> Result<Option<Answer>> {
    let mut bytes = Vec::new();
    // A reset is one of the ways to close without an answer.
    let _ = stream.read_to_end(&mut bytes).await;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Result<Option<Answer>> {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head =
        std::str::from_utf8(&bytes[..end]).context("the head of the answer is text")?.to_ascii_lowercase();
    let status = head.split(' ').nth(1).context("the answer has a status line")?.parse()?;
    let body = &bytes[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") { dechunk(body) } else { Some(body.to_vec()) };
    Ok(body.map(|body| Answer { status, body: String::from_utf8_lossy(&body).into_owned() }))
}

/// `None` if the last chunk is missing.
fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = find(rest, b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?, 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let answer = |status, body: &str| Some(Answer { status, body: body.to_owned() });
        for (bytes, expected) in [
            ("", None),
            ("HTTP/1.1 200 OK\r\ncontent-le", None),
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", answer(404, "")),
            ("HTTP/1.1 200 OK\r\n\r\nbody", answer(200, "body")),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
                answer(200, "abc"),
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", None),
        ] {
            assert_eq!(parse(bytes.as_bytes()).unwrap(), expected, "{bytes}");
        }
    }
}
