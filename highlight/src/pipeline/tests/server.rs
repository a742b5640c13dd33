//! A small HTTP server that answers by script and keeps what it got.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;

/// Longer than anything takes; a test that gets here has hung.
pub(crate) const HANG_GUARD: Duration = Duration::from_secs(60);

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Status(u16),
    /// Status, one header, body.
    Full(u16, (&'static str, String), Vec<u8>),
    /// Reads the request and never answers.
    Hang,
    /// Closes the connection without an answer.
    Cut,
    /// Status 200, then closes in the middle of the body.
    CutAnswer,
    /// Something that is not HTTP.
    Garbage,
    /// Status 200, byte by byte, over this time.
    Slow(Duration),
    /// Status 200, and a body that never ends.
    Endless,
    /// Status 200 with a body shorter than announced; the connection stays open.
    TooShort,
    /// Status 200 with a body longer than announced.
    TooLong,
}

impl Reply {
    /// Whether the items may count as received: without a clear no they are.
    fn takes_in(&self) -> bool {
        match self {
            Self::Status(status) | Self::Full(status, ..) => (200..300).contains(status),
            _ => true,
        }
    }
}

/// A request as it arrived, its body decompressed.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// Whether the server kept it.
    pub(crate) taken: bool,
}

impl Seen {
    /// The items, as the test encoder writes them.
    pub(crate) fn items(&self) -> Vec<&str> {
        self.body.lines().collect()
    }
}

type Script = dyn Fn(usize, &Seen) -> Reply + Send + Sync;
/// Turns an accepted connection into what HTTP is spoken over.
type Accept = dyn Fn(TcpStream) -> io::Result<Box<dyn Stream>> + Send + Sync;

pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    script: Box<Script>,
    accept: Box<Accept>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    connections: usize,
    stopped: bool,
}

impl Server {
    /// The script gets the number of the request, from 0, and the request.
    pub(crate) fn start(script: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_over(|stream| Ok(Box::new(stream)), script)
    }

    /// Answers the first request so, and all others with 200.
    pub(crate) fn reluctant(first: impl Fn() -> Reply + Send + Sync + 'static) -> Self {
        Self::start(move |number, _| if number == 0 { first() } else { Reply::Status(200) })
    }

    pub(crate) fn start_over(
        accept: impl Fn(TcpStream) -> io::Result<Box<dyn Stream>> + Send + Sync + 'static,
        script: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").unwrap(), accept, script)
    }

    pub(crate) fn start_on(
        listener: TcpListener,
        accept: impl Fn(TcpStream) -> io::Result<Box<dyn Stream>> + Send + Sync + 'static,
        script: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            accept: Box::new(accept),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let server = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut state = shared.state.lock().unwrap();
                if state.stopped {
                    break;
                }
                state.connections += 1;
                drop(state);
                let shared = Arc::clone(&shared);
                // A client that goes away ends its connection's thread.
                thread::spawn(move || stream.and_then(|stream| shared.serve(stream)));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.state.lock().unwrap().seen.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.state.lock().unwrap().connections
    }

    /// The items of all requests that it kept.
    pub(crate) fn taken(&self) -> Vec<String> {
        let seen = self.seen();
        let items = seen.iter().filter(|seen| seen.taken).flat_map(Seen::items);
        items.map(str::to_owned).collect()
    }

    /// All items of all requests, accepted or not.
    pub(crate) fn items(&self) -> Vec<String> {
        let seen = self.seen();
        let items = seen.iter().flat_map(Seen::items);
        items.map(str::to_owned).collect()
    }

    /// Waits until this many requests have been read.
    pub(crate) fn wait_for(&self, requests: usize) {
        let guard = self.shared.state.lock().unwrap();
        let (guard, timeout) = self
            .shared
            .changed
            .wait_timeout_while(guard, HANG_GUARD, |state| state.seen.len() < requests)
            .unwrap();
        let seen = guard.seen.len();
        // A panic with the lock held would poison it for the drop.
        drop(guard);
        assert!(!timeout.timed_out(), "{seen} of {requests} requests");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().stopped = true;
        self.shared.changed.notify_all();
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        // An answer is written in several pieces, none of which should wait for the others.
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new((self.accept)(stream)?);
        while let Some(request) = read(&mut stream)? {
            let number = {
                let mut state = self.state.lock().unwrap();
                state.seen.push(request.clone());
                state.seen.len() - 1
            };
            self.changed.notify_all();
            let reply = (self.script)(number, &request);
            self.state.lock().unwrap().seen[number].taken = reply.takes_in();
            if !self.answer(stream.get_mut(), reply)? {
                break;
            }
        }
        Ok(())
    }

    /// Whether the connection is kept.
    fn answer(&self, stream: &mut impl Write, reply: Reply) -> io::Result<bool> {
        match reply {
            Reply::Status(status) => {
                write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n")?;
            }
            Reply::Full(status, (name, value), body) => {
                let length = body.len();
                write!(stream, "HTTP/1.1 {status} X\r\n{name}: {value}\r\ncontent-length: {length}\r\n\r\n")?;
                stream.write_all(&body)?;
            }
            Reply::Hang => {
                let guard = self.state.lock().unwrap();
                let _stopped = self.changed.wait_while(guard, |state| !state.stopped);
                return Ok(false);
            }
            Reply::Cut => return Ok(false),
            Reply::CutAnswer => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nabc")?;
                stream.flush()?;
                return Ok(false);
            }
            Reply::Garbage => {
                write!(stream, "220 mail.example.com ESMTP\r\n\r\n")?;
                stream.flush()?;
                return Ok(false);
            }
            Reply::Slow(time) => {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                for byte in answer {
                    thread::sleep(time / u32::try_from(answer.len()).unwrap());
                    stream.write_all(&[*byte])?;
                    stream.flush()?;
                }
            }
            Reply::Endless => {
                write!(stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
                let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
                while !self.state.lock().unwrap().stopped {
                    stream.write_all(chunk.as_bytes())?;
                }
                return Ok(false);
            }
            Reply::TooShort => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nabc")?;
                stream.flush()?;
                let guard = self.state.lock().unwrap();
                let _stopped = self.changed.wait_while(guard, |state| !state.stopped);
                return Ok(false);
            }
            Reply::TooLong => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nabcdefghij")?;
            }
        }
        stream.flush()?;
        Ok(true)
    }
}

fn read(stream: &mut impl BufRead) -> io::Result<Option<Seen>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut raw = vec![0; length];
    stream.read_exact(&mut raw)?;
    let mut body = String::new();
    if headers.get("content-encoding").is_some_and(|it| it == "gzip") {
        GzDecoder::new(raw.as_slice()).read_to_string(&mut body)?;
    } else {
        body = String::from_utf8(raw).unwrap();
    }
    Ok(Some(Seen { at: Instant::now(), path, headers, body, taken: false }))
}
