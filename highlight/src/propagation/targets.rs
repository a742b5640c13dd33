//! The hosts that outgoing requests may carry the session and the trace to.
//!
//! A session id names a person's visit, and a trace id ties requests together: neither is a stranger's business.
//! So the list is one of allowed hosts, and starts with those that can only be the program's own neighbours.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use http::{Uri, uri::Authority};

/// Names that are resolved inside a machine, a private network or a cluster only: `.localhost` (RFC 6761), `.local`
/// (RFC 6762), `.internal` (reserved by ICANN for private use), `.svc` (Kubernetes).
const PRIVATE_SUFFIXES: [&str; 4] = [".internal", ".local", ".localhost", ".svc"];

/// Cloud metadata services that the rules for private hosts would let through. They belong to the provider.
const METADATA_NAMES: [&str; 3] = ["instance-data.ec2.internal", "metadata", "metadata.google.internal"];
const METADATA_ADDRESSES: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// The allow-list: private hosts, and what the program added.
#[derive(Debug, Clone, Default)]
pub(crate) struct Targets {
    added: Vec<Pattern>,
}

/// Why a pattern was refused: the remedy, to follow the pattern in a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidPattern(&'static str);

impl InvalidPattern {
    /// How to write the pattern.
    pub(crate) fn remedy(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.0)
    }
}

impl Targets {
    /// Allows the hosts of one more pattern: `api.example.com`, `*.example.com` (its subdomains at any depth,
    /// not itself), `203.0.113.7` or `[2001:db8::7]`, each with an optional `:port`.
    pub(crate) fn add(&mut self, pattern: &str) -> Result<(), InvalidPattern> {
        self.added.push(Pattern::parse(pattern)?);
        Ok(())
    }

    /// Whether a request to this address may carry the context. Only host and port count; an address without a
    /// host goes nowhere.
    pub(crate) fn allows(&self, uri: &Uri) -> bool {
        let Some(authority) = uri.authority() else {
            return false;
        };
        let Some(host) = Host::parse(authority.host()) else {
            return false;
        };
        let port = match authority.port_u16() {
            // `Uri` takes anything for a port: of `http://localhost:.evil.org` a client may make something else.
            None if has_port(authority) => return false,
            None => uri.scheme_str().and_then(default_port),
            port => port,
        };
        host.is_private() || self.added.iter().any(|added| added.matches(&host, port))
    }

    /// How many patterns the program added.
    #[cfg(test)]
    pub(crate) fn added(&self) -> usize {
        self.added.len()
    }
}

/// Whether anything follows the host, be it a port or not.
fn has_port(authority: &Authority) -> bool {
    let text = authority.as_str();
    let (_user, host_and_port) = text.rsplit_once('@').unwrap_or(("", text));
    host_and_port.len() > authority.host().len()
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// A host in the one spelling that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// IPv4 addresses that are written as IPv6 are IPv4 addresses here.
    Address(IpAddr),
    /// Lower case, without the root's dot.
    Name { name: String, is_rooted: bool },
}

impl Host {
    /// Nothing where a resolver and we could disagree on what the text means.
    fn parse(text: &str) -> Option<Self> {
        if let Some(address) = parse_address(text) {
            return Some(Self::Address(address.to_canonical()));
        }
        let name = text.to_ascii_lowercase();
        let (name, is_rooted) = match name.strip_suffix('.') {
            Some(name) => (name.to_owned(), true),
            None => (name, false),
        };
        (name.split('.').all(is_label) && !is_disguised_address(&name))
            .then_some(Self::Name { name, is_rooted })
    }

    fn is_private(&self) -> bool {
        match self {
            Self::Address(IpAddr::V4(address)) => is_private_v4(*address),
            Self::Address(IpAddr::V6(address)) => is_private_v6(*address),
            Self::Name { name, is_rooted } => is_private_name(name, *is_rooted),
        }
    }
}

fn parse_address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().map(IpAddr::V4),
    }
}

/// Loopback and RFC 1918. Not link-local: that is where metadata services live (169.254.169.254).
fn is_private_v4(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_private()
}

/// Loopback and RFC 4193 (`fc00::/7`).
fn is_private_v6(address: Ipv6Addr) -> bool {
    address.is_loopback() || (address.is_unique_local() && !METADATA_ADDRESSES.contains(&address))
}

fn is_private_name(name: &str, is_rooted: bool) -> bool {
    if METADATA_NAMES.contains(&name) {
        return false;
    }
    if name.contains('.') {
        PRIVATE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
    } else {
        // Looked up in the local search domain, unless it is rooted: `ai.` is a country.
        !is_rooted || name == "localhost"
    }
}

/// Letters, digits, hyphens and underscores (RFC 1123, and what container networks allow). No percent signs, no Unicode.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether many resolvers would read the name as an IPv4 address: `2130706433`, `0x7f.1`, `0177.0.0.1`.
/// The last label decides (WHATWG URL, "ends in a number").
fn is_disguised_address(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits(last) || last.strip_prefix("0x").is_some_and(hex)
}

/// A pattern that the program added.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    host: HostPattern,
    /// Any port, unless one is given.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Exactly(Host),
    /// The suffix with its leading dot: no look-alike such as `evil-example.com` ends in it.
    Below(String),
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let text = text.trim();
        if text.contains(['/', '@', '?', '#']) {
            return Err(InvalidPattern(
                "name the host only, without scheme, user or path: `api.example.com`",
            ));
        }
        if !text.is_ascii() {
            return Err(InvalidPattern("write the host in punycode: `xn--...`"));
        }
        let (host, port) = split_port(text)?;
        let host = match host.strip_prefix("*.") {
            Some(parent) => HostPattern::Below(format!(".{}", parse_parent(parent)?)),
            None => HostPattern::Exactly(parse_host(host)?),
        };
        Ok(Self { host, port })
    }

    fn matches(&self, host: &Host, port: Option<u16>) -> bool {
        let same_host = match (&self.host, host) {
            // The root's dot makes no difference to a name that was asked for.
            (HostPattern::Exactly(Host::Name { name: wanted, .. }), Host::Name { name, .. }) => {
                wanted == name
            }
            (HostPattern::Exactly(wanted), host) => wanted == host,
            (HostPattern::Below(suffix), Host::Name { name, .. }) => name.ends_with(suffix),
            (HostPattern::Below(_), Host::Address(_)) => false,
        };
        same_host && (self.port.is_none() || self.port == port)
    }
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), InvalidPattern> {
    match text.rsplit_once(':') {
        // The last colon of a bracketed IPv6 address is part of the address.
        Some((host, port)) if !port.ends_with(']') => match port.parse() {
            Ok(port) if port != 0 => Ok((host, Some(port))),
            _ => Err(InvalidPattern("use a port between 1 and 65535, and put an IPv6 address into brackets")),
        },
        _ => Ok((text, None)),
    }
}

fn parse_host(text: &str) -> Result<Host, InvalidPattern> {
    if text.contains('*') {
        return Err(InvalidPattern(
            "a `*` stands for subdomains only, as in `*.example.com`: session ids are not for every host",
        ));
    }
    Host::parse(text)
        .ok_or(InvalidPattern("write a host name, an IPv4 address, or an IPv6 address in brackets"))
}

fn parse_parent(text: &str) -> Result<String, InvalidPattern> {
    match parse_host(text)? {
        Host::Name { name, .. } => Ok(name),
        Host::Address(_) => Err(InvalidPattern("an address has no subdomains: leave out `*.`")),
    }
}

#[cfg(test)]
mod tests;
