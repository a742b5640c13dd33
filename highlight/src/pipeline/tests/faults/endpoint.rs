//! Endpoints that are in trouble until they are healed.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use ureq::tls::Certificate;

use crate::pipeline::tests::{
    server::{HANG_GUARD, Reply, Seen, Server, Stream},
    tls,
};

/// See the module.
pub(super) struct Endpoint {
    pub(super) url: String,
    pub(super) certificates: Vec<Certificate<'static>>,
    health: Arc<Health>,
    state: State,
}

enum State {
    Up(Server),
    /// Nobody serves until this does.
    Down(Box<dyn FnOnce() -> Server + Send>),
    /// Nobody ever will.
    Lost,
}

impl Endpoint {
    /// Reads requests, and answers as `trouble` says. It gets the number of the request.
    pub(super) fn answering(trouble: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::new(|stream, _| Ok(Box::new(stream)), trouble)
    }

    /// Has trouble on the way to the request: `accept` sees to it for as long as it is ill.
    pub(super) fn accepting(
        accept: impl Fn(TcpStream, &Arc<Health>) -> io::Result<Box<dyn Stream>> + Send + Sync + 'static,
    ) -> Self {
        Self::new(accept, |_, _| Reply::Status(200))
    }

    fn new(
        accept: impl Fn(TcpStream, &Arc<Health>) -> io::Result<Box<dyn Stream>> + Send + Sync + 'static,
        trouble: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let health = Arc::new(Health::default());
        let (of_accept, of_answer) = (Arc::clone(&health), Arc::clone(&health));
        let server = Server::start_over(
            move |stream| {
                if of_accept.is_well() { Ok(Box::new(stream)) } else { accept(stream, &of_accept) }
            },
            move |number, seen| {
                if of_answer.is_well() { Reply::Status(200) } else { trouble(number, seen) }
            },
        );
        Self { url: server.url(), certificates: Vec::new(), health, state: State::Up(server) }
    }

    /// The port is taken, and nobody listens.
    pub(super) fn refusing() -> Self {
        let (socket, address) = bound();
        Self::down(format!("http://{address}"), move || {
            socket.listen(128).unwrap();
            serve(socket.into())
        })
    }

    /// The system's list of connections to be accepted is full: it leaves new ones without an answer.
    pub(super) fn full() -> Self {
        let (socket, address) = bound();
        socket.listen(0).unwrap();
        let fill = || TcpStream::connect_timeout(&address, Duration::from_millis(100));
        let waiting: Vec<_> = std::iter::repeat_with(fill).take(64).map_while(Result::ok).collect();
        assert!(waiting.len() < 64, "the list never fills");
        Self::down(format!("http://{address}"), move || {
            drop(waiting);
            serve(socket.into())
        })
    }

    /// A name that stands for nothing (RFC 2606).
    pub(super) fn nameless() -> Self {
        Self { state: State::Lost, ..Self::down("http://nobody.invalid:4318".to_owned(), || unreachable!()) }
    }

    /// Has a certificate of an authority that is not trusted.
    pub(super) fn impostor() -> Self {
        let ((right, authority), (wrong, _)) = (tls::identity(), tls::identity());
        let health = Arc::new(Health::default());
        let of_accept = Arc::clone(&health);
        let server = Server::start_over(
            move |stream| Ok(tls::speak(if of_accept.is_well() { &right } else { &wrong }, stream)),
            |_, _| Reply::Status(200),
        );
        let url = format!("https://localhost:{}", server.address.port());
        Self { url, certificates: vec![authority], health, state: State::Up(server) }
    }

    fn down(url: String, up: impl FnOnce() -> Server + Send + 'static) -> Self {
        let state = State::Down(Box::new(up));
        Self { url, certificates: Vec::new(), health: Arc::default(), state }
    }

    /// Gives the endpoint another name, for a proxy that finds it by its port.
    pub(super) fn named(self, host: &str) -> Self {
        let State::Up(server) = &self.state else { panic!("it has no port") };
        Self { url: format!("http://{host}:{}", server.address.port()), ..self }
    }

    pub(super) fn heals(&self) -> bool {
        !matches!(self.state, State::Lost)
    }

    /// From now on it behaves.
    pub(super) fn heal(&mut self) {
        self.health.set_well();
        self.state = match std::mem::replace(&mut self.state, State::Lost) {
            State::Down(up) => State::Up(up()),
            as_it_is => as_it_is,
        };
    }

    /// Requests that arrived whole.
    pub(super) fn tries(&self) -> usize {
        match &self.state {
            State::Up(server) => server.seen().len(),
            _ => 0,
        }
    }

    /// What arrived, as often as it did.
    pub(super) fn taken(&self) -> Vec<String> {
        match &self.state {
            State::Up(server) => server.taken(),
            _ => Vec::new(),
        }
    }
}

/// A port of its own for as long as the socket lives.
fn bound() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

fn serve(listener: TcpListener) -> Server {
    Server::start_on(listener, |stream| Ok(Box::new(stream)), |_, _| Reply::Status(200))
}

/// Whether an endpoint has been healed.
#[derive(Default)]
pub(super) struct Health {
    well: Mutex<bool>,
    changed: Condvar,
}

impl Health {
    fn is_well(&self) -> bool {
        *self.well.lock().unwrap()
    }

    fn set_well(&self) {
        *self.well.lock().unwrap() = true;
        self.changed.notify_all();
    }

    /// Blocks while the endpoint is ill; there is an end to that too.
    fn wait(&self) {
        let well = self.well.lock().unwrap();
        let _well = self.changed.wait_timeout_while(well, HANG_GUARD, |well| !*well).unwrap();
    }
}

/// Takes the connection and reads nothing.
#[expect(clippy::unnecessary_wraps, reason = "one of several")]
pub(super) fn silence(stream: TcpStream, health: &Arc<Health>) -> io::Result<Box<dyn Stream>> {
    health.wait();
    Ok(Box::new(stream))
}

/// Ends the connection at once.
pub(super) fn cut(_: TcpStream, _: &Arc<Health>) -> io::Result<Box<dyn Stream>> {
    Err(io::ErrorKind::ConnectionAborted.into())
}

/// Ends the connection in the middle of the request.
#[expect(clippy::unnecessary_wraps, reason = "one of several")]
pub(super) fn cut_in_the_middle(stream: TcpStream, _: &Arc<Health>) -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(UpTo { stream, left: 150 }))
}

/// Reads a few bytes at a time.
#[expect(clippy::unnecessary_wraps, reason = "one of several")]
pub(super) fn slowly(stream: TcpStream, _: &Arc<Health>) -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(Slowly(stream)))
}

struct UpTo {
    stream: TcpStream,
    left: usize,
}

impl Read for UpTo {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(self.left);
        if room == 0 {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let read = self.stream.read(&mut buffer[..room])?;
        self.left -= read;
        Ok(read)
    }
}

impl Write for UpTo {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

struct Slowly(TcpStream);

impl Read for Slowly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        thread::sleep(Duration::from_millis(1));
        let room = buffer.len().min(16);
        self.0.read(&mut buffer[..room])
    }
}

impl Write for Slowly {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
