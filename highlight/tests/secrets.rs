//! The endpoint's credentials show up in no log. A process of its own: loggers are the process's.

use std::{
    net::TcpListener,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use highlight::{Client, Config, Level};
use highlight_local::Receiver;

const SECRET: &str = "hunter2";

/// Keeps all that the `log` crate is told, by the HTTP client too.
struct Everything(Mutex<Vec<String>>);

static LOGGED: Everything = Everything(Mutex::new(Vec::new()));

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(format!("{} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

#[test]
fn credentials_are_never_logged() {
    log::set_logger(&LOGGED).unwrap();
    // At TRACE the HTTP client dumps what goes over the wire: `Config::header` says so.
    log::set_max_level(log::LevelFilter::Debug);
    let receiver = Receiver::start(0).unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for endpoint in [receiver.endpoint(), format!("http://{nobody}")] {
        let config =
            Config::new("1").endpoint(endpoint).header("authorization", SECRET).header("x-key", SECRET);
        let shown = format!("{config:?}");
        assert!(!shown.contains(SECRET), "{shown}");
        let client = Client::new(config).unwrap();
        client.in_scope(|| highlight::log(Level::Info, "recorded", []));
        let _ = client.flush(Duration::from_secs(60));
        assert!(!format!("{client:?}").contains(SECRET));
        let _ = client.shutdown(Duration::from_secs(60));
    }
    let logged = LOGGED.0.lock().unwrap().join("\n");
    assert!(logged.contains("ureq"), "the HTTP client had nothing to say: {logged}");
    assert!(!logged.contains(SECRET), "{logged}");
}
