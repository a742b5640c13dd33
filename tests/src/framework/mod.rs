//! The columns of the table.

mod actix;
mod axum;
mod neighbour;
mod plain;
mod tonic;
mod tower;

use std::{fmt, net::SocketAddr};

use anyhow::{Context, Result, bail};
use highlight::{Client, http::ServerOptions};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use crate::{
    connection::{self, Multiplexed},
    handler::{BoxFuture, Handler},
    wire::{self, Answer, Request, grpc},
};

pub use self::neighbour::{Neighbour, PATIENCE};

/// A framework with our integration: how a handler is served with it.
pub trait Framework: fmt::Debug + Sync {
    /// The column's heading.
    fn name(&self) -> &'static str;

    /// Serves `GET /orders/{id}` and whatever else comes.
    fn serve(&self, setup: Setup) -> BoxFuture<Result<Service>>;

    /// Why there is no such thing, if there is none.
    fn lacks(&self, need: Need) -> Option<&'static str> {
        (need == Need::Grpc).then_some(NO_GRPC)
    }

    /// Whether there is such a thing.
    fn has(&self, need: Need) -> bool {
        self.lacks(need).is_none()
    }

    /// The name of the span of `GET /orders/7`.
    fn request_span(&self) -> &'static str;

    /// What becomes of an error that the handler returns.
    fn on_error(&self) -> OnError;
}

/// What a row may need of a framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A server span, with a status, and a body that is sent frame by frame.
    Server,
    /// That span in HTTP's terms.
    Http,
    /// That span in gRPC's terms.
    Grpc,
    /// The `tracing` span that carries the request.
    RequestSpan,
    /// Handlers on the suite's own runtime, on any of its threads. Otherwise each stays on the thread of its worker, which
    /// takes its tasks along when it stops.
    SharedRuntime,
    /// Headers as lines, of which several may have one name.
    HeaderLines,
    /// Connections of HTTP/1, which carry several requests, or none any more.
    Connection,
    /// Connections of HTTP/2, which carry several requests at once.
    Multiplexing,
    /// Middleware of others.
    Neighbours,
    /// Bodies with trailers.
    Trailers,
    /// Errors of handlers with their causes, not as texts.
    ErrorValues,
}

const NO_GRPC: &str = "what is served is no gRPC";

/// What a framework does with an error that the handler returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// `?` turns it into our handler error, on this line of this file. It is answered.
    QuestionMark {
        /// The file.
        file: &'static str,
        /// The line.
        line: u32,
    },
    /// It is reported on this line of this file, and answered with a status.
    Reported {
        /// The file.
        file: &'static str,
        /// The line.
        line: u32,
    },
    /// The service itself fails, and the connection with it.
    ServiceError,
    /// Our span around it ends with it.
    SpanError,
}

/// What is to be served.
#[expect(missing_debug_implementations, reason = "a handler has nothing to show")]
pub struct Setup {
    /// Where to report.
    pub client: Client,
    /// What serves.
    pub handler: Handler,
    /// The options of our layer, without the client.
    pub options: ServerOptions,
    /// What else stands around the handler.
    pub neighbour: Option<Neighbour>,
}

impl Setup {
    fn options(&self) -> ServerOptions {
        self.options.clone().client(self.client.clone())
    }
}

/// All columns.
#[must_use]
pub fn frameworks() -> [&'static dyn Framework; 5] {
    [&plain::Plain, &tower::Tower, &axum::Axum, &actix::Actix, &tonic::Tonic]
}

