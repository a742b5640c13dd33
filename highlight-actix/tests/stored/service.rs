//! An actix server on a real socket, and the receiver that its telemetry goes to.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Once, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle, middleware::Condition, rt, web::ServiceConfig};
use highlight::{Client, Config, http::ServerOptions};
use highlight_actix::HighlightMiddleware;
use highlight_local::{Receiver, Snapshot, model::Span};
use tracing_subscriber::prelude::*;

/// How long anything may take before it counts as hanging.
pub(crate) const HANG: Duration = Duration::from_secs(60);

pub(crate) const SESSION: &str = "session1";
pub(crate) const REQUEST: &str = "request001";

/// What is different from a server of one worker with our middleware around its app.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) workers: usize,
    pub(crate) options: ServerOptions,
    /// Whether the app is wrapped; the routes may wrap parts of it.
    pub(crate) wrap_app: bool,
    /// Whether a client that has closed its half of the connection still gets its answer.
    pub(crate) half_closed: bool,
    pub(crate) config: fn(Config) -> Config,
    pub(crate) adapt: fn(HighlightMiddleware) -> HighlightMiddleware,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            workers: 1,
            options: ServerOptions::default(),
            wrap_app: true,
            half_closed: true,
            config: |config| config,
            adapt: |middleware| middleware,
        }
    }
}

pub(crate) struct Service {
    pub(crate) client: Client,
    receiver: Receiver,
    address: SocketAddr,
    server: ServerHandle,
    thread: JoinHandle<()>,
}

impl Service {
    pub(crate) fn new(routes: impl Fn(&mut ServiceConfig) + Send + Clone + 'static) -> Self {
        Self::with(Setup::default(), move |config, _| routes(config))
    }

    /// Starts a server. The routes get the middleware, for scopes of their own.
    pub(crate) fn with(
        setup: Setup,
        routes: impl Fn(&mut ServiceConfig, &HighlightMiddleware) + Send + Clone + 'static,
    ) -> Self {
        prepare_process();
        let receiver = Receiver::start(0).unwrap();
        let config = Config::new("1").endpoint(receiver.endpoint()).service_name("test");
        let client = Client::new((setup.config)(config)).unwrap();
        let middleware =
            (setup.adapt)(HighlightMiddleware::new().with_options(setup.options).with_client(client.clone()));
        let (send, started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let serve = async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .wrap(Condition::new(setup.wrap_app, middleware.clone()))
                        .configure(|config| routes(config, &middleware))
                })
                .workers(setup.workers)
                .disable_signals()
                .h1_allow_half_closed(setup.half_closed)
                .bind(("127.0.0.1", 0))
                .unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                send.send((address, server.handle())).unwrap();
                server.await.unwrap();
            };
            rt::System::new().block_on(serve);
        });
        let (address, server) = started.recv_timeout(HANG).unwrap();
        Self { client, receiver, address, server, thread }
    }

    /// Sends a request with a session and reads the whole response.
    pub(crate) fn send(&self, method: &str, path: &str) -> Answer {
        self.send_with(method, path, "", "")
    }

    /// The same with more header lines, each ended with CRLF, and a body.
    pub(crate) fn send_with(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut connection = self.connect();
        let length = body.len();
        let length = if length == 0 { String::new() } else { format!("content-length: {length}\r\n") };
        connection.write(&format!(
            "{}connection: close\r\n{length}{headers}\r\n{body}",
            head(method, path, SESSION)
        ));
        connection.read_to_end()
    }

    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(HANG)).unwrap();
        Connection(stream)
    }

    /// Stops the server when its connections have ended, and tells what was stored.
    pub(crate) fn stored(self) -> Snapshot {
        rt::Runtime::new().unwrap().block_on(self.server.stop(true));
        self.thread.join().unwrap();
        self.client.flush(HANG).unwrap();
        self.receiver.store().snapshot()
    }

    pub(crate) fn stored_span(self) -> Span {
        only_span(&self.stored()).clone()
    }
}

pub(crate) fn only_span(stored: &Snapshot) -> &Span {
    assert_eq!(stored.spans.len(), 1, "{:#?}", stored.spans);
    &stored.spans[0]
}

/// Everything that was stored belongs to the one request, and to its one server span.
pub(crate) fn belongs_to_the_request(stored: &Snapshot) {
    let span = only_span(stored);
    let spans = stored.spans.iter().map(|it| (&it.name, &it.origin, &it.trace_id, &it.span_id));
    let logs = stored.logs.iter().map(|it| (&it.message, &it.origin, &it.trace_id, &it.span_id));
    let errors = stored.errors.iter().map(|it| (&it.event, &it.origin, &it.trace_id, &it.span_id));
    for (what, origin, trace_id, span_id) in spans.chain(logs).chain(errors) {
        assert_eq!(origin.session_id, SESSION, "{what}");
        assert_eq!(trace_id, REQUEST, "{what}");
        assert_eq!(span_id, &span.span_id, "{what}");
    }
}

pub(crate) fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    span.attributes.get(key).map(String::as_str)
}

/// Request line and the headers that every request here has.
pub(crate) fn head(method: &str, path: &str, session: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: shop.example:8080\r\nx-highlight-request: {session}/{REQUEST}\r\n"
    )
}

pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// Says that nothing more will come.
    pub(crate) fn finish(&mut self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// Reads until `text` has come.
    pub(crate) fn read_until(&mut self, text: &str) -> String {
        let mut read = Vec::new();
        let mut byte = [0];
        loop {
            self.0.read_exact(&mut byte).unwrap();
            read.push(byte[0]);
            if read.ends_with(text.as_bytes()) {
                return String::from_utf8(read).unwrap();
            }
        }
    }

    pub(crate) fn read_to_end(mut self) -> Answer {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer { status: status.unwrap_or_default(), head: head.to_ascii_lowercase(), body: body.to_owned() }
    }
}

/// What came back. Without an answer the status is 0.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// Not decoded, if it came in chunks.
    pub(crate) body: String,
}

fn prepare_process() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::registry().with(highlight::layer()).init();
        highlight::install_panic_hook();
    });
}
