//! Connections that carry several requests.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::wire::{Answer, Request, grpc};

pub(crate) async fn one_by_one(server: SocketAddr, requests: &[Request]) -> Result<Vec<Answer>> {
    let (mut stream, mut received, mut answers) = (connect(server).await?, Vec::new(), Vec::new());
    for request in requests {
        stream.write_all(&request.encode(server, "keep-alive")).await?;
        answers.push(next_answer(&mut stream, &mut received).await?);
    }
    Ok(answers)
}

pub(crate) async fn pipelined(server: SocketAddr, requests: &[Request]) -> Result<Vec<Answer>> {
    let (mut stream, mut received, mut answers) = (connect(server).await?, Vec::new(), Vec::new());
    let requests: Vec<_> = requests.iter().map(|request| request.encode(server, "keep-alive")).collect();
    stream.write_all(&requests.concat()).await?;
    for _ in requests {
        answers.push(next_answer(&mut stream, &mut received).await?);
    }
    Ok(answers)
}

async fn connect(server: SocketAddr) -> Result<TcpStream> {
    TcpStream::connect(server).await.context("connecting to the server")
}

/// The next answer, which must state its length.
async fn next_answer(stream: &mut TcpStream, received: &mut Vec<u8>) -> Result<Answer> {
    loop {
        if let Some(answer) = take_answer(received)? {
            return Ok(answer);
        }
        ensure!(stream.read_buf(received).await? > 0, "the server closed the connection");
    }
}

fn take_answer(received: &mut Vec<u8>) -> Result<Option<Answer>> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = received.windows(END.len()).position(|window| window == END) else { return Ok(None) };
    let head = std::str::from_utf8(&received[..end])?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.context("an answer that states its length")?.trim().parse()?;
    let body = end + END.len();
    if received.len() < body + length {
        return Ok(None);
    }
    let status = head.split(' ').nth(1).context("a status line")?.parse()?;
    let answer: Vec<u8> = received.drain(..body + length).collect();
    Ok(Some(Answer { status, body: String::from_utf8_lossy(&answer[body..]).into_owned() }))
}

/// A connection of HTTP/2.
#[derive(Debug, Clone)]
pub struct Multiplexed {
    server: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
    speaks_grpc: bool,
}

impl Multiplexed {
    pub(crate) async fn open(server: SocketAddr, speaks_grpc: bool) -> Result<Self> {
        let stream = TokioIo::new(connect(server).await?);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
        // It ends when the last sender is dropped; what fails before shows in the answers.
        tokio::spawn(connection);
        Ok(Self { server, sender, speaks_grpc })
    }

    /// Sends a request, and expects an answer.
    pub async fn answer(&self, request: &Request) -> Result<Answer> {
        if self.speaks_grpc {
            let response = self.sender.clone().send_request(grpc::encode(self.server, request)?).await?;
            return grpc::answer(response).await?.context("a whole answer");
        }
        Ok(self.answer_with_trailers(request).await?.0)
    }

    /// The same, in HTTP, with the trailers of the answer.
    pub async fn answer_with_trailers(&self, request: &Request) -> Result<(Answer, http::HeaderMap)> {
        let uri = format!("http://{}{}", self.server, request.target);
        let mut sent = http::Request::builder().method(request.method).uri(uri);
        for (name, value) in &request.headers {
            sent = sent.header(name, &value[..]);
        }
        let response = self.sender.clone().send_request(sent.body(Full::default())?).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        Ok((Answer { status, body }, trailers))
    }
}
