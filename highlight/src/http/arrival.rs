//! What is known of an HTTP request to this process, kept as it came until its span is encoded.
//!
//! As attributes it would be made on the thread that serves the request, lie in the queue at several times the size, and be taken
//! apart on the exporter's thread.

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
};

use opentelemetry::{KeyValue, Value};

use super::{
    conventions::{span_name, split_host},
    series::Arrived,
    shared::shared,
};
use crate::text;

/// See the module.
#[derive(Debug)]
pub(crate) struct Arrival {
    arrived: Arrived,
    /// The host, and its port if that was named.
    host: Option<Arc<str>>,
    user_agent: Option<Arc<str>>,
    /// The route that it was found to take.
    route: Mutex<Option<Arc<str>>>,
    /// The status of the answer; 0 until there is one.
    status: AtomicU16,
}

/// What requests of a route have in common.
#[derive(Debug)]
pub(crate) struct Usual {
    arrived: Arrived,
    host: Option<Arc<str>>,
    route: Option<Arc<str>>,
    status: u16,
}

/// The value of an attribute.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fact<'a> {
    Text(&'a str),
    Number(i64),
}

impl Arrival {
    #[inline]
    pub(super) fn new(
        arrived: Arrived,
        host: Option<&str>,
        user_agent: Option<&str>,
        route: Option<Arc<str>>,
    ) -> Self {
        Self {
            arrived,
            host: host.map(shared),
            user_agent: user_agent.map(|agent| shared(text::beginning(agent))),
            route: Mutex::new(route),
            status: AtomicU16::new(0),
        }
    }

    /// A little of its end; whoever looks for it there has its beginning.
    pub(crate) fn look_ahead(&self) -> usize {
        self.status.load(Ordering::Relaxed).into()
    }

    pub(crate) fn route(&self) -> Option<Arc<str>> {
        self.lock_route().clone()
    }

    pub(super) fn set_route(&self, route: Option<Arc<str>>) {
        *self.lock_route() = route;
    }

    pub(super) fn set_status(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// The name of its span.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        span_name(self.arrived.method, self.lock_route().as_deref())
    }

    /// Shows the attributes of its span, the path among them: what differs from request to request first, which compresses best.
    pub(crate) fn each(&self, path: &str, mut see: impl FnMut(&'static str, Fact<'_>)) {
        self.each_own(path, &mut see);
        self.each_usual(see);
    }

    /// Those that differ from request to request.
    pub(crate) fn each_own(&self, path: &str, mut see: impl FnMut(&'static str, Fact<'_>)) {
        see("url.path", Fact::Text(path));
        if let Some(agent) = &self.user_agent {
            see("user_agent.original", Fact::Text(agent));
        }
    }

    /// Those of a [`Usual`].
    pub(crate) fn each_usual(&self, mut see: impl FnMut(&'static str, Fact<'_>)) {
        let (address, port) = self.host.as_deref().map(split_host).unwrap_or_default();
        // Not locked meanwhile: a function of the program's may be asked about each text.
        let route = self.route();
        let texts = [
            ("http.route", route.as_deref()),
            ("http.request.method", Some(self.arrived.method.name())),
            ("url.scheme", Some(self.arrived.scheme())),
            ("network.protocol.version", self.arrived.version()),
            ("server.address", Some(address).filter(|address| !address.is_empty())),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                see(key, Fact::Text(text));
            }
        }
        if let Some(port) = port {
            see("server.port", Fact::Number(port.into()));
        }
        match self.status.load(Ordering::Relaxed) {
            0 => {}
            status => see("http.response.status_code", Fact::Number(status.into())),
        }
    }

    /// What it has in common with others of its route.
    pub(crate) fn usual(&self) -> Usual {
        Usual {
            arrived: self.arrived,
            host: self.host.clone(),
            route: self.route(),
            status: self.status.load(Ordering::Relaxed),
        }
    }

    /// The same for all that have that in common; others may have it, too.
    pub(crate) fn usual_hash(&self) -> usize {
        let length = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        let parts = [length(&self.lock_route()), length(&self.host), self.arrived.method.place()];
        let status = usize::from(self.status.load(Ordering::Relaxed));
        parts.into_iter().fold(status, |hash, part| hash.wrapping_mul(31).wrapping_add(part))
    }

    /// Whether this is what it has in common with others. Counters of what is shared stay as they are: to change them would cost the threads
    /// that serve requests.
    pub(crate) fn is(&self, usual: &Usual) -> bool {
        self.status.load(Ordering::Relaxed) == usual.status
            && self.arrived == usual.arrived
            && self.host == usual.host
            && *self.lock_route() == usual.route
    }

    /// What it takes beside its own size, in bytes. The client may have written anything.
    pub(crate) fn weight(&self) -> usize {
        let length = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        length(&self.user_agent) + length(&self.host)
    }

    fn lock_route(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.route.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fact<'_> {
    /// As an attribute like any other.
    pub(crate) fn attribute(self, key: &'static str) -> KeyValue {
        KeyValue::new(
            key,
            match self {
                Self::Text(text) => Value::from(text.to_owned()),
                Self::Number(number) => number.into(),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::conventions::{KnownVersion, Method};

    #[test]
    fn what_is_known_is_told_and_no_more() {
        let told = |path: &str, arrival: &Arrival| {
            let mut told = Vec::new();
            arrival.each(path, |key, fact| told.push(format!("{}={}", key, fact.attribute(key).value)));
            told.join(" ")
        };
        let arrived = Arrived { method: Method::of("GET"), version: KnownVersion::of("2"), is_https: true };
        let arrival = Arrival::new(arrived, Some("shop.example:8080"), Some("curl"), None);
        assert_eq!(
            told("/orders/7", &arrival),
            "url.path=/orders/7 user_agent.original=curl http.request.method=GET url.scheme=https \
             network.protocol.version=2 server.address=shop.example server.port=8080"
        );
        assert_eq!(arrival.name(), "GET");
        arrival.set_route(Some("/orders/{id}".into()));
        arrival.set_status(404);
        assert!(
            told("/orders/7", &arrival).contains(" http.route=/orders/{id} "),
            "{}",
            told("/orders/7", &arrival)
        );
        assert!(told("/orders/7", &arrival).ends_with(" http.response.status_code=404"));
        assert_eq!(arrival.name(), "GET /orders/{id}");
        let arrived = Arrived { method: Method::of("BREW"), version: None, is_https: false };
        let bare = Arrival::new(arrived, None, None, None);
        assert_eq!(told("/", &bare), "url.path=/ http.request.method=_OTHER url.scheme=http");
        assert_eq!(bare.name(), "HTTP");
    }
}
