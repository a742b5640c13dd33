//! Addresses of the endpoint, kept between requests.
//!
//! `ureq` asks for them before every request, also where a connection is open, and starts a thread to ask in time. That thread
//! costs as much as encoding dozens of spans.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use http::{Uri, uri::Scheme};
use ureq::{
    config::Config,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use super::sync::{Arc, Mutex, lock};

/// How long an answer counts. A failed request ends it as well: see [`Addresses::forget`].
const KEPT: Duration = Duration::from_secs(60);
/// The endpoint, and perhaps a proxy.
const HOSTS: usize = 8;

/// A host and its port.
type Host = (String, Option<u16>);
/// When it was given, and what.
type Answer = (Instant, ResolvedSocketAddrs);

/// See the module. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub(super) struct Addresses {
    known: Arc<Mutex<HashMap<Host, Answer>>>,
}

impl Addresses {
    /// The next request asks anew: what was known may be why the last one failed.
    pub(super) fn forget(&self) {
        lock(&self.known).clear();
    }
}

impl Resolver for Addresses {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if let Some(address) = literal(uri) {
            let mut addresses = self.empty();
            addresses.push(address);
            return Ok(addresses);
        }
        let key = (uri.host().unwrap_or_default().to_owned(), port(uri));
        if let Some((since, addresses)) = lock(&self.known).get(&key) {
            if since.elapsed() < KEPT {
                return Ok(addresses.clone());
            }
        }
        // Not under the lock: it takes time.
        let addresses = DefaultResolver::default().resolve(uri, config, timeout)?;
        let mut known = lock(&self.known);
        if known.len() >= HOSTS {
            known.clear();
        }
        known.insert(key, (Instant::now(), addresses.clone()));
        Ok(addresses)
    }
}

/// The address that the host already is.
fn literal(uri: &Uri) -> Option<SocketAddr> {
    let host = uri.host()?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some(SocketAddr::new(host.parse::<IpAddr>().ok()?, port(uri)?))
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or_else(|| match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Some(443),
        Some(scheme) if *scheme == Scheme::HTTP => Some(80),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_not_asked_for() {
        let address = |uri: &'static str| literal(&Uri::from_static(uri)).map(|address| address.to_string());
        for (uri, expected) in [
            ("http://127.0.0.1:4318/v1/logs", Some("127.0.0.1:4318")),
            ("https://[::1]/v1/logs", Some("[::1]:443")),
            ("http://10.0.0.1", Some("10.0.0.1:80")),
            ("http://localhost:4318", None),
            ("https://127.0.0.1.example.com", None),
        ] {
            assert_eq!(address(uri).as_deref(), expected, "{uri}");
        }
    }
}