/// A running server.
#[derive(Debug)]
pub struct Service {
    reach: Reach,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

#[derive(Debug, Clone)]
enum Reach {
    Socket(SocketAddr),
    Grpc(SocketAddr),
    Call(plain::Calls),
}

impl Service {
    /// A server on a free port. `serve` gets its listener, and returns when it was told to stop and no connection is left.
    #[expect(clippy::unused_async, reason = "listening and spawning take a runtime")]
    async fn on_socket<F>(serve: impl FnOnce(TcpListener, oneshot::Receiver<()>) -> F) -> Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).context("binding a port")?;
        // Room for all clients of the largest crowd: what does not fit may be reset.
        let listener = socket.listen(4096).context("listening")?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve(listener, stopped));
        Ok(Self { reach: Reach::Socket(address), stop: Some(stop), server: Some(server) })
    }

    /// Its address, if it has one.
    fn address(&self) -> Result<SocketAddr> {
        match &self.reach {
            Reach::Socket(address) | Reach::Grpc(address) => Ok(*address),
            Reach::Call(_) => bail!("no server"),
        }
    }

    /// Sends the requests over one connection, each after the answer to the one before.
    pub async fn one_by_one(&self, requests: &[Request]) -> Result<Vec<Answer>> {
        connection::one_by_one(self.address()?, requests).await
    }

    /// Sends the requests over one connection, all before the first answer.
    pub async fn pipelined(&self, requests: &[Request]) -> Result<Vec<Answer>> {
        connection::pipelined(self.address()?, requests).await
    }

    /// A connection of HTTP/2, which carries any number of requests at once.
    pub async fn multiplexed(&self) -> Result<Multiplexed> {
        let speaks_grpc = matches!(self.reach, Reach::Grpc(_));
        Multiplexed::open(self.address()?, speaks_grpc).await
    }

    /// The same, spoken to in gRPC.
    fn speaking_grpc(mut self) -> Self {
        if let Reach::Socket(address) = self.reach {
            self.reach = Reach::Grpc(address);
        }
        self
    }

    fn of_calls(calls: plain::Calls) -> Self {
        Self { reach: Reach::Call(calls), stop: None, server: None }
    }

    /// Where it is, for `inject_for`.
    #[must_use]
    pub fn uri(&self) -> http::Uri {
        let address = match &self.reach {
            Reach::Socket(address) | Reach::Grpc(address) => address.to_string(),
            Reach::Call(_) => "orders".to_owned(),
        };
        http::Uri::builder()
            .scheme("http")
            .authority(address)
            .path_and_query("/orders/7")
            .build()
            .unwrap_or_default()
    }

    /// Sends a request and reads the answer; `None` if none came.
    pub async fn send(&self, request: &Request) -> Result<Option<Answer>> {
        match &self.reach {
            Reach::Socket(address) => wire::read_answer(wire::open(*address, request).await?).await,
            Reach::Grpc(address) => grpc::Call::open(*address, request).await?.read_answer().await,
            Reach::Call(calls) => Ok(calls.begin(request).await.ok().flatten()),
        }
    }

    /// Sends a request, and expects an answer.
    pub async fn answer(&self, request: &Request) -> Result<Answer> {
        self.send(request).await?.context("the server closed the connection without an answer")
    }

    /// Sends a request and waits for nothing.
    pub async fn begin(&self, request: &Request) -> Result<Pending> {
        match &self.reach {
            Reach::Socket(address) => Ok(Pending::Socket(wire::open(*address, request).await?)),
            Reach::Grpc(address) => Ok(Pending::Grpc(grpc::Call::open(*address, request).await?)),
            Reach::Call(calls) => Ok(Pending::Call(calls.begin(request))),
        }
    }

    /// Stops, after all connections have ended: then everything was recorded.
    pub async fn stop(mut self) -> Result<()> {
        drop(self.stop.take());
        match self.server.take() {
            Some(server) => server.await.context("the server goes on whatever its handlers do"),
            None => Ok(()),
        }
    }
}

/// A request under way.
#[derive(Debug)]
pub enum Pending {
    /// Over a socket.
    Socket(TcpStream),
    /// Over a socket, as a gRPC call.
    Grpc(grpc::Call),
    /// By a call.
    Call(JoinHandle<Option<Answer>>),
}

impl Pending {
    /// Reads until `text` has come so many times.
    pub async fn read_until(&mut self, text: &str, times: usize) -> Result<()> {
        match self {
            Self::Socket(stream) => wire::read_until(stream, text, times).await,
            Self::Grpc(call) => call.read_until(text, times).await,
            Self::Call(_) => bail!("a call answers as a whole"),
        }
    }

    /// Goes away without waiting for the answer.
    pub async fn leave(self) {
        match self {
            Self::Socket(stream) => drop(stream),
            Self::Grpc(call) => drop(call),
            Self::Call(call) => {
                call.abort();
                // It ends by being dropped, which is what was wanted.
                let _ = call.await;
            }
        }
    }
}

/// The number, from 1, of the only line of `source` that ends with `marker`.
fn line_marked(source: &str, marker: &str) -> u32 {
    let marked = source.lines().position(|line| line.ends_with(marker));
    marked.and_then(|index| u32::try_from(index + 1).ok()).unwrap_or_default()
}
