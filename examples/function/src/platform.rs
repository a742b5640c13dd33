//! The platform's side, as simple as it can be: events come in on standard input, answers go out on standard output.

use std::{
    collections::HashMap,
    io::{self, Write},
    time::Duration,
};

use axum::{body::Body, http::Request};
use serde::{Deserialize, Serialize};

/// One request, as platforms hand it over.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    #[serde(default = "get")]
    method: String,
    path: String,
    #[serde(default)]
    headers: HashMap<String, String>,
    #[serde(default)]
    body: String,
    /// The request fails if it is not answered by then.
    #[serde(default = "three_seconds")]
    timeout_ms: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

fn get() -> String {
    "GET".to_owned()
}

fn three_seconds() -> u64 {
    3000
}

impl Event {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub(crate) fn into_request(self) -> anyhow::Result<Request<Body>> {
        let mut request = Request::builder().method(self.method.as_str()).uri(self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        Ok(request.body(self.body.into())?)
    }
}

/// Answers events, one after the other, until there are no more.
pub(crate) fn serve(mut invoke: impl FnMut(Event) -> anyhow::Result<Answer>) -> anyhow::Result<()> {
    for line in io::stdin().lines() {
        let answer = invoke(serde_json::from_str(&line?)?)?;
        let mut out = io::stdout();
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}
