//! Asks over HTTP.

use std::{io, net::Ipv4Addr, time::Duration};

use highlight_local::{
    StartError,
    api::Server,
    archive::{OpenError, Reader},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use super::From;

/// Why a command prints nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(
        "nothing answers at {url} ({error}); start `highlight-local` in another terminal, or name its file with --data"
    )]
    Unreachable { url: String, error: Box<ureq::Error> },
    #[error("{0}")]
    Refused(String),
    #[error("the answer is not understood ({0}); is the running highlight-local of another version?")]
    Answer(#[from] serde_json::Error),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// All but the unreserved characters (RFC 3986).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) struct Client {
    url: String,
    agent: ureq::Agent,
    /// Of a file that no program needs to be running for.
    _server: Option<Server>,
}

impl Client {
    pub(crate) fn new(from: &From) -> Result<Self, Failure> {
        let server = match &from.data {
            Some(file) => Some(Server::start((Ipv4Addr::LOCALHOST, 0).into(), Reader::open(file)?)?),
            None => None,
        };
        let url = match &server {
            Some(server) => format!("http://{}", server.address()),
            None => from.url.trim_end_matches('/').to_owned(),
        };
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .proxy(None);
        Ok(Self { url, agent: config.build().into(), _server: server })
    }

    /// Gets what is at a path of such parts.
    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        parameters: &[(&str, Option<String>)],
    ) -> Result<T, Failure> {
        /// A trace of 50,000 spans has a quarter of it.
        const MOST: u64 = 64 << 20;
        let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let path: Vec<String> = path.iter().map(|part| encode(part)).collect();
        let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let query: Vec<String> = given.map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let url = format!("{}/api/{}?{}", self.url, path.join("/"), query.join("&"));
        let unreachable = |error| Failure::Unreachable { url: self.url.clone(), error: Box::new(error) };
        let mut response = self.agent.get(&url).call().map_err(unreachable)?;
        let text = response.body_mut().with_config().limit(MOST).read_to_string().map_err(unreachable)?;
        if response.status().is_success() {
            Ok(serde_json::from_str(&text)?)
        } else {
            Err(Failure::Refused(text.trim_end().to_owned()))
        }
    }
}
