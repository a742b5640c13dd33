//! A client, and all that it sends.

use std::time::Duration;

use highlight::{Client, Config, RequestContext};

use crate::wire::Receiver;

/// No test waits this long unless something hangs.
const HANG: Duration = Duration::from_secs(60);

pub(crate) struct Wire {
    pub(crate) client: Client,
    receiver: Receiver,
}

impl Wire {
    pub(crate) fn new(configure: impl FnOnce(Config) -> Config) -> Self {
        let receiver = Receiver::start();
        let config = Config::new("1").endpoint(receiver.endpoint.as_str()).service_name("test");
        Self { client: Client::new(configure(config)).unwrap(), receiver }
    }

    /// Runs `f` as part of a request.
    pub(crate) fn request<T>(&self, f: impl FnOnce() -> T) -> T {
        let context: RequestContext = "session1/request001".parse().unwrap();
        self.client.in_scope(|| context.in_scope(f))
    }

    /// All bytes sent so far.
    pub(crate) fn sent(&self) -> Vec<u8> {
        self.client.flush(HANG).unwrap();
        self.receiver.sent()
    }

    /// The same as text.
    pub(crate) fn sent_text(&self) -> String {
        self.client.flush(HANG).unwrap();
        self.receiver.sent_text()
    }
}
