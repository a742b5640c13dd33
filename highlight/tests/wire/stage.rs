//! A client, and the receiver that its telemetry goes to.

use std::time::Duration;

use highlight::{Client, Config, RequestContext};
use highlight_local::{Receiver, Snapshot};

/// No test waits this long unless something hangs.
const HANG: Duration = Duration::from_secs(60);

pub(crate) struct Stage {
    pub(crate) client: Client,
    receiver: Receiver,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(|config| config)
    }

    pub(crate) fn with(configure: impl FnOnce(Config) -> Config) -> Self {
        let receiver = Receiver::start(0).unwrap();
        let config = Config::new("1").endpoint(receiver.endpoint()).service_name("test");
        Self { client: Client::new(configure(config)).unwrap(), receiver }
    }

    /// Runs `f` as part of a request with this header.
    pub(crate) fn request<T>(&self, header: &str, f: impl FnOnce() -> T) -> T {
        let context: RequestContext = header.parse().unwrap();
        self.client.in_scope(|| context.in_scope(f))
    }

    /// What the server has stored by now.
    pub(crate) fn stored(&self) -> Snapshot {
        self.client.flush(HANG).unwrap();
        self.receiver.store().snapshot()
    }
}
