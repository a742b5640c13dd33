//! Asks over HTTP.

use std::{io, path::PathBuf, time::Duration};

use highlight_local::{
    StartError,
    api::Server,
    archive::{OpenError, Reader},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use ureq::{Body, http::Response};

use super::Place;

/// Why a command prints nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(
        "nothing answers at {url}; start `highlight-local` in another terminal, or name its file with --data"
    )]
    Unreachable { url: String, source: Box<ureq::Error> },
    #[error("{0}")]
    Refused(String),
    #[error("the answer is not understood; is the running highlight-local of another version?")]
    Answer(#[from] serde_json::Error),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("cannot use the file {path}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot print")]
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
    pub(crate) fn new(place: &Place) -> Result<Self, Failure> {
        let server = match &place.data {
            Some(file) => Some(Server::start(0, Reader::open(file)?)?),
            None => None,
        };
        let url = match &server {
            Some(server) => format!("http://{}", server.address()),
            None => place.url.trim_end_matches('/').to_owned(),
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
        let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let query: Vec<String> = given.map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let url = format!("{}?{}", self.address(path), query.join("&"));
        Ok(serde_json::from_slice(&self.answer(self.agent.get(&url).call())?)?)
    }

    /// Gets a file.
    pub(crate) fn download(&self, path: &[&str]) -> Result<Vec<u8>, Failure> {
        self.answer(self.agent.get(self.address(path)).call())
    }

    /// Posts a file.
    pub(crate) fn upload<T: DeserializeOwned>(&self, path: &[&str], file: &[u8]) -> Result<T, Failure> {
        let request = self.agent.post(self.address(path)).content_type("application/gzip");
        Ok(serde_json::from_slice(&self.answer(request.send(file))?)?)
    }

    fn address(&self, path: &[&str]) -> String {
        let path: Vec<String> = path.iter().map(|part| encode(part)).collect();
        format!("{}/api/{}", self.url, path.join("/"))
    }

    fn answer(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Vec<u8>, Failure> {
        /// A trace of 50,000 spans has a sixth of it, and the largest file fits.
        const MOST: u64 = 96 << 20;
        let unreachable = |error| Failure::Unreachable { url: self.url.clone(), source: Box::new(error) };
        let mut response = answer.map_err(unreachable)?;
        let body = response.body_mut().with_config().limit(MOST).read_to_vec().map_err(unreachable)?;
        if response.status().is_success() {
            Ok(body)
        } else {
            Err(Failure::Refused(String::from_utf8_lossy(&body).trim_end().to_owned()))
        }
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
