//! A gRPC client that sends exactly the metadata it is told, and may leave early. Messages are single strings.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::{net::TcpStream, task::JoinHandle};

use super::{Answer, Request};

/// The service; what the suite calls is its method `Get`.
pub const SERVICE: &str = "shop.Orders";

/// A gRPC status in the terms of the other rows: 200 for OK, 500 for INTERNAL, else the code itself.
#[must_use]
pub fn status_of(code: u16) -> u16 {
    match code {
        0 => 200,
        13 => 500,
        code => code,
    }
}

/// A call under way, on a connection of its own. Dropping it is how a client goes away.
#[derive(Debug)]
pub struct Call {
    response: JoinHandle<hyper::Result<Response<Incoming>>>,
    body: Option<Incoming>,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.response.abort();
    }
}

impl Call {
    /// Calls the method that the request names, `Get` for `GET`; its target is the message.
    pub async fn open(server: SocketAddr, request: &Request) -> Result<Self> {
        let stream = TcpStream::connect(server).await.context("connecting to the server")?;
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.context("shaking hands")?;
        // It ends with the call, which is its only one; how, is the call's affair.
        tokio::spawn(async { drop(connection.await) });
        let request = encode(server, request)?;
        let response = tokio::spawn(async move { sender.send_request(request).await });
        Ok(Self { response, body: None })
    }

    /// Reads until `text` has come so many times.
    pub async fn read_until(&mut self, text: &str, times: usize) -> Result<()> {
        let mut body = (&mut self.response).await??.into_body();
        let mut seen = Vec::new();
        while seen.windows(text.len()).filter(|window| *window == text.as_bytes()).count() < times {
            let frame = body.frame().await.context("the server ended the stream")??;
            seen.extend(frame.into_data().unwrap_or_default());
        }
        self.body = Some(body);
        Ok(())
    }

    /// Reads the whole answer; `None` if the server broke the call off without a status.
    pub async fn read_answer(mut self) -> Result<Option<Answer>> {
        match (&mut self.response).await? {
            Ok(response) => answer(response).await,
            Err(_) => Ok(None),
        }
    }
}

/// What the response says; `None` if the server broke it off without a status.
pub(crate) async fn answer(response: Response<Incoming>) -> Result<Option<Answer>> {
    let status = response.status();
    let at_once = response.headers().clone();
    let Ok(body) = response.into_body().collect().await else { return Ok(None) };
    let trailers = body.trailers().cloned().unwrap_or_default();
    let code = |headers: &HeaderMap| headers.get("grpc-status")?.to_str().ok()?.parse().ok();
    let Some(code) = code(&at_once).or_else(|| code(&trailers)) else {
        return Ok(Some(Answer { status: status.as_u16(), body: String::new() }));
    };
    Ok(Some(Answer { status: status_of(code), body: decode(&body.to_bytes())? }))
}

/// A call of the method that the request names, with its target as the message.
pub(crate) fn encode(server: SocketAddr, request: &Request) -> Result<http::Request<Full<Bytes>>> {
    let method = if request.method == "GET" { "Get" } else { request.method };
    let message = request.target.encode_to_vec();
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len())?);
    frame.put_slice(&message);
    let mut encoded = http::Request::post(format!("http://{server}/{SERVICE}/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(frame.freeze()))?;
    for (name, value) in &request.headers {
        // HTTP/2 has lower-case names only, whatever the client's program writes.
        encoded.headers_mut().append(HeaderName::try_from(name)?, HeaderValue::from_bytes(value)?);
    }
    Ok(encoded)
}

/// The messages, one after the other.
fn decode(mut frames: &[u8]) -> Result<String> {
    let mut text = String::new();
    while let Some((prefix, rest)) = frames.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
        ensure!(prefix[0] == 0 && rest.len() >= length, "half a message");
        text += &String::decode(&rest[..length])?;
        frames = &rest[length..];
    }
    ensure!(frames.is_empty(), "half a message");
    Ok(text)
}
